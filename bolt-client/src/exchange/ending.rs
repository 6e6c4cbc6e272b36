//! How the work on a connection ends: with a commit, a rollback, or because it is not wanted any more.

use bolt_proto::{Fetch, RequestId, ResultId, UsageError};

use crate::connect::link::Unfinished;
use crate::connect::pool::ParkedWork;
use crate::deadline::Deadline;
use crate::error::Error;

use super::Exchange;
use super::finishing::Rest;

impl Exchange {
    /// Commits the transaction: what is left of its results is carried out first, in the same write where that is
    /// possible.
    ///
    /// Dropped before COMMIT has left, it leaves the transaction to be rolled back; later the commit takes its course.
    pub(crate) async fn commit(&mut self, by: Deadline) -> Result<(), Error> {
        self.flight.course.check_usable()?;
        self.queue_begin()?;
        let commit = self.queue_commit(by).await?;
        self.committed(commit, by).await
    }

    /// Waits for the answer to COMMIT.
    pub(super) async fn committed(&mut self, commit: RequestId, by: Deadline) -> Result<(), Error> {
        match self.answer(commit, by).await {
            // What the server reports is known; how the connection fared leaves the commit unknown.
            Err(error) if error.loses_the_answer() => Err(self.blame_commit(commit, error)),
            result => result,
        }
    }

    /// Rolls the transaction back. What was never sent costs nothing; what has failed already is undone when the
    /// connection is given back.
    pub(crate) async fn rollback(&mut self, by: Deadline) -> Result<(), Error> {
        let course = &self.flight.course;
        if !course.has_begun() || course.failure().is_some() || course.is_abandoned() {
            return Ok(());
        }
        let open = self.results.any_open();
        let proto = &mut self.flight.lease_mut()?.proto;
        // RESET stops a result that is still being made; ROLLBACK would wait for the page on its way.
        let request = match open.then(|| proto.reset()) {
            Some(Ok(request)) => request,
            _ => match proto.rollback() {
                Ok(request) => request,
                Err(error) => return Err(self.refused(error)),
            },
        };
        self.answer(request, by).await
    }

    /// The result has no holder any more. In a transaction its rest is skipped and the transaction lives on. An
    /// auto-commit query is cancelled if it only reads, and carried out otherwise: servers commit it at the result's
    /// end.
    pub(crate) fn forget(&mut self, id: ResultId) {
        if self.is_transaction() {
            self.disown(id);
            return;
        }
        if self.is_unread_write(id) {
            if let Some(lease) = self.flight.lease_if_held() {
                lease.set_unfinished(Unfinished::Finish(id));
            }
        }
        self.flight.land();
    }

    /// The result of an auto-commit query has no holder any more, and its session will finish it. What has arrived is
    /// taken, and the rest is skipped if it is known that there is one; nothing is waited for. If that was all, the
    /// connection is given back.
    fn finish_arrived(&mut self, id: ResultId) {
        self.results.disown(id);
        if let Some(lease) = self.flight.lease_if_held() {
            lease.set_unfinished(Unfinished::Finish(id));
            lease.read_arrived();
        }
        while let Some(Ok(Some(head))) = self.flight.lease_if_held().map(|lease| lease.proto.has_event()) {
            self.take(head);
        }
        if let Some(lease) = self.flight.lease_if_held() {
            if lease.proto.has_more(id) && lease.proto.discard(id, Fetch::All).is_ok() {
                lease.write_at_once();
            }
        }
    }

    /// Leaves what is left of an auto-commit write to be finished; `None` if nothing is.
    pub(crate) fn park(&mut self, id: ResultId) -> Option<ParkedWork> {
        self.finish_arrived(id);
        self.flight.park()
    }

    /// Does now what would otherwise be left to the next user of the connection: an auto-commit query that is to be
    /// carried out is. Its rows are not wanted any more. What it fails with has no caller to learn of it; the error, if
    /// the wait for it ends before it has. Cancel-safe: the rest takes its course as if nothing had waited.
    pub(crate) async fn settle(&mut self, id: ResultId, by: Deadline) -> Result<(), Error> {
        if !self.is_unread_write(id) {
            return Ok(());
        }
        self.results.disown(id);
        self.flight.lease_mut()?.set_unfinished(Unfinished::Finish(id));
        match self.read_to_end(id, Rest::Discard, by).await {
            Err(error) if !self.has_ended(id) && self.failure().is_none() => Err(error),
            _ => Ok(()),
        }
    }

    /// When what is left on the wire should have been dealt with.
    pub(crate) fn teardown(&self) -> Deadline {
        self.flight
            .lease()
            .map_or(Deadline::NONE, |lease| lease.teardown())
    }

    /// Whether an auto-commit query has work to do before the end of its result.
    pub(crate) fn is_unread_write(&self, id: ResultId) -> bool {
        !self.is_transaction()
            && self.flight.course.work().writes()
            && self.failure().is_none()
            && self.flight.lease().is_some()
            && !self.has_ended(id)
    }

    /// Queues COMMIT as soon as every result was asked for to its end: servers carry out only what is asked for.
    async fn queue_commit(&mut self, by: Deadline) -> Result<RequestId, Error> {
        // Those that have no holder are among them: their DISCARD may have been taken back with another request.
        for id in self.results.ids() {
            self.disown(id);
        }
        loop {
            match self.flight.queue_commit() {
                Ok(commit) => return Ok(commit),
                Err(UsageError::OpenResult) => {}
                Err(error) => return Err(self.refused(error)),
            }
            self.advance(by).await?;
            self.flight.course.check_usable()?;
        }
    }

    /// What the loss of the answer to COMMIT means.
    fn blame_commit(&mut self, commit: RequestId, error: Error) -> Error {
        // A transaction without queries has nothing to commit. Of one with queries, something may be left unanswered.
        let course = &self.flight.course;
        let empty = !course.has_answered() && self.results.is_empty();
        let known = planted!(UnknownCommitDenied);
        if course.work().writes() && !empty && !known && !self.took_back(commit) {
            Error::unknown_commit(error)
        } else {
            error
        }
    }
}
