//! A server that answers what a test wants to hear, and remembers all that it is told.
//!
//! It speaks Bolt by the protocol's own table, stricter than any real server: a driver that asks for something out of
//! order is found out.

mod session;
mod told;

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bolt_proto::state::Message;
use bolt_proto::{ServerError, Version, Versions};

use crate::listener::Listener;
use session::Session;
pub use told::Told;

/// How a [`Scripted`] server behaves as a whole.
#[derive(Debug, Clone)]
pub struct Script {
    versions: Versions,
    telemetry: bool,
    delay: Duration,
}

impl Script {
    /// Speaks the newest version, and does not want to know which API is used.
    #[must_use]
    pub fn new() -> Self {
        Self {
            versions: Versions::default(),
            telemetry: false,
            delay: Duration::ZERO,
        }
    }

    /// Speaks this version only.
    #[must_use]
    pub fn version(mut self, major: u8, minor: u8) -> Self {
        self.versions = Versions::only(Version::new(major, minor));
        self
    }

    /// Keeps each answer back for so long, as a distant server does.
    #[must_use]
    pub fn answers_after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Asks to be told which part of the API is used.
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

/// A server that knows one query: `ROWS 5` has a column `n` with the numbers from 0 to 4. All others have no column.
/// Each commit is numbered: the first one's bookmark is `bm:1`.
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
/// assert!(server.told().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the server ends when it is dropped"]
pub struct Scripted {
    listener: Listener,
    shared: Arc<Shared>,
}

/// What to do instead of what was asked.
#[derive(Debug, Clone)]
enum Surprise {
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
    told: Vec<Told>,
    violations: Vec<String>,
    surprises: VecDeque<(Message, Surprise)>,
}

impl Scripted {
    /// Starts it on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// No socket could be opened.
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

    /// Where it listens, as `bolt://127.0.0.1:PORT`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("bolt://{}", self.address())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The next request of this kind, of those that are to be carried out, fails. Several calls queue up.
    pub fn fail_next(&self, message: Message, error: ServerError) {
        self.shared
            .state()
            .surprises
            .push_back((message, Surprise::Fail(error)));
    }

    /// The next request of this kind gets no answer: the connection is closed.
    pub fn close_at_next(&self, message: Message) {
        self.shared
            .state()
            .surprises
            .push_back((message, Surprise::Close));
    }

    /// What it was told since this was last asked, on all connections; but for how they began: HELLO and LOGON.
    ///
    /// # Panics
    /// If a driver has broken the protocol.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        let mut state = self.shared.state();
        assert!(
            state.violations.is_empty(),
            "the driver broke the protocol: {:?}",
            state.violations
        );
        let told = std::mem::take(&mut state.told);
        told.into_iter().filter(|told| !told.is_login()).collect()
    }

    /// The same, as short texts: `BEGIN`, `RUN ROWS 5`, `PULL 1000`, `TELEMETRY 3`.
    ///
    /// # Panics
    /// If a driver has broken the protocol.
    #[must_use]
    pub fn told_briefly(&self) -> Vec<String> {
        self.told().iter().map(ToString::to_string).collect()
    }

    /// How many connections were made to it.
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

    /// Notes what was said, and how to react if not as usual.
    fn note(&self, told: Told, carried_out: bool) -> Option<Surprise> {
        let mut state = self.state();
        let message = told.message;
        state.told.push(told);
        let at = state
            .surprises
            .iter()
            .position(|(when, _)| carried_out && *when == message)?;
        state.surprises.remove(at).map(|(_, surprise)| surprise)
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
