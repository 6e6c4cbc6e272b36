//! `execute_query`: one query, one transaction, all rows.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bolt_proto::{Access, Api, Auth, Fetch, NotificationFilter, OwnExtra, Query};

use crate::api::builders::{Lazy, query_setters, transaction_setters};
use crate::api::driver::Driver;
use crate::bookmarks::{BookmarkManager, Bookmarks, Chain};
use crate::config::{FetchSize, OptionalName};
use crate::connect::Shared;
use crate::eager_result::EagerResult;
use crate::error::Error;
use crate::exchange::CommitTime;
use crate::exchange::context::{Settings, TransactionContext};

/// A query that runs in a transaction of its own. It is a future: await it to run the query, or spawn it.
///
/// ```no_run
/// # use bolt_client as bolt;
/// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// use bolt::{Access, EagerResult};
///
/// let EagerResult { records, summary, .. } = driver
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
/// The query is retried, after a pause, after transient errors and if the connection is lost before the commit. Retries
/// last as long as [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) allows. A pooled
/// connection that turns out to be dead is replaced without a pause.
///
/// A read costs one round trip on an open connection, a write two, or one with
/// [`pipeline_commit`](Self::pipeline_commit). The page `docs/writes.md` of the repository compares what each way to
/// write costs and risks.
///
/// # Errors
/// * If the server reports a failure that is final, or that lasted to the end of the retries.
/// * If no connection can be obtained.
/// * [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the answer to COMMIT was lost. That is never retried.
///
/// # Cancel safety
/// [*cancel-clean*](index.html#cancellation) until COMMIT has left, [*cancel-unknown*](index.html#cancellation) afterwards. A read is [*cancel-safe*](index.html#cancellation). With
/// [`pipeline_commit`](Self::pipeline_commit), COMMIT leaves with the query.
#[must_use = "a query runs when it is awaited"]
pub struct ExecuteQuery {
    work: Lazy<'static, Setup, Result<EagerResult, Error>>,
}

/// The query and its options.
struct Setup {
    shared: Arc<Shared>,
    query: Query,
    extra: OwnExtra,
    settings: Settings,
    manager: Option<BookmarkManager>,
    fetch_size: FetchSize,
    pipeline_commit: bool,
}

impl ExecuteQuery {
    pub(crate) fn new(driver: &Driver, query: Query) -> Self {
        Self {
            work: Lazy::new(Setup {
                shared: Arc::clone(driver.shared()),
                query,
                extra: OwnExtra::default(),
                settings: Settings::default(),
                manager: Some(driver.execute_query_bookmark_manager().clone()),
                fetch_size: FetchSize::All,
                pipeline_commit: false,
            }),
        }
    }

    query_setters!();
    transaction_setters!();

    /// Sets the database. `None` for the [driver's](crate::Config::database), or else the user's home database.
    /// Default: `None`.
    pub fn database(mut self, name: impl OptionalName) -> Self {
        self.work.set(|setup| setup.settings.database = name.into_name());
        self
    }

    /// Sets whether the query only reads. Default: [`Access::Write`]. A read costs one round trip, and the server
    /// refuses writes in it.
    pub fn routing(mut self, access: Access) -> Self {
        self.work.set(|setup| setup.settings.access = access);
        self
    }

    /// Sets whether COMMIT travels with the query, so that a write costs one round trip rather than two. Default:
    /// `false`.
    ///
    /// Errors that the server reports are handled as without this option: nothing is committed, and the query is
    /// retried after transient errors. What differs is the loss of the connection. Without this option, the query is
    /// retried if the connection is lost before COMMIT has left. With it, COMMIT has left with the query, so the loss
    /// is an [`UnknownCommit`](crate::ErrorKind::UnknownCommit) and is not retried. A pooled connection is replaced
    /// only if no byte of COMMIT has left.
    ///
    /// Likewise, a result that is larger than [`max_result_size`](crate::Config::max_result_size) allows, or a deadline
    /// that passes, leaves the commit unknown. A read is not affected: its COMMIT always travels with the query.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
    /// driver
    ///     .execute_query("MERGE (p:Person {id: $id}) SET p.seen = datetime()")
    ///     .param("id", 4711)
    ///     .pipeline_commit(true)
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn pipeline_commit(mut self, pipeline: bool) -> Self {
        self.work.set(|setup| setup.pipeline_commit = pipeline);
        self
    }

    /// Sets how many rows are requested at a time. Default: [`FetchSize::All`], since all of them are returned anyway.
    ///
    /// With pages, each costs a round trip, and so does COMMIT: it cannot travel with the query, although
    /// [`routing`](Self::routing) or [`pipeline_commit`](Self::pipeline_commit) would have it so. In return a result that is
    /// larger than [`max_result_size`](crate::Config::max_result_size) allows stops at the end of a page, and a write is
    /// rolled back.
    pub fn fetch_size(mut self, rows: impl Into<FetchSize>) -> Self {
        let rows = rows.into();
        self.work.set(|setup| setup.fetch_size = rows);
        self
    }

    /// Sets the user to impersonate, which the server must allow (Bolt 4.4 and later). Default: `None`.
    pub fn impersonated_user(mut self, user: impl OptionalName) -> Self {
        self.work
            .set(|setup| setup.settings.impersonated_user = user.into_name());
        self
    }

    /// Sets what the query is logged in with, in place of the driver's credentials (Bolt 5.1 and later). Default: `None`.
    ///
    /// It costs no round trip: [`SessionBuilder::auth`](crate::SessionBuilder::auth).
    pub fn auth(mut self, auth: impl Into<Option<Auth>>) -> Self {
        self.work.set(|setup| setup.settings.auth = auth.into());
        self
    }

    /// Sets which notifications the server leaves out (Bolt 5.2 and later). `None` for the
    /// [driver's](crate::Config::notifications) setting. Default: `None`.
    pub fn notifications(mut self, filter: impl Into<Option<NotificationFilter>>) -> Self {
        self.work
            .set(|setup| setup.settings.notifications = filter.into());
        self
    }

    /// Sets the bookmark manager for this query. `None` disables bookmarks. Default:
    /// [that of the driver](Driver::execute_query_bookmark_manager), so that each call sees what those before it wrote.
    pub fn bookmark_manager<'m>(mut self, manager: impl Into<Option<&'m BookmarkManager>>) -> Self {
        self.work.set(|setup| setup.manager = manager.into().cloned());
        self
    }

    /// Sets how long the call may take on *this* side, from the wait for a connection to the last row, retries
    /// included. `None` for the [driver's](crate::Config::deadline) deadline. Default: `None`.
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.work.set(|setup| setup.settings.deadline = limit.into());
        self
    }
}

impl Setup {
    /// Runs the query. The future keeps what the attempts need, and not the options.
    fn run(self) -> impl Future<Output = Result<EagerResult, Error>> + Send {
        let access = self.settings.access;
        let page = Fetch::from(self.fetch_size);
        let commit = if self.pipeline_commit || access == Access::Read {
            CommitTime::WithQuery
        } else {
            CommitTime::AfterRows
        };
        let context = Arc::new(TransactionContext::new(
            self.shared,
            self.settings,
            "deadline of the call",
            Chain::new(Bookmarks::new(), self.manager),
        ));
        let by = context.deadline(None);
        let mut attempts = context.retried(Api::ExecuteQuery, access, self.extra, by);
        let query = self.query;
        async move {
            query.check().map_err(Clone::clone)?;
            let mut work = attempts.begin().await?;
            loop {
                let error = match work.execute(&query, page, commit, attempts.by()).await {
                    Ok(result) => return Ok(result),
                    Err(error) => error,
                };
                attempts.retry(&mut work, error).await?;
            }
        }
    }
}

impl Future for ExecuteQuery {
    type Output = Result<EagerResult, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.run()))
    }
}

/// Shows nothing of the query, whose text may hold a password.
impl fmt::Debug for ExecuteQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecuteQuery")
            .field("settings", &self.work.setup().map(|setup| &setup.settings))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;

    #[test]
    fn the_future_is_small_enough_for_the_caches_of_allocators() {
        let driver = Scripted::new().driver();
        let mut call = driver.execute_query("RETURN 1");
        assert!(size_of_val(&call) <= 1024, "{}", size_of_val(&call));
        let Lazy::Setup(setup) = &mut call.work else {
            panic!("it was polled")
        };
        let future = setup.take().expect("it was not polled").run();
        assert!(size_of_val(&future) <= 1024, "{}", size_of_val(&future));
    }
}
