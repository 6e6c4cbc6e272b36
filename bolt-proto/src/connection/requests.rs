//! Requests: checked against the sent view, then queued as a whole.

use alloc::sync::Arc;
use alloc::vec::Vec;

use zeroize::Zeroize;

use crate::buffer::MAX_CHUNK;
use crate::error::{EncodeError, UsageError};
use crate::event::{RequestId, ResultId};
use crate::message::{Api, Auth, Extra, ExtraRef, Hello, Route};
use crate::message::{entries, request};
use crate::packstream::write;
use crate::query::Query;
use crate::state::{Message, Next, Rule, ServerState, rule};
use crate::version::{Capabilities, Utc, Version};

use super::Connection;
use super::ledger::BaseState;

/// The number of rows to request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fetch {
    /// All rows that are left.
    All,
    /// At most this many rows. At least one.
    Rows(u64),
}

impl Connection {
    /// Introduces the client. Up to 5.0 this authenticates as well; from 5.1 on [`logon`](Self::logon) may
    /// follow at once.
    ///
    /// # Errors
    /// If this is not the first request after the handshake, or a value cannot be encoded.
    pub fn hello(&mut self, hello: &Hello, auth: &Auth) -> Result<RequestId, UsageError> {
        let version = self.check_allowed(Message::Hello)?;
        hello.check(version)?;
        if !version.logon {
            auth.check(version)?;
        }
        self.compose(Message::Hello, None, 1, |out| {
            request::map(out, |fields| hello.write(auth, version, fields))
        })
    }

    /// Authenticates (5.1 and later).
    ///
    /// # Errors
    /// If the last request was neither HELLO nor LOGOFF, or a value cannot be encoded.
    pub fn logon(&mut self, auth: &Auth) -> Result<RequestId, UsageError> {
        let version = self.check_allowed(Message::Logon)?;
        auth.check(version)?;
        let utc = self.utc;
        self.compose(Message::Logon, None, 1, |out| {
            request::map(out, |fields| auth.write(utc, fields))
        })
    }

    /// Ends the authentication (5.1 and later). Another [`logon`](Self::logon) must follow.
    ///
    /// LOGON and the next query may leave in the same write. The connection ends if LOGOFF or LOGON fails.
    ///
    /// # Errors
    /// If a result or a transaction is open, or a request that could fail is unanswered: servers close the
    /// connection on LOGOFF after a failure.
    pub fn logoff(&mut self) -> Result<RequestId, UsageError> {
        self.check_allowed(Message::Logoff)?;
        self.compose(Message::Logoff, None, 0, |_| Ok(()))
    }

    /// Introduces the client and authenticates, with the messages of the version. Returns the last of them: if it
    /// succeeds, the connection is ready.
    ///
    /// # Errors
    /// If this is not the first request after the handshake, or a value cannot be encoded.
    pub fn login(&mut self, hello: &Hello, auth: &Auth) -> Result<RequestId, UsageError> {
        let request = self.hello(hello, auth)?;
        match self.version {
            Some(version) if version.logon => self.logon(auth),
            _ => Ok(request),
        }
    }

    /// Runs a query in the open transaction, or as an auto-commit query.
    ///
    /// `extra` are the options of an auto-commit query. Inside a transaction `extra` must be empty, because BEGIN
    /// carries the options.
    ///
    /// # Errors
    /// If the query could not be encoded, needs a newer version, or is not allowed in the current state.
    pub fn run(&mut self, query: &Query, extra: &Extra) -> Result<(RequestId, ResultId), UsageError> {
        self.run_with(query, &extra.view())
    }

    /// Does what [`run`](Self::run) does, with options whose parts are elsewhere.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    #[doc(hidden)]
    pub fn run_with<S: AsRef<str>>(
        &mut self,
        query: &Query,
        extra: &ExtraRef<'_, S>,
    ) -> Result<(RequestId, ResultId), UsageError> {
        let version = self.check_allowed(Message::Run)?;
        entries::check_values(query, version, self.known_utc())?;
        let in_tx = matches!(self.sent_state(), ServerState::TxReady | ServerState::TxStreaming);
        if in_tx && !extra.is_empty() {
            return Err(UsageError::ExtraInTransaction);
        }
        extra.check(version, self.known_utc())?;

        let start = self.queue_run(version, query, extra)?;
        let result = self.ledger.new_result();
        let next = self.next_base(version, Message::Run);
        let run = self.ledger.push(Message::Run, Some(result), start);
        self.ledger.open_result(result, run);
        self.ledger.set_sent(next);
        Ok((run, result))
    }

    /// Requests rows of a result.
    ///
    /// # Errors
    /// If the result has ended, if requested rows are still on their way, or if the result is not the newest one
    /// and its RUN is unanswered.
    pub fn pull(&mut self, result: ResultId, fetch: Fetch) -> Result<RequestId, UsageError> {
        self.page(Message::Pull, result, fetch)
    }

    /// Skips rows of a result. The server executes the query nevertheless.
    ///
    /// # Errors
    /// If [`pull`](Self::pull) would fail.
    pub fn discard(&mut self, result: ResultId, fetch: Fetch) -> Result<RequestId, UsageError> {
        self.page(Message::Discard, result, fetch)
    }

    /// Discards the rest of a result without waiting for rows on their way.
    ///
    /// This is for an auto-commit query with unneeded rows, but with work that must be done: servers commit at the
    /// end of the result, and roll back if RESET comes before it. DISCARD of all rows is queued even while
    /// requested rows are still to come.
    ///
    /// If the page on its way is the last, the DISCARD is one too many: the work is done, and the server closes the
    /// connection.
    ///
    /// # Errors
    /// If [`pull`](Self::pull) would fail, except because of rows on their way.
    pub fn abandon(&mut self, result: ResultId) -> Result<RequestId, UsageError> {
        self.queue_page(Message::Discard, result, Fetch::All)
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// If it is not allowed in the current state, or a request that could fail is unanswered: servers close the
    /// connection on BEGIN after a failure.
    pub fn begin(&mut self, extra: &Extra) -> Result<RequestId, UsageError> {
        self.begin_with(&extra.view())
    }

    /// Does what [`begin`](Self::begin) does, with options whose parts are elsewhere.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    #[doc(hidden)]
    pub fn begin_with<S: AsRef<str>>(&mut self, extra: &ExtraRef<'_, S>) -> Result<RequestId, UsageError> {
        let version = self.check_allowed(Message::Begin)?;
        extra.check(version, self.known_utc())?;
        let utc = self.utc;
        self.compose(Message::Begin, None, 1, |out| {
            request::map(out, |fields| extra.write(version, utc, fields))
        })
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// If no transaction is open, or if a result is open and was not requested to its end: servers execute only
    /// what is requested, so the rest would be lost silently.
    pub fn commit(&mut self) -> Result<RequestId, UsageError> {
        self.check_allowed(Message::Commit)?;
        if self.ledger.results.any_open() && !planted!(CommitWithOpenResult) {
            return Err(UsageError::OpenResult);
        }
        let request = self.compose(Message::Commit, None, 0, |_| Ok(()))?;
        self.ledger.close_results(request);
        Ok(request)
    }

    /// Rolls the transaction back. Open results end with it.
    ///
    /// # Errors
    /// If no transaction is open.
    pub fn rollback(&mut self) -> Result<RequestId, UsageError> {
        self.check_allowed(Message::Rollback)?;
        let request = self.compose(Message::Rollback, None, 0, |_| Ok(()))?;
        self.ledger.close_results(request);
        Ok(request)
    }

    /// Interrupts all work and makes the connection ready again: results end, and a transaction is rolled back.
    ///
    /// # Errors
    /// If BEGIN, LOGON or LOGOFF is unanswered ([`UsageError::Overtakes`]).
    pub fn reset(&mut self) -> Result<RequestId, UsageError> {
        self.check_allowed(Message::Reset)?;
        let request = self.compose(Message::Reset, None, 0, |_| Ok(()))?;
        self.ledger.close_results(request);
        Ok(request)
    }

    /// Requests a routing table (4.3 and later; see [`Route`] for older versions).
    ///
    /// # Errors
    /// If a result or a transaction is open, or if the version does not support it.
    pub fn route(&mut self, route: &Route) -> Result<RequestId, UsageError> {
        let version = self.check_allowed(Message::Route)?;
        route.check(version)?;
        self.compose(Message::Route, None, 3, |out| route.write(version, out))
    }

    /// Reports which part of a driver's API is used (5.4 and later).
    ///
    /// It belongs directly before the request that it describes, in the same write. It is only for servers that
    /// [request it](crate::Hints::telemetry_enabled).
    ///
    /// # Errors
    /// If a result or a transaction is open, or if the version does not support it.
    pub fn telemetry(&mut self, api: Api) -> Result<RequestId, UsageError> {
        self.check_allowed(Message::Telemetry)?;
        self.compose(Message::Telemetry, None, 1, |out| {
            write::integer(out, api.code());
            Ok(())
        })
    }

    /// Announces that the client closes the connection. There is no answer: write the bytes and close the socket.
    ///
    /// # Errors
    /// If the handshake is not complete.
    pub fn goodbye(&mut self) -> Result<(), UsageError> {
        self.check_allowed(Message::Goodbye)?;
        self.wire
            .send
            .message(&[&[0xB0, Message::Goodbye.tag()]], MAX_CHUNK);
        self.ledger.set_sent(BaseState::Defunct);
        Ok(())
    }

    /// Takes back the requests of which no byte has been written, as if they had never been queued. Returns the
    /// first of them.
    pub fn unqueue(&mut self) -> Option<RequestId> {
        self.unqueue_while(|_| true)
    }

    /// As [`unqueue`](Self::unqueue), but takes back only requests that were queued after `request`.
    ///
    /// For requests that whatever follows on the connection depends on, such as LOGOFF and LOGON for another user.
    pub fn unqueue_after(&mut self, request: RequestId) -> Option<RequestId> {
        self.unqueue_while(|queued| queued > request)
    }

    fn unqueue_while(&mut self, may_go: impl Fn(RequestId) -> bool) -> Option<RequestId> {
        let (first, position) = self.ledger.unqueue(self.wire.send.written(), may_go)?;
        self.wire.send.truncate(position);
        Some(first)
    }

    fn page(&mut self, message: Message, result: ResultId, fetch: Fetch) -> Result<RequestId, UsageError> {
        self.check_usable(message)?;
        match self.ledger.results.open(result) {
            Some(state) if state.page_in_flight() => Err(UsageError::PageInFlight { message }),
            _ => self.queue_page(message, result, fetch),
        }
    }

    /// Requests a page, even while another page of the result is on its way.
    fn queue_page(
        &mut self,
        message: Message,
        result: ResultId,
        fetch: Fetch,
    ) -> Result<RequestId, UsageError> {
        let version = self.check_usable(message)?;
        let newest = self.ledger.is_newest(result);
        let Some(state) = self.ledger.results.open(result) else {
            return Err(UsageError::NoSuchResult { message });
        };
        let qid = match (newest, state.qid) {
            (true, _) => None,
            (false, Some(qid)) => Some(qid),
            (false, None) => return Err(UsageError::NoQueryId { message }),
        };
        if matches!(rule(version.version, self.sent_state(), message), Rule::Illegal) {
            return Err(UsageError::Illegal {
                message,
                state: self.sent_state(),
            });
        }
        let rows = match fetch {
            Fetch::All => -1,
            Fetch::Rows(0) => return Err(UsageError::ZeroFetchSize),
            Fetch::Rows(rows) => i64::try_from(rows).unwrap_or(i64::MAX),
        };
        if fetch != Fetch::All && !version.paging {
            return Err(UsageError::unsupported(
                "requesting a number of rows",
                Version::new(4, 0),
                version.version,
            ));
        }
        let request = if version.paging {
            self.compose(message, Some(result), 1, |out| {
                request::map(out, |fields| {
                    fields.integer("n", rows)?;
                    qid.map_or(Ok(()), |qid| fields.integer("qid", qid))
                })
            })?
        } else {
            self.compose(message, Some(result), 0, |_| Ok(()))?
        };
        self.ledger.note_fetch(result, request, fetch);
        Ok(request)
    }

    /// Queues a request, which must be permitted. On an error nothing is queued.
    pub(super) fn compose(
        &mut self,
        message: Message,
        result: Option<ResultId>,
        fields: u8,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<RequestId, UsageError> {
        let version = self.check_usable(message)?;
        let start = self.queue(message, fields, fill)?;
        let next = self.next_base(version, message);
        let request = self.ledger.push(message, result, start);
        self.ledger.set_sent(next);
        Ok(request)
    }

    /// Composes a message and queues it as a whole, or not at all. Returns the position in the stream where it
    /// begins.
    fn queue(
        &mut self,
        message: Message,
        fields: u8,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<u64, EncodeError> {
        self.scratch.clear();
        request::header(&mut self.scratch, message, fields);
        let filled = fill(&mut self.scratch);
        let start = self.wire.send.end();
        match (&filled, message.has_credentials()) {
            (Ok(()), true) => self.wire.send.secret_message(&[&self.scratch], MAX_CHUNK),
            (Ok(()), false) => self.wire.send.message(&[&self.scratch], MAX_CHUNK),
            (Err(_), _) => {}
        }
        if message.has_credentials() {
            self.scratch.zeroize();
        }
        filled.map(|()| start)
    }

    /// Composes RUN around the parameters, which are copied once, directly into the send buffer. Many bytes of them are
    /// not copied at all, but shared until they are written.
    fn queue_run<S: AsRef<str>>(
        &mut self,
        version: &Capabilities,
        query: &Query,
        extra: &ExtraRef<'_, S>,
    ) -> Result<u64, EncodeError> {
        let (utc, parameters) = (self.utc, query.parameters());
        self.scratch.clear();
        request::header(&mut self.scratch, Message::Run, 3);
        write::string(&mut self.scratch, query.text())?;
        write::map_header(&mut self.scratch, parameters.count)?;
        let legacy = !utc && parameters.has_legacy_form();
        if legacy {
            parameters.write_legacy(&mut self.scratch)?;
        }
        let head = self.scratch.len();
        request::map(&mut self.scratch, |fields| extra.write(version, utc, fields))?;
        let start = self.wire.send.end();
        let (head, tail) = self.scratch.split_at(head);
        let send = &mut self.wire.send;
        match parameters.shared {
            _ if legacy => send.message(&[head, tail], MAX_CHUNK),
            Some(shared) => send.large_message(head, Arc::clone(shared), tail, MAX_CHUNK),
            None => send.message(&[head, parameters.bytes, tail], MAX_CHUNK),
        }
        Ok(start)
    }

    /// Returns whether date-times are sent by their instant. `None` while the server has not decided.
    fn known_utc(&self) -> Option<bool> {
        let undecided = self.version.is_some_and(|version| version.utc == Utc::Patch)
            && self.ledger.is_unanswered(Message::Hello);
        (!undecided).then_some(self.utc)
    }

    /// Returns the state that success leads to in the sent view, without open results.
    fn next_base(&self, version: &Capabilities, message: Message) -> BaseState {
        let state = self.sent_state();
        match rule(version.version, state, message) {
            Rule::Allowed {
                success: Next::To(next),
                ..
            } => BaseState::of(next),
            _ => BaseState::of(state),
        }
    }
}
