//! The upstream end of a proxy.

use core::fmt;

use crate::buffer::{Frame, MAX_CHUNK, Wire};
use crate::error::ProtocolViolation;
use crate::handshake::Versions;
use crate::limits::Limits;
use crate::message::Answer;
use crate::state::Message;
use crate::version::Version;

use super::Response;

/// A client that passes requests on unchanged: the end of a proxy towards the real server.
///
/// It does the handshake, and checks no request. Use [`Connection`](crate::Connection) for any other client.
pub struct Upstream {
    versions: Versions,
    limits: Limits,
    wire: Wire<Answer>,
    version: Option<Version>,
    /// The answer that was taken last, while it is in the buffer.
    last: Option<Frame<Answer>>,
}

impl Upstream {
    /// Creates a connection that negotiates one of these versions. A proxy passes the version of its client.
    #[must_use]
    pub fn new(versions: Versions, limits: Limits) -> Self {
        let wire = Wire::proposing(&versions);
        Self {
            versions,
            limits,
            wire,
            version: None,
            last: None,
        }
    }

    /// Returns space for the next read: initialised and never empty. This ends the borrow of the last answer.
    pub fn recv_space(&mut self) -> &mut [u8] {
        self.last = None;
        self.wire.recv.space()
    }

    /// Notes that `len` bytes have been read into the [space](Self::recv_space). Zero means that the stream has
    /// ended.
    pub fn received(&mut self, len: usize) {
        self.wire.received(len);
    }

    /// Returns the bytes that should be written to the socket. Empty if there are none.
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
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// Queues a request unchanged: a whole message without its chunks.
    ///
    /// It must not be called before a version was negotiated, because the handshake has not ended then.
    pub fn send(&mut self, request: &[u8]) {
        if Message::of(request).is_ok_and(Message::has_credentials) {
            self.wire.send.secret_message(&[request], MAX_CHUNK);
        } else {
            self.wire.send.message(&[request], MAX_CHUNK);
        }
    }

    /// Takes the next answer, if it has arrived. It is borrowed until the next call that changes the connection.
    ///
    /// # Errors
    /// If the handshake failed, the stream has ended, or a message is not an answer.
    pub fn response(&mut self) -> Result<Option<Response<'_>>, ProtocolViolation> {
        self.see_all()?;
        match self.wire.recv.deliver() {
            Some(frame) => {
                self.last = Some(frame);
                Response::read(self.wire.recv.message(frame)).map(Some)
            }
            None => self.wire.end_of_stream().map(|()| None),
        }
    }

    /// Returns the answer that was taken last, unchanged: a whole message without its chunks.
    #[must_use]
    pub fn response_bytes(&self) -> Option<&[u8]> {
        self.last.map(|frame| self.wire.recv.message(frame))
    }

    fn see_all(&mut self) -> Result<(), ProtocolViolation> {
        if self.version.is_none() {
            let Some(agreed) = self.wire.negotiate(&self.versions)? else {
                return Ok(());
            };
            self.version = Some(agreed.version);
        }
        while self
            .wire
            .recv
            .see(self.limits.max_message(), Answer::of)?
            .is_some()
        {}
        self.limits.check_buffered(self.wire.recv.buffered())
    }
}

/// Shows the state, and nothing of the messages.
impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("version", &self.version)
            .field("ended", &self.wire.has_ended())
            .finish_non_exhaustive()
    }
}
