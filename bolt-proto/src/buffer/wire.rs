//! Both directions of a connection's bytes, and how they end.

use super::{Recv, Send};
use crate::error::ProtocolViolation;
use crate::handshake::{self, Versions};
use crate::message::Answer;
use crate::version::Version;

/// The bytes of one connection: what has arrived, what is to be sent, and whether and why that is over.
///
/// Both halves of the protocol, and a proxy's other end, are state machines around one of these.
pub(crate) struct Wire<K> {
    pub(crate) recv: Recv<K>,
    pub(crate) send: Send,
    /// The stream has ended.
    eof: bool,
    /// Something has arrived that was not looked at.
    unseen: bool,
    over: Option<ProtocolViolation>,
}

impl<K: Copy> Wire<K> {
    pub(crate) fn new() -> Self {
        Self {
            recv: Recv::new(),
            send: Send::default(),
            eof: false,
            unseen: false,
            over: None,
        }
    }

    /// `len` bytes have been read into the [room](Recv::space); 0 means that the stream has ended.
    pub(crate) fn received(&mut self, len: usize) {
        self.eof |= len == 0;
        self.unseen = true;
        self.recv.received(len);
    }

    /// Whether something has arrived that was not looked at.
    #[inline]
    pub(crate) const fn is_unseen(&self) -> bool {
        self.unseen
    }

    /// Whether there is anything to look at. Asking marks it as looked at.
    #[inline]
    pub(crate) fn look(&mut self) -> bool {
        self.over.is_none() && core::mem::take(&mut self.unseen)
    }

    /// Whether nothing more can arrive that counts.
    pub(crate) const fn has_ended(&self) -> bool {
        self.eof || self.over.is_some()
    }

    /// Why it is over.
    pub(crate) const fn over(&self) -> Option<&ProtocolViolation> {
        self.over.as_ref()
    }

    /// Remembers why it is over: the first reason counts.
    pub(crate) fn end(&mut self, violation: ProtocolViolation) -> ProtocolViolation {
        self.over.get_or_insert(violation).clone()
    }

    /// As [`end`](Self::end), for a reason that lies before the one that is known.
    #[cfg(feature = "peer")]
    pub(crate) fn end_before(&mut self, violation: ProtocolViolation) -> ProtocolViolation {
        self.over.insert(violation).clone()
    }

    /// Fails if everything that can arrive has been seen.
    pub(crate) fn end_of_stream(&self) -> Result<(), ProtocolViolation> {
        if self.eof {
            return Err(ProtocolViolation::EndOfStream {
                in_message: !self.recv.at_boundary(),
            });
        }
        Ok(())
    }

    /// Gives back memory that an idle connection does not need.
    pub(crate) fn shrink(&mut self) {
        self.recv.shrink();
        self.send.shrink();
    }
}

/// What both sides of a handshake have agreed on.
pub(crate) struct Agreed {
    pub(crate) version: Version,
    /// The capability bits that both have.
    pub(crate) capabilities: u64,
}

impl Wire<Answer> {
    /// The end towards a server: the proposal of the handshake is queued.
    pub(crate) fn proposing(versions: &Versions) -> Self {
        let mut wire = Self::new();
        wire.send.raw(&versions.proposal());
        wire
    }

    /// Takes the answer to the proposal, once it has arrived whole, and queues what it asks for.
    pub(crate) fn negotiate(&mut self, versions: &Versions) -> Result<Option<Agreed>, ProtocolViolation> {
        let (version, capabilities, consumed) = match handshake::answer(self.recv.unscanned(), versions)? {
            handshake::Answer::Incomplete => return Ok(None),
            handshake::Answer::Slot { version, consumed } => (version, 0, consumed),
            handshake::Answer::Manifest {
                version,
                capabilities,
                consumed,
            } => {
                self.send.raw(&handshake::choice(version, capabilities));
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
