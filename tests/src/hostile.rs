//! Peers that mean no good, as a table: what each does, and what a driver has to make of it.
//!
//! The suite runs each of them on every adapter, and holds the time and the text; `tests/memory.rs` holds the memory.

mod peers;

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bolt_client::ErrorKind;

use crate::misbehaving::Peer;

/// The deadline of each call that is made to a peer of the table.
pub const DEADLINE: Duration = Duration::from_millis(600);

/// What a driver does with a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// `execute_query`, once.
    Query,
    /// `execute_query`, so often, and so long apart.
    Queries(usize, Duration),
    /// An auto-commit query that is read by pages of so many rows.
    Pages(u64),
}

/// What the driver has to make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Each call has one row.
    OneRow,
    /// The call, or the last of several, fails like one of these, with a text that contains this.
    Failure(&'static [ErrorKind], &'static str),
}

/// What a peer does on each connection.
pub(crate) type Behaviour = Arc<dyn Fn(&mut TcpStream) -> io::Result<()> + Send + Sync>;

/// One row of the table.
#[derive(Clone)]
pub struct Case {
    /// What the peer does.
    pub name: String,
    /// How it is used.
    pub used: Use,
    /// What must come of it.
    pub expected: Expected,
    /// The longest that all calls may take together.
    pub within: Duration,
    /// The most bytes that the driver may hold at once.
    pub memory: u64,
    behaviour: Behaviour,
}

impl Case {
    fn new(
        name: impl Into<String>,
        behaviour: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            used: Use::Query,
            expected: Expected::OneRow,
            within: 4 * DEADLINE,
            memory: 1 << 20,
            behaviour: Arc::new(behaviour),
        }
    }

    fn used(mut self, used: Use) -> Self {
        self.used = used;
        self
    }

    fn fails(mut self, kinds: &'static [ErrorKind], says: &'static str) -> Self {
        self.expected = Expected::Failure(kinds, says);
        self
    }

    fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Starts the peer.
    ///
    /// # Errors
    /// If no socket could be opened.
    pub fn start(&self) -> io::Result<Peer> {
        let behaviour = Arc::clone(&self.behaviour);
        Peer::start(move |stream| behaviour(stream))
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("used", &self.used)
            .field("expected", &self.expected)
            .finish_non_exhaustive()
    }
}

/// Keep-alives without end, wherever an answer is due.
#[must_use]
pub fn endless_keep_alives() -> Vec<Case> {
    peers::endless_keep_alives()
}

/// Answers that nothing has asked for, or that go on for ever.
#[must_use]
pub fn wrong_answers() -> Vec<Case> {
    peers::wrong_answers()
}

/// Content that is odd, huge or forged, in answers that are in order.
#[must_use]
pub fn odd_content() -> Vec<Case> {
    peers::odd_content()
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Case> {
    [endless_keep_alives(), wrong_answers(), odd_content()].concat()
}
