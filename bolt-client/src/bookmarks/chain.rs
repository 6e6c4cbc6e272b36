//! What a session keeps from one transaction to the next: its bookmarks, and its home database.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::{BookmarkManager, Bookmarks};

/// What the transactions of one session share: its bookmarks, and its home database. Transactions that outlive their call
/// still report to it. By default, that of work that belongs to no session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The home database, once a server has reported it: the session stays with it.
    home: OnceLock<Arc<str>>,
    manager: Option<BookmarkManager>,
    links: Mutex<Links>,
}

#[derive(Debug, Default)]
struct Links {
    /// The bookmarks that the session adds to its transactions: the initial ones before the first commit, that of the last
    /// commit afterwards.
    own: Bookmarks,
    last: Bookmarks,
    /// The number of transactions that have begun.
    begun: u64,
    /// The number of the newest transaction that has committed.
    newest: u64,
}

impl Chain {
    pub(crate) fn new(initial: Bookmarks, manager: Option<BookmarkManager>) -> Self {
        let links = Mutex::new(Links {
            own: initial.clone(),
            last: initial,
            begun: 0,
            newest: 0,
        });
        Self(Arc::new(Shared {
            home: OnceLock::new(),
            manager,
            links,
        }))
    }

    /// Returns the home database of the session, once it is known.
    pub(crate) fn home(&self) -> Option<&Arc<str>> {
        self.0.home.get()
    }

    /// Makes this the home database of the session, unless it has one.
    pub(crate) fn pin_home(&self, home: &Arc<str>) {
        self.0.home.get_or_init(|| Arc::clone(home));
    }

    /// Returns the bookmarks from which the next transaction starts, and to which its own bookmark goes.
    pub(crate) fn next(&self) -> TransactionBookmarks {
        let (own, number) = {
            let mut links = self.lock();
            links.begun += 1;
            (links.own.clone(), links.begun)
        };
        TransactionBookmarks {
            chain: self.clone(),
            number,
            sent: self.with_those_of_manager(own),
        }
    }

    /// Returns the bookmarks that a transaction would start from now.
    pub(crate) fn sent_now(&self) -> Bookmarks {
        let own = self.lock().own.clone();
        self.with_those_of_manager(own)
    }

    /// As [`next`](Self::next), without any bookmarks.
    #[cfg(planted)]
    pub(crate) fn next_without(&self) -> TransactionBookmarks {
        TransactionBookmarks {
            sent: Bookmarks::new(),
            ..self.next()
        }
    }

    fn with_those_of_manager(&self, own: Bookmarks) -> Bookmarks {
        match &self.0.manager {
            Some(manager) => manager.bookmarks() + own,
            None => own,
        }
    }

    /// Returns the bookmarks of the last commit; before the first commit, the initial ones.
    pub(crate) fn last(&self) -> Bookmarks {
        self.lock().last.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Links> {
        self.0.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bookmarks of one transaction.
#[derive(Debug, Clone)]
pub(crate) struct TransactionBookmarks {
    chain: Chain,
    /// The transactions of a session are numbered in the order in which they begin.
    number: u64,
    sent: Bookmarks,
}

impl TransactionBookmarks {
    /// Returns the bookmarks from which the transaction starts.
    pub(crate) const fn sent(&self) -> &Bookmarks {
        &self.sent
    }

    /// Records that the transaction has committed. Its bookmark replaces the ones from which it started, because it includes them. A
    /// transaction with an unread result may commit later than its successors: its bookmark does not include theirs.
    pub(crate) fn committed(&self, bookmark: &str) {
        if bookmark.is_empty() {
            return;
        }
        let new = Bookmarks::one(bookmark);
        {
            let mut links = self.chain.lock();
            let late = self.number < links.newest;
            links.newest = links.newest.max(self.number);
            if self.chain.0.manager.is_none() {
                if !planted!(BookmarksPiledUp) {
                    links.own = links.own.without(&self.sent);
                }
                links.own = links.own.clone() + new.clone();
                links.last = links.own.clone();
            } else {
                // The manager keeps the bookmark for the session, and drops it once it is replaced.
                links.own = Bookmarks::new();
                links.last = if late {
                    links.last.clone() + new.clone()
                } else {
                    new.clone()
                };
            }
        }
        if let Some(manager) = &self.chain.0.manager {
            manager.update(&self.sent, &new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_replaces_what_came_before_and_a_failure_changes_nothing() {
        let chain = Chain::new(Bookmarks::one("a") + Bookmarks::one("b"), None);
        chain.next();
        assert_eq!(chain.last().len(), 2);
        chain.next().committed("c");
        assert_eq!(*chain.next().sent(), Bookmarks::one("c"));
        assert_eq!(chain.last(), Bookmarks::one("c"));
        chain.next().committed("");
        assert_eq!(chain.last(), Bookmarks::one("c"));
    }

    #[test]
    fn a_transaction_that_commits_late_replaces_none_that_began_after_it() {
        for manager in [None, Some(BookmarkManager::new())] {
            let chain = Chain::new(Bookmarks::one("a"), manager);
            let late = chain.next();
            chain.next().committed("c");
            late.committed("b");
            let both = Bookmarks::one("b") + Bookmarks::one("c");
            assert_eq!(*chain.next().sent(), both);
            assert_eq!(chain.last(), both);
            chain.next().committed("d");
            assert_eq!(*chain.next().sent(), Bookmarks::one("d"));
            assert_eq!(chain.last(), Bookmarks::one("d"));
        }
    }

    #[test]
    fn with_a_manager_the_session_s_own_bookmarks_are_sent_until_the_first_commit() {
        let manager = BookmarkManager::new().initial(Bookmarks::one("m"));
        let chain = Chain::new(Bookmarks::one("own"), Some(manager.clone()));
        let bookmarks = chain.next();
        assert_eq!(*bookmarks.sent(), Bookmarks::one("m") + Bookmarks::one("own"));
        bookmarks.committed("new");
        assert_eq!(manager.bookmarks(), Bookmarks::one("new"));
        assert_eq!(*chain.next().sent(), Bookmarks::one("new"));
        assert_eq!(chain.last(), Bookmarks::one("new"));
    }
}
