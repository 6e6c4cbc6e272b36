//! Two transaction functions that meet once each holds a lock, and what became of their attempts.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bolt_client::Error;

/// How long the first waits for the second. With one writer at a time, the second cannot come before it has failed.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
pub(crate) struct Meeting {
    attempts: AtomicU32,
    arrived: AtomicU32,
    failures: Mutex<Vec<String>>,
}

impl Meeting {
    /// An attempt begins.
    pub(crate) fn begin(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    /// An attempt holds its first lock. Returns when to stop waiting for the other.
    pub(crate) fn arrive(&self) -> Instant {
        self.arrived.fetch_add(1, Ordering::Relaxed);
        Instant::now() + PATIENCE
    }

    /// Whether both hold a lock, or one of them has failed already.
    pub(crate) fn is_over(&self) -> bool {
        self.arrived.load(Ordering::Relaxed) >= 2 || !self.noted().is_empty()
    }

    /// Notes what an attempt failed with, and passes that on.
    pub(crate) fn note<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &outcome {
            let what = error
                .server()
                .map_or_else(|| error.to_string(), |failure| failure.code().to_owned());
            self.noted().push(what);
        }
        outcome
    }

    pub(crate) fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// What attempts failed with, by the server's codes.
    pub(crate) fn failures(&self) -> Vec<String> {
        self.noted().clone()
    }

    fn noted(&self) -> MutexGuard<'_, Vec<String>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
