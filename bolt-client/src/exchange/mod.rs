//! Work on one connection: queries, their results, and the end of the work.

pub(crate) mod attempts;
pub(crate) mod context;
mod ending;
mod execute_query;
mod finishing;
mod flight;
mod holder;
mod loading;
mod open_result;
mod pages;
mod reading;
mod results;
mod retry;
mod running;
#[cfg(test)]
mod tests;
mod work;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bolt_proto::{Api, Event, Fetch, Head, Keys, Kind, RequestId, ResultId, ServerError, UsageError};

use crate::address::Address;
use crate::bookmarks::TransactionBookmarks;
use crate::connect::fallout::{self, Circumstances, RetryDecision};
use crate::connect::pool::Lease;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::record::RecordRef;

pub(crate) use execute_query::CommitTime;
pub(crate) use finishing::Rest;
use flight::{Flight, Subject, ended};
pub(crate) use holder::{Dropped, HolderToken};
pub(crate) use loading::Step;
use open_result::OpenResult;
use results::Results;
use work::Work;

/// A unit of work on one connection: an auto-commit query, or a transaction.
///
/// It gives each row to its result, whichever result is being waited for. It requests pages, and applies a failure to
/// the rest of the work. Its methods borrow it, so dropping a future leaves it where it was; what such a future
/// leaves *half done* is noted, and later calls refuse to build on it.
#[expect(unnameable_types, reason = "only hidden methods of sealed traits mention it")]
pub struct Exchange {
    number: u64,
    flight: Flight,
    results: Results,
}

/// Numbers exchanges, so that a cursor is not used on another's connection.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Exchange {
    /// Creates an exchange. Nothing is sent before the first query, or [`begin`](Self::begin).
    pub(crate) fn new(
        lease: Lease,
        work: Arc<Work>,
        api: Option<Api>,
        bookmarks: TransactionBookmarks,
    ) -> Self {
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            flight: Flight::new(lease, work, api, bookmarks),
            results: Results::default(),
        }
    }

    /// Returns the number that identifies it.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Returns its state when an error ended it.
    pub(crate) fn circumstances(&self) -> Circumstances {
        self.flight.state.circumstances()
    }

    /// Returns the server that the work was on, if it is one of a cluster.
    pub(crate) const fn server(&self) -> Option<&Arc<Address>> {
        self.flight.state.server()
    }

    /// Returns the part of the API of which a server still has to be informed when the work is retried.
    pub(crate) const fn pending_telemetry(&self) -> Option<Api> {
        self.flight.state.pending_telemetry()
    }

    /// Returns whether this error, the first of the work, only means that the connection had died while it was idle, and
    /// another can replace it: nothing was answered, nothing can have been committed, and no queued query would be
    /// missing.
    pub(crate) fn can_be_moved(&self, error: &Error) -> bool {
        if planted!(HalfATransaction) {
            return error.kind() == ErrorKind::ConnectionLost;
        }
        let stale = fallout::retry_decision(error, self.circumstances()) == RetryDecision::AtOnce;
        stale && !self.flight.state.is_incomplete() && self.results.is_empty()
    }

    /// Continues on another connection.
    pub(crate) fn move_to(&mut self, lease: Lease, api: Option<Api>) {
        self.results.clear();
        self.flight.move_to(lease, api);
    }

    /// Gives the connection back.
    pub(crate) fn give_back(&mut self) {
        self.flight.give_back();
    }

    /// Ends the work with this error, since there is no replacement for its connection.
    pub(crate) fn fail(&mut self, error: Error) {
        self.flight.state.fail_for_good(error);
    }

    /// Returns what failed, if anything did: what the server reported, or the end of the connection.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.flight.state.failure()
    }

    /// Returns the columns of a result.
    pub(crate) fn keys(&self, id: ResultId) -> Option<&Keys> {
        self.results.get(id).map(|result| &result.keys)
    }

    /// Returns whether nothing more of a result will arrive.
    pub(crate) fn has_ended(&self, id: ResultId) -> bool {
        self.results.get(id).is_none_or(OpenResult::has_ended)
    }

    /// Returns the result that has not ended, of an auto-commit query that still has its connection.
    pub(crate) fn unread(&self) -> Option<ResultId> {
        let unread = self.results.first().filter(|result| !result.has_ended());
        unread
            .filter(|_| self.flight.lease().is_some())
            .map(|result| result.id)
    }

    fn is_transaction(&self) -> bool {
        self.flight.state.work().is_transaction()
    }

    /// Waits for one event, and applies it to its result.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    fn advance(&mut self, by: Deadline) -> impl Future<Output = Result<Head, Error>> + Send {
        async move {
            let head = self.flight.head(by).await?;
            self.take(head);
            Ok(head)
        }
    }

    fn take(&mut self, head: Head) {
        match head.kind {
            Kind::Record => self.take_row(head.result),
            Kind::Success => self.take_success(head),
            _ => self.take_failure(head),
        }
        if head.kind != Kind::Record {
            self.after_event(head.result);
        }
    }

    fn take_row(&mut self, result: Option<ResultId>) {
        let Some((event, state)) = self.flight.event() else {
            return;
        };
        state.note_answer();
        let result = result.and_then(|id| self.results.get_mut(id));
        if let (Event::Record(row), Some(result)) = (event, result) {
            result.keep(RecordRef::new(row));
        }
    }

    fn take_success(&mut self, head: Head) {
        let keys = self.keys_of_answer(head);
        // Of the answers to requests about a result, all but the answer to RUN may end it.
        let ends = head.result.is_some() && keys.is_none();
        let lease = self.flight.lease().filter(|_| ends);
        let info = lease.and_then(|lease| lease.info().cloned());
        let assumed = self.flight.assumed_home();
        let Some((Event::Success(metadata), state)) = self.flight.event() else {
            return;
        };
        state.note_answer();
        let answer = metadata.highlights();
        if let Some(bookmark) = answer.bookmark {
            state.committed(bookmark);
        }
        state.succeeded(head.request);
        let home = state.home_in(head.request, keys.is_some(), answer.database, assumed);
        if let Some(id) = head.result {
            self.results.update(id, |result| match (keys, info) {
                (Some(keys), _) => result.start(answer.available_after, keys),
                _ if answer.has_more => result.page_ended(),
                (None, Some(info)) => result.end(info, metadata, &answer),
                _ => {}
            });
        }
        if let Some(home) = home {
            self.flight.note_home(&home);
        }
    }

    /// Returns the columns of a result, if this answers its RUN. A server may leave them out.
    fn keys_of_answer(&self, head: Head) -> Option<Option<Keys>> {
        let result = self.results.get(head.result?)?;
        let lease = self.flight.lease().filter(|_| head.request == Some(result.run))?;
        Some(lease.proto.keys(result.id).cloned())
    }

    fn take_failure(&mut self, head: Head) {
        let of = self.subject_of(head);
        let Some((event, state)) = self.flight.event() else {
            return;
        };
        state.note_answer();
        let change = match event {
            Event::Failure(error) => {
                self.take_error(head.request, of, error);
                OpenResult::fail
            }
            _ => OpenResult::ignore,
        };
        if let Some(id) = head.result {
            self.results.update(id, change);
        }
    }

    fn take_error(&mut self, request: Option<RequestId>, of: Subject, error: ServerError) {
        let flight = &mut self.flight;
        let new_credentials = flight.credentials_rejected(&error);
        let reported = flight.state.failed(request, of, error, new_credentials);
        flight.report(reported);
    }

    fn subject_of(&self, head: Head) -> Subject {
        match head.result {
            None => Subject::Other,
            Some(id) => match self.results.get(id) {
                Some(result) if head.request == Some(result.run) => Subject::Run,
                _ => Subject::Rows,
            },
        }
    }

    /// Does what an event about this result allows, without waiting: gives the connection back, or skips unwanted
    /// rows.
    fn after_event(&mut self, result: Option<ResultId>) {
        if !self.is_transaction() {
            if !self.results.any_open() {
                self.flight.give_back();
            }
            return;
        }
        if let Some(id) = result {
            self.skip_if_unwanted(id);
        }
        self.skip_dropped();
    }

    /// Skips the results whose cursors were dropped.
    fn skip_dropped(&mut self) {
        if !self.results.any_dropped() {
            return;
        }
        for id in self.results.take_dropped() {
            self.mark_unwanted(id);
        }
    }

    /// Notes that the result has no holder any more.
    fn mark_unwanted(&mut self, id: ResultId) {
        if self.results.mark_unwanted(id) {
            self.skip_if_unwanted(id);
        }
    }

    /// Discards the rest of a result that has no holder, as soon as the server may be asked to. DISCARD leaves with
    /// the next request.
    fn skip_if_unwanted(&mut self, id: ResultId) {
        let unwanted = self.results.get(id).is_some_and(|result| !result.is_wanted());
        if let Some(lease) = self.flight.lease_if_held() {
            if unwanted && lease.proto.has_more(id) {
                // The conditions of a refusal were checked just before.
                let _queued = lease.proto.discard(id, Fetch::All);
            }
        }
    }

    /// Converts the refusal of a request. A failure that the server reported before the connection ended is the more
    /// precise error.
    fn refused(&mut self, error: UsageError) -> Error {
        if matches!(error, UsageError::Ended(_)) {
            while let Some(head) = self
                .flight
                .lease_if_held()
                .and_then(|lease| lease.event_arrived())
            {
                self.take(head);
            }
        }
        self.flight.refusal(error)
    }

    /// Converts the loss of the connection, or a timeout, for an auto-commit query, which ends with it. Under write
    /// access only the server knows whether a query that has left was carried out: then the commit is unknown.
    fn classify_lost_answer(&mut self, error: Error) -> Error {
        if self.is_transaction() {
            return error;
        }
        let error = self.end_auto_commit(error);
        self.flight.state.end_with(error.clone());
        error
    }

    /// Ends an auto-commit query with this error. Returns the error that its caller gets.
    fn end_auto_commit(&mut self, error: Error) -> Error {
        let run = self.results.first().map(|result| result.run);
        let has_left = run.is_some_and(|run| !self.took_back(run));
        self.flight.give_back();
        if error.loses_the_answer() && has_left && self.flight.state.work().writes() {
            Error::unknown_commit(error)
        } else {
            error
        }
    }

    /// Takes back the requests of which no byte has left. Returns the first of them. BEGIN may be among them, or a
    /// request for rows of a query that has left: such rows are requested again as soon as they are waited for.
    /// Queries among them are missing from then on, except `known`: the caller of that query learns that it was not
    /// sent.
    fn take_back(&mut self, known: Option<RequestId>) -> Option<RequestId> {
        let first = self.flight.lease_if_held()?.unqueue()?;
        self.flight.state.took_back(first);
        let gone = self.results.take_back(first);
        if gone.into_iter().any(|run| Some(run) != known) {
            self.flight.state.note_lost_queries();
        }
        Some(first)
    }

    /// Takes back what is possible. Returns whether this request is among that.
    fn took_back(&mut self, request: RequestId) -> bool {
        self.take_back(Some(request))
            .is_some_and(|first| first <= request)
    }

    /// Takes back unsent requests after a failure: the server would ignore them.
    fn take_back_unsent(&mut self) {
        if self.failure().is_some() && !planted!(PullAfterFailure) {
            self.take_back(None);
        }
    }

    /// Waits for the answer to a request that is not about a result.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    fn answer(&mut self, request: RequestId, by: Deadline) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            loop {
                let head = self.advance(by).await?;
                if head.request == Some(request) && head.kind != Kind::Record {
                    let state = &mut self.flight.state;
                    return match head.kind {
                        Kind::Failure => Err(state.own_failure().unwrap_or_else(ended)),
                        Kind::Ignored => Err(state.report_failure().unwrap_or_else(ignored)),
                        _ => Ok(()),
                    };
                }
            }
        }
    }
}

impl Drop for Exchange {
    /// A call that was cut off has given the connection back before. What can be left is a result that was not read.
    fn drop(&mut self) {
        if !self.is_transaction() {
            if let Some(id) = self.unread() {
                self.forget(id);
            }
        }
    }
}

/// Shows the progress of the work, and nothing of its queries and rows.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("results", &self.results)
            .field("failure", &self.failure())
            .finish_non_exhaustive()
    }
}

/// The error of a server that answers IGNORED although nothing has failed.
fn ignored() -> Error {
    Error::misuse("the server ignored a request without a reason")
}
