//! One query, all rows, and the commit.

use bolt_proto::{Fetch, Query};

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
            let commit = match (commit, page) {
                (CommitTime::WithQuery, Fetch::All) => Some(self.flight.queue_commit()?),
                _ => None,
            };
            let read = self.read_to_end(id, Rest::KeepPages, by).await;
            let Some(commit) = commit else {
                read?;
                let result = self.eager_result(id)?;
                self.commit(by).await?;
                return Ok(result);
            };
            if let Err(error) = read {
                return Err(self.classify_lost_pipelined_commit(commit, error));
            }
            let result = self.eager_result(id)?;
            self.committed(commit, by).await?;
            Ok(result)
        }
    }
}
