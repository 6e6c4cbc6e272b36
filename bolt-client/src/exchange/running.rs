//! How queries are sent.

use std::time::Duration;

use bolt_proto::{Connection, Extra, Fetch, Query, RequestId, ResultId, UsageError};

use crate::deadline::Deadline;
use crate::error::Error;

use super::open_result::OpenResult;
use super::work::WorkKind;
use super::{Exchange, HolderToken};

/// How long the first page of an auto-commit write may hold up its `run`.
const FIRST_PAGE: Duration = Duration::from_millis(10);

impl Exchange {
    /// Begins the transaction now, and waits for the server to have done so.
    pub(crate) async fn begin(&mut self, by: Deadline) -> Result<(), Error> {
        self.queue_begin()?;
        match self.flight.course.begin() {
            Some(begin) => self.answer(begin, by).await,
            None => Ok(()),
        }
    }

    /// Runs a query and waits until the server has accepted it; if it has no columns, until it has been carried out.
    /// A first page of rows is asked for in the same write.
    pub(crate) async fn run(&mut self, query: &Query, by: Deadline) -> Result<ResultId, Error> {
        let page = self.flight.course.work().page;
        let (run, id) = self.send(query, page)?;
        let mut running = Running {
            exchange: self,
            run,
            id,
            done: false,
        };
        let outcome = running.exchange.started(id, by).await;
        running.done = true;
        drop(running);
        let Err(error) = outcome else { return Ok(id) };
        let unanswered = error.loses_the_answer();
        let error = self.blame(error);
        if unanswered {
            self.abandon(run, id);
        }
        self.results.remove(id);
        Err(error)
    }

    /// Queues a query and the wish for all its rows. They leave with whatever is waited for next.
    pub(crate) fn queue(&mut self, query: &Query) -> Result<HolderToken, Error> {
        let (_, id) = self.send(query, Fetch::All)?;
        let first = self.results.first().map(|result| result.id);
        let id = first.filter(|_| planted!(NeighboursResult)).unwrap_or(id);
        Ok(self.token(id))
    }

    /// A cursor's claim to a result of this transaction.
    pub(crate) fn token(&mut self, id: ResultId) -> HolderToken {
        HolderToken::new(self.number, id, self.results.dropped())
    }

    /// Queues RUN, and what has to come before it and after it. All of it or nothing.
    pub(super) fn send(&mut self, query: &Query, page: Fetch) -> Result<(RequestId, ResultId), Error> {
        query.check().map_err(Clone::clone)?;
        if page == Fetch::Rows(0) {
            return Err(UsageError::NoRows.into());
        }
        self.skip_dropped();
        self.flight.course.check_usable()?;
        self.queue_begin()?;
        self.flight.queue_telemetry(WorkKind::AutoCommit)?;
        // The options of a transaction went with its BEGIN.
        let extra = if self.is_transaction() {
            Extra::default()
        } else {
            self.flight.course.opening()
        };
        let proto = &mut self.flight.lease_mut()?.proto;
        let paging = proto.capabilities().is_some_and(|version| version.paging);
        let page = if paging { page } else { Fetch::All };
        let sent = proto
            .run(query, &extra)
            .and_then(|(run, id)| proto.pull(id, page).map(|pull| (run, pull, id)));
        match sent {
            Ok((run, pull, id)) => {
                let result = OpenResult::new(id, (run, pull), query.text(), page);
                self.results.insert(result);
                Ok((run, id))
            }
            Err(error) => {
                // Queries that were queued before stay: only this one is refused, and what came along with it.
                if !self.results.any_unanswered() {
                    self.take_back(None);
                }
                Err(self.refused(error))
            }
        }
    }

    /// Queues BEGIN, if that was not done yet.
    pub(super) fn queue_begin(&mut self) -> Result<(), Error> {
        let queued = self.flight.queue_begin();
        if queued.is_err() {
            self.take_back(None);
        }
        queued
    }

    /// Waits for the answer to RUN, and to the end if there are no columns.
    async fn started(&mut self, id: ResultId, by: Deadline) -> Result<(), Error> {
        loop {
            let Some(result) = self.results.get(id) else {
                return Err(Error::misuse("the result is gone; please report this as a bug"));
            };
            if result.has_ended() {
                return self.end_of(id).unwrap_or(Ok(()));
            }
            if result.is_started() {
                // Without columns there are no rows, so there is but one page. Unless the server left the columns out.
                let named = !result.keys.is_empty();
                if named || self.flight.lease_mut()?.proto.has_more(id) {
                    return self.see_first_page(id, by).await;
                }
            }
            self.advance(by).await?;
        }
    }

    /// Gives the end of an auto-commit write's first page a moment to arrive, whose rows follow at once as a rule. If the
    /// rows are dropped, it is known then whether there are more: to ask for more in vain costs the connection.
    async fn see_first_page(&mut self, id: ResultId, by: Deadline) -> Result<(), Error> {
        let work = self.flight.course.work();
        if !work.is_transaction() && work.writes() {
            let lease = self.flight.lease_mut()?;
            let soon = by.earlier(Deadline::after(lease.now(), FIRST_PAGE));
            let has_ended = |proto: &Connection| proto.has_more(id) || !proto.is_open(id);
            lease.buffer_until(has_ended, soon).await;
        }
        Ok(())
    }

    /// A `run` ended before it was answered: dropped, or out of time.
    fn abandon(&mut self, run: RequestId, id: ResultId) {
        let taken_back = self.took_back(run);
        self.results.remove(id);
        if !self.is_transaction() {
            self.flight.land();
        } else if !taken_back || self.flight.course.is_incomplete() {
            self.flight.course.abandon();
        }
    }
}

/// A `run` that is being waited for. Dropped before it is done, it leaves a note.
struct Running<'e> {
    exchange: &'e mut Exchange,
    run: RequestId,
    id: ResultId,
    done: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.exchange.abandon(self.run, self.id);
        }
    }
}
