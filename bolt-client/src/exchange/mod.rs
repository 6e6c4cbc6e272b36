//! Work on one connection: queries, their results, and how it ends.

mod ending;
mod open_result;
mod reading;

use std::mem;

use bolt_proto::{Access, Event, Extra, Fetch, Head, Keys, Kind, Query, RequestId, ResultId, ServerError};

use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::pool::Lease;
use crate::summary::Summary;

use open_result::OpenResult;
pub(crate) use reading::Rest;

/// A connection on loan and what is under way on it: an auto-commit query, or a transaction.
///
/// It gives each row to the result that it belongs to, whoever waits at the moment; it asks for pages; it knows what a
/// failure means for the rest. Its methods borrow it, so a future that is dropped leaves it where it was; what such a
/// future leaves *half done* is remembered, and refused to be built upon.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Given back as soon as the work is done.
    lease: Option<Lease>,
    /// The connection served others before.
    reused: bool,
    work: Work,
    page: Fetch,
    /// Those that somebody holds, and those that are being skipped.
    results: Vec<OpenResult>,
    /// Something has been answered: from here on another connection cannot simply take over.
    answered: bool,
    /// What the server reported first. The rest of a transaction is lost with it.
    failure: Option<ServerError>,
    /// A query of the transaction whose future was dropped while it ran.
    abandoned: Option<String>,
}

#[derive(Debug)]
enum Work {
    AutoCommit(Access),
    Transaction {
        access: Access,
        extra: Box<Extra>,
        /// The BEGIN, once queued.
        begin: Option<RequestId>,
    },
}

impl Exchange {
    /// For one query that is its own transaction.
    pub(crate) fn auto_commit(lease: Lease, access: Access, page: Fetch) -> Self {
        Self::new(lease, Work::AutoCommit(access), page)
    }

    /// For a transaction. Nothing is sent before its first query, or [`begin`](Self::begin).
    pub(crate) fn transaction(lease: Lease, access: Access, extra: Extra, page: Fetch) -> Self {
        let work = Work::Transaction {
            access,
            extra: Box::new(extra),
            begin: None,
        };
        Self::new(lease, work, page)
    }

    fn new(lease: Lease, work: Work, page: Fetch) -> Self {
        Self {
            reused: lease.is_reused(),
            lease: Some(lease),
            work,
            page,
            results: Vec::new(),
            answered: false,
            failure: None,
            abandoned: None,
        }
    }

    /// Carries on with another connection, after the one it had was lost before anything was answered.
    pub(crate) fn take_over(&mut self, lease: Lease) {
        let work = mem::replace(&mut self.work, Work::AutoCommit(Access::Read));
        let work = match work {
            Work::Transaction { access, extra, .. } => Work::Transaction {
                access,
                extra,
                begin: None,
            },
            work @ Work::AutoCommit(_) => work,
        };
        *self = Self::new(lease, work, self.page);
    }

    /// Whether this error, the first that anything met, only says that the connection had died of age: nothing has
    /// been answered on it, and nothing can have been committed.
    pub(crate) fn may_be_taken_over(&self, error: &Error) -> bool {
        self.reused && !self.answered && error.kind() == ErrorKind::ConnectionLost
    }

    /// Begins the transaction now, and waits for the server to have done so.
    pub(crate) async fn begin(&mut self, by: Deadline) -> Result<(), Error> {
        self.queue_begin()?;
        let Work::Transaction {
            begin: Some(begin), ..
        } = self.work
        else {
            return Ok(());
        };
        self.answer(begin, by).await.map(drop)
    }

    /// Runs a query and waits until the server has accepted it; if it has no columns, until it has been carried out.
    /// A first page of rows is asked for in the same write.
    pub(crate) async fn run(
        &mut self,
        query: &Query,
        extra: &Extra,
        by: Deadline,
    ) -> Result<ResultId, Error> {
        self.check_usable()?;
        self.queue_begin()?;
        let page = self.first_page()?;
        let proto = &mut self.lease_mut()?.proto;
        let (run, id) = proto.run(query, extra)?;
        if let Err(error) = proto.pull(id, page) {
            self.take_back();
            return Err(error.into());
        }
        self.results.push(OpenResult::new(id, run, query.text(), page));
        let mut running = Running {
            exchange: self,
            run,
            done: false,
        };
        let outcome = running.exchange.started(id, by).await;
        running.done = true;
        drop(running);
        let Err(error) = outcome else { return Ok(id) };
        let unanswered = error.loses_the_answer();
        let error = self.blame(error);
        if unanswered {
            self.abandon(run);
        }
        self.results.retain(|result| result.id != id);
        Err(error)
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

    /// What the server reported against this work, if anything.
    pub(crate) const fn failure(&self) -> Option<&ServerError> {
        self.failure.as_ref()
    }

    /// Waits for the answer to RUN, and to the end if there are no columns.
    async fn started(&mut self, id: ResultId, by: Deadline) -> Result<(), Error> {
        loop {
            let Some(result) = self.result(id) else {
                return Err(Error::misuse("the result is gone; please report this as a bug"));
            };
            let waits_for_rows = result.is_started() && !result.keys.is_empty();
            if waits_for_rows || result.has_ended() {
                break;
            }
            // Without columns there are no rows, so there is but one page. Unless the server left the columns out.
            if result.is_started() && self.lease_mut()?.proto.has_more(id) {
                break;
            }
            self.advance(by).await?;
        }
        match (&self.failure, self.result(id)) {
            (Some(failure), Some(result)) if result.has_failed() => Err(failure.clone().into()),
            _ => Ok(()),
        }
    }

    /// Queues BEGIN, if that was not done yet.
    fn queue_begin(&mut self) -> Result<(), Error> {
        let Some(lease) = &mut self.lease else {
            return Err(ended());
        };
        if let Work::Transaction { extra, begin: at, .. } = &mut self.work {
            if at.is_none() {
                *at = Some(lease.proto.begin(extra)?);
            }
        }
        Ok(())
    }

    /// Waits for the answer to a request that is about no result.
    async fn answer(&mut self, request: RequestId, by: Deadline) -> Result<Head, Error> {
        loop {
            let head = self.advance(by).await?;
            if head.request == Some(request) && head.kind != Kind::Record {
                return match (&self.failure, head.kind) {
                    (Some(failure), Kind::Failure | Kind::Ignored) => Err(failure.clone().into()),
                    _ => Ok(head),
                };
            }
        }
    }

    /// Takes one event in, to whomever it belongs.
    async fn advance(&mut self, by: Deadline) -> Result<Head, Error> {
        let head = self.lease_mut()?.head(by).await?;
        self.take(head);
        Ok(head)
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
            (Some(Event::Success(metadata)), Some(result)) if head.request == Some(result.run) => {
                result.start(metadata);
                result.keys = lease.proto.keys(result.id).cloned().unwrap_or_default();
            }
            (Some(Event::Success(metadata)), Some(result)) => {
                if metadata.has_more() {
                    result.page_ended();
                } else if let Some(info) = info {
                    result.end(info, metadata);
                }
            }
            (Some(Event::Failure(error)), result) => {
                self.failure.get_or_insert(error);
                if let Some(result) = result {
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
        if let Work::AutoCommit(_) = self.work {
            if self.results.iter().all(OpenResult::has_ended) {
                self.lease = None;
            }
            return;
        }
        self.skip_unwanted();
    }

    /// The rest of results that nobody wants is discarded as soon as the server may be told; it leaves with the next
    /// request.
    fn skip_unwanted(&mut self) {
        let Some(lease) = &mut self.lease else { return };
        for result in self.results.iter().filter(|result| !result.wanted) {
            if lease.proto.has_more(result.id) {
                // What could be refused here has been asked just before.
                let _queued = lease.proto.discard(result.id, Fetch::All);
            }
        }
        self.results.retain(|result| result.wanted || !result.has_ended());
    }

    fn check_usable(&self) -> Result<(), Error> {
        match (&self.failure, &self.abandoned) {
            (Some(failure), _) => Err(failure.clone().into()),
            (None, Some(query)) => Err(Error::abandoned(query)),
            (None, None) => Ok(()),
        }
    }

    /// What the loss of the connection, or of patience, means: under write access nobody knows whether an
    /// auto-commit query that has left was carried out.
    fn blame(&mut self, error: Error) -> Error {
        let lost = error.loses_the_answer();
        let Work::AutoCommit(access) = self.work else {
            return error;
        };
        let run = self.results.first().map(|result| result.run);
        let has_left = run.is_some_and(|run| !self.took_back(run));
        self.lease = None;
        if lost && has_left && access == Access::Write {
            Error::unknown_commit(error)
        } else {
            error
        }
    }

    /// How many rows to ask for at first.
    fn first_page(&mut self) -> Result<Fetch, Error> {
        let paging = self
            .lease_mut()?
            .proto
            .capabilities()
            .is_some_and(|version| version.paging);
        Ok(if paging { self.page } else { Fetch::All })
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

    /// Takes back the requests of which no byte has left, and returns the first of them. BEGIN may be among them.
    fn take_back(&mut self) -> Option<RequestId> {
        let first = self.lease.as_mut()?.proto.unqueue()?;
        if let Work::Transaction { begin, .. } = &mut self.work {
            *begin = begin.filter(|begin| *begin < first);
        }
        Some(first)
    }

    /// Takes back what can be; whether this request is among it.
    fn took_back(&mut self, request: RequestId) -> bool {
        self.take_back().is_some_and(|first| first <= request)
    }

    /// A `run` ended before it was answered: dropped, or out of time.
    fn abandon(&mut self, run: RequestId) {
        let taken_back = self.took_back(run);
        let Some(at) = self.results.iter().position(|result| result.run == run) else {
            return;
        };
        let result = self.results.remove(at);
        match self.work {
            Work::Transaction { .. } if !taken_back => self.abandoned = Some(result.query),
            Work::Transaction { .. } => {}
            Work::AutoCommit(_) => self.lease = None,
        }
    }
}

fn ended() -> Error {
    Error::misuse("the connection was given back when an earlier error ended the work on it")
}

/// A `run` that is being waited for. Dropped before it is done, it leaves a note.
struct Running<'e> {
    exchange: &'e mut Exchange,
    run: RequestId,
    done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.exchange.abandon(self.run);
        }
    }
}
