//! Work on one connection: queries, their results, and how it ends.

pub(crate) mod attempts;
mod ending;
mod finishing;
mod open_result;
mod reading;
pub(crate) mod retry;
mod running;
pub(crate) mod settings;
mod whole;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bolt_proto::{Access, Api, Event, Extra, Fetch, Head, Keys, Kind, RequestId, ResultId};

use crate::bookmarks::Receipt;
use crate::connect::pool::Lease;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::summary::Summary;

pub(crate) use finishing::Rest;
pub(crate) use open_result::Holder;
use open_result::OpenResult;

/// A connection on loan and what is under way on it: an auto-commit query, or a transaction.
///
/// It gives each row to the result that it belongs to, whoever waits at the moment; it asks for pages; it knows what a
/// failure means for the rest. Its methods borrow it, so a future that is dropped leaves it where it was; what such a
/// future leaves *half done* is remembered, and refused to be built upon.
#[derive(Debug)]
pub struct Exchange {
    number: u64,
    /// Given back as soon as the work is done.
    lease: Option<Lease>,
    /// The connection served others before, or was opened for them.
    reused: bool,
    work: Work,
    page: Fetch,
    receipt: Receipt,
    /// Which part of the API is at work, until it was told to a server that wants to know.
    api: Option<Api>,
    /// TELEMETRY, once queued.
    telling: Option<RequestId>,
    /// Those that somebody holds, and those that are being skipped.
    results: Vec<OpenResult>,
    /// Something has been answered: from here on another connection cannot simply take over.
    answered: bool,
    /// A RUN failed, and not what came before it or behind it.
    refused: bool,
    /// What the server reported first, or how the connection ended. The rest of a transaction is lost with it.
    failure: Option<Error>,
    /// A query of the transaction whose future was dropped while it ran.
    abandoned: Option<String>,
    /// Queries that had been queued were taken back with another that was given up.
    incomplete: bool,
}

/// What the work is, and how it is begun.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) access: Access,
    /// The options of BEGIN, or of an auto-commit RUN.
    pub(crate) extra: Extra,
    pub(crate) page: Fetch,
    pub(crate) receipt: Receipt,
    pub(crate) api: Option<Api>,
}

#[derive(Debug)]
struct Work {
    kind: WorkKind,
    access: Access,
    extra: Extra,
    /// The BEGIN of a transaction, once queued.
    begin: Option<RequestId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkKind {
    /// One query that is its own transaction.
    AutoCommit,
    Transaction,
}

/// The server has forgotten what the user may do, and looks it up when the user logs in: on each connection.
const AUTHORIZATION_EXPIRED: &str = "Neo.ClientError.Security.AuthorizationExpired";

/// Numbers exchanges, so that a cursor is not used on another's connection.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Exchange {
    /// For one query that is its own transaction.
    pub(crate) fn auto_commit(lease: Lease, start: Start) -> Self {
        Self::new(lease, WorkKind::AutoCommit, start)
    }

    /// For a transaction. Nothing is sent before its first query, or [`begin`](Self::begin).
    pub(crate) fn transaction(lease: Lease, start: Start) -> Self {
        Self::new(lease, WorkKind::Transaction, start)
    }

    fn new(mut lease: Lease, kind: WorkKind, start: Start) -> Self {
        let wants_telemetry = lease.info().is_some_and(|info| info.hints().telemetry_enabled);
        lease.set_receipt(start.receipt.clone());
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            reused: lease.is_reused(),
            lease: Some(lease),
            work: Work {
                kind,
                access: start.access,
                extra: start.extra,
                begin: None,
            },
            page: start.page,
            receipt: start.receipt,
            api: start.api.filter(|_| wants_telemetry),
            telling: None,
            results: Vec::new(),
            answered: false,
            refused: false,
            failure: None,
            abandoned: None,
            incomplete: false,
        }
    }

    /// Carries on with another connection, after the one it had was lost before anything was answered.
    pub(crate) fn take_over(&mut self, lease: Lease) {
        let start = Start {
            access: self.work.access,
            extra: self.work.extra.clone(),
            page: self.page,
            receipt: self.receipt.clone(),
            api: self.api,
        };
        *self = Self::new(lease, self.work.kind, start);
    }

    /// Whether this error, the first that anything met, only says that the connection had died of age: nothing has
    /// been answered on it, and nothing can have been committed.
    pub(crate) fn may_be_taken_over(&self, error: &Error) -> bool {
        if planted!(HalfATransaction) {
            return error.kind() == ErrorKind::ConnectionLost;
        }
        // Queries that were queued before would be missing there.
        self.was_stale(error) && self.results.is_empty() && !self.incomplete
    }

    /// The same, of work that is begun anew from its beginning.
    pub(crate) fn was_stale(&self, error: &Error) -> bool {
        let untouched = self.reused && !self.answered && !planted!(DeadConnectionReported);
        untouched && error.kind() == ErrorKind::ConnectionLost
    }

    /// Whether the query itself was what failed: it had not begun.
    pub(crate) const fn was_refused(&self) -> bool {
        self.refused
    }

    /// Gives the connection back.
    pub(crate) fn let_go(&mut self) {
        self.lease = None;
    }

    /// There is no connection that could take over.
    pub(crate) fn fail(&mut self, error: Error) {
        self.reused = false;
        self.failure = Some(error);
    }

    /// Its own name.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// The columns of a result.
    pub(crate) fn keys(&self, id: ResultId) -> Option<&Keys> {
        self.result(id).map(|result| &result.keys)
    }

    /// The summary of a result that has ended.
    pub(crate) fn take_summary(&mut self, id: ResultId) -> Option<Summary> {
        self.result_mut(id)?.summary.take()
    }

    /// Whether there is nothing to come of a result any more.
    pub(crate) fn has_ended(&self, id: ResultId) -> bool {
        self.result(id).is_none_or(OpenResult::has_ended)
    }

    /// What went wrong with this work, if anything: what the server reported, or the end of the connection.
    pub(crate) const fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// What a server still has to be told of [the API](Start::api) when the work is done again.
    pub(crate) const fn untold(&self) -> Option<Api> {
        self.api
    }

    /// Takes one event in, to whomever it belongs.
    async fn advance(&mut self, by: Deadline) -> Result<Head, Error> {
        let head = self.head(by).await?;
        self.take(head);
        Ok(head)
    }

    /// The next event's head. What ends the connection ends the work; but what the server said before it went tells more
    /// than that it went.
    async fn head(&mut self, by: Deadline) -> Result<Head, Error> {
        if let Some(failure) = self.failure.clone() {
            // Results that were to be continued never will be: nothing more is asked for once something has failed.
            let proto = &mut self.lease_mut()?.proto;
            if proto.awaited().is_none() && matches!(proto.has_event(), Ok(None)) {
                return Err(failure);
            }
        }
        let error = match self.lease_mut()?.head(by).await {
            Ok(head) => return Ok(head),
            Err(error) => error,
        };
        if matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::Protocol) {
            self.failure.get_or_insert_with(|| error.clone());
        }
        Err(self.failure.clone().unwrap_or(error))
    }

    fn take(&mut self, head: Head) {
        let Some(lease) = &mut self.lease else { return };
        self.answered = true;
        let info = lease.info().cloned();
        let result = head
            .result
            .and_then(|id| self.results.iter_mut().find(|result| result.id == id));
        match (lease.event(), result) {
            (Some(Event::Record(row)), Some(result)) => result.keep(row),
            (Some(Event::Success(metadata)), result) => {
                if let Some(bookmark) = metadata.bookmark().filter(|_| !planted!(BookmarkDropped)) {
                    self.receipt.committed(bookmark);
                }
                if head.request == self.telling {
                    self.api = None;
                }
                match (result, info) {
                    (Some(result), _) if head.request == Some(result.run) => {
                        result.start(metadata);
                        result.keys = lease.proto.keys(result.id).cloned().unwrap_or_default();
                    }
                    (Some(result), _) if metadata.has_more() => result.page_ended(),
                    (Some(result), Some(info)) => result.end(info, metadata),
                    _ => {}
                }
            }
            (Some(Event::Failure(error)), result) => {
                if error.code() == AUTHORIZATION_EXPIRED {
                    lease.log_in_anew();
                }
                self.failure.get_or_insert_with(|| error.into());
                if let Some(result) = result {
                    self.refused = head.request == Some(result.run);
                    result.fail();
                }
            }
            (Some(Event::Ignored), Some(result)) => result.fail(),
            _ => {}
        }
        self.tidy();
    }

    /// What follows from an event for those who wait for nothing.
    fn tidy(&mut self) {
        match self.work.kind {
            WorkKind::AutoCommit if self.results.iter().all(OpenResult::has_ended) => self.lease = None,
            WorkKind::AutoCommit => {}
            WorkKind::Transaction => self.skip_unwanted(),
        }
    }

    /// The rest of results that nobody wants is discarded as soon as the server may be told; it leaves with the next
    /// request.
    fn skip_unwanted(&mut self) {
        let Some(lease) = &mut self.lease else { return };
        for result in self.results.iter_mut().filter(|result| !result.is_wanted()) {
            drop(result.take_all_kept());
            if lease.proto.has_more(result.id) {
                // What could be refused here has been asked just before.
                let _queued = lease.proto.discard(result.id, Fetch::All);
            }
        }
        self.results
            .retain(|result| result.is_wanted() || !result.has_ended());
    }

    fn check_usable(&self) -> Result<(), Error> {
        match (&self.failure, &self.abandoned) {
            (Some(failure), _) if !planted!(PullAfterFailure) => Err(failure.clone()),
            (_, Some(query)) => Err(Error::abandoned(query)),
            _ => Ok(()),
        }
    }

    /// Why there is nothing of a result any more: its query was taken back, or an error ended everything.
    fn gone(&self) -> Error {
        self.check_usable().err().unwrap_or_else(ended)
    }

    /// What the loss of the connection, or of patience, means: under write access nobody knows whether an
    /// auto-commit query that has left was carried out.
    fn blame(&mut self, error: Error) -> Error {
        if self.work.kind == WorkKind::Transaction {
            return error;
        }
        let run = self.results.first().map(|result| result.run);
        let has_left = run.is_some_and(|run| !self.took_back(run));
        self.lease = None;
        if error.loses_the_answer() && has_left && self.work.access == Access::Write {
            Error::unknown_commit(error)
        } else {
            error
        }
    }

    /// Takes back the requests of which no byte has left, and returns the first of them. BEGIN may be among them, or the
    /// wish for rows of a query that has left: then that is asked for again as soon as they are waited for.
    fn take_back(&mut self) -> Option<RequestId> {
        let first = self.lease.as_mut()?.proto.unqueue()?;
        let left = |request: &RequestId| *request < first;
        self.work.begin = self.work.begin.filter(left);
        self.telling = self.telling.filter(left);
        for result in &mut self.results {
            result.take_back(first);
        }
        Some(first)
    }

    /// Behind a failure nothing is carried out any more: what was queued need not even be sent.
    fn give_up_unsent(&mut self) {
        if self.failure.is_some() && !planted!(PullAfterFailure) {
            self.take_back();
        }
    }

    /// Takes back what can be; whether this request is among it.
    fn took_back(&mut self, request: RequestId) -> bool {
        self.take_back().is_some_and(|first| first <= request)
    }

    /// Waits for the answer to a request that is about no result.
    async fn answer(&mut self, request: RequestId, by: Deadline) -> Result<(), Error> {
        loop {
            let head = self.advance(by).await?;
            if head.request == Some(request) && head.kind != Kind::Record {
                return match (&self.failure, head.kind) {
                    (Some(failure), Kind::Failure | Kind::Ignored) => Err(failure.clone()),
                    (None, Kind::Ignored) => {
                        Err(Error::misuse("the server ignored a request without a reason"))
                    }
                    _ => Ok(()),
                };
            }
        }
    }

    fn lease_mut(&mut self) -> Result<&mut Lease, Error> {
        self.lease.as_mut().ok_or_else(ended)
    }

    fn result(&self, id: ResultId) -> Option<&OpenResult> {
        self.results.iter().find(|result| result.id == id)
    }

    fn result_mut(&mut self, id: ResultId) -> Option<&mut OpenResult> {
        self.results.iter_mut().find(|result| result.id == id)
    }
}

impl Drop for Exchange {
    /// Whoever was cut off has given the connection back before. What is left is a result that nobody reads.
    fn drop(&mut self) {
        if let (WorkKind::AutoCommit, Some(id)) = (self.work.kind, self.unread()) {
            self.forget(id);
        }
    }
}

fn ended() -> Error {
    Error::misuse("there is nothing left to read: an earlier error ended the work on the connection")
}

/// A token that says that somebody still wants a result.
pub(crate) type Interest = Arc<()>;
