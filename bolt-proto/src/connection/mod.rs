//! The client's half of a connection.

mod ledger;
mod permit;
mod receive;
mod requests;
mod results;
mod rows;
mod success;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::fmt;

use crate::buffer::{IDLE_CAPACITY, Wire};
use crate::event::RequestId;
use crate::handshake::Versions;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::message::{Answer, Found};
use crate::state::{Message, ServerState};
use crate::version::{Capabilities, Version};
use ledger::Ledger;
use rows::Rows;

pub use requests::Fetch;

/// The options of a [`Connection`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Options {
    /// The versions that may be negotiated. Default: all of them, 3 to 6.1.
    pub versions: Versions,
    /// The bounds on memory.
    pub limits: Limits,
}

impl Options {
    /// Sets the versions that may be negotiated.
    #[must_use]
    pub fn versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Sets the bounds on memory.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// The client's half of one Bolt connection, without any I/O.
///
/// Bytes come in through [`recv_space`](Self::recv_space) and [`received`](Self::received) and become events.
/// Requests become bytes that leave through [`pending_bytes`](Self::pending_bytes) and [`wrote`](Self::wrote). The
/// [front page of the crate](crate) shows a whole exchange.
///
/// Any number of requests may be queued before the first is answered. Each gets exactly one
/// [`Success`](crate::Kind::Success), [`Failure`](crate::Kind::Failure) or [`Ignored`](crate::Kind::Ignored), in
/// order. A request that the server could not accept is refused with a [`UsageError`](crate::UsageError), and
/// queues no byte.
pub struct Connection {
    options: Options,
    wire: Wire<Answer>,
    ledger: Ledger,
    rows: Rows,
    version: Option<&'static Capabilities>,
    /// The version was negotiated, and the event has not been taken.
    announce: bool,
    /// Date-times with an offset or a zone are sent by their instant.
    utc: bool,
    /// The capability bits that client and server have in common, by the handshake.
    agreed: u64,
    /// The columns of the last result, which the next one shares if it has the same.
    last_keys: Keys,
    /// What was found in the answer that was taken last.
    found: Found,
    /// A buffer for composing requests, kept for its memory.
    scratch: Vec<u8>,
}

/// Shows the state, and nothing of the messages.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("version", &self.version())
            .field("sent", &self.sent_state())
            .field("confirmed", &self.confirmed_state())
            .field("ledger", &self.ledger)
            .field("utc", &self.utc)
            .field("end_reason", &self.wire.end_reason())
            .finish_non_exhaustive()
    }
}

/// The condition of a connection, from the view of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Disposition {
    /// The login is not complete, or was undone by LOGOFF.
    Opening,
    /// The connection is ready, with nothing unanswered.
    Reusable,
    /// Something is open or has failed. RESET makes the connection ready.
    NeedsReset,
    /// BEGIN, LOGON or LOGOFF is unanswered. RESET would overtake it, and servers close the connection on that.
    AwaitAnswer,
    /// The unanswered requests lead to ready without another request.
    Finishing,
    /// RESET was sent and is unanswered.
    Resetting,
    /// The connection has ended.
    Dead,
}

impl Connection {
    /// Creates a connection. The proposal of the handshake is queued.
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
            last_keys: Keys::default(),
            found: Found::default(),
            scratch: Vec::new(),
        }
    }

    /// Returns bytes that should be written to the socket. Empty only if there are none: more of a large message follow once
    /// these have been [written](Self::wrote).
    #[must_use]
    pub fn pending_bytes(&self) -> &[u8] {
        self.wire.send.pending()
    }

    /// Notes that the first `len` of the [pending bytes](Self::pending_bytes) have been written.
    pub fn wrote(&mut self, len: usize) {
        self.wire.send.wrote(len);
    }

    /// Returns the negotiated version. `None` before the handshake is complete.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        self.version.map(|capabilities| capabilities.version)
    }

    /// Returns the capabilities of the negotiated version. `None` before the handshake is complete.
    #[must_use]
    pub const fn capabilities(&self) -> Option<&'static Capabilities> {
        self.version
    }

    /// Returns whether date-times with an offset or a zone are sent by their instant, not by their local clock.
    ///
    /// This is always true from 5.0 on. On 4.3 and 4.4 it is true if the server agreed in its answer to HELLO.
    /// Structures of the other form are unknown to the connection.
    #[must_use]
    pub const fn utc(&self) -> bool {
        self.utc
    }

    /// Returns the capability bits that client and server have in common.
    ///
    /// Only a manifest handshake has any, and none is defined so far; see [`Versions::capabilities`].
    #[must_use]
    pub const fn handshake_capabilities(&self) -> u64 {
        self.agreed
    }

    /// Returns the state of the server once everything sent so far has succeeded. Requests are checked against it.
    #[must_use]
    pub fn sent_state(&self) -> ServerState {
        self.ledger.sent_state()
    }

    /// Returns the state of the server by the answers that have been [seen](Self::has_event).
    #[must_use]
    pub fn confirmed_state(&self) -> ServerState {
        self.ledger.confirmed_state()
    }

    /// Returns the id that the next request will have.
    #[must_use]
    pub fn next_request(&self) -> RequestId {
        self.ledger.next_request()
    }

    /// Returns the number of unanswered requests.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.ledger.unanswered()
    }

    /// Returns the oldest unanswered request, which the server's next answer is for.
    #[must_use]
    pub fn awaited(&self) -> Option<Message> {
        self.ledger.awaited().map(|entry| entry.message)
    }

    /// Returns the condition of the connection, by the answers that have been [seen](Self::has_event).
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        if self.wire.has_ended() || self.has_surplus() {
            return Disposition::Dead;
        }
        self.ledger.disposition()
    }

    /// Returns whether a message has begun to arrive and is not complete. Keep-alives between messages do not count, so a
    /// transport can tell by this whether bytes that arrive are progress.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        self.wire.recv.has_begun()
    }

    /// Returns whether the only unanswered request is a COMMIT: then only the server knows whether it happened.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.ledger.is_committing()
    }

    /// Frees memory that an idle connection does not need. A pool calls this when a connection is returned.
    pub fn shrink(&mut self) {
        self.wire.shrink();
        if self.scratch.capacity() > IDLE_CAPACITY {
            self.scratch = Vec::new();
        }
    }

    /// Returns whether an answer has begun to arrive although none is due.
    fn has_surplus(&self) -> bool {
        self.version.is_some() && !self.is_answer_due() && self.wire.recv.has_begun()
    }

    /// Returns whether a request is unanswered that the server may have received.
    fn is_answer_due(&self) -> bool {
        let written = self.wire.send.written();
        self.ledger.awaited().is_some_and(|entry| entry.is_begun(written))
    }
}
