//! One query, all rows, and the commit.

use bolt_proto::{Access, Fetch, Keys, Query, Record};

use crate::deadline::Deadline;
use crate::error::Error;
use crate::summary::Summary;

use super::{Exchange, Holder};

impl Exchange {
    /// Runs a query in the transaction, reads all of it and commits. What is known to be needed leaves in one write:
    /// BEGIN, RUN and PULL, and under read access COMMIT, too: servers ignore it if anything before it fails, and nothing
    /// is lost if they do not. A write sends it once the rows are there.
    pub(crate) async fn execute(
        &mut self,
        query: &Query,
        by: Deadline,
    ) -> Result<(Vec<Record>, Summary, Keys), Error> {
        let (_, id) = self.send(query, Fetch::All, Holder::Records)?;
        let commit = match self.work.access {
            Access::Read => Some(self.lease_mut()?.proto.commit()?),
            Access::Write => None,
        };
        while !self.has_ended(id) {
            self.advance(by).await?;
        }
        self.end_of(id).unwrap_or(Ok(()))?;
        let keys = self.keys(id).cloned().unwrap_or_default();
        let rows = self.take_rows(id);
        let summary = self.summary(id)?;
        match commit {
            Some(commit) => self.committed(commit, by).await?,
            None => self.commit(by).await?,
        }
        Ok((rows, summary, keys))
    }
}
