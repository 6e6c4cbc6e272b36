//! Starts and stops the server.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use boltr::server::BoltServer;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{self, Runtime};
use tokio::sync::oneshot;

use crate::auth::Account;
use crate::backend::Backend;
use crate::store::Store;

/// How long statements may run on after the server was stopped.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// A running server with an empty database. Dropping it closes its connections and deletes the database.
///
/// Any number of them can run in one process: each has its own port, threads and database.
pub struct Engine {
    address: SocketAddr,
    account: Account,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts a server on a free port of 127.0.0.1. It accepts connections when this returns.
    ///
    /// # Errors
    ///
    /// If no port, thread or temporary directory is available.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Returns a builder for a server with other settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its address as a URI for drivers: `bolt://127.0.0.1:PORT`.
    pub fn uri(&self) -> String {
        format!("bolt://{}", self.address)
    }

    /// Returns the only user.
    pub fn user(&self) -> &str {
        &self.account.user
    }

    /// Returns the user's password.
    pub fn password(&self) -> &str {
        &self.account.password
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // If the receiver is gone, the server has stopped already.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread itself has reported its panic.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("address", &self.address)
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// The settings of an [`Engine`].
#[derive(Clone, Debug)]
#[must_use = "nothing runs until `start` is called"]
pub struct Builder {
    account: Account,
    authentication: bool,
    lock_timeout: Duration,
    max_transactions: usize,
}

impl Builder {
    /// Sets the user and the password. Default: `neo4j` and `embedded-engine`.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.account = Account {
            user: user.into(),
            password: password.into(),
        };
        self.authentication = true;
        self
    }

    /// Accepts any client, with or without credentials, as Neo4j does with authentication disabled.
    pub fn without_authentication(mut self) -> Self {
        self.authentication = false;
        self
    }

    /// Sets how long a transaction waits to become the writer, or one of [`max_transactions`](Self::max_transactions),
    /// before it fails with a transient error. Default: 30 s.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// Sets the number of concurrent transactions, counted from their first statement; at least 2. Others wait. Each
    /// has two open files. Default: 32.
    pub fn max_transactions(mut self, limit: usize) -> Self {
        self.max_transactions = limit.max(2);
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// See [`Engine::start`].
    pub fn start(self) -> io::Result<Engine> {
        let listener = listen()?;
        let address = listener.local_addr()?;
        let store = Arc::new(Store::create(self.max_transactions, self.lock_timeout)?);
        let mut server = BoltServer::builder(Backend::new(store, address));
        if self.authentication {
            server = server.auth(self.account.clone());
        }
        let (stop, stopped) = oneshot::channel();
        let server = server.shutdown(async move {
            // The sender signals by being dropped.
            let _ = stopped.await;
        });
        Ok(Engine {
            address,
            account: self.account,
            stop: Some(stop),
            thread: Some(spawn(server, listener)?),
        })
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            account: Account {
                user: "neo4j".to_owned(),
                password: "embedded-engine".to_owned(),
            },
            authentication: true,
            lock_timeout: Duration::from_secs(30),
            max_transactions: 32,
        }
    }
}

/// Returns a listening socket with Nagle's algorithm disabled, which its connections inherit. `boltr` does not disable
/// it on them, so every answer would wait 40 ms for the acknowledgement of the previous one.
fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// Runs the server and its runtime on a new thread: the caller may be in another runtime, where none can be created or
/// dropped. Returns when the server has its runtime and its socket.
fn spawn(server: BoltServer<Backend>, listener: TcpListener) -> io::Result<JoinHandle<()>> {
    let (started, start) = mpsc::channel();
    let thread = thread::Builder::new().name("engine".to_owned()).spawn(move || {
        let runtime = match runtime() {
            Ok(runtime) => runtime,
            Err(error) => return report(&started, Err(error)),
        };
        runtime.block_on(async {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    report(&started, Ok(()));
                    // It ends with the stop signal and cannot fail otherwise: its socket is bound.
                    let _ = server.serve_listener(listener).await;
                }
                Err(error) => report(&started, Err(error)),
            }
        });
        // Open connections end here.
        runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    })?;
    match start.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(error),
        Err(_panicked) => Err(io::Error::other(
            "the embedded engine has panicked while starting",
        )),
    }
}

fn runtime() -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("engine")
        .enable_all()
        .build()
}

fn report(to: &mpsc::Sender<io::Result<()>>, outcome: io::Result<()>) {
    // The starting thread waits for this message.
    let _ = to.send(outcome);
}
