//! Requests: judged by the sent view, then queued whole.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::{EncodeError, UsageError};
use crate::event::{RequestId, ResultId};
use crate::message::request;
use crate::message::{Auth, Extra, Hello};
use crate::packstream::write;
use crate::query::Query;
use crate::state::{Message, Next, Rule, ServerState, rule};
use crate::version::{Capabilities, Version};

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
        self.compose(Message::Hello, None, 1, |out| {
            request::map(out, |fields| hello.write(auth, version, fields))
        })
    }

    /// Authenticates (5.1 and later).
    ///
    /// # Errors
    /// [`UsageError`] unless HELLO, or LOGOFF, was the last request.
    pub fn logon(&mut self, auth: &Auth) -> Result<RequestId, UsageError> {
        self.permit(Message::Logon)?;
        self.compose(Message::Logon, None, 1, |out| {
            request::map(out, |fields| auth.write(fields))
        })
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
        query.check().map_err(Clone::clone)?;
        let in_tx = matches!(self.sent_state(), ServerState::TxReady | ServerState::TxStreaming);
        if in_tx && *extra != Extra::default() {
            return Err(UsageError::ExtraInTransaction);
        }
        extra.check(version)?;

        let mut scratch = core::mem::take(&mut self.scratch);
        scratch.clear();
        request::header(&mut scratch, Message::Run, 3);
        let parameters = query.parameters();
        write::string(&mut scratch, query.text())?;
        write::map_header(&mut scratch, parameters.count)?;
        let head = scratch.len();
        request::map(&mut scratch, |fields| extra.write(fields))?;
        let start = self.send.end();
        let (head, tail) = scratch.split_at(head);
        self.send.message(&[head, parameters.bytes, tail]);
        self.scratch = scratch;

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

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`UsageError`] if it is not allowed here, or if a request that could fail is unanswered: behind a failure
    /// servers close the connection on BEGIN.
    pub fn begin(&mut self, extra: &Extra) -> Result<RequestId, UsageError> {
        let version = self.permit(Message::Begin)?;
        extra.check(version)?;
        self.compose(Message::Begin, None, 1, |out| {
            request::map(out, |fields| extra.write(fields))
        })
    }

    /// Commits the transaction.
    ///
    /// # Errors
    /// [`UsageError`] if no transaction is open, or if a result is neither ended nor asked for to its end: servers
    /// carry out only what is asked for, so the rest would be lost without a word.
    pub fn commit(&mut self) -> Result<RequestId, UsageError> {
        self.permit(Message::Commit)?;
        if self.ledger.any_open_flow() {
            return Err(UsageError::OpenResult);
        }
        self.compose(Message::Commit, None, 0, |_| Ok(()))
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

    /// Tells the server that the client goes. There is no answer: write the bytes and close the socket.
    ///
    /// # Errors
    /// [`UsageError`] before the handshake is done.
    pub fn goodbye(&mut self) -> Result<(), UsageError> {
        self.permit(Message::Goodbye)?;
        self.send.message(&[&[0xB0, Message::Goodbye.tag()]]);
        self.ledger.set_sent(Base::Defunct);
        Ok(())
    }

    /// Takes back the requests of which no byte has been written, as if they had never been made.
    pub fn unqueue(&mut self) {
        if let Some(position) = self.ledger.unqueue(self.send.written()) {
            self.send.truncate(position);
        }
    }

    fn page(&mut self, message: Message, result: ResultId, fetch: Fetch) -> Result<RequestId, UsageError> {
        let version = self.permit_now(message)?;
        let newest = self.ledger.is_newest(result);
        let Some(flow) = self.ledger.open_flow_by_id(result) else {
            return Err(UsageError::NoSuchResult { message });
        };
        if flow.page_in_flight() {
            return Err(UsageError::PageInFlight { message });
        }
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
        if fetch != Fetch::All {
            expressible(version, Version::new(4, 0), || {
                "asking for some of the rows".to_string()
            })?;
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
        self.ledger.ask(result, request, fetch == Fetch::All);
        Ok(request)
    }

    /// Whether a request may be queued, by everything that was sent.
    fn permit(&self, message: Message) -> Result<&'static Capabilities, UsageError> {
        let version = self.permit_now(message)?;
        let state = self.sent_state();
        match rule(version.version, state, message) {
            Rule::Allowed { .. } | Rule::Ignored => {}
            Rule::Illegal => return Err(UsageError::Illegal { message, state }),
            Rule::Unknown => {
                return Err(UsageError::Version {
                    what: message.to_string(),
                    needs: message.since(),
                    has: version.version,
                });
            }
        }
        let mut unanswered = self.ledger.unanswered().map(|entry| entry.message);
        match message {
            Message::Begin | Message::Logoff => match unanswered.find(|behind| may_fail_alone(*behind)) {
                Some(behind) => Err(UsageError::Unanswered { message, behind }),
                None => Ok(version),
            },
            Message::Reset => match unanswered.find(|before| must_not_be_overtaken(*before)) {
                Some(unanswered) => Err(UsageError::Overtakes { unanswered }),
                None => Ok(version),
            },
            _ => Ok(version),
        }
    }

    /// Whether any request may be queued at all.
    fn permit_now(&self, message: Message) -> Result<&'static Capabilities, UsageError> {
        if let Some(violation) = &self.over {
            return Err(UsageError::Over(violation.clone()));
        }
        match self.version {
            None => Err(UsageError::NotNegotiated { message }),
            Some(_) if self.sent_state() == ServerState::Defunct => Err(UsageError::Goodbye { message }),
            Some(version) => Ok(version),
        }
    }

    /// Queues a request, which must be permitted. On an error nothing is queued.
    fn compose(
        &mut self,
        message: Message,
        result: Option<ResultId>,
        fields: u8,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<RequestId, UsageError> {
        let version = self.permit_now(message)?;
        let mut scratch = core::mem::take(&mut self.scratch);
        scratch.clear();
        request::header(&mut scratch, message, fields);
        fill(&mut scratch)?;
        let start = self.send.end();
        self.send.message(&[&scratch]);
        self.scratch = scratch;
        let next = self.next_base(version, message);
        let request = self.ledger.push(message, result, start);
        self.ledger.set_sent(next);
        Ok(request)
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

fn expressible(has: &Capabilities, needs: Version, what: impl FnOnce() -> String) -> Result<(), UsageError> {
    if has.version < needs {
        return Err(UsageError::Version {
            what: what(),
            needs,
            has: has.version,
        });
    }
    Ok(())
}

/// A failure of these does not end the connection by itself, and what comes behind must bear it.
const fn may_fail_alone(message: Message) -> bool {
    // TELEMETRY fails only on values that this crate does not send.
    !matches!(
        message,
        Message::Hello | Message::Logon | Message::Reset | Message::Telemetry
    )
}

const fn must_not_be_overtaken(message: Message) -> bool {
    matches!(
        message,
        Message::Hello | Message::Logon | Message::Logoff | Message::Begin
    )
}
