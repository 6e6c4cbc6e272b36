//! Work that is retried after a failure: the one loop that decides it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::Api;

use crate::connect::fallout::{self, Repeat};
use crate::connect::pool::Lease;
use crate::deadline::Deadline;
use crate::error::Error;

use super::Exchange;
use super::origin::Origin;
use super::retry::Retry;
use super::work::Work;

/// The attempts of one call.
///
/// A pooled connection that turns out to be dead before anything was answered on it is replaced whatever the policy. That
/// does not count as an attempt.
#[derive(Debug)]
pub(crate) struct Attempts {
    origin: Arc<Origin>,
    work: Arc<Work>,
    /// The part of the API that a server still has to be informed of.
    api: Option<Api>,
    policy: Policy,
    retry: Retry,
    by: Deadline,
}

/// When work that failed is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// For as long as this, after transient errors.
    Budget(Duration),
    /// Once, if the server refused the query, did nothing, and invites a retry.
    IfInvited,
    Never,
}

impl Attempts {
    pub(super) fn new(origin: Arc<Origin>, work: Work, policy: Policy, by: Deadline) -> Self {
        let budget = match policy {
            Policy::Budget(budget) => budget,
            Policy::IfInvited | Policy::Never => Duration::ZERO,
        };
        let retry = Retry::new(budget, origin.shared.config().pauses);
        Self {
            origin,
            api: work.api,
            work: Arc::new(work),
            policy,
            retry,
            by,
        }
    }

    /// Returns when all of them have to have ended.
    pub(crate) const fn by(&self) -> Deadline {
        self.by
    }

    /// Returns when a part of the work has to end that begins now with this limit.
    pub(crate) fn limit(&self, limit: Option<Duration>) -> Deadline {
        let now = || self.origin.shared.now();
        limit.map_or(self.by, |limit| {
            self.by
                .earlier(Deadline::set_by("deadline of the call", now(), limit))
        })
    }

    /// Returns the work, on a connection that is ready. Nothing of it has been sent.
    pub(crate) async fn begin(&mut self) -> Result<Exchange, Error> {
        let lease = self.lease().await?;
        Ok(Exchange::new(
            lease,
            Arc::clone(&self.work),
            self.api,
            self.origin.chain.next(),
        ))
    }

    /// Returns once work that failed with `error` may begin again, on another connection. Returns the error if the failure is
    /// final, the budget is spent, or the deadline comes first.
    pub(crate) async fn again(&mut self, failed: &mut Exchange, error: Error) -> Result<(), Error> {
        let circumstances = failed.circumstances();
        self.api = failed.unreported_api();
        failed.land();
        let repeat = match fallout::repeat(&error, circumstances) {
            Repeat::Never if self.origin.retries(&error) => Repeat::Paused,
            repeat => repeat,
        };
        match (repeat, self.policy) {
            (Repeat::AtOnce, Policy::Budget(_)) => self.check_time(error)?,
            (Repeat::AtOnce, _) => {}
            (Repeat::Paused, Policy::Budget(_)) => self.pause(error).await?,
            (_, Policy::IfInvited) if fallout::invites_another_try(&error, circumstances) => {
                self.policy = Policy::Never;
            }
            _ => return Err(error),
        }
        *failed = self.begin().await?;
        Ok(())
    }

    /// Carries on with another connection if the one that failed with `error` had been dead all along, and nothing of the work
    /// is lost with it. Returns the error otherwise. The calling method has to end by `by`.
    pub(crate) async fn replace(
        &mut self,
        work: &mut Exchange,
        error: Error,
        by: Deadline,
    ) -> Result<(), Error> {
        if !work.can_be_moved(&error) {
            return Err(error);
        }
        // The dead connection goes first: the pool may have room for only one.
        work.land();
        match self.acquire(by).await {
            Ok(lease) => {
                self.api = work.unreported_api();
                work.move_to(lease, self.api);
                Ok(())
            }
            Err(error) => {
                work.fail(error.clone());
                Err(error)
            }
        }
    }

    /// Whether work that failed with this is retried as long as the budget lasts.
    pub(crate) fn is_retryable(&self, error: &Error) -> bool {
        error.is_retryable() || self.origin.retries(error)
    }

    /// Returns a connection, after as many attempts to get one as the policy allows.
    async fn lease(&mut self) -> Result<Lease, Error> {
        loop {
            match self.acquire(self.by).await {
                Ok(lease) => return Ok(lease),
                Err(error) if matches!(self.policy, Policy::Budget(_)) && self.is_retryable(&error) => {
                    self.pause(error).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn acquire(&self, by: Deadline) -> Result<Lease, Error> {
        self.origin.shared.acquire(&self.work.want, by).await
    }

    /// Returns the error if the time is up.
    fn check_time(&self, error: Error) -> Result<(), Error> {
        let now = self.origin.shared.now();
        if self.by.has_passed(now) || self.retry.is_over(now) {
            return Err(self.retry.explain(error, now));
        }
        Ok(())
    }

    /// Waits until it is time for the next attempt. Returns the error if there is none.
    async fn pause(&mut self, error: Error) -> Result<(), Error> {
        let shared = &self.origin.shared;
        let runtime = shared.runtime();
        let now = shared.now();
        match self.retry.next(now, runtime.random()) {
            Some(at) if !self.by.has_passed(at) && !shared.is_closed() => {
                runtime.can_wait()?;
                Deadline::at_instant(at).race(runtime, pending::<()>()).await;
                if runtime.is_cancelled() {
                    Err(Error::cancelled_pause(error))
                } else {
                    Ok(())
                }
            }
            _ => Err(self.retry.explain(error, now)),
        }
    }
}
