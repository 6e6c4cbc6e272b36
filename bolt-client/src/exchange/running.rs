//! How queries are sent.

use std::sync::Arc;

use bolt_proto::{Extra, Fetch, Query, RequestId, ResultId, UsageError};

use crate::deadline::Deadline;
use crate::error::Error;

use super::open_result::{Holder, OpenResult};
use super::{Exchange, Interest, WorkKind};

impl Exchange {
    /// Begins the transaction now, and waits for the server to have done so.
    pub(crate) async fn begin(&mut self, by: Deadline) -> Result<(), Error> {
        self.queue_begin()?;
        match self.work.begin {
            Some(begin) => self.answer(begin, by).await,
            None => Ok(()),
        }
    }

    /// Runs a query and waits until the server has accepted it; if it has no columns, until it has been carried out.
    /// A first page of rows is asked for in the same write.
    pub(crate) async fn run(&mut self, query: &Query, by: Deadline) -> Result<ResultId, Error> {
        let (run, id) = self.send(query, self.page, Holder::Records)?;
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

    /// Runs a query whose result is held by a cursor.
    pub(crate) async fn open(&mut self, query: &Query, by: Deadline) -> Result<(ResultId, Interest), Error> {
        let id = self.run(query, by).await?;
        Ok((id, self.lend_to_cursor(id)))
    }

    /// Queues a query and the wish for all its rows. They leave with whatever is waited for next.
    pub(crate) fn queue(&mut self, query: &Query) -> Result<(ResultId, Interest), Error> {
        let interest = Arc::new(());
        let holder = Holder::Cursor(Arc::downgrade(&interest));
        let (_, id) = self.send(query, Fetch::All, holder)?;
        let first = self.results.first().map(|result| result.id);
        let id = first.filter(|_| planted!(NeighboursResult)).unwrap_or(id);
        Ok((id, interest))
    }

    /// Queues RUN, and what has to come before it and behind it. All of it or nothing.
    pub(super) fn send(
        &mut self,
        query: &Query,
        page: Fetch,
        holder: Holder,
    ) -> Result<(RequestId, ResultId), Error> {
        query.check().map_err(Clone::clone)?;
        if page == Fetch::Rows(0) {
            return Err(UsageError::NoRows.into());
        }
        self.check_usable()?;
        self.queue_begin()?;
        self.queue_telemetry(WorkKind::AutoCommit)?;
        let paging = self
            .lease_mut()?
            .proto
            .capabilities()
            .is_some_and(|version| version.paging);
        let page = if paging { page } else { Fetch::All };
        // The options of a transaction went with its BEGIN.
        let none = Extra::default();
        let Some(lease) = &mut self.lease else {
            return Err(super::ended());
        };
        let extra = match self.work.kind {
            WorkKind::AutoCommit => &self.work.extra,
            WorkKind::Transaction => &none,
        };
        let sent = lease
            .proto
            .run(query, extra)
            .and_then(|(run, id)| lease.proto.pull(id, page).map(|pull| (run, pull, id)));
        match sent {
            Ok((run, pull, id)) => {
                self.results
                    .push(OpenResult::new(id, (run, pull), query.text(), page, holder));
                Ok((run, id))
            }
            Err(error) => {
                // Queries that were queued before stay: only this one is refused, and what came along with it.
                if self.results.iter().all(OpenResult::is_started) {
                    self.take_back();
                }
                Err(error.into())
            }
        }
    }

    /// Queues BEGIN, if that was not done yet.
    pub(super) fn queue_begin(&mut self) -> Result<(), Error> {
        if self.work.kind == WorkKind::Transaction && self.work.begin.is_none() {
            self.queue_telemetry(WorkKind::Transaction)?;
            let Some(lease) = &mut self.lease else {
                return Err(super::ended());
            };
            match lease.proto.begin(&self.work.extra) {
                Ok(begin) => self.work.begin = Some(begin),
                Err(error) => {
                    self.take_back();
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Tells the server which part of the API is at work, right before the request that this is about.
    fn queue_telemetry(&mut self, before: WorkKind) -> Result<(), Error> {
        if let (Some(api), None, true) = (self.api, self.telling, self.work.kind == before) {
            let lease = self.lease_mut()?;
            let able = lease
                .proto
                .capabilities()
                .is_some_and(|version| version.telemetry);
            if able {
                self.telling = Some(lease.proto.telemetry(api)?);
            }
        }
        Ok(())
    }

    /// Waits for the answer to RUN, and to the end if there are no columns.
    async fn started(&mut self, id: ResultId, by: Deadline) -> Result<(), Error> {
        loop {
            let Some(result) = self.result(id) else {
                return Err(Error::misuse("the result is gone; please report this as a bug"));
            };
            if result.has_ended() {
                return self.end_of(id).unwrap_or(Ok(()));
            }
            if result.is_started() {
                // Without columns there are no rows, so there is but one page. Unless the server left the columns out.
                let has_rows = !result.keys.is_empty() || self.lease_mut()?.proto.has_more(id);
                if has_rows {
                    return Ok(());
                }
            }
            self.advance(by).await?;
        }
    }

    /// A `run` ended before it was answered: dropped, or out of time.
    fn abandon(&mut self, run: RequestId) {
        let first = self.take_back();
        let taken_back = first.is_some_and(|first| first <= run);
        let gone = |result: &OpenResult| result.run == run || first.is_some_and(|first| first <= result.run);
        // Queries that were queued and not sent are gone, too.
        self.incomplete |= self
            .results
            .iter()
            .any(|result| gone(result) && result.run != run);
        let lost = self
            .results
            .iter()
            .rfind(|result| gone(result) && (result.run != run || !taken_back));
        if self.work.kind == WorkKind::Transaction {
            self.abandoned = lost.map(|result| result.query.clone());
        } else {
            self.lease = None;
        }
        self.results.retain(|result| !gone(result));
    }
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
