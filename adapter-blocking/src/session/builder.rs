//! How a session shall be.

use std::time::Duration;

use bolt_client::{Access, BookmarkManager, Bookmarks, NotificationFilter};

use super::Session;

/// How a session shall be. [`build`](Self::build) makes it.
///
/// ```no_run
/// # fn example(driver: adapter_blocking::Driver) {
/// use std::time::Duration;
///
/// use adapter_blocking::{Access, BookmarkManager};
///
/// let shared = BookmarkManager::new();
/// let session = driver
///     .session()
///     .database("neo4j")
///     .default_access_mode(Access::Read)
///     .bookmark_manager(&shared)
///     .deadline(Duration::from_secs(10))
///     .build();
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "a session is made by `build`"]
pub struct SessionBuilder<'d>(bolt_client::SessionBuilder<'d>);

impl<'d> SessionBuilder<'d> {
    pub(crate) const fn new(inner: bolt_client::SessionBuilder<'d>) -> Self {
        Self(inner)
    }

    /// The database to work on. Default: the user's home database.
    pub fn database(self, name: impl Into<String>) -> Self {
        Self(self.0.database(name))
    }

    /// What auto-commit queries, and transactions that you begin, may do. Default: [`Access::Write`]. Under
    /// [`Access::Read`] the server refuses writes.
    pub fn default_access_mode(self, access: Access) -> Self {
        Self(self.0.default_access_mode(access))
    }

    /// How many rows to ask for at a time, at least one; pages of long rows have fewer, about 16 MiB. Default: the
    /// [driver's](crate::Config::fetch_size).
    pub fn fetch_size(self, rows: u64) -> Self {
        Self(self.0.fetch_size(rows))
    }

    /// Asks for all rows of each result at once. Whoever reads them slower than they arrive holds up the server, and
    /// nothing but rows travels on the connection meanwhile.
    pub fn fetch_all(self) -> Self {
        Self(self.0.fetch_all())
    }

    /// What the session's transactions have to have seen: what other sessions wrote. Default: nothing.
    pub fn bookmarks(self, bookmarks: Bookmarks) -> Self {
        Self(self.0.bookmarks(bookmarks))
    }

    /// Shares bookmarks with the other sessions that have the same manager. Default: none.
    pub fn bookmark_manager(self, manager: &BookmarkManager) -> Self {
        Self(self.0.bookmark_manager(manager))
    }

    /// Works on behalf of this user, whom the server lets the driver's own user impersonate (Bolt 4.4 and later).
    pub fn impersonated_user(self, user: impl Into<String>) -> Self {
        Self(self.0.impersonated_user(user))
    }

    /// Which notifications the server shall leave out (Bolt 5.2 and later). Default: as the
    /// [driver](crate::Config::notifications) says.
    pub fn notifications(self, filter: NotificationFilter) -> Self {
        Self(self.0.notifications(filter))
    }

    /// How long each call of the session may take on *this* side: an auto-commit query from waiting for a connection to
    /// its last row, a transaction from its beginning to its commit, retries included. Default:
    /// the [driver's](crate::Config::deadline).
    pub fn deadline(self, limit: Duration) -> Self {
        Self(self.0.deadline(limit))
    }

    /// How long transaction functions that failed for reasons that may go away are done again. Zero: never. Default: the
    /// [driver's](crate::Config::max_transaction_retry_time).
    pub fn max_transaction_retry_time(self, limit: Duration) -> Self {
        Self(self.0.max_transaction_retry_time(limit))
    }

    /// Whether [`run`](Session::run) leaves it at one attempt even if the server says that it did nothing and that another
    /// is welcome. Default: as the [driver](crate::Config::disable_auto_commit_retries) says.
    pub fn disable_auto_commit_retries(self, disable: bool) -> Self {
        Self(self.0.disable_auto_commit_retries(disable))
    }

    /// The session. No connection is made.
    pub fn build(self) -> Session {
        Session {
            inner: self.0.build(),
        }
    }
}
