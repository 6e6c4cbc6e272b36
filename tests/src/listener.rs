//! A listening socket with a thread per connection; all threads end with the socket.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Accepts connections until it is dropped; dropping closes the open ones.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    closed: AtomicBool,
    accepted: Mutex<Vec<TcpStream>>,
}

impl Listener {
    /// Listens on a free port and runs `serve` on a new thread for each connection.
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> io::Result<Self> {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), serve)
    }

    /// The same on a certain port, such as that of a listener that has ended.
    pub(crate) fn start_at(
        address: SocketAddr,
        serve: impl Fn(TcpStream) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address)?;
        let address = socket.local_addr()?;
        let shared = Arc::new(Shared::default());
        let acceptor = thread::spawn({
            let shared = Arc::clone(&shared);
            let serve = Arc::new(serve);
            move || shared.accept(&socket, &serve)
        });
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many connections were accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.streams().len()
    }

    /// Closes every connection. New ones are still accepted.
    pub(crate) fn close_connections(&self) {
        for stream in self.shared.streams().iter() {
            // The connection may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        // `accept` can only be woken by a connection.
        let woken = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken.is_ok()) {
            let _ = acceptor.join();
        }
        self.close_connections();
    }
}

impl Shared {
    fn accept(&self, socket: &TcpListener, serve: &Arc<impl Fn(TcpStream) + Send + Sync + 'static>) {
        for stream in socket.incoming().map_while(Result::ok) {
            if self.closed.load(Ordering::SeqCst) {
                return;
            }
            let Ok(ours) = stream.try_clone() else { return };
            self.streams().push(ours);
            let serve = Arc::clone(serve);
            thread::spawn(move || {
                let ours = stream.try_clone();
                serve(stream);
                // The list keeps the socket open, so the peer would not see the end without a shutdown.
                let _ = ours.and_then(|stream| stream.shutdown(Shutdown::Both));
            });
        }
    }

    fn streams(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
