//! Work that is retried after a failure: the one loop that decides it.

use std::future::pending;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolt_proto::Api;

use crate::address::Address;
use crate::connect::Begun;
use crate::connect::fallout::{self, RetryDecision};
use crate::connect::pool::Lease;
use crate::deadline::Deadline;
use crate::error::Error;

use super::Exchange;
use super::context::TransactionContext;
use super::retry::Retry;
use super::work::Work;

/// The most attempts without a pause, on different servers.
const MAX_MOVES: usize = 8;

/// The attempts of one call.
///
/// A pooled connection that turns out to be dead before anything was answered on it is replaced whatever the policy.
/// That does not count as an attempt.
#[derive(Debug)]
pub(crate) struct Attempts {
    context: Arc<TransactionContext>,
    work: Arc<Work>,
    /// The part of the API that a server still has to be informed of.
    api: Option<Api>,
    policy: RetryPolicy,
    retry: Retry,
    /// The servers of a cluster on which attempts have failed since the last pause.
    failed_on: Vec<Arc<Address>>,
    /// When something failed first.
    failed_at: Option<Instant>,
    /// A login has failed, and was tried again with other credentials.
    logged_in_again: bool,
    by: Deadline,
}

/// When work that failed is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryPolicy {
    /// For as long as this, after transient errors.
    Budget(Duration),
    /// Once, if the server refused the query, did nothing, and invites a retry.
    IfInvited,
    Never,
}

impl Attempts {
    pub(super) fn new(
        context: Arc<TransactionContext>,
        work: Work,
        policy: RetryPolicy,
        by: Deadline,
    ) -> Self {
        let budget = match policy {
            RetryPolicy::Budget(budget) => budget,
            RetryPolicy::IfInvited | RetryPolicy::Never => Duration::ZERO,
        };
        let retry = Retry::new(budget, context.shared.config().pauses);
        Self {
            context,
            api: work.api,
            work: Arc::new(work),
            policy,
            retry,
            failed_on: Vec::new(),
            failed_at: None,
            logged_in_again: false,
            by,
        }
    }

    /// Returns when all of them have to have ended.
    pub(crate) const fn by(&self) -> Deadline {
        self.by
    }

    /// Returns when a part of the work has to end that begins now with this limit.
    pub(crate) fn limit(&self, limit: Option<Duration>) -> Deadline {
        let now = || self.context.shared.now();
        limit.map_or(self.by, |limit| {
            self.by
                .earlier(Deadline::set_by("deadline of the call", now(), limit))
        })
    }

    /// Returns the work, on a connection that is ready. Nothing of it has been sent. It is boxed, since it moves through
    /// several futures.
    pub(crate) async fn begin(&mut self) -> Result<Box<Exchange>, Error> {
        let lease = self.acquire().await?;
        Ok(Box::new(self.exchange(lease)))
    }

    /// Returns a connection that is ready for the work.
    pub(crate) async fn acquire(&mut self) -> Result<Lease, Error> {
        match self.context.shared.begin_acquiring(&self.work.want) {
            Ok(Begun::Done(lease)) => Ok(lease),
            // Boxed, since it is rare, and larger than the rest of a call.
            begun => Box::pin(self.lease(begun)).await,
        }
    }

    /// Returns the work on this connection. Nothing of it has been sent. Inlined, so that it is made where it stays.
    #[inline(always)]
    pub(crate) fn exchange(&self, lease: Lease) -> Exchange {
        #[cfg(planted)]
        if planted!(BookmarksLostOnFailover) && !self.failed_on.is_empty() {
            let bookmarks = self.context.chain.next_without();
            return Exchange::new(lease, Arc::clone(&self.work), self.api, bookmarks);
        }
        let bookmarks = self.context.chain.next();
        Exchange::new(lease, Arc::clone(&self.work), self.api, bookmarks)
    }

    /// Returns once work that failed with `error` may begin again, on another connection. Returns the error if the
    /// failure is final, the budget is spent, or the deadline comes first.
    pub(crate) async fn retry(&mut self, failed: &mut Exchange, error: Error) -> Result<(), Error> {
        // Boxed, since it is rare, and larger than the rest of a call.
        Box::pin(self.retry_now(failed, error)).await
    }

    async fn retry_now(&mut self, failed: &mut Exchange, error: Error) -> Result<(), Error> {
        let circumstances = failed.circumstances();
        self.note_failure();
        self.api = failed.pending_telemetry();
        failed.give_back();
        let reason = error.clone();
        let decision = match fallout::retry_decision(&error, circumstances) {
            RetryDecision::Never if self.is_retryable(&error) => RetryDecision::Paused,
            RetryDecision::AtOnce if !self.may_log_in_again(&error) => RetryDecision::Paused,
            decision => decision,
        };
        match (decision, self.policy) {
            (RetryDecision::AtOnce, RetryPolicy::Budget(_)) => self.check_time(error)?,
            (RetryDecision::AtOnce, _) => {}
            (RetryDecision::Paused, RetryPolicy::Budget(_)) => {
                if !self.has_moved(failed, &error).await {
                    self.pause(error).await?;
                }
            }
            (_, RetryPolicy::IfInvited) if fallout::invites_retry(&error, circumstances) => {
                self.policy = RetryPolicy::Never;
            }
            _ => return Err(error),
        }
        let lease = self.acquire().await.map(|lease| self.compared(lease))?;
        let next = self.exchange(lease);
        // The deadline may have passed while the call waited for the connection, although it has got one.
        let now = self.context.shared.now();
        if self.by.has_passed(now) {
            return Err(self.retry.explain(reason, now));
        }
        *failed = next;
        Ok(())
    }

    /// Returns whether the server is to blame for the failure, and the cluster has another one: then a pause would only cost
    /// time. That is so once for each server, so that servers that blame each other do not make a tight loop.
    async fn has_moved(&mut self, failed: &Exchange, error: &Error) -> bool {
        let Some(server) = failed.server().filter(|_| fallout::blames_server(error)) else {
            return false;
        };
        let shared = &self.context.shared;
        let now = shared.now();
        if self.failed_on.len() >= MAX_MOVES || self.by.has_passed(now) || self.retry.is_over(now) {
            return false;
        }
        // The question may take its time, which counts.
        self.retry.begin(now);
        self.failed_on.push(Arc::clone(server));
        let moved = shared
            .has_other_server(&self.work.want, &self.failed_on, self.by)
            .await;
        if moved {
            self.retry.note_failure(now);
        }
        moved && !self.retry.is_over(shared.now())
    }

    /// Carries on with another connection if the one that failed with `error` had been dead all along, and nothing of
    /// the work is lost with it. Returns the error otherwise. The calling method has to end by `by`.
    pub(crate) async fn replace_connection(
        &mut self,
        work: &mut Exchange,
        error: Error,
        by: Deadline,
    ) -> Result<(), Error> {
        if !work.can_be_moved(&error) || !self.may_log_in_again(&error) {
            return Err(error);
        }
        // The dead connection goes first: the pool may have room for only one.
        work.give_back();
        self.note_failure();
        match self.context.shared.acquire(&self.work.want, by).await {
            Ok(lease) => {
                let lease = self.compared(lease);
                self.api = work.pending_telemetry();
                work.move_to(lease, self.api);
                Ok(())
            }
            Err(error) => {
                work.fail(error.clone());
                Err(error)
            }
        }
    }

    /// Returns whether work that failed with this is retried as long as the budget lasts, if there is one.
    pub(crate) fn is_retryable(&self, error: &Error) -> bool {
        let has_budget = matches!(self.policy, RetryPolicy::Budget(_));
        has_budget && (error.is_retryable() || self.context.retries(error))
    }

    /// Goes on until there is a connection, after as many attempts to get one as the policy allows.
    async fn lease(&mut self, mut begun: Result<Begun, Error>) -> Result<Lease, Error> {
        loop {
            let shared = &self.context.shared;
            let acquired = match begun {
                Ok(Begun::Done(lease)) => Ok(lease),
                Ok(Begun::Waits(acquisition)) => {
                    shared
                        .go_on_acquiring(acquisition, &self.work.want, self.by)
                        .await
                }
                Err(error) => Err(error),
            };
            match acquired {
                Ok(lease) => return Ok(lease),
                Err(error) if error.is_new_login() && self.may_log_in_again(&error) => {}
                Err(error) if self.is_retryable(&error) => self.pause(error).await?,
                Err(error) => return Err(error),
            }
            begun = self.context.shared.begin_acquiring(&self.work.want);
        }
    }

    fn note_failure(&mut self) {
        self.failed_at.get_or_insert_with(|| self.context.shared.now());
    }

    /// Compares a connection that follows a failure with it: one that was opened since was not dead when the call began, so
    /// its loss is no longer free. In a cluster each attempt may get such a connection, from the search for a table, and each
    /// may be lost: the call would be made again for ever.
    fn compared(&self, mut lease: Lease) -> Lease {
        if let Some(failed_at) = self.failed_at {
            lease.compare_with_failure(failed_at);
        }
        lease
    }

    /// Returns `false` for a failed login that follows another one of this call: a manager that always has other
    /// credentials must not keep the server busy.
    fn may_log_in_again(&mut self, error: &Error) -> bool {
        !error.is_new_login() || !mem::replace(&mut self.logged_in_again, true)
    }

    /// Returns the error if the time is up.
    fn check_time(&mut self, error: Error) -> Result<(), Error> {
        let now = self.context.shared.now();
        if self.by.has_passed(now) || self.retry.is_over(now) {
            self.retry.note_failure(now);
            return Err(self.retry.explain(error, now));
        }
        Ok(())
    }

    /// Waits until it is time for the next attempt. Returns the error if there is none.
    async fn pause(&mut self, error: Error) -> Result<(), Error> {
        let shared = &self.context.shared;
        let runtime = shared.runtime();
        let now = shared.now();
        self.failed_on.clear();
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
