//! The client's half of a connection.

mod flows;
mod judge;
mod ledger;
mod receive;
mod requests;
mod rows;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::fmt;

use crate::buffer::Wire;
use crate::event::RequestId;
use crate::handshake::Versions;
use crate::limits::Limits;
use crate::message::Answer;
use crate::state::{Message, ServerState};
use crate::version::{Capabilities, Version};
use ledger::Ledger;
use rows::Rows;

pub use requests::Fetch;

/// How a [`Connection`] behaves.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// Which versions to negotiate. Default: all of them, 3 to 6.1.
    pub versions: Versions,
    /// What the peer can make us hold.
    pub limits: Limits,
}

impl Options {
    /// Negotiates only these versions.
    #[must_use]
    pub fn versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Bounds what the peer can make us hold.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// The client's half of one Bolt connection, without any I/O.
///
/// Bytes come in through [`recv_space`](Self::recv_space) and [`received`](Self::received) and turn into events;
/// requests turn into bytes that leave through [`pending_bytes`](Self::pending_bytes) and [`wrote`](Self::wrote).
/// See the [crate's front page](crate) for a whole exchange.
///
/// Any number of requests may be queued before the first is answered. Each gets exactly one
/// [`Success`](crate::Kind::Success), [`Failure`](crate::Kind::Failure) or [`Ignored`](crate::Kind::Ignored), in
/// order. A request that the server could not accept is refused with a [`UsageError`](crate::UsageError), and
/// leaves no byte behind.
pub struct Connection {
    options: Options,
    wire: Wire<Answer>,
    ledger: Ledger,
    rows: Rows,
    version: Option<&'static Capabilities>,
    /// The version is known and has not been told yet.
    announce: bool,
    /// Date-times with an offset or a zone travel by their instant.
    utc: bool,
    /// What client and server both can, by the handshake.
    agreed: u64,
    /// Where requests are put together, kept for its memory.
    scratch: Vec<u8>,
}

/// Shows where it stands, and nothing of what travels on it.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("version", &self.version())
            .field("sent", &self.sent_state())
            .field("confirmed", &self.confirmed_state())
            .field("ledger", &self.ledger)
            .field("utc", &self.utc)
            .field("over", &self.wire.over())
            .finish_non_exhaustive()
    }
}

/// What a connection is good for: all that a pool has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disposition {
    /// The login is not through yet, or was undone by LOGOFF.
    Opening,
    /// Ready, with nothing unanswered.
    Reusable,
    /// Something is open or has failed: RESET will make it ready.
    NeedsReset,
    /// BEGIN, LOGON or LOGOFF is unanswered. RESET would overtake it, and servers close the connection then.
    AwaitAnswer,
    /// What is unanswered leads to ready by itself.
    Finishing,
    /// RESET is sent; its answer is out.
    Resetting,
    /// It is over.
    Dead,
}

impl Connection {
    /// A new connection. The proposal of the handshake is queued.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let wire = Wire::proposing(&options.versions);
        Self {
            options,
            wire,
            ledger: Ledger::new(),
            rows: Rows::default(),
            version: None,
            announce: false,
            utc: false,
            agreed: 0,
            scratch: Vec::new(),
        }
    }

    /// What should be written to the socket. Empty if nothing should.
    #[must_use]
    pub fn pending_bytes(&self) -> &[u8] {
        self.wire.send.pending()
    }

    /// The first `len` of the [pending bytes](Self::pending_bytes) have been written.
    pub fn wrote(&mut self, len: usize) {
        self.wire.send.wrote(len);
    }

    /// The agreed version; `None` before the handshake is done.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.version.map(|capabilities| capabilities.version)
    }

    /// What the agreed version can do; `None` before the handshake is done.
    #[must_use]
    pub const fn capabilities(&self) -> Option<&'static Capabilities> {
        self.version
    }

    /// Whether date-times with an offset or a zone travel by their instant, instead of their local clock: from 5.0 on
    /// always, on 4.3 and 4.4 if the server agreed in its answer to HELLO. Structures of the other form are of no
    /// kind that this connection knows.
    #[must_use]
    pub const fn utc(&self) -> bool {
        self.utc
    }

    /// The capability bits that client and server have in common. Only a manifest handshake has any, and so far none
    /// is defined; see [`Versions::capabilities`].
    #[must_use]
    pub const fn handshake_capabilities(&self) -> u64 {
        self.agreed
    }

    /// Where the server stands once everything that was sent has succeeded. Requests are judged by it.
    #[must_use]
    pub fn sent_state(&self) -> ServerState {
        self.ledger.sent_state()
    }

    /// Where the server stands by the answers that have been [seen](Self::has_event).
    #[must_use]
    pub fn confirmed_state(&self) -> ServerState {
        self.ledger.confirmed_state()
    }

    /// The name that the next request will have.
    #[must_use]
    pub fn next_request(&self) -> RequestId {
        self.ledger.next_request()
    }

    /// How many requests are unanswered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.ledger.unanswered()
    }

    /// The oldest unanswered request: what the server's next answer is for.
    #[must_use]
    pub fn awaited(&self) -> Option<Message> {
        self.ledger.awaited().map(|entry| entry.message)
    }

    /// What this connection is good for, by the answers that have been [seen](Self::has_event).
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        if self.wire.has_ended() || self.has_surplus() {
            return Disposition::Dead;
        }
        self.ledger.disposition()
    }

    /// Whether the only unanswered request is a COMMIT: then whether it happened is known to the server alone.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.ledger.is_committing()
    }

    /// Gives back memory that an idle connection does not need. For pools, when a connection comes back.
    pub fn shrink(&mut self) {
        self.wire.shrink();
    }

    /// Whether an answer has begun to arrive although none is due.
    fn has_surplus(&self) -> bool {
        self.version.is_some() && !self.is_answer_due() && self.wire.recv.has_begun()
    }

    /// Whether a request is unanswered that the server may have got.
    fn is_answer_due(&self) -> bool {
        let written = self.wire.send.written();
        self.ledger.awaited().is_some_and(|entry| entry.is_begun(written))
    }
}
