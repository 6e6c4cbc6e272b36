//! Both directions of a connection's bytes, and how they end.

use super::{Recv, Send};
use crate::error::ProtocolViolation;
use crate::handshake::{self, Versions};
use crate::message::Answer;
use crate::version::Version;

/// The bytes of one connection: what has arrived, what is to be sent, and whether and why the connection has ended.
///
/// The client's half, the server's half and a proxy's upstream end are state machines around a `Wire`.
pub(crate) struct Wire<K> {
    pub(crate) recv: Recv<K>,
    pub(crate) send: Send,
    /// The stream has ended.
    eof: bool,
    /// Bytes have arrived that were not processed yet.
    unseen: bool,
    end_reason: Option<ProtocolViolation>,
}

impl<K: Copy> Wire<K> {
    pub(crate) fn new() -> Self {
        Self {
            recv: Recv::new(),
            send: Send::default(),
            eof: false,
            unseen: false,
            end_reason: None,
        }
    }

    /// Notes that `len` bytes have been read into the [space](Recv::space). Zero means that the stream has ended.
    pub(crate) fn received(&mut self, len: usize) {
        self.eof |= len == 0;
        self.unseen = true;
        self.recv.received(len);
    }

    /// Returns whether bytes have arrived that were not processed yet.
    #[inline]
    pub(crate) const fn is_unseen(&self) -> bool {
        self.unseen
    }

    /// Returns whether there are bytes to process, and marks them as processed.
    #[inline]
    pub(crate) fn take_unseen(&mut self) -> bool {
        self.end_reason.is_none() && core::mem::take(&mut self.unseen)
    }

    /// Returns whether nothing more can arrive that counts.
    pub(crate) const fn has_ended(&self) -> bool {
        self.eof || self.end_reason.is_some()
    }

    /// Returns the reason why the connection has ended.
    pub(crate) const fn end_reason(&self) -> Option<&ProtocolViolation> {
        self.end_reason.as_ref()
    }

    /// Stores the reason why the connection has ended. The first reason is kept.
    pub(crate) fn end(&mut self, violation: ProtocolViolation) -> ProtocolViolation {
        self.end_reason.get_or_insert(violation).clone()
    }

    /// Stores a reason that precedes the one that is known, unlike [`end`](Self::end).
    #[cfg(feature = "peer")]
    pub(crate) fn end_with_earlier(&mut self, violation: ProtocolViolation) -> ProtocolViolation {
        self.end_reason.insert(violation).clone()
    }

    /// Fails if the stream has ended and everything that arrived was seen.
    pub(crate) fn end_of_stream(&self) -> Result<(), ProtocolViolation> {
        if self.eof {
            return Err(ProtocolViolation::EndOfStream {
                in_message: !self.recv.at_boundary(),
            });
        }
        Ok(())
    }

    /// Frees memory that an idle connection does not need.
    pub(crate) fn shrink(&mut self) {
        self.recv.shrink();
        self.send.shrink();
    }
}

/// The result of a handshake.
pub(crate) struct Agreed {
    pub(crate) version: Version,
    /// The capability bits that both sides have.
    pub(crate) capabilities: u64,
}

impl Wire<Answer> {
    /// Creates the end towards a server, with the proposal of the handshake queued.
    pub(crate) fn proposing(versions: &Versions) -> Self {
        let mut wire = Self::new();
        wire.send.raw(&versions.proposal());
        wire
    }

    /// Reads the answer to the proposal, once it is complete, and queues the client's reply, if one is due.
    pub(crate) fn negotiate(&mut self, versions: &Versions) -> Result<Option<Agreed>, ProtocolViolation> {
        let (version, capabilities, consumed) = match handshake::read_answer(self.recv.unscanned(), versions)?
        {
            handshake::Answer::Incomplete => return Ok(None),
            handshake::Answer::Slot { version, consumed } => (version, 0, consumed),
            handshake::Answer::Manifest {
                version,
                capabilities,
                consumed,
            } => {
                self.send.raw(&handshake::manifest_choice(version, capabilities));
                (version, capabilities, consumed)
            }
        };
        self.recv.skip(consumed);
        Ok(Some(Agreed {
            version,
            capabilities,
        }))
    }
}
