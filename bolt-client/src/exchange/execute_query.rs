//! One query, all rows, and the commit.

use bolt_proto::{Fetch, Query};

use crate::deadline::Deadline;
use crate::eager_result::EagerResult;
use crate::error::Error;

use super::Exchange;
use super::finishing::Rest;

impl Exchange {
    /// Runs a query in the transaction, reads all of it and commits. What is known to be needed leaves in one write:
    /// BEGIN, RUN and PULL, and under read access COMMIT, too: servers ignore it if anything before it fails, and nothing
    /// is lost if they do not. A write sends it once the rows are there.
    pub(crate) async fn execute(&mut self, query: &Query, by: Deadline) -> Result<EagerResult, Error> {
        let (_, id) = self.send(query, Fetch::All)?;
        let commit = if self.flight.state.work().writes() {
            None
        } else {
            Some(self.flight.queue_commit()?)
        };
        self.read_to_end(id, Rest::Keep, by).await?;
        let result = self.eager_result(id)?;
        match commit {
            Some(commit) => self.committed(commit, by).await?,
            None => self.commit(by).await?,
        }
        Ok(result)
    }
}
