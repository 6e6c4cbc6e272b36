//! Starting and stopping.

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

/// How long statements that run while the server is stopped may take to end.
const FAREWELL: Duration = Duration::from_secs(2);

/// A running server with an empty database. Dropping it closes its connections and deletes the database.
///
/// Any number of them can run in one process: each has a port, threads and a database of its own.
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
    /// The port, the thread or the database's temporary directory cannot be had.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// A server with other settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as drivers want to be told: `bolt://127.0.0.1:PORT`.
    pub fn uri(&self) -> String {
        format!("bolt://{}", self.address)
    }

    /// The user who may log on.
    pub fn user(&self) -> &str {
        &self.account.user
    }

    /// The user's password.
    pub fn password(&self) -> &str {
        &self.account.password
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A receiver that is gone has stopped already.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by the thread itself.
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
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    account: Account,
    authentication: bool,
    lock_timeout: Duration,
    max_transactions: usize,
}

impl Builder {
    /// The user and the password that the server asks for. Default: `neo4j` and `embedded-engine`.
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.account = Account {
            user: user.into(),
            password: password.into(),
        };
        self.authentication = true;
        self
    }

    /// Lets everybody in, with credentials and without, as Neo4j does with authentication switched off.
    pub fn without_authentication(mut self) -> Self {
        self.authentication = false;
        self
    }

    /// How long a transaction waits to become the writer, or one of [`max_transactions`](Self::max_transactions),
    /// before it fails with a transient error. Default: 30 s.
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// How many transactions can be under way at a time, counted from their first statement; at least 2. Others wait.
    /// Each of them has two files open. Default: 32.
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
            // The sender says it by being dropped.
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

/// A socket whose connections send at once. They inherit that from the listening socket, where it must be set:
/// `boltr` does not set it on them, and every answer would wait 40 ms for the acknowledgement of the one before.
fn listen() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}

/// Runs the server on a thread of its own, and its runtime with it: the caller may be in another runtime, in which
/// none can be made or dropped. Returns when the server has its runtime and its socket.
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
                    // It ends by the signal to stop, and fails in no other way: its socket is bound.
                    let _ = server.serve_listener(listener).await;
                }
                Err(error) => report(&started, Err(error)),
            }
        });
        // Open connections end here.
        runtime.shutdown_timeout(FAREWELL);
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
    // Whoever starts an engine waits for this.
    let _ = to.send(outcome);
}
