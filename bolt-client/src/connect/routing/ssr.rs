//! Which open connections lead to servers that forward queries in their cluster.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the open connections of a driver, by whether their server forwards queries (the hint `ssr.enabled`).
#[derive(Debug, Default)]
pub(crate) struct Forwarding {
    with: AtomicUsize,
    without: AtomicUsize,
}

/// An open connection in the count, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    of: Arc<Forwarding>,
    forwards: bool,
}

impl Forwarding {
    /// Counts a connection that was opened.
    pub(crate) fn count(self: &Arc<Self>, forwards: bool) -> Counted {
        self.counter(forwards).fetch_add(1, Ordering::Relaxed);
        Counted {
            of: Arc::clone(self),
            forwards,
        }
    }

    /// Returns whether there is an open connection, and the server of each forwards queries. The answer may be out of date at
    /// once, so the connection that is used is asked, too.
    pub(crate) fn is_enabled(&self) -> bool {
        self.with.load(Ordering::Relaxed) > 0 && self.without.load(Ordering::Relaxed) == 0
    }

    const fn counter(&self, forwards: bool) -> &AtomicUsize {
        if forwards { &self.with } else { &self.without }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.of.counter(self.forwards).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_forwarded_if_a_connection_is_open_and_none_is_without() {
        let counts = Arc::new(Forwarding::default());
        assert!(!counts.is_enabled(), "nothing is known without a connection");
        let with = counts.count(true);
        assert!(counts.is_enabled());
        let without = counts.count(false);
        assert!(!counts.is_enabled());
        drop(without);
        assert!(counts.is_enabled());
        drop(with);
        assert!(!counts.is_enabled());
    }
}
