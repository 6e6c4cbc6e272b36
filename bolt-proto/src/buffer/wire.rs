//! Both directions of a connection's bytes, and how they end.

use super::{Recv, Send};
use crate::error::ProtocolViolation;

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

    /// Whether everything that can arrive has been seen.
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
