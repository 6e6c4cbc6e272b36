//! A server that answers as a test configures it, and records all requests.
//!
//! It follows the protocol's own state table, more strictly than any real server: a driver that sends an illegal
//! request is detected.

mod recorded;
mod rows;
mod session;

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bolt_proto::state::Message;
use bolt_proto::{ServerError, Version, Versions};

use crate::listener::Listener;
use crate::routing_proxy::Roles;
pub use recorded::RecordedRequest;
use session::Session;

/// The overall behaviour of a [`Scripted`] server.
#[derive(Debug, Clone)]
pub struct Script {
    versions: Versions,
    telemetry: bool,
    delay: Duration,
    forwards: bool,
}

impl Script {
    /// Creates a script: newest version, no telemetry.
    #[must_use]
    pub fn new() -> Self {
        Self {
            versions: Versions::default(),
            telemetry: false,
            delay: Duration::ZERO,
            forwards: false,
        }
    }

    /// Sets the only supported version.
    #[must_use]
    pub fn version(mut self, major: u8, minor: u8) -> Self {
        self.versions = Versions::only(Version::new(major, minor));
        self
    }

    /// Delays each answer, as a distant server does.
    #[must_use]
    pub fn answers_after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Says that the server forwards queries to the server that can carry them out (5.8 and later).
    #[must_use]
    pub fn forwards_queries(mut self) -> Self {
        self.forwards = true;
        self
    }

    /// Enables telemetry.
    #[must_use]
    pub fn asks_for_telemetry(mut self) -> Self {
        self.telemetry = true;
        self
    }
}

impl Default for Script {
    fn default() -> Self {
        Self::new()
    }
}

/// A server that knows three queries: `ROWS 5` has a column `n` with the numbers from 0 to 4, `ROWS 5 WIDE 10` has ten
/// columns, from `c0` to `c9`, and `TEXT 100` has one row with a text of that length. All others have no column.
/// Each commit is numbered: the first bookmark is `bm:1`. Routing tables are as set; until then they are empty.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use bolt_proto::ServerError;
/// use bolt_proto::state::Message;
/// use tests::scripted::{Script, Scripted};
///
/// let server = Scripted::start(Script::new().version(5, 4))?;
/// server.fail_next(Message::Commit, ServerError::new("Neo.TransientError.General.Whatever", "try again"));
/// // … a driver on server.uri() runs a transaction …
/// assert!(server.take_requests().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the server ends when it is dropped"]
pub struct Scripted {
    listener: Listener,
    shared: Arc<Shared>,
}

/// An exception to the usual answer.
#[derive(Debug, Clone)]
enum Exception {
    Fail(ServerError),
    Close,
}

#[derive(Debug)]
struct Shared {
    script: Script,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    connections: usize,
    commits: u64,
    requests: Vec<RecordedRequest>,
    violations: Vec<String>,
    exceptions: VecDeque<(Message, Exception)>,
    table: (Roles, Vec<SocketAddr>),
}

impl Scripted {
    /// Starts the server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no socket can be opened.
    pub fn start(script: Script) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            script,
            state: Mutex::default(),
        });
        let listener = Listener::start({
            let shared = Arc::clone(&shared);
            move |stream| shared.serve(stream)
        })?;
        Ok(Self { listener, shared })
    }

    /// Returns its address as `bolt://127.0.0.1:PORT`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("bolt://{}", self.address())
    }

    /// Returns its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Sets the routing table of every database. The roles name places in `addresses`.
    pub fn set_table(&self, roles: Roles, addresses: &[SocketAddr]) {
        self.shared.state().table = (roles, addresses.to_vec());
    }

    /// Makes the next request of this kind that is carried out fail. Several calls queue up.
    pub fn fail_next(&self, message: Message, error: ServerError) {
        self.shared
            .state()
            .exceptions
            .push_back((message, Exception::Fail(error)));
    }

    /// Forgets the failures and ends that were planned and have not come.
    pub fn forget_plans(&self) {
        self.shared.state().exceptions.clear();
    }

    /// Closes the connection at the next request of this kind, instead of answering.
    pub fn close_at_next(&self, message: Message) {
        self.shared
            .state()
            .exceptions
            .push_back((message, Exception::Close));
    }

    /// Takes the requests since the last call, on all connections, without HELLO and LOGON.
    ///
    /// # Panics
    /// If a driver has violated the protocol.
    #[must_use]
    pub fn take_requests(&self) -> Vec<RecordedRequest> {
        let mut state = self.shared.state();
        assert!(
            state.violations.is_empty(),
            "the driver violated the protocol: {:?}",
            state.violations
        );
        let requests = std::mem::take(&mut state.requests);
        requests
            .into_iter()
            .filter(|request| !request.is_login())
            .collect()
    }

    /// Takes the requests as short texts: `BEGIN`, `RUN ROWS 5`, `PULL 1000`, `TELEMETRY 3`.
    ///
    /// # Panics
    /// If a driver has violated the protocol.
    #[must_use]
    pub fn take_request_texts(&self) -> Vec<String> {
        self.take_requests().iter().map(ToString::to_string).collect()
    }

    /// Returns how many connections were made to it.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.state().connections
    }
}

impl Shared {
    fn serve(self: &Arc<Self>, stream: TcpStream) {
        let number = {
            let mut state = self.state();
            state.connections += 1;
            state.connections
        };
        if let Err(error) = Session::new(stream, number, self).serve() {
            self.state().violations.push(error);
        }
    }

    /// Records a request. Returns how to answer it if not as usual.
    fn note(&self, request: RecordedRequest, carried_out: bool) -> Option<Exception> {
        let mut state = self.state();
        let message = request.message;
        state.requests.push(request);
        let at = state
            .exceptions
            .iter()
            .position(|(when, _)| carried_out && *when == message)?;
        state.exceptions.remove(at).map(|(_, exception)| exception)
    }

    fn table(&self) -> (Roles, Vec<SocketAddr>) {
        self.state().table.clone()
    }

    fn next_bookmark(&self) -> String {
        let mut state = self.state();
        state.commits += 1;
        format!("bm:{}", state.commits)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
