//! Work on one connection: queries, their results, and how it ends.

pub(crate) mod attempts;
mod ending;
mod execute;
mod finishing;
mod flight;
mod holder;
mod open_result;
pub(crate) mod origin;
mod pages;
mod reading;
mod results;
mod retry;
mod running;
#[cfg(test)]
mod tests;
mod work;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bolt_proto::{Api, Connection, Event, Fetch, Head, Keys, Kind, RequestId, ResultId, UsageError};

use crate::bookmarks::TransactionBookmarks;
use crate::connect::fallout::{self, Circumstances, Repeat};
use crate::connect::pool::Lease;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};

pub(crate) use finishing::Rest;
use flight::{Flight, Part, ended};
pub(crate) use holder::{Dropped, HolderToken};
use open_result::OpenResult;
use results::Results;
use work::Work;

/// One unit of work on one connection: an auto-commit query, or a transaction.
///
/// It gives each row to the result that it belongs to, whichever is being waited for; it asks for pages; it knows what a
/// failure means for the rest. Its methods borrow it, so a future that is dropped leaves it where it was; what such a
/// future leaves *half done* is remembered, and refused to be built upon.
pub struct Exchange {
    number: u64,
    flight: Flight,
    results: Results,
}

/// Numbers exchanges, so that a cursor is not used on another's connection.
static NUMBERS: AtomicU64 = AtomicU64::new(0);

impl Exchange {
    /// Nothing is sent before the first query, or [`begin`](Self::begin).
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

    /// Its own name.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// What had happened to it when an error ended it.
    pub(crate) fn circumstances(&self) -> Circumstances {
        self.flight.course.circumstances()
    }

    /// The part of the API that a server still has to be informed of when the work begins again.
    pub(crate) const fn unreported_api(&self) -> Option<Api> {
        self.flight.course.unreported_api()
    }

    /// Whether this error, the first that anything met, only says that the connection had died of age, and another can
    /// carry on: nothing was answered, nothing can have been committed, and no query that was queued would be missing.
    pub(crate) fn can_be_moved(&self, error: &Error) -> bool {
        if planted!(HalfATransaction) {
            return error.kind() == ErrorKind::ConnectionLost;
        }
        let stale = fallout::repeat(error, self.circumstances()) == Repeat::AtOnce;
        stale && !self.flight.course.is_incomplete() && self.results.is_empty()
    }

    /// Carries on with another connection.
    pub(crate) fn move_to(&mut self, lease: Lease, api: Option<Api>) {
        self.results.clear();
        self.flight.move_to(lease, api);
    }

    /// Gives the connection back.
    pub(crate) fn land(&mut self) {
        self.flight.land();
    }

    /// There is no connection that could take over.
    pub(crate) fn fail(&mut self, error: Error) {
        self.flight.course.fail_for_good(error);
    }

    /// What went wrong with this work, if anything: what the server reported, or the end of the connection.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.flight.course.failure()
    }

    /// The columns of a result.
    pub(crate) fn keys(&self, id: ResultId) -> Option<&Keys> {
        self.results.get(id).map(|result| &result.keys)
    }

    /// Whether there is nothing to come of a result any more.
    pub(crate) fn has_ended(&self, id: ResultId) -> bool {
        self.results.get(id).is_none_or(OpenResult::has_ended)
    }

    /// The result that has not ended, of an auto-commit query that still has its connection.
    pub(crate) fn unread(&self) -> Option<ResultId> {
        let unread = self.results.first().filter(|result| !result.has_ended());
        unread
            .filter(|_| self.flight.lease().is_some())
            .map(|result| result.id)
    }

    fn is_transaction(&self) -> bool {
        self.flight.course.work().is_transaction()
    }

    /// Takes one event in, for the result that it belongs to.
    async fn advance(&mut self, by: Deadline) -> Result<Head, Error> {
        let head = self.flight.head(by).await?;
        self.take(head);
        Ok(head)
    }

    fn take(&mut self, head: Head) {
        match head.kind {
            Kind::Record => self.take_row(head.result),
            Kind::Success => self.take_success(head),
            _ => self.take_failure(head),
        }
        if head.kind != Kind::Record {
            self.tidy(head.result);
        }
    }

    fn take_row(&mut self, result: Option<ResultId>) {
        let Some((event, course)) = self.flight.event() else {
            return;
        };
        course.note_answer();
        let result = result.and_then(|id| self.results.get_mut(id));
        if let (Event::Record(row), Some(result)) = (event, result) {
            result.keep(row);
        }
    }

    fn take_success(&mut self, head: Head) {
        let keys = self.keys_of_answer(head);
        // Of the answers to requests about a result, all but that to RUN may end it.
        let ends = head.result.is_some() && keys.is_none();
        let lease = self.flight.lease().filter(|_| ends);
        let info = lease.and_then(|lease| lease.info().cloned());
        let Some((Event::Success(metadata), course)) = self.flight.event() else {
            return;
        };
        course.note_answer();
        course.succeeded(head.request, metadata);
        let Some(id) = head.result else { return };
        self.results.update(id, |result| match (keys, info) {
            (Some(keys), _) => result.start(metadata, keys),
            _ if metadata.has_more() => result.page_ended(),
            (None, Some(info)) => result.end(info, metadata),
            _ => {}
        });
    }

    /// The columns of a result, if this answers its RUN.
    fn keys_of_answer(&self, head: Head) -> Option<Keys> {
        let result = self.results.get(head.result?)?;
        let lease = self.flight.lease().filter(|_| head.request == Some(result.run))?;
        Some(lease.proto.keys(result.id).cloned().unwrap_or_default())
    }

    fn take_failure(&mut self, head: Head) {
        let of = self.part_of(head);
        let Some((event, course)) = self.flight.event() else {
            return;
        };
        course.note_answer();
        let change = match event {
            Event::Failure(error) => {
                if course.failed(head.request, of, error).invalidates_logins {
                    self.flight.invalidate_logins();
                }
                OpenResult::fail
            }
            _ => OpenResult::ignore,
        };
        if let Some(id) = head.result {
            self.results.update(id, change);
        }
    }

    fn part_of(&self, head: Head) -> Part {
        match head.result {
            None => Part::Other,
            Some(id) => match self.results.get(id) {
                Some(result) if head.request == Some(result.run) => Part::Run,
                _ => Part::Rows,
            },
        }
    }

    /// What follows from an event about this result for callers that wait for nothing.
    fn tidy(&mut self, result: Option<ResultId>) {
        if !self.is_transaction() {
            if !self.results.any_open() {
                self.flight.land();
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
            self.disown(id);
        }
    }

    /// Nobody holds the result any more.
    fn disown(&mut self, id: ResultId) {
        if self.results.disown(id) {
            self.skip_if_unwanted(id);
        }
    }

    /// The rest of a result that has no holder is discarded as soon as the server may be asked to; that leaves with the
    /// next request.
    fn skip_if_unwanted(&mut self, id: ResultId) {
        let unwanted = self.results.get(id).is_some_and(|result| !result.is_wanted());
        if let Some(lease) = self.flight.lease_if_held() {
            if unwanted && lease.proto.has_more(id) {
                // What could be refused here has been asked just before.
                let _queued = lease.proto.discard(id, Fetch::All);
            }
        }
    }

    /// Why a request was refused. What the server said before it went says more than that it went.
    fn refused(&mut self, error: UsageError) -> Error {
        if matches!(error, UsageError::Over(_)) {
            while let Some(Ok(Some(head))) = self.flight.proto_mut().map(Connection::has_event) {
                self.take(head);
            }
        }
        self.flight.refusal(error)
    }

    /// What the loss of the connection, or of patience, means for an auto-commit query, which ends with it: under write
    /// access the server alone knows whether a query that has left was carried out.
    fn blame(&mut self, error: Error) -> Error {
        if self.is_transaction() {
            return error;
        }
        let error = self.end_by(error);
        self.flight.course.lose(error.clone());
        error
    }

    /// An auto-commit query ends by this. Returns what that means for it.
    fn end_by(&mut self, error: Error) -> Error {
        let run = self.results.first().map(|result| result.run);
        let has_left = run.is_some_and(|run| !self.took_back(run));
        self.flight.land();
        if error.loses_the_answer() && has_left && self.flight.course.work().writes() {
            Error::unknown_commit(error)
        } else {
            error
        }
    }

    /// Takes back the requests of which no byte has left. Returns the first of them. BEGIN may be among them, or the wish for
    /// rows of a query that has left: then that is asked for again as soon as they are waited for. Queries among them are
    /// missing from then on, but for this one, whose caller learns that it was not sent.
    fn take_back(&mut self, known: Option<RequestId>) -> Option<RequestId> {
        let first = self.flight.lease_if_held()?.proto.unqueue()?;
        self.flight.course.took_back(first);
        let gone = self.results.take_back(first);
        if gone.into_iter().any(|run| Some(run) != known) {
            self.flight.course.lose_queries();
        }
        Some(first)
    }

    /// Takes back what can be; whether this request is among it.
    fn took_back(&mut self, request: RequestId) -> bool {
        self.take_back(Some(request))
            .is_some_and(|first| first <= request)
    }

    /// After a failure nothing is carried out any more: what was queued need not even be sent.
    fn give_up_unsent(&mut self) {
        if self.failure().is_some() && !planted!(PullAfterFailure) {
            self.take_back(None);
        }
    }

    /// Waits for the answer to a request that is about no result.
    async fn answer(&mut self, request: RequestId, by: Deadline) -> Result<(), Error> {
        loop {
            let head = self.advance(by).await?;
            if head.request == Some(request) && head.kind != Kind::Record {
                let course = &mut self.flight.course;
                return match head.kind {
                    Kind::Failure => Err(course.own_failure().unwrap_or_else(ended)),
                    Kind::Ignored => Err(course.report_failure().unwrap_or_else(ignored)),
                    _ => Ok(()),
                };
            }
        }
    }
}

impl Drop for Exchange {
    /// A call that was cut off has given the connection back before. What is left is a result that is not read.
    fn drop(&mut self) {
        if !self.is_transaction() {
            if let Some(id) = self.unread() {
                self.forget(id);
            }
        }
    }
}

/// Shows how far the work has got, and nothing of its queries and rows.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("results", &self.results)
            .field("failure", &self.failure())
            .finish_non_exhaustive()
    }
}

/// A server that answers IGNORED although nothing has failed.
fn ignored() -> Error {
    Error::misuse("the server ignored a request without a reason")
}
