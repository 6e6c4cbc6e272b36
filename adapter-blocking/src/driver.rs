//! The driver's calls, each on the caller's thread.

use std::sync::Arc;

use bolt_client::{BookmarkManager, Config, Error, PoolCounts, Query, ServerInfo};

use crate::block_on::{block_on, call};
use crate::execute::ExecuteQuery;
use crate::runtime::{Blocking, Runtime};
use crate::session::SessionBuilder;
use crate::transaction::BeginTransaction;

/// The way to a database: it holds the connections, and everything is asked of it.
///
/// Make one per server and process, and clone it for each thread: clones share their connections. Nothing is opened
/// before the first query. When the last clone is dropped, the connections are closed; call [`close`](Self::close)
/// to end them in order. A program that calls `fork` makes its driver [after that](crate::driver).
///
/// It is a type of its own, not that of the asynchronous adapters: its sockets block the thread, which must never
/// happen to an executor by accident.
#[derive(Debug, Clone)]
pub struct Driver {
    inner: bolt_client::Driver,
}

impl Driver {
    pub(crate) fn with_config(config: Config) -> Result<Self, Error> {
        Self::with_runtime(Arc::new(Blocking::default()), config)
    }

    /// A driver over a runtime of your own: one that wraps [`Blocking`] and replaces how connections are made. Its
    /// transports must block the thread as [`Blocking`]'s do, or wake the waker from another thread.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if an option is out of range.
    pub fn with_runtime(runtime: Arc<dyn Runtime>, config: Config) -> Result<Self, Error> {
        Ok(Self {
            inner: bolt_client::Driver::with_runtime(runtime, config)?,
        })
    }

    /// Runs a query in a transaction of its own and collects its rows. Set parameters and options on what this
    /// returns, then [`call`](ExecuteQuery::call) it.
    ///
    /// A read on a connection that is open already costs one round trip, a write two.
    pub fn execute_query(&self, query: impl Into<Query>) -> ExecuteQuery<'_> {
        ExecuteQuery::new(self.inner.execute_query(query))
    }

    /// The bookmarks that calls of [`execute_query`](Self::execute_query) share. Give it to a session that has to see what
    /// they wrote, or the other way round.
    #[must_use]
    pub fn execute_query_bookmark_manager(&self) -> &BookmarkManager {
        self.inner.execute_query_bookmark_manager()
    }

    /// A session: for queries that belong together, transactions of several queries, and results that are read row by
    /// row. Set options on what this returns, then [`build`](SessionBuilder::build) it.
    pub fn session(&self) -> SessionBuilder<'_> {
        SessionBuilder::new(self.inner.session())
    }

    /// Begins a transaction that owns its session: a function can return it, and a struct can hold it.
    ///
    /// The session has the driver's default settings and shares the
    /// [bookmarks of `execute_query`](Self::execute_query_bookmark_manager): the transaction sees what calls of
    /// `execute_query` wrote before it began, and later calls see what it commits. For other settings there is
    /// [`Session::into_transaction`](crate::Session::into_transaction).
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// use bolt::{Driver, Error, Transaction};
    ///
    /// fn begin(driver: &Driver) -> Result<Transaction<'static>, Error> {
    ///     let mut tx = driver.begin_transaction().call()?;
    ///     tx.run("CREATE (:Order)").consume()?;
    ///     Ok(tx)
    /// }
    /// ```
    pub fn begin_transaction(&self) -> BeginTransaction<'static> {
        BeginTransaction::new(self.inner.begin_transaction())
    }

    /// Whether the server can be reached and the login works: one round trip on an open connection, the opening of
    /// one otherwise. The driver's [deadline](crate::Config::deadline) limits it.
    ///
    /// # Errors
    /// Why not.
    pub fn verify_connectivity(&self) -> Result<(), Error> {
        call(self.inner.verify_connectivity())
    }

    /// Who answers, by the same means as [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Errors
    /// Why nobody answers.
    pub fn server_info(&self) -> Result<ServerInfo, Error> {
        call(self.inner.server_info())
    }

    /// Whether the server has several databases (Bolt 4.0 and later). Asks as
    /// [`verify_connectivity`](Self::verify_connectivity) does.
    ///
    /// # Errors
    /// Why nobody answers.
    pub fn supports_multi_db(&self) -> Result<bool, Error> {
        call(self.inner.supports_multi_db())
    }

    /// Whether a connection can change its user (Bolt 5.1 and later). Asks as
    /// [`verify_connectivity`](Self::verify_connectivity) does.
    ///
    /// # Errors
    /// Why nobody answers.
    pub fn supports_session_auth(&self) -> Result<bool, Error> {
        call(self.inner.supports_session_auth())
    }

    /// How many connections there are, and how many calls wait for one.
    #[must_use]
    pub fn pool_counts(&self) -> PoolCounts {
        self.inner.pool_counts()
    }

    /// Ends all connections in order. Calls in progress on other threads may finish; new ones, and those that wait
    /// for a connection, fail with [`ErrorKind::Closed`](crate::ErrorKind::Closed). Closing twice is fine.
    pub fn close(&self) {
        block_on(self.inner.close());
    }
}
