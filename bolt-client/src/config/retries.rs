//! How failed work is retried.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// The lengths of the pauses between attempts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pauses {
    pub(crate) first: Duration,
    /// How much longer each pause is than the one before.
    pub(crate) multiplier: f64,
    /// By what part of its length a pause varies.
    pub(crate) jitter: f64,
}

impl Default for Pauses {
    /// As in Neo4j's own drivers.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            multiplier: 2.0,
            jitter: 0.2,
        }
    }
}

impl Pauses {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.first.is_zero() {
            return Err(Error::config(
                "initial_retry_delay must be above zero; max_transaction_retry_time(Duration::ZERO) disables retries",
            ));
        }
        let Self {
            multiplier, jitter, ..
        } = self;
        if !(multiplier.is_finite() && *multiplier >= 1.0) {
            return Err(Error::config(format!(
                "retry_delay_multiplier must be a number of at least 1, not {multiplier}"
            )));
        }
        if !(0.0..=1.0).contains(jitter) {
            return Err(Error::config(format!(
                "retry_delay_jitter_factor must be a number from 0 to 1, not {jitter}"
            )));
        }
        Ok(())
    }
}

/// What an application retries beyond what the driver does.
#[derive(Clone)]
pub(crate) struct RetryIf(Arc<Judge>);

type Judge = dyn Fn(&Error) -> bool + Send + Sync;

impl RetryIf {
    pub(crate) fn new(judge: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(judge))
    }

    /// Returns whether work that failed with this is retried although the driver would not. Some errors are always
    /// final: the work may have been committed, it was wrong from the start, or the application has ended it.
    pub(crate) fn accepts(&self, error: &Error) -> bool {
        let may_be_retried = matches!(
            error.kind(),
            ErrorKind::Server
                | ErrorKind::Connect
                | ErrorKind::ConnectionLost
                | ErrorKind::Overloaded
                | ErrorKind::Timeout
                | ErrorKind::Protocol
        );
        may_be_retried && (self.0)(error)
    }
}

impl fmt::Debug for RetryIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RetryIf")
    }
}
