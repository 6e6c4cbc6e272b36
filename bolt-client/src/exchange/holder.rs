//! How an exchange learns that cursors were dropped.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bolt_proto::ResultId;

/// A cursor's hold on a result. Dropped, it leaves a note for the owner of the result.
pub(crate) struct HolderToken {
    exchange: u64,
    result: ResultId,
    dropped: Arc<Dropped>,
}

/// Results whose cursors were dropped, until their owner takes them.
#[derive(Default)]
pub(crate) struct Dropped {
    /// Whether there are any; read without the lock.
    any: AtomicBool,
    results: Mutex<Vec<(u64, ResultId)>>,
}

impl HolderToken {
    /// Creates the token of a result of the exchange with this number, whose owner reads `dropped`.
    pub(crate) fn new(exchange: u64, result: ResultId, dropped: &Arc<Dropped>) -> Self {
        Self {
            exchange,
            result,
            dropped: Arc::clone(dropped),
        }
    }

    /// Returns the number of the exchange that the result belongs to.
    pub(crate) const fn exchange(&self) -> u64 {
        self.exchange
    }

    pub(crate) const fn result(&self) -> ResultId {
        self.result
    }
}

impl Drop for HolderToken {
    fn drop(&mut self) {
        self.dropped.note(self.exchange, self.result);
    }
}

impl Dropped {
    /// Returns whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Takes the exchanges and results whose cursors were dropped since the last call.
    pub(crate) fn take(&self) -> Vec<(u64, ResultId)> {
        if !self.any.load(Ordering::Relaxed) || !self.any.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        mem::take(&mut self.results.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the number of notes.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.results.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn note(&self, exchange: u64, result: ResultId) {
        let mut results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.push((exchange, result));
        self.any.store(true, Ordering::Release);
    }
}

impl fmt::Debug for HolderToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HolderToken").finish_non_exhaustive()
    }
}

impl fmt::Debug for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dropped").finish_non_exhaustive()
    }
}
