//! The server's half of a connection.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;

use crate::buffer::{Frame, Wire};
use crate::error::{EncodeError, ProtocolViolation, ServerError};
use crate::message::{Answer, Metadata};
use crate::state::{Message, Rule, ServerState, rule};
use crate::value::{Dialect, Encoder, ListEncoder, MapEncoder, Output, ToValue};
use crate::version::{Capabilities, Utc, Version};

use super::handshake::Handshake;
use super::response::{self, Failure};
use super::session::Session;
use super::{AnswerError, Options, Request, Rows, values};

/// The server's half of one Bolt connection, without any I/O. See the [module](super).
pub struct Server {
    options: Options,
    wire: Wire<Message>,
    handshake: Handshake,
    version: Option<&'static Capabilities>,
    session: Session,
    /// The requests that are taken and unanswered. A strict server has at most one.
    taken: VecDeque<Taken>,
    /// The request that was taken last, while it is in the buffer.
    last: Option<Frame<Message>>,
    utc: bool,
}

/// A request that is taken and unanswered.
#[derive(Debug, Clone, Copy)]
struct Taken {
    message: Message,
    verdict: Verdict,
    rows: Option<Rows>,
    /// The number of rows that have been sent.
    sent: u64,
}

/// The kind of the next request and what to do with it, without the contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Head {
    /// The kind of the request.
    pub message: Message,
    /// The instruction for the request.
    pub verdict: Verdict,
}

/// The instruction for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Execute it, and answer by SUCCESS or FAILURE. If a RESET arrives meanwhile, IGNORED is allowed as well.
    /// GOODBYE has no answer.
    Execute,
    /// Answer by IGNORED: an earlier request has failed, or a later RESET has arrived.
    Ignore,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.forget_login();
    }
}

impl Taken {
    /// Returns how many rows the request is for, if it leaves any.
    fn requested(&self) -> Option<u64> {
        self.rows.and_then(|rows| rows.count)
    }
}

impl Server {
    /// Creates a connection.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            wire: Wire::new(),
            handshake: Handshake::Proposals,
            version: None,
            session: Session::new(),
            taken: VecDeque::new(),
            last: None,
            utc: false,
        }
    }

    // ---- bytes ----

    /// Returns space for the next read: initialised and never empty. This ends the borrow of the last request.
    pub fn recv_space(&mut self) -> &mut [u8] {
        self.forget_login();
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

    // ---- state ----

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

    /// Returns the state of the connection, by the answers so far.
    #[must_use]
    pub fn state(&self) -> ServerState {
        self.session.state()
    }

    /// Returns whether date-times with an offset or a zone are sent by their instant: from 5.0 on always, on 4.3
    /// and 4.4 if the answer to HELLO agreed.
    #[must_use]
    pub const fn utc(&self) -> bool {
        self.utc
    }

    /// Returns whether an unanswered RESET has arrived, so that work in progress should stop.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.wire.recv.kinds().any(|kind| kind == Message::Reset)
    }

    // ---- requests ----

    /// Returns the head of the next request, if it has arrived. A strict server returns it once the one before it is
    /// answered.
    ///
    /// # Errors
    /// If the client violated the protocol or closed the connection. A strict server names the illegal request, and
    /// queues the FAILURE that real servers send before they close the connection.
    pub fn has_request(&mut self) -> Result<Option<Head>, ProtocolViolation> {
        if let Err(violation) = self.see_all() {
            self.wire.end(violation);
        }
        // What arrives after the end of the session is dropped.
        if self.state() == ServerState::Defunct {
            while self.wire.recv.deliver().is_some() {}
        }
        let waits = !self.options.relaying && !self.taken.is_empty();
        if let Some(frame) = self.wire.recv.front().filter(|_| !waits) {
            match self.decide(frame) {
                Ok((head, _)) => return Ok(Some(head)),
                Err(violation) => return Err(self.refuse(violation)),
            }
        }
        match self.wire.end_reason() {
            Some(violation) if !waits => Err(violation.clone()),
            _ => Ok(None),
        }
    }

    /// Takes the request that [`has_request`](Self::has_request) announced. `None` if there is none.
    ///
    /// The request is borrowed until the next call that changes the connection. It must be answered, unless it
    /// is GOODBYE.
    pub fn request(&mut self) -> Option<Request<'_>> {
        let Ok(Some(_)) = self.has_request() else {
            return None;
        };
        let frame = self.wire.recv.front()?;
        let (head, rows) = self.decide(frame).ok()?;
        self.forget_login();
        self.wire.recv.deliver();
        self.last = Some(frame);
        if head.message == Message::Goodbye {
            self.session.end();
        } else {
            self.taken.push_back(Taken {
                message: head.message,
                verdict: head.verdict,
                rows,
                sent: 0,
            });
        }
        Request::read(self.wire.recv.message(frame), self.version?).ok()
    }

    /// Returns the request that was taken last, unchanged: a whole message without its chunks. For proxies.
    #[must_use]
    pub fn request_bytes(&self) -> Option<&[u8]> {
        self.last.map(|frame| self.wire.recv.message(frame))
    }

    // ---- answers ----

    /// Answers by SUCCESS, with this metadata.
    ///
    /// # Errors
    /// If there is nothing to answer, the request must be ignored, a value cannot be encoded or does not exist in the
    /// version, or the metadata contains `has_more` although all rows were requested.
    pub fn success(
        &mut self,
        metadata: impl FnOnce(&mut MapEncoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), AnswerError> {
        let taken = self.unanswered_request()?;
        let answer = self.compose(response::SUCCESS, |out| out.map_with(None, metadata))?;
        let has_more = response::metadata(&answer).is_some_and(|map| Metadata::new(map).has_more());
        if has_more && taken.requested().is_none() {
            return Err(AnswerError::UnexpectedHasMore {
                message: taken.message,
            });
        }
        self.answer(&answer);
        Ok(())
    }

    /// Answers by a row. SUCCESS or FAILURE must follow later.
    ///
    /// # Errors
    /// If the request is not PULL, must be ignored, or has all requested rows, or a value cannot be encoded or does not
    /// exist in the version.
    pub fn record(
        &mut self,
        values: impl FnOnce(&mut ListEncoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), AnswerError> {
        let taken = self.unanswered_request()?;
        let message = taken.message;
        if message != Message::Pull {
            return Err(AnswerError::RowsNotAllowed { message });
        }
        if let Some(requested) = taken.requested().filter(|&requested| taken.sent >= requested) {
            return Err(AnswerError::SurplusRow { requested });
        }
        let message = self.compose(response::RECORD, |out| out.list_with(None, values))?;
        self.answer(&message);
        Ok(())
    }

    /// Answers by FAILURE, in the form of the version.
    ///
    /// # Errors
    /// If there is nothing to answer, the request must be ignored, or a value cannot be encoded.
    pub fn failure(&mut self, error: &ServerError) -> Result<(), AnswerError> {
        self.unanswered_request()?;
        let Some(version) = self.version else {
            return Err(AnswerError::NothingToAnswer);
        };
        let message = response::message(response::FAILURE, |out| Failure { error, version }.to_value(out))?;
        self.answer(&message);
        Ok(())
    }

    /// Answers by IGNORED.
    ///
    /// # Errors
    /// If there is nothing to answer, or nothing has failed and no RESET has arrived.
    pub fn ignored(&mut self) -> Result<(), AnswerError> {
        let taken = *self.taken.front().ok_or(AnswerError::NothingToAnswer)?;
        let allowed = self.options.relaying || taken.verdict == Verdict::Ignore || self.is_interrupted();
        if !allowed {
            return Err(AnswerError::MustNotBeIgnored {
                message: taken.message,
            });
        }
        self.answer(&response::IGNORED);
        Ok(())
    }

    /// Passes an answer on unchanged: a whole message without its chunks. The answer is never checked.
    ///
    /// This is for proxies, and for tests of clients.
    pub fn answer(&mut self, message: &[u8]) {
        self.apply_answer(message);
        if self.options.noops {
            self.noop();
        }
        self.wire.send.message(&[message], self.options.chunk);
    }

    /// Sends a keep-alive, which is allowed between any two messages.
    pub fn noop(&mut self) {
        self.wire.send.raw(&[0, 0]);
    }

    // ---- internals ----

    /// Composes an answer of values, in the form of the version.
    fn compose(
        &self,
        tag: u8,
        field: impl FnOnce(Encoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<Vec<u8>, AnswerError> {
        let version = self.version.ok_or(AnswerError::NothingToAnswer)?;
        let mut out = Output::new(Dialect::Server {
            element_ids: version.element_ids,
            utc: self.utc,
        });
        let message = response::message_in(&mut out, tag, field)?;
        match out.take_needs() {
            Some(needs) if version.version < needs => {
                Err(EncodeError::version(needs, version.version).into())
            }
            _ => Ok(message),
        }
    }

    /// Wipes the request that was taken last, if it may contain credentials.
    fn forget_login(&mut self) {
        if self.last.is_some_and(|frame| frame.kind.has_credentials()) {
            self.wire.recv.wipe_delivered();
        }
    }

    /// Cuts everything that has arrived.
    fn see_all(&mut self) -> Result<(), ProtocolViolation> {
        if self.wire.end_reason().is_some() {
            return Ok(());
        }
        while self.version.is_none() {
            let step = self
                .handshake
                .step(self.wire.recv.unscanned(), &self.options.versions);
            let step = step.map_err(|(violation, reply)| {
                self.wire.send.raw(&reply);
                violation
            })?;
            let Some(step) = step else {
                return self.wire.end_of_stream();
            };
            self.wire.recv.skip(step.consumed);
            self.wire.send.raw(&step.reply);
            self.handshake = step.next;
            if let Handshake::Done(version, _) = step.next {
                self.version = Capabilities::of(version);
                self.utc = self.version.is_some_and(|version| version.utc == Utc::Always);
            }
        }
        let limits = self.options.limits;
        while let Some(frame) = self.wire.recv.see(limits.max_message(), Message::of)? {
            if let Err(violation) = limits.check_values(self.wire.recv.body(frame)) {
                self.wire.recv.retract();
                return Err(violation);
            }
        }
        limits.check_buffered(self.wire.recv.buffered())?;
        self.wire.end_of_stream()
    }

    /// Decides what to do with a request.
    fn decide(&self, frame: Frame<Message>) -> Result<(Head, Option<Rows>), ProtocolViolation> {
        let Some(version) = self.version else {
            return Err(ProtocolViolation::NoCommonVersion);
        };
        let request = Request::read(self.wire.recv.message(frame), version)?;
        let message = request.message();
        let rows = match request {
            Request::Pull(rows) | Request::Discard(rows) => Some(rows),
            _ => None,
        };
        let head = |verdict| Ok((Head { message, verdict }, rows));
        if self.options.relaying {
            return head(Verdict::Execute);
        }
        let reset_follows = self.wire.recv.kinds().skip(1).any(|kind| kind == Message::Reset);
        let logged_in = !matches!(
            self.state(),
            ServerState::Negotiation | ServerState::Authentication
        );
        let state = if reset_follows && logged_in {
            ServerState::Interrupted
        } else {
            self.state()
        };
        match rule(version.version, state, message) {
            // Of several RESETs only the last succeeds.
            Rule::Allowed { .. } if message == Message::Reset && reset_follows => head(Verdict::Ignore),
            Rule::Allowed { .. } => {
                let greeted = self.state() != ServerState::Negotiation;
                let utc = values::utc(version, self.utc, greeted);
                match values::refused(self.wire.recv.body(frame), version, utc) {
                    Some(value) => Err(ProtocolViolation::UnknownValue {
                        message,
                        value,
                        version: version.version,
                    }),
                    None => head(Verdict::Execute),
                }
            }
            Rule::Ignored => head(Verdict::Ignore),
            Rule::Illegal => Err(ProtocolViolation::IllegalRequest { message, state }),
            Rule::Unknown => Err(ProtocolViolation::UnknownRequest {
                message,
                version: version.version,
            }),
        }
    }

    /// Ends the connection like real servers: a FAILURE, then nothing more.
    fn refuse(&mut self, violation: ProtocolViolation) -> ProtocolViolation {
        while self.wire.recv.deliver().is_some() {}
        let answers = !self.options.relaying
            && matches!(
                violation,
                ProtocolViolation::IllegalRequest { .. } | ProtocolViolation::UnknownValue { .. }
            );
        if let Some(version) = self.version.filter(|_| answers) {
            let error = ServerError::new("Neo.ClientError.Request.Invalid", alloc::format!("{violation}"));
            let failure = Failure {
                error: &error,
                version,
            };
            if let Ok(message) = response::message(response::FAILURE, |out| failure.to_value(out)) {
                self.wire.send.message(&[&message], self.options.chunk);
            }
        }
        self.session.end();
        self.wire.end_with_earlier(violation)
    }

    /// Returns the request to answer, if the answer may be anything but IGNORED.
    fn unanswered_request(&self) -> Result<Taken, AnswerError> {
        let taken = *self.taken.front().ok_or(AnswerError::NothingToAnswer)?;
        if taken.verdict == Verdict::Ignore {
            return Err(AnswerError::MustBeIgnored {
                message: taken.message,
            });
        }
        Ok(taken)
    }

    /// Updates the state by an answer.
    fn apply_answer(&mut self, answer: &[u8]) {
        let (Some(version), Ok(kind)) = (self.version, Answer::of(answer)) else {
            return;
        };
        if kind == Answer::Record {
            if let Some(taken) = self.taken.front_mut() {
                taken.sent = taken.sent.saturating_add(1);
            }
            return;
        }
        let Some(taken) = self.taken.pop_front() else {
            return;
        };
        match kind {
            Answer::Success => {
                let metadata = response::metadata(answer).map(Metadata::new);
                let has_more = version.paging && metadata.is_some_and(Metadata::has_more);
                let query_id = metadata.and_then(|metadata| metadata.integer("qid"));
                if taken.message == Message::Hello && version.utc == Utc::Patch {
                    self.utc = metadata.is_some_and(|metadata| metadata.hello().utc);
                }
                self.session
                    .succeeded(version.version, taken.message, taken.rows, query_id, has_more);
            }
            Answer::Failure => self.session.failed(version.version, taken.message),
            Answer::Ignored | Answer::Record => {}
        }
    }
}

/// Shows the state, and nothing of the messages.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("version", &self.version())
            .field("state", &self.state())
            .field("taken", &self.taken)
            .field("end_reason", &self.wire.end_reason())
            .finish_non_exhaustive()
    }
}
