//! One batch of a load, and what is done while the server works on it.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bolt_proto::{Counters, Fetch, Query};

use crate::deadline::Deadline;
use crate::error::Error;

use super::Exchange;
use super::finishing::{Finishing, Rest};

/// How far something got that is done in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more to do.
    More,
    Done,
}

impl Exchange {
    /// Runs a query to its end without its rows, and commits it if this is a transaction. Takes steps of `meanwhile` while
    /// the server works. Returns the changes that the query made.
    ///
    /// Dropped before the end, it cancels the query.
    pub(crate) async fn load(
        &mut self,
        query: &Query,
        meanwhile: &mut (impl FnMut(&mut Context<'_>) -> Poll<Step> + Send),
        by: Deadline,
    ) -> Result<Counters, Error> {
        let mut finishing = Finishing::new(self);
        let outcome = finishing.exchange().run_batch(query, meanwhile, by).await;
        finishing.done();
        let counters = outcome.map_err(|error| self.classify_lost_answer(error))?;
        if self.is_transaction() {
            self.flight.state.check_usable()?;
            let commit = self.queue_commit(by).await?;
            self.until_answer(meanwhile, by).await;
            self.committed(commit, by).await?;
        }
        Ok(counters)
    }

    async fn run_batch(
        &mut self,
        query: &Query,
        meanwhile: &mut (impl FnMut(&mut Context<'_>) -> Poll<Step> + Send),
        by: Deadline,
    ) -> Result<Counters, Error> {
        let (_, id) = self.send(query, Fetch::All)?;
        self.until_answer(meanwhile, by).await;
        self.read_to_end(id, Rest::Discard, by).await?;
        let counters = self.summary(id)?.counters();
        self.results.remove(id);
        Ok(counters)
    }

    /// Sends what is queued, and takes steps of `meanwhile` until there are no more, or an answer has arrived. Never waits
    /// for the server while a step can be taken: some transports block the thread in such a wait.
    async fn until_answer(
        &mut self,
        meanwhile: &mut (impl FnMut(&mut Context<'_>) -> Poll<Step> + Send),
        by: Deadline,
    ) {
        poll_fn(|cx| {
            let Some(lease) = self.flight.lease_if_held() else {
                return Poll::Ready(());
            };
            lease.write_at_once();
            match meanwhile(cx) {
                Poll::Ready(Step::Done) => Poll::Ready(()),
                // What the steps wait for is not a socket of the driver.
                Poll::Pending => lease.poll_arrival(cx, by),
                Poll::Ready(Step::More) => {
                    lease.write_at_once();
                    lease.read_arrived();
                    if lease.has_arrived() {
                        return Poll::Ready(());
                    }
                    // Other tasks get their turn between two steps.
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            }
        })
        .await;
    }
}
