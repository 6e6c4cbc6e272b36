//! How a session shall be.

use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Access, Fetch, NotificationFilter};

use crate::api::driver::Driver;
use crate::bookmarks::{BookmarkManager, Bookmarks, Chain};
use crate::exchange::context::{Settings, TransactionContext};

use super::Session;

/// How a session shall be. [`build`](Self::build) makes it.
#[derive(Debug, Clone)]
#[must_use = "a session is made by `build`"]
pub struct SessionBuilder<'d> {
    driver: &'d Driver,
    settings: Settings,
    bookmarks: Bookmarks,
    manager: Option<BookmarkManager>,
}

impl<'d> SessionBuilder<'d> {
    pub(crate) fn new(driver: &'d Driver) -> Self {
        Self {
            driver,
            settings: Settings::default(),
            bookmarks: Bookmarks::new(),
            manager: None,
        }
    }

    /// The database to work on. Default: the user's home database.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.settings.database = Some(name.into().into());
        self
    }

    /// What auto-commit queries, and transactions that you begin, may do. Default: [`Access::Write`]. Under
    /// [`Access::Read`] the server refuses writes.
    pub const fn default_access_mode(mut self, access: Access) -> Self {
        self.settings.access = access;
        self
    }

    /// How many rows to ask for at a time, at least one; pages of long rows have fewer, about 16 MiB. Default: the
    /// [driver's](crate::Config::fetch_size).
    pub const fn fetch_size(mut self, rows: u64) -> Self {
        self.settings.page = Some(Fetch::Rows(rows));
        self
    }

    /// Asks for all rows of each result at once. Whoever reads them slower than they arrive holds up the server, and
    /// nothing but rows travels on the connection meanwhile.
    pub const fn fetch_all(mut self) -> Self {
        self.settings.page = Some(Fetch::All);
        self
    }

    /// What the session's transactions have to have seen: what other sessions wrote. Default: nothing.
    pub fn bookmarks(mut self, bookmarks: Bookmarks) -> Self {
        self.bookmarks = bookmarks;
        self
    }

    /// Shares bookmarks with the other sessions that have the same manager. Default: none.
    pub fn bookmark_manager(mut self, manager: &BookmarkManager) -> Self {
        self.manager = Some(manager.clone());
        self
    }

    /// Works on behalf of this user, whom the server lets the driver's own user impersonate (Bolt 4.4 and later).
    pub fn impersonated_user(mut self, user: impl Into<String>) -> Self {
        self.settings.impersonated_user = Some(user.into().into());
        self
    }

    /// Which notifications the server shall leave out (Bolt 5.2 and later). Default: as the
    /// [driver](crate::Config::notifications) says.
    pub fn notifications(mut self, filter: NotificationFilter) -> Self {
        self.settings.notifications = Some(filter);
        self
    }

    /// How long each call of the session may take on *this* side: an auto-commit query from waiting for a connection to
    /// its last row, a transaction from its beginning to its commit, retries included. Default: the
    /// [driver's](crate::Config::deadline).
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.settings.deadline = Some(limit);
        self
    }

    /// How long transaction functions that failed for reasons that may go away are done again. Zero: never. Default: the
    /// [driver's](crate::Config::max_transaction_retry_time).
    pub const fn max_transaction_retry_time(mut self, limit: Duration) -> Self {
        self.settings.max_transaction_retry_time = Some(limit);
        self
    }

    /// Whether [`run`](Session::run) leaves it at one attempt even if the server says that it did nothing and that another
    /// is welcome. Default: as the [driver](crate::Config::disable_auto_commit_retries) says.
    pub const fn disable_auto_commit_retries(mut self, disable: bool) -> Self {
        self.settings.disable_auto_commit_retries = Some(disable);
        self
    }

    /// The session. No connection is made.
    pub fn build(self) -> Session {
        Session::new(TransactionContext {
            shared: Arc::clone(self.driver.shared()),
            settings: self.settings,
            deadline_of: "deadline of the session",
            chain: Chain::new(self.bookmarks, self.manager),
        })
    }
}
