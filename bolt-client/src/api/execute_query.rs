//! `execute_query`: one query, one transaction, all rows.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bolt_proto::{Access, Api, Extra, NotificationFilter, Query};

use crate::api::builders::{Lazy, query_setters, transaction_setters};
use crate::api::driver::Driver;
use crate::bookmarks::{BookmarkManager, Bookmarks, Chain};
use crate::eager_result::EagerResult;
use crate::error::Error;
use crate::exchange::context::{Settings, TransactionContext};

/// A query to be run in a transaction of its own. Await it to run it.
///
/// ```no_run
/// # async fn example(driver: bolt_client::Driver) -> Result<(), bolt_client::Error> {
/// use bolt_client::{Access, EagerResult};
///
/// let EagerResult { records, summary, keys } = driver
///     .execute_query("MATCH (a:Person) WHERE a.age > $age RETURN a.name AS name")
///     .param("age", 18)
///     .database("neo4j")
///     .routing(Access::Read)
///     .await?;
/// for record in &records {
///     println!("{}", record.get::<&str>("name")?);
/// }
/// # Ok(()) }
/// ```
///
/// It is done again, after a pause, if the server reports a failure that may go away, or the connection is lost before the
/// commit: for as long as [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) allows. A connection
/// of the pool that turns out to be dead is replaced without a pause.
///
/// # Errors
/// What the server has against the query, if that is final or was so to the end of the budget; why there is no connection;
/// [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the answer to COMMIT was lost: that is never done again.
///
/// # Cancel safety
/// Dropped before the commit has left, the work is undone (*cancel-clean*); later only the server knows
/// (*cancel-unknown*), unless it was a read.
#[must_use = "a query runs when it is awaited"]
pub struct ExecuteQuery<'d> {
    work: Lazy<'d, Setup<'d>, Result<EagerResult, Error>>,
}

/// What the query is, and how it runs.
struct Setup<'d> {
    driver: &'d Driver,
    query: Query,
    extra: Extra,
    settings: Settings,
    manager: Option<BookmarkManager>,
}

impl<'d> ExecuteQuery<'d> {
    pub(crate) fn new(driver: &'d Driver, query: Query) -> Self {
        Self {
            work: Lazy::new(Setup {
                driver,
                query,
                extra: Extra::default(),
                settings: Settings::default(),
                manager: Some(driver.execute_query_bookmark_manager().clone()),
            }),
        }
    }

    query_setters!();
    transaction_setters!();

    /// The database to run on. Default: the user's home database.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.work
            .set(|setup| setup.settings.database = Some(name.into().into()));
        self
    }

    /// Whether the query only reads. Default: [`Access::Write`]. A read costs one round trip, and the server refuses
    /// writes in it.
    pub fn routing(mut self, access: Access) -> Self {
        self.work.set(|setup| setup.settings.access = access);
        self
    }

    /// Works on behalf of this user, whom the server lets the driver's own user impersonate (Bolt 4.4 and later).
    pub fn impersonated_user(mut self, user: impl Into<String>) -> Self {
        self.work
            .set(|setup| setup.settings.impersonated_user = Some(user.into().into()));
        self
    }

    /// Which notifications the server shall leave out (Bolt 5.2 and later). Default: as the
    /// [driver](crate::Config::notifications) says.
    pub fn notifications(mut self, filter: NotificationFilter) -> Self {
        self.work.set(|setup| setup.settings.notifications = Some(filter));
        self
    }

    /// Which other work the query has to have seen, and which work will have to have seen it. `None`: neither. Default:
    /// [that of the driver](Driver::execute_query_bookmark_manager), so that each call sees what those before it wrote.
    pub fn bookmark_manager(mut self, manager: Option<&BookmarkManager>) -> Self {
        self.work.set(|setup| setup.manager = manager.cloned());
        self
    }

    /// How long the whole call may take on *this* side, from waiting for a connection to the last row, with all its
    /// attempts. Default: the [driver's](crate::Config::deadline).
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.work.set(|setup| setup.settings.deadline = Some(limit));
        self
    }
}

impl Setup<'_> {
    async fn run(self) -> Result<EagerResult, Error> {
        self.query.check().map_err(Clone::clone)?;
        let access = self.settings.access;
        let context = Arc::new(TransactionContext {
            shared: Arc::clone(self.driver.shared()),
            settings: self.settings,
            deadline_of: "deadline of the call",
            chain: Chain::new(Bookmarks::new(), self.manager),
        });
        let by = context.deadline(None);
        let mut attempts = context.retried(Api::ExecuteQuery, access, self.extra, by);
        let mut work = attempts.begin().await?;
        loop {
            match work.execute(&self.query, by).await {
                Ok(result) => return Ok(result),
                Err(error) => attempts.retry(&mut work, error).await?,
            }
        }
    }
}

impl Future for ExecuteQuery<'_> {
    type Output = Result<EagerResult, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.run()))
    }
}

/// Shows nothing of the query, whose text may hold a password.
impl fmt::Debug for ExecuteQuery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecuteQuery")
            .field("settings", &self.work.setup().map(|setup| &setup.settings))
            .finish_non_exhaustive()
    }
}
