//! How the work on a connection ends: with a commit, a rollback, or because nobody wants it any more.

use bolt_proto::{Access, RequestId, ResultId, UsageError};

use crate::connect::link::Unfinished;
use crate::deadline::Deadline;
use crate::error::Error;

use super::finishing::Rest;
use super::{Exchange, Holder, WorkKind};

impl Exchange {
    /// Commits the transaction: what is left of its results is carried out first, in the same write where that is
    /// possible.
    ///
    /// Dropped before COMMIT has left, it leaves the transaction to be rolled back; later the commit takes its course.
    pub(crate) async fn commit(&mut self, by: Deadline) -> Result<(), Error> {
        self.check_usable()?;
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
        if self.work.begin.is_none() || self.failure.is_some() || self.abandoned.is_some() {
            return Ok(());
        }
        let open = self.results.iter().any(|result| !result.has_ended());
        let proto = &mut self.lease_mut()?.proto;
        // RESET stops a result that is still being made; ROLLBACK would wait for the page on its way.
        let request = match open.then(|| proto.reset()) {
            Some(Ok(request)) => request,
            _ => proto.rollback()?,
        };
        self.answer(request, by).await
    }

    /// Nobody holds the result any more. In a transaction its rest is skipped and the transaction lives on. An
    /// auto-commit query is cancelled if it only reads, and carried out otherwise: servers commit it at the result's
    /// end.
    pub(crate) fn forget(&mut self, id: ResultId) {
        match self.work.kind {
            WorkKind::Transaction => {
                if let Some(result) = self.result_mut(id) {
                    result.holder = Holder::Nobody;
                }
                self.skip_unwanted();
            }
            WorkKind::AutoCommit => {
                if self.is_unread_write(id) {
                    if let Some(lease) = &mut self.lease {
                        lease.set_unfinished(Unfinished::Finish(id));
                    }
                }
                self.lease = None;
            }
        }
    }

    /// Does now what would otherwise be left to whoever uses the connection next, within the teardown limit: an
    /// auto-commit query that is to be carried out is.
    pub(crate) async fn settle(&mut self, id: ResultId) {
        if !self.is_unread_write(id) {
            return;
        }
        if let Some(lease) = &mut self.lease {
            // Should the limit end the wait, the rest takes its course as if nobody had waited.
            lease.set_unfinished(Unfinished::Finish(id));
            let by = lease.teardown();
            let _in_time = self.read_to_end(id, Rest::Discard, by).await;
        }
    }

    /// Whether an auto-commit query has work to do before the end of its result.
    fn is_unread_write(&self, id: ResultId) -> bool {
        self.work.kind == WorkKind::AutoCommit
            && self.work.access == Access::Write
            && self.failure.is_none()
            && !self.has_ended(id)
    }

    /// Queues COMMIT as soon as every result was asked for to its end: servers carry out only what is asked for.
    async fn queue_commit(&mut self, by: Deadline) -> Result<RequestId, Error> {
        for result in &mut self.results {
            result.holder = Holder::Nobody;
        }
        loop {
            self.skip_unwanted();
            match self.lease_mut()?.proto.commit() {
                Ok(commit) => return Ok(commit),
                #[cfg(planted)]
                Err(UsageError::OpenResult) if planted!(CommitWithOpenResult) => {
                    return Ok(self.lease_mut()?.proto.commit_regardless()?);
                }
                #[cfg(planted)]
                Err(UsageError::OpenResult) if planted!(CommitBeforeAPagesEnd) && self.is_asking() => {
                    return Ok(self.lease_mut()?.proto.commit_regardless()?);
                }
                Err(UsageError::OpenResult) => {}
                Err(error) => return Err(error.into()),
            }
            self.advance(by).await?;
            self.check_usable()?;
        }
    }

    /// Whether every result is being asked for.
    #[cfg(planted)]
    fn is_asking(&self) -> bool {
        let proto = self.lease.as_ref().map(|lease| &lease.proto);
        let idle = |result: &super::OpenResult| proto.is_some_and(|proto| proto.has_more(result.id));
        !self.results.iter().any(idle)
    }

    /// What the loss of the answer to COMMIT means.
    fn blame_commit(&mut self, commit: RequestId, error: Error) -> Error {
        // A transaction without queries has nothing to commit. Of one with queries, something may be left unanswered.
        let empty = !self.answered && self.results.is_empty();
        let known = planted!(UnknownCommitDenied);
        if self.work.access == Access::Write && !empty && !known && !self.took_back(commit) {
            Error::unknown_commit(error)
        } else {
            error
        }
    }
}
