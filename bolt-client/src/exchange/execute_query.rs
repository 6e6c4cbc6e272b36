//! One query, all rows, and the commit.

use bolt_proto::{Fetch, Query, RequestId};

use crate::deadline::Deadline;
use crate::eager_result::EagerResult;
use crate::error::Error;

use super::Exchange;
use super::finishing::Rest;

/// When COMMIT is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitTime {
    /// In the same write as the query.
    WithQuery,
    /// Once all rows are there.
    AfterRows,
}

impl Exchange {
    /// Runs a query in the transaction, reads all of it and commits. What is known to be needed leaves in one write:
    /// BEGIN, RUN and PULL, and COMMIT if it is sent with the query. A server ignores that COMMIT if anything before it
    /// fails. COMMIT ends what was not requested, so it cannot be sent before the last `page` is there.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    pub(crate) fn execute(
        &mut self,
        query: &Query,
        page: Fetch,
        commit: CommitTime,
        by: Deadline,
    ) -> impl Future<Output = Result<EagerResult, Error>> + Send {
        async move {
            let (_, id) = self.send(query, page)?;
            let pipelined = match (commit, page) {
                (CommitTime::WithQuery, Fetch::All) => Some(self.flight.queue_commit()?),
                _ => None,
            };
            let read = self.read_to_end(id, Rest::KeepPages, by).await;
            let commit = match (read, pipelined) {
                (Ok(()), Some(commit)) => commit,
                (Ok(()), None) => self.queue_commit_of_all()?,
                (Err(error), Some(commit)) => return Err(self.classify_lost_pipelined_commit(commit, error)),
                (Err(error), None) => return Err(error),
            };
            self.committed(commit, by).await?;
            // Last, so that the future has no room for it.
            self.eager_result(id)
        }
    }

    /// Queues COMMIT behind results that have all been read to their ends.
    fn queue_commit_of_all(&mut self) -> Result<RequestId, Error> {
        self.flight.state.check_usable()?;
        let queued = self.flight.queue_commit();
        queued.map_err(|error| self.refused(error))
    }
}
