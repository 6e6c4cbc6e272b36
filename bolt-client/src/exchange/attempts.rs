//! Doing work again that has failed.

use std::future::pending;
use std::time::Duration;

use crate::api::driver::Driver;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::retry::Retry;

/// The attempts of one call.
#[derive(Debug)]
pub(crate) struct Attempts<'d> {
    driver: &'d Driver,
    retry: Retry,
    by: Deadline,
}

impl<'d> Attempts<'d> {
    pub(crate) fn new(driver: &'d Driver, budget: Duration, by: Deadline) -> Self {
        Self {
            driver,
            retry: Retry::new(budget),
            by,
        }
    }

    /// An attempt found a connection dead that had been idle: the next one needs no pause, and begins no budget. The error
    /// if its time is up.
    pub(crate) fn at_once(&self, error: Error) -> Result<(), Error> {
        let now = self.driver.runtime().now();
        if self.by.has_passed(now) || self.retry.is_over(now) {
            Err(error)
        } else {
            Ok(())
        }
    }

    /// An attempt failed. Returns when it is time for the next one, or the error if there is to be none: because it is
    /// final, because the budget is spent, or because the deadline comes first.
    pub(crate) async fn again(&mut self, error: Error) -> Result<(), Error> {
        let lost = planted!(RetryAfterUnknownCommit) && error.kind() == crate::ErrorKind::UnknownCommit;
        if !error.is_retryable() && !lost {
            return Err(error);
        }
        let runtime = self.driver.runtime();
        let next = self.retry.next(runtime.now(), runtime.random());
        match next {
            Some(at) if !self.by.has_passed(at) && !self.driver.is_closed() => {
                runtime.can_wait()?;
                Deadline::at_instant(at).race(&**runtime, pending::<()>()).await;
                if runtime.is_cancelled() {
                    Err(Error::cancelled_pause(error))
                } else {
                    Ok(())
                }
            }
            _ => Err(error),
        }
    }
}
