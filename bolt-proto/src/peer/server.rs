//! The server's half of a connection.

use alloc::collections::VecDeque;
use core::fmt;

use crate::buffer::{Frame, Wire};
use crate::error::{EncodeError, ProtocolViolation, ServerError};
use crate::message::{Answer, Metadata};
use crate::state::{Message, Rule, ServerState, rule};
use crate::value::{ListEncoder, MapEncoder, ToValue};
use crate::version::{Capabilities, Utc, Version};

use super::handshake::Handshake;
use super::response::{self, Failure};
use super::session::Session;
use super::{AnswerError, Options, Request, Rows};

/// The server's half of one Bolt connection, without any I/O. See the [module](super).
pub struct Server {
    options: Options,
    wire: Wire<Message>,
    handshake: Handshake,
    version: Option<&'static Capabilities>,
    session: Session,
    /// What is taken and not answered: of a strict server at most one.
    taken: VecDeque<Taken>,
    /// The request that was taken last, while it lies in the buffer.
    last: Option<Frame<Message>>,
    utc: bool,
}

/// A request that is taken and not answered.
#[derive(Debug, Clone, Copy)]
struct Taken {
    message: Message,
    verdict: Verdict,
    rows: Option<Rows>,
    /// How many rows have been sent.
    sent: u64,
}

/// What the next request is, without its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Which request it is.
    pub message: Message,
    /// What to do with it.
    pub verdict: Verdict,
}

/// What to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Carry it out, and answer by SUCCESS or FAILURE; should a RESET arrive meanwhile, IGNORED is fine, too. GOODBYE
    /// has no answer.
    CarryOut,
    /// Answer by IGNORED: something before it has failed, or a RESET has come behind it.
    Ignore,
}

impl Taken {
    /// How many rows it asks for, if it leaves any.
    fn asked(&self) -> Option<u64> {
        self.rows.and_then(|rows| rows.count)
    }
}

impl Server {
    /// A new connection, of which nothing has arrived.
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

    /// Room for the next read: initialised and never empty. It ends the loan of the last request.
    pub fn recv_space(&mut self) -> &mut [u8] {
        self.last = None;
        self.wire.recv.space()
    }

    /// `len` bytes have been read into the [room](Self::recv_space); 0 means that the stream has ended.
    pub fn received(&mut self, len: usize) {
        self.wire.received(len);
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

    // ---- where it stands ----

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

    /// Where the connection stands, by the answers that have been given.
    #[must_use]
    pub fn state(&self) -> ServerState {
        self.session.state()
    }

    /// Whether date-times with an offset or a zone travel by their instant: from 5.0 on always, on 4.3 and 4.4 if the
    /// answer to HELLO said so.
    #[must_use]
    pub const fn utc(&self) -> bool {
        self.utc
    }

    /// Whether a RESET has arrived that is not answered: what is being carried out should stop.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.wire.recv.kinds().any(|kind| kind == Message::Reset)
    }

    // ---- requests ----

    /// The next request, if it has arrived. A strict server tells it once the one before it is answered.
    ///
    /// # Errors
    /// [`ProtocolViolation`]: the connection is over. A strict server names the illegal request, and has queued the
    /// FAILURE that real servers send before they close.
    pub fn has_request(&mut self) -> Result<Option<Head>, ProtocolViolation> {
        if let Err(violation) = self.see_all() {
            self.wire.end(violation);
        }
        // What is behind the end of the session is nobody's business.
        if self.state() == ServerState::Defunct {
            while self.wire.recv.deliver().is_some() {}
        }
        let waits = !self.options.relaying && !self.taken.is_empty();
        if let Some(frame) = self.wire.recv.front().filter(|_| !waits) {
            match self.judge(frame) {
                Ok((head, _)) => return Ok(Some(head)),
                Err(violation) => return Err(self.refuse(violation)),
            }
        }
        match self.wire.end_reason() {
            Some(violation) if !waits => Err(violation.clone()),
            _ => Ok(None),
        }
    }

    /// Takes the request that [`has_request`](Self::has_request) told of; `None` if there is none. It is lent until
    /// the next call that changes the connection, and must be answered, unless it is GOODBYE.
    pub fn request(&mut self) -> Option<Request<'_>> {
        let Ok(Some(_)) = self.has_request() else {
            return None;
        };
        let frame = self.wire.recv.front()?;
        let (head, rows) = self.judge(frame).ok()?;
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

    /// The request that was taken last, as it came: a whole message without its chunks. For proxies.
    #[must_use]
    pub fn request_bytes(&self) -> Option<&[u8]> {
        self.last.map(|frame| self.wire.recv.message(frame))
    }

    // ---- answers ----

    /// Answers by SUCCESS, with this metadata.
    ///
    /// # Errors
    /// [`AnswerError`] if there is nothing to answer, the request must be ignored, a value cannot be sent, or it says
    /// `has_more` where all was asked for.
    pub fn success(
        &mut self,
        metadata: impl FnOnce(&mut MapEncoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), AnswerError> {
        let taken = self.carried_out()?;
        let answer = response::message(response::SUCCESS, |out| out.map_with(None, metadata))?;
        let has_more = response::metadata(&answer).is_some_and(|map| Metadata::new(map).has_more());
        if has_more && taken.asked().is_none() {
            return Err(AnswerError::NothingLeft {
                message: taken.message,
            });
        }
        self.answer(&answer);
        Ok(())
    }

    /// Answers by a row. SUCCESS or FAILURE must follow at some time.
    ///
    /// # Errors
    /// [`AnswerError`] if the request is not PULL, must be ignored, has all the rows that it asks for, or a value
    /// cannot be sent.
    pub fn record(
        &mut self,
        values: impl FnOnce(&mut ListEncoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), AnswerError> {
        let taken = self.carried_out()?;
        let message = taken.message;
        if message != Message::Pull {
            return Err(AnswerError::NoRows { message });
        }
        if let Some(asked) = taken.asked().filter(|&asked| taken.sent >= asked) {
            return Err(AnswerError::SurplusRow { asked });
        }
        let message = response::message(response::RECORD, |out| out.list_with(None, values))?;
        self.answer(&message);
        Ok(())
    }

    /// Answers by FAILURE, in the form of the version.
    ///
    /// # Errors
    /// [`AnswerError`] if there is nothing to answer, the request must be ignored, or a value cannot be sent.
    pub fn failure(&mut self, error: &ServerError) -> Result<(), AnswerError> {
        self.carried_out()?;
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
    /// [`AnswerError`] if there is nothing to answer, or nothing has failed and no RESET has come.
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

    /// Passes an answer on as it is: a whole message without its chunks. For proxies, and for tests of clients; it is
    /// not checked, whatever the use.
    pub fn answer(&mut self, message: &[u8]) {
        self.note(message);
        if self.options.noops {
            self.noop();
        }
        self.wire.send.message(&[message], self.options.chunk);
    }

    /// Sends a keep-alive, which may come between any two messages.
    pub fn noop(&mut self) {
        self.wire.send.raw(&[0, 0]);
    }

    // ---- the inside ----

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
                self.version = version.capabilities();
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

    /// What is to be done with a request.
    fn judge(&self, frame: Frame<Message>) -> Result<(Head, Option<Rows>), ProtocolViolation> {
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
            return head(Verdict::CarryOut);
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
            Rule::Allowed { .. } => head(Verdict::CarryOut),
            Rule::Ignored => head(Verdict::Ignore),
            Rule::Illegal => Err(ProtocolViolation::IllegalRequest { message, state }),
            Rule::Unknown => Err(ProtocolViolation::UnknownRequest {
                message,
                version: version.version,
            }),
        }
    }

    /// Ends the connection as real servers do: a FAILURE, then nothing more.
    fn refuse(&mut self, violation: ProtocolViolation) -> ProtocolViolation {
        while self.wire.recv.deliver().is_some() {}
        let answers = !self.options.relaying && matches!(violation, ProtocolViolation::IllegalRequest { .. });
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

    /// The request that is to be answered by something but IGNORED.
    fn carried_out(&self) -> Result<Taken, AnswerError> {
        let taken = *self.taken.front().ok_or(AnswerError::NothingToAnswer)?;
        if taken.verdict == Verdict::Ignore {
            return Err(AnswerError::MustBeIgnored {
                message: taken.message,
            });
        }
        Ok(taken)
    }

    /// Follows an answer.
    fn note(&mut self, answer: &[u8]) {
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

/// Shows where it stands, and nothing of what travels on it.
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
