//! The options of a session.

use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Access, Auth, NotificationFilter};

use crate::api::driver::Driver;
use crate::bookmarks::{BookmarkManager, Bookmarks, Chain};
use crate::config::{FetchSize, OptionalName, RetryIf};
use crate::error::Error;
use crate::exchange::context::{Settings, TransactionContext};

use super::Session;

/// A builder of sessions: the options of a [`Session`], which [`build`](Self::build) returns.
///
/// ```no_run
/// # use bolt_client as bolt;
/// # fn example(driver: bolt::Driver) {
/// use std::time::Duration;
///
/// use bolt::{Access, BookmarkManager};
///
/// let shared = BookmarkManager::new();
/// let session = driver
///     .session()
///     .database("neo4j")
///     .default_access_mode(Access::Read)
///     .bookmark_manager(&shared)
///     .fetch_size(500)
///     .deadline(Duration::from_secs(10))
///     .build();
/// # }
/// ```
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

    /// Sets the database. `None` for the [driver's](crate::Config::database), or else the user's home database.
    /// Default: `None`.
    pub fn database(mut self, name: impl OptionalName) -> Self {
        self.settings.database = name.into_name();
        self
    }

    /// Sets what auto-commit queries and explicit transactions may do. Default: [`Access::Write`]. Under
    /// [`Access::Read`] the server refuses writes.
    pub const fn default_access_mode(mut self, access: Access) -> Self {
        self.settings.access = access;
        self
    }

    /// Sets the number of rows to request at a time: a number of at least 1, or [`FetchSize::All`]. Default: the
    /// [driver's](crate::Config::fetch_size).
    ///
    /// Pages of long rows have fewer rows, about 16 MiB.
    pub fn fetch_size(mut self, rows: impl Into<FetchSize>) -> Self {
        self.settings.fetch_size = Some(rows.into());
        self
    }

    /// Sets the bookmarks that the session's first transaction waits for: what other sessions wrote. Default: none.
    pub fn bookmarks(mut self, bookmarks: Bookmarks) -> Self {
        self.bookmarks = bookmarks;
        self
    }

    /// Sets the bookmark manager, which shares bookmarks with the other sessions that have the same one. Default: `None`.
    pub fn bookmark_manager<'m>(mut self, manager: impl Into<Option<&'m BookmarkManager>>) -> Self {
        self.manager = manager.into().cloned();
        self
    }

    /// Sets the user to impersonate, which the server must allow (Bolt 4.4 and later). Default: `None`.
    pub fn impersonated_user(mut self, user: impl OptionalName) -> Self {
        self.settings.impersonated_user = user.into_name();
        self
    }

    /// Sets what the session's queries are logged in with, in place of the driver's credentials (Bolt 5.1 and later).
    /// Default: `None`.
    ///
    /// Connections are shared between users. One that carries another login is logged in again, together with the
    /// session's next query and with no round trip more. Below Bolt 5.1 the session's calls fail with
    /// [`ErrorKind::Config`](crate::ErrorKind::Config), unless the driver has the same credentials.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # fn example(driver: bolt::Driver, name: &str, password: &str) {
    /// use bolt::Auth;
    ///
    /// let session = driver.session().auth(Auth::basic(name, password)).build();
    /// # }
    /// ```
    pub fn auth(mut self, auth: impl Into<Option<Auth>>) -> Self {
        self.settings.auth = auth.into();
        self
    }

    /// Sets which notifications the server leaves out (Bolt 5.2 and later). `None` for the
    /// [driver's](crate::Config::notifications) setting. Default: `None`.
    pub fn notifications(mut self, filter: impl Into<Option<NotificationFilter>>) -> Self {
        self.settings.notifications = filter.into();
        self
    }

    /// Sets how long each call of the session may take on *this* side, retries included: an auto-commit query from the
    /// wait for a connection to its last row, a transaction from its beginning to its commit. `None` for the
    /// [driver's](crate::Config::deadline) deadline. Default: `None`.
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.deadline = limit.into();
        self
    }

    /// Sets how long transaction functions are retried after transient errors. Zero disables retries; `None` is the
    /// [driver's](crate::Config::max_transaction_retry_time) setting. Default: `None`.
    pub fn max_transaction_retry_time(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.max_transaction_retry_time = limit.into();
        self
    }

    /// Adds to the errors after which transaction functions are retried: those for which `condition` returns `true`. The
    /// driver's [`retry_if`](crate::Config::retry_if) applies as well.
    pub fn retry_if(mut self, condition: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.settings.retry_if = Some(RetryIf::new(condition));
        self
    }

    /// Sets whether [`run`](Session::run) is retried once if the server reports that it did nothing and that a retry is
    /// safe. `None` for the [driver's](crate::Config::auto_commit_retries) setting. Default: `None`.
    pub fn auto_commit_retries(mut self, retry: impl Into<Option<bool>>) -> Self {
        self.settings.auto_commit_retries = retry.into();
        self
    }

    /// Builds the session. No connection is opened.
    pub fn build(self) -> Session {
        Session::new(TransactionContext::new(
            Arc::clone(self.driver.shared()),
            self.settings,
            "deadline of the session",
            Chain::new(self.bookmarks, self.manager),
        ))
    }
}
