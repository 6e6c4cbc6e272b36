//! How queries are sent.

use std::future::Future;
use std::time::Duration;

use bolt_proto::{Connection, ExtraRef, Fetch, Query, RequestId, ResultId, UsageError};

use crate::deadline::Deadline;
use crate::error::Error;

use super::open_result::OpenResult;
use super::work::WorkKind;
use super::{Exchange, HolderToken};

/// How long the first page of an auto-commit write may delay its `run`.
const FIRST_PAGE: Duration = Duration::from_millis(10);

impl Exchange {
    /// Begins the transaction, and waits for the server's answer.
    pub(crate) async fn begin(&mut self, by: Deadline) -> Result<(), Error> {
        self.queue_begin()?;
        match self.flight.state.begin() {
            Some(begin) => self.answer(begin, by).await,
            None => Ok(()),
        }
    }

    /// Runs a query and waits until the server has accepted it; if it has no columns, until it has been carried out.
    /// A first page of rows is requested in the same write.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    pub(crate) fn run(
        &mut self,
        query: &Query,
        by: Deadline,
    ) -> impl Future<Output = Result<ResultId, Error>> + Send {
        async move {
            let page = self.flight.state.work().page;
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
            let error = self.classify_lost_answer(error);
            if unanswered {
                self.abandon(run, id);
            }
            self.results.remove(id);
            Err(error)
        }
    }

    /// Queues a query and a request for all its rows. They leave with the next request that is waited for.
    pub(crate) fn queue(&mut self, query: &Query) -> Result<HolderToken, Error> {
        let (_, id) = self.send(query, Fetch::All)?;
        let first = self.results.first().map(|result| result.id);
        let id = first.filter(|_| planted!(NeighboursResult)).unwrap_or(id);
        Ok(self.token(id))
    }

    /// Creates a cursor's hold on a result of this transaction.
    pub(crate) fn token(&mut self, id: ResultId) -> HolderToken {
        HolderToken::new(self.number, id, self.results.dropped())
    }

    /// Queues RUN, and what has to precede and follow it: all of that or nothing.
    pub(super) fn send(&mut self, query: &Query, page: Fetch) -> Result<(RequestId, ResultId), Error> {
        query.check().map_err(Clone::clone)?;
        if page == Fetch::Rows(0) {
            return Err(UsageError::ZeroFetchSize.into());
        }
        self.skip_dropped();
        self.flight.state.check_usable()?;
        self.queue_begin()?;
        self.flight.queue_telemetry(WorkKind::AutoCommit)?;
        let (lease, state) = self.flight.lease_and_state()?;
        let proto = &mut lease.proto;
        let paging = proto.capabilities().is_some_and(|version| version.paging);
        let page = if paging { page } else { Fetch::All };
        // BEGIN carried the options of a transaction.
        let run = if state.work().is_transaction() {
            proto.run_with(query, &ExtraRef::NONE)
        } else {
            state.with_options(|options| proto.run_with(query, options))
        };
        let sent = run.and_then(|(run, id)| proto.pull(id, page).map(|pull| (run, pull, id)));
        match sent {
            Ok((run, pull, id)) => {
                let result = OpenResult::new(id, (run, pull), query.shared_text(), page);
                self.results.insert(result);
                Ok((run, id))
            }
            Err(error) => {
                // Queries that were queued before stay: only this one is refused, with the requests that came with
                // it.
                if !self.results.any_unanswered() {
                    self.take_back(None);
                }
                Err(self.refused(error))
            }
        }
    }

    /// Queues BEGIN if it is not queued yet.
    pub(super) fn queue_begin(&mut self) -> Result<(), Error> {
        let queued = self.flight.queue_begin();
        if queued.is_err() {
            self.take_back(None);
        }
        queued
    }

    /// Waits for the answer to RUN, and for the end if there are no columns.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    fn started(&mut self, id: ResultId, by: Deadline) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            loop {
                let Some(result) = self.results.get(id) else {
                    return Err(Error::misuse("the result is gone; please report this as a bug"));
                };
                if result.has_ended() {
                    return self.end_of(id).unwrap_or(Ok(()));
                }
                if result.is_started() {
                    // Without columns there are no rows, so there is only one page.
                    if result.may_have_rows() || self.flight.lease_mut()?.proto.has_more(id) {
                        return self.see_first_page(id, by).await;
                    }
                }
                self.advance(by).await?;
            }
        }
    }

    /// Waits a moment for the end of an auto-commit write's first page, whose rows usually follow at once. If the
    /// rows are dropped later, it is known whether there are more: a vain request for more costs the connection.
    async fn see_first_page(&mut self, id: ResultId, by: Deadline) -> Result<(), Error> {
        let work = self.flight.state.work();
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
            self.flight.give_back();
        } else if !taken_back || self.flight.state.is_incomplete() {
            self.flight.state.abandon();
        }
    }
}

/// A `run` that is being waited for. Dropped before it is done, it notes that in the exchange.
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
