//! A table of hostile peers: what each does, and how a driver must react.
//!
//! The suite runs each of them on every adapter and checks time and error text; `tests/memory.rs` checks the memory.

mod peers;

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use bolt_client::ErrorKind;

use crate::misbehaving::Peer;

/// The deadline of each call to a peer of the table.
pub const DEADLINE: Duration = Duration::from_millis(600);

/// The calls that the driver makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// `execute_query`, once.
    Query,
    /// `execute_query`, so many times with this pause.
    Queries(usize, Duration),
    /// An auto-commit query, read by pages of so many rows.
    Pages(u64),
}

/// How the driver must react.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Each call returns one row.
    OneRow,
    /// The call, or the last of several, fails with one of these kinds and a text that contains this.
    Failure(&'static [ErrorKind], &'static str),
}

/// What a peer does on each connection.
pub(crate) type Behaviour = Arc<dyn Fn(&mut TcpStream) -> io::Result<()> + Send + Sync>;

/// A row of the table.
#[derive(Clone)]
pub struct Case {
    /// What the peer does.
    pub name: String,
    /// The calls that are made.
    pub used: Use,
    /// The expected outcome.
    pub expected: Expected,
    /// The longest time for all calls together.
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
    /// If no socket can be opened.
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

/// Endless keep-alives in place of each kind of answer.
#[must_use]
pub fn endless_keep_alives() -> Vec<Case> {
    peers::endless_keep_alives()
}

/// Answers that were not requested, or that never end.
#[must_use]
pub fn wrong_answers() -> Vec<Case> {
    peers::wrong_answers()
}

/// Odd, huge or forged content in answers that are in order.
#[must_use]
pub fn odd_content() -> Vec<Case> {
    peers::odd_content()
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Case> {
    [endless_keep_alives(), wrong_answers(), odd_content()].concat()
}
