//! One query, all rows, and the commit.

use bolt_proto::{Access, Fetch, Query};

use crate::deadline::Deadline;
use crate::eager_result::EagerResult;
use crate::error::Error;

use super::{Exchange, Holder};

impl Exchange {
    /// Runs a query in the transaction, reads all of it and commits. What is known to be needed leaves in one write:
    /// BEGIN, RUN and PULL, and under read access COMMIT, too: servers ignore it if anything before it fails, and nothing
    /// is lost if they do not. A write sends it once the rows are there.
    pub(crate) async fn execute(&mut self, query: &Query, by: Deadline) -> Result<EagerResult, Error> {
        let (_, id) = self.send(query, Fetch::All, Holder::Records)?;
        let commit = match self.work.access {
            Access::Read => Some(self.lease_mut()?.proto.commit()?),
            Access::Write => None,
        };
        while !self.has_ended(id) {
            self.advance(by).await?;
        }
        self.end_of(id).unwrap_or(Ok(()))?;
        let result = self.eager_result(id)?;
        match commit {
            Some(commit) => self.committed(commit, by).await?,
            None => self.commit(by).await?,
        }
        Ok(result)
    }

    /// The rows that had arrived.
    #[cfg(planted)]
    pub(crate) fn leftovers(&mut self) -> Vec<bolt_proto::Record> {
        let id = self.results.first().map(|result| result.id);
        id.map(|id| self.take_rows(id)).unwrap_or_default()
    }
}
