//! Bookmarks that are shared between sessions.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Bookmarks;

/// A manager that shares bookmarks between sessions, so that each session sees what the others have written. It is passed
/// to each of them by `SessionBuilder::bookmark_manager`. Clones are the same manager.
///
/// The driver has its own manager for `execute_query`.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{BookmarkManager, Bookmarks};
///
/// let manager = BookmarkManager::new()
///     .supplier(|| Bookmarks::from_raw_values(["FB:from-elsewhere"]).unwrap_or_default())
///     .consumer(|bookmarks| println!("now at {bookmarks:?}"));
/// assert_eq!(manager.bookmarks().len(), 1);
/// ```
#[derive(Clone)]
pub struct BookmarkManager(Arc<Shared>);

struct Shared {
    current: Mutex<Bookmarks>,
    supplier: Option<Supplier>,
    consumer: Option<Consumer>,
}

type Supplier = Arc<dyn Fn() -> Bookmarks + Send + Sync>;
type Consumer = Arc<dyn Fn(&Bookmarks) + Send + Sync>;

impl BookmarkManager {
    /// Creates a manager without bookmarks.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Bookmarks::new(), None, None)
    }

    /// Creates a manager that starts from `bookmarks` and has the same callbacks.
    #[must_use]
    pub fn initial(self, bookmarks: Bookmarks) -> Self {
        Self::with(bookmarks, self.0.supplier.clone(), self.0.consumer.clone())
    }

    /// Creates a manager that adds what `supplier` returns whenever a transaction begins: bookmarks of other programs,
    /// for example. The supplier must not block for long, and must not use the driver.
    #[must_use]
    pub fn supplier(self, supplier: impl Fn() -> Bookmarks + Send + Sync + 'static) -> Self {
        let current = self.lock().clone();
        Self::with(current, Some(Arc::new(supplier)), self.0.consumer.clone())
    }

    /// Creates a manager that calls `consumer` with the new bookmarks whenever a transaction has committed. The consumer
    /// must neither block for long nor panic, and must not use the driver.
    #[must_use]
    pub fn consumer(self, consumer: impl Fn(&Bookmarks) + Send + Sync + 'static) -> Self {
        let current = self.lock().clone();
        Self::with(current, self.0.supplier.clone(), Some(Arc::new(consumer)))
    }

    /// Returns the bookmarks from which the next transaction starts.
    #[must_use]
    pub fn bookmarks(&self) -> Bookmarks {
        let current = self.lock().clone();
        // Callbacks are called without the lock, because they may be slow, and may use the manager.
        match &self.0.supplier {
            Some(supplier) => current + supplier(),
            None => current,
        }
    }

    /// Records that a transaction that started from `previous` has committed.
    pub(super) fn update(&self, previous: &Bookmarks, new: &Bookmarks) {
        let current = {
            let mut current = self.lock();
            *current = current.without(previous) + new.clone();
            current.clone()
        };
        if let Some(consumer) = &self.0.consumer {
            consumer(&current);
        }
    }

    fn with(current: Bookmarks, supplier: Option<Supplier>, consumer: Option<Consumer>) -> Self {
        Self(Arc::new(Shared {
            current: Mutex::new(current),
            supplier,
            consumer,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Bookmarks> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for BookmarkManager {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for BookmarkManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BookmarkManager")
            .field("current", &*self.lock())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_replaces_the_bookmarks_that_its_transaction_started_from_and_no_others() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let manager = BookmarkManager::new()
            .initial(Bookmarks::one("a"))
            .consumer(move |bookmarks| log.lock().unwrap().push(bookmarks.clone()));
        let before = manager.bookmarks();
        manager.update(&Bookmarks::new(), &Bookmarks::one("other"));
        manager.update(&before, &Bookmarks::one("b"));
        let expected = Bookmarks::one("other") + Bookmarks::one("b");
        assert_eq!(manager.bookmarks(), expected);
        assert_eq!(seen.lock().unwrap().last(), Some(&expected));
    }

    #[test]
    fn the_supplier_is_called_each_time_and_may_use_the_manager() {
        let slot = Arc::new(Mutex::new(None::<BookmarkManager>));
        let back = Arc::clone(&slot);
        let manager = BookmarkManager::new().supplier(move || {
            let asked = back.lock().unwrap().take();
            asked.map_or_else(
                || Bookmarks::one("s"),
                |manager| manager.bookmarks() + Bookmarks::one("t"),
            )
        });
        *slot.lock().unwrap() = Some(manager.clone());
        assert_eq!(manager.bookmarks(), Bookmarks::one("s") + Bookmarks::one("t"));
        assert_eq!(manager.bookmarks(), Bookmarks::one("s"));
    }
}
