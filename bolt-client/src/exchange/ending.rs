//! How the work on a connection ends: with a commit, a rollback, or because its result is not wanted any more.

use std::future::Future;
use std::time::Duration;

use bolt_proto::{Connection, Fetch, RequestId, ResultId, UsageError};

use crate::connect::link::Unfinished;
use crate::connect::pool::ParkedWork;
use crate::deadline::Deadline;
use crate::error::Error;

use super::Exchange;
use super::finishing::Rest;

/// How long rows that are on their way may delay a rollback. They usually follow the answer to RUN at once; a result that
/// takes longer is being computed, and is stopped.
const ROWS_ON_THEIR_WAY: Duration = Duration::from_millis(100);

impl Exchange {
    /// Commits the transaction. What is left of its results is carried out first, in the same write where that is
    /// possible.
    ///
    /// Dropped before COMMIT has left, it leaves the transaction to be rolled back; after that, the commit is carried
    /// out.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    pub(crate) fn commit(&mut self, by: Deadline) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            self.flight.state.check_usable()?;
            self.queue_begin()?;
            let commit = self.queue_commit(by).await?;
            self.committed(commit, by).await
        }
    }

    /// Waits for the answer to COMMIT.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    pub(super) fn committed(
        &mut self,
        commit: RequestId,
        by: Deadline,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            match self.answer(commit, by).await {
                // A failure that the server reports is final; the loss of the connection leaves the commit unknown.
                Err(error) if error.loses_the_answer() => Err(self.classify_lost_commit(commit, error)),
                result => result,
            }
        }
    }

    /// Rolls the transaction back. A transaction of which nothing was sent costs nothing; after a failure the end of
    /// the lease rolls it back.
    pub(crate) async fn rollback(&mut self, by: Deadline) -> Result<(), Error> {
        let state = &self.flight.state;
        if !state.has_begun() || state.failure().is_some() || state.is_abandoned() {
            return Ok(());
        }
        // Queries that have not left need not be carried out.
        self.take_back(None);
        if !self.flight.state.has_begun() {
            return Ok(());
        }
        let open = self.results.any_open();
        let lease = self.flight.lease_mut()?;
        if open {
            let soon = by.earlier(Deadline::after(lease.now(), ROWS_ON_THEIR_WAY));
            lease.buffer_until(|proto| proto.unanswered() == 0, soon).await;
        }
        let proto = &mut lease.proto;
        // RESET stops a result that is still being computed; ROLLBACK would wait for the page on its way.
        // While a result has more rows, ROLLBACK is illegal by the manual.
        let has_more = |proto: &Connection| self.results.ids().into_iter().any(|id| proto.has_more(id));
        let open = open && (proto.unanswered() > 0 || has_more(proto));
        let request = match open.then(|| proto.reset()) {
            Some(Ok(request)) => request,
            _ => match proto.rollback() {
                Ok(request) => request,
                Err(error) => return Err(self.refused(error)),
            },
        };
        self.answer(request, by).await
    }

    /// Notes that the result has no holder any more. In a transaction its rest is skipped, and the transaction
    /// continues. An auto-commit query is cancelled if it only reads, and carried out otherwise: servers commit it at
    /// the end of its result.
    pub(crate) fn forget(&mut self, id: ResultId) {
        if self.is_transaction() {
            self.mark_unwanted(id);
            return;
        }
        if self.is_unread_write(id) {
            if let Some(lease) = self.flight.lease_if_held() {
                lease.set_unfinished(Unfinished::Finish(id));
            }
        }
        self.flight.give_back();
    }

    /// Notes that the result of an auto-commit query has no holder any more, and will be finished by its session.
    /// Takes what has arrived, and discards the rest if it is known that there is one, without waiting. If that was
    /// all, the connection is given back.
    fn finish_arrived(&mut self, id: ResultId) {
        self.results.mark_unwanted(id);
        if let Some(lease) = self.flight.lease_if_held() {
            lease.set_unfinished(Unfinished::Finish(id));
            lease.read_arrived();
        }
        while let Some(head) = self
            .flight
            .lease_if_held()
            .and_then(|lease| lease.event_arrived())
        {
            self.take(head);
        }
        if let Some(lease) = self.flight.lease_if_held() {
            if lease.proto.has_more(id) && lease.proto.discard(id, Fetch::All).is_ok() {
                lease.write_at_once();
            }
        }
    }

    /// Leaves the rest of an auto-commit write to be finished; `None` if there is no rest.
    pub(crate) fn park(&mut self, id: ResultId) -> Option<ParkedWork> {
        self.finish_arrived(id);
        self.flight.park()
    }

    /// Finishes an auto-commit write now, which would otherwise be left to the next user of the connection. Its rows
    /// are not wanted any more, and no caller is left for its failure. Returns an error only if the wait ends before
    /// the work has. Cancel-safe: the rest is carried out as if there had been no wait.
    pub(crate) async fn settle(&mut self, id: ResultId, by: Deadline) -> Result<(), Error> {
        if !self.is_unread_write(id) {
            return Ok(());
        }
        self.results.mark_unwanted(id);
        self.flight.lease_mut()?.set_unfinished(Unfinished::Finish(id));
        match self.read_to_end(id, Rest::Discard, by).await {
            Err(error) if !self.has_ended(id) && self.failure().is_none() => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the deadline for what is left on the wire.
    pub(crate) fn teardown(&self) -> Deadline {
        self.flight
            .lease()
            .map_or(Deadline::NONE, |lease| lease.teardown())
    }

    /// Returns whether an auto-commit query has work to do before the end of its result.
    pub(crate) fn is_unread_write(&self, id: ResultId) -> bool {
        !self.is_transaction()
            && self.flight.state.work().writes()
            && self.failure().is_none()
            && self.flight.lease().is_some()
            && !self.has_ended(id)
    }

    /// Queues COMMIT as soon as every result was requested to its end: servers carry out only what is requested.
    pub(super) async fn queue_commit(&mut self, by: Deadline) -> Result<RequestId, Error> {
        // Those without a holder are among them: their DISCARD may have been taken back with another request.
        for id in self.results.ids() {
            self.mark_unwanted(id);
        }
        loop {
            match self.flight.queue_commit() {
                Ok(commit) => return Ok(commit),
                Err(UsageError::OpenResult) => {}
                Err(error) => return Err(self.refused(error)),
            }
            self.advance(by).await?;
            self.flight.state.check_usable()?;
        }
    }

    /// Converts an error that ended the wait for the rows of a query whose COMMIT travels with it. A server ignores a
    /// COMMIT after a failure that it reports. Everything else leaves the commit unknown, unless COMMIT has not left:
    /// the loss of the connection, the deadline, and a result that is too large to be kept.
    pub(super) fn classify_lost_pipelined_commit(&mut self, commit: RequestId, error: Error) -> Error {
        if error.loses_the_answer() || error.is_too_large() {
            self.classify_lost_commit(commit, error)
        } else {
            error
        }
    }

    /// Converts the loss of the answer to COMMIT.
    fn classify_lost_commit(&mut self, commit: RequestId, error: Error) -> Error {
        // A transaction without queries has nothing to commit. One with queries may have something to commit, even if
        // nothing was answered.
        let state = &self.flight.state;
        let empty = !state.has_answered() && self.results.is_empty();
        let known = planted!(UnknownCommitDenied);
        if state.work().writes() && !empty && !known && !self.took_back(commit) {
            Error::unknown_commit(error)
        } else {
            error
        }
    }
}
