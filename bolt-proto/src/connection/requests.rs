//! Requests: judged by the sent view, then queued whole.

use alloc::vec::Vec;

use crate::buffer::MAX_CHUNK;
use crate::error::{EncodeError, UsageError};
use crate::event::{RequestId, ResultId};
use crate::message::{Api, Auth, Extra, Hello, Route};
use crate::message::{entries, request};
use crate::packstream::write;
use crate::query::Query;
use crate::state::{Message, Next, Rule, ServerState, rule};
use crate::version::{Capabilities, Utc, Version};

use super::Connection;
use super::ledger::Base;

/// How many rows to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fetch {
    /// All that are left.
    All,
    /// At most this many, at least one.
    Rows(u64),
}

impl Connection {
    /// Introduces the client. Up to 5.0 this authenticates, too; from 5.1 on [`logon`](Self::logon) may follow at
    /// once.
    ///
    /// # Errors
    /// [`UsageError`] unless a version was just agreed on.
    pub fn hello(&mut self, hello: &Hello, auth: &Auth) -> Result<RequestId, UsageError> {
        let version = self.permit(Message::Hello)?;
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
    /// [`UsageError`] unless HELLO, or LOGOFF, was the last request.
    pub fn logon(&mut self, auth: &Auth) -> Result<RequestId, UsageError> {
        let version = self.permit(Message::Logon)?;
        auth.check(version)?;
        let utc = self.utc;
        self.compose(Message::Logon, None, 1, |out| {
            request::map(out, |fields| auth.write(utc, fields))
        })
    }

    /// Ends the authentication (5.1 and later), to be followed by another [`logon`](Self::logon): in the same write, if
    /// you like, with the next query behind it. If either fails the connection is over.
    ///
    /// # Errors
    /// [`UsageError`] if a result or a transaction is open, or if a request that could fail is unanswered: behind a
    /// failure servers close the connection on LOGOFF.
    pub fn logoff(&mut self) -> Result<RequestId, UsageError> {
        self.permit(Message::Logoff)?;
        self.compose(Message::Logoff, None, 0, |_| Ok(()))
    }

    /// Introduces the client and authenticates, by whatever messages the version has for that. Returns the last of
    /// them: its success means that the connection is ready.
    ///
    /// # Errors
    /// [`UsageError`] unless a version was just agreed on.
    pub fn login(&mut self, hello: &Hello, auth: &Auth) -> Result<RequestId, UsageError> {
        let request = self.hello(hello, auth)?;
        match self.version {
            Some(version) if version.logon => self.logon(auth),
            _ => Ok(request),
        }
    }

    /// Runs a query: in the transaction that is open, or in one of its own. `extra` are the options of the latter;
    /// inside a transaction it must be empty, since BEGIN had them.
    ///
    /// # Errors
    /// [`UsageError`] if the query could not be encoded, needs a newer version, or is not allowed here.
    pub fn run(&mut self, query: &Query, extra: &Extra) -> Result<(RequestId, ResultId), UsageError> {
        let version = self.permit(Message::Run)?;
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
        self.ledger.open_flow(result, run);
        self.ledger.set_sent(next);
        Ok((run, result))
    }

    /// Asks for rows of a result.
    ///
    /// # Errors
    /// [`UsageError`] if the result has ended, if rows that were asked for are still on their way, or if the result
    /// is not the newest one and its RUN is unanswered.
    pub fn pull(&mut self, result: ResultId, fetch: Fetch) -> Result<RequestId, UsageError> {
        self.page(Message::Pull, result, fetch)
    }

    /// Skips rows of a result. The query is carried out all the same.
    ///
    /// # Errors
    /// As [`pull`](Self::pull).
    pub fn discard(&mut self, result: ResultId, fetch: Fetch) -> Result<RequestId, UsageError> {
        self.page(Message::Discard, result, fetch)
    }

    /// Gives up the rest of a result without waiting for what is on its way: DISCARD of all of it leaves even while
    /// rows that were asked for are still to come. For an auto-commit query whose result nobody wants any more, and
    /// whose work shall be done all the same: servers commit at the result's end, and undo the work if RESET comes
    /// before it.
    ///
    /// If the page on its way turns out to be the last, the DISCARD is one too many: the work is done, and the
    /// server ends the connection.
    ///
    /// # Errors
    /// As [`pull`](Self::pull), but for rows on their way.
    pub fn abandon(&mut self, result: ResultId) -> Result<RequestId, UsageError> {
        self.page_behind(Message::Discard, result, Fetch::All)
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`UsageError`] if it is not allowed here, or if a request that could fail is unanswered: behind a failure
    /// servers close the connection on BEGIN.
    pub fn begin(&mut self, extra: &Extra) -> Result<RequestId, UsageError> {
        let version = self.permit(Message::Begin)?;
        extra.check(version, self.known_utc())?;
        let utc = self.utc;
        self.compose(Message::Begin, None, 1, |out| {
            request::map(out, |fields| extra.write(version, utc, fields))
        })
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// [`UsageError`] if no transaction is open, or if a result is neither ended nor asked for to its end: servers
    /// carry out only what is asked for, so the rest would be lost without a word.
    pub fn commit(&mut self) -> Result<RequestId, UsageError> {
        self.permit(Message::Commit)?;
        if self.ledger.flows.any_open() && !planted!(CommitWithOpenResult) {
            return Err(UsageError::OpenResult);
        }
        let request = self.compose(Message::Commit, None, 0, |_| Ok(()))?;
        self.ledger.close_flows(request);
        Ok(request)
    }

    /// Rolls the transaction back. Open results end with it.
    ///
    /// # Errors
    /// [`UsageError`] if no transaction is open.
    pub fn rollback(&mut self) -> Result<RequestId, UsageError> {
        self.permit(Message::Rollback)?;
        let request = self.compose(Message::Rollback, None, 0, |_| Ok(()))?;
        self.ledger.close_flows(request);
        Ok(request)
    }

    /// Interrupts whatever runs and makes the connection ready again: results end, a transaction is rolled back.
    ///
    /// # Errors
    /// [`UsageError::Overtakes`] while BEGIN, LOGON or LOGOFF is unanswered.
    pub fn reset(&mut self) -> Result<RequestId, UsageError> {
        self.permit(Message::Reset)?;
        let request = self.compose(Message::Reset, None, 0, |_| Ok(()))?;
        self.ledger.close_flows(request);
        Ok(request)
    }

    /// Asks for a routing table (4.3 and later; [`Route`] says what older versions have instead).
    ///
    /// # Errors
    /// [`UsageError`] if a result or a transaction is open, or if the version lacks it.
    pub fn route(&mut self, route: &Route) -> Result<RequestId, UsageError> {
        let version = self.permit(Message::Route)?;
        route.check(version)?;
        self.compose(Message::Route, None, 3, |out| route.write(version, out))
    }

    /// Tells which part of a driver's API is used (5.4 and later). It belongs right before the request that it is
    /// about, in the same write, and only to servers that [want it](crate::Hints::telemetry_enabled).
    ///
    /// # Errors
    /// [`UsageError`] if a result or a transaction is open, or if the version lacks it.
    pub fn telemetry(&mut self, api: Api) -> Result<RequestId, UsageError> {
        self.permit(Message::Telemetry)?;
        self.compose(Message::Telemetry, None, 1, |out| {
            write::integer(out, api.code());
            Ok(())
        })
    }

    /// Tells the server that the client goes. There is no answer: write the bytes and close the socket.
    ///
    /// # Errors
    /// [`UsageError`] before the handshake is done.
    pub fn goodbye(&mut self) -> Result<(), UsageError> {
        self.permit(Message::Goodbye)?;
        self.wire
            .send
            .message(&[&[0xB0, Message::Goodbye.tag()]], MAX_CHUNK);
        self.ledger.set_sent(Base::Defunct);
        Ok(())
    }

    /// Takes back the requests of which no byte has been written, as if they had never been made. Returns the first of
    /// them.
    pub fn unqueue(&mut self) -> Option<RequestId> {
        let (first, position) = self.ledger.unqueue(self.wire.send.written())?;
        self.wire.send.truncate(position);
        Some(first)
    }

    fn page(&mut self, message: Message, result: ResultId, fetch: Fetch) -> Result<RequestId, UsageError> {
        self.permit_now(message)?;
        match self.ledger.flows.open(result) {
            Some(flow) if flow.page_in_flight() => Err(UsageError::PageInFlight { message }),
            _ => self.page_behind(message, result, fetch),
        }
    }

    /// Asks for a page, whatever else of the result is on its way.
    fn page_behind(
        &mut self,
        message: Message,
        result: ResultId,
        fetch: Fetch,
    ) -> Result<RequestId, UsageError> {
        let version = self.permit_now(message)?;
        let newest = self.ledger.is_newest(result);
        let Some(flow) = self.ledger.flows.open(result) else {
            return Err(UsageError::NoSuchResult { message });
        };
        let qid = match (newest, flow.qid) {
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
            Fetch::Rows(0) => return Err(UsageError::NoRows),
            Fetch::Rows(rows) => i64::try_from(rows).unwrap_or(i64::MAX),
        };
        if fetch != Fetch::All && !version.paging {
            return Err(UsageError::unsupported(
                "asking for some of the rows",
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
        self.ledger.ask(result, request, fetch);
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
        let version = self.permit_now(message)?;
        let start = self.queue(message, fields, fill)?;
        let next = self.next_base(version, message);
        let request = self.ledger.push(message, result, start);
        self.ledger.set_sent(next);
        Ok(request)
    }

    /// Puts a message together and queues it whole, or not at all. Returns where in the stream it begins.
    fn queue(
        &mut self,
        message: Message,
        fields: u8,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<u64, EncodeError> {
        self.scratch.clear();
        request::header(&mut self.scratch, message, fields);
        fill(&mut self.scratch)?;
        let start = self.wire.send.end();
        self.wire.send.message(&[&self.scratch], MAX_CHUNK);
        Ok(start)
    }

    /// Composes RUN around the parameters, which are copied once, straight into the send buffer.
    fn queue_run(
        &mut self,
        version: &Capabilities,
        query: &Query,
        extra: &Extra,
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
        let middle = if legacy { &[] } else { parameters.bytes };
        self.wire.send.message(&[head, middle, tail], MAX_CHUNK);
        Ok(start)
    }

    /// Whether date-times travel by their instant; `None` while that is for the server to say.
    fn known_utc(&self) -> Option<bool> {
        let undecided = self.version.is_some_and(|version| version.utc == Utc::Patch)
            && self.ledger.is_unanswered(Message::Hello);
        (!undecided).then_some(self.utc)
    }

    /// Where success leads in the sent view, leaving open results aside.
    fn next_base(&self, version: &Capabilities, message: Message) -> Base {
        let state = self.sent_state();
        match rule(version.version, state, message) {
            Rule::Allowed {
                success: Next::To(next),
                ..
            } => Base::of(next),
            _ => Base::of(state),
        }
    }
}
