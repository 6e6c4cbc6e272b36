//! The driver, whose calls run on the caller's thread.

use std::sync::Arc;

use bolt_client::{
    Address, Auth, BookmarkManager, Config, Error, LoadRow, OptionalName, PoolCounts, Query, RoutingTable,
    ServerInfo,
};

use crate::block_on::{block_on, call};
use crate::execute::ExecuteQuery;
use crate::load::Load;
use crate::runtime::{Blocking, Runtime};
use crate::session::SessionBuilder;
use crate::transaction::BeginTransaction;

/// A driver: the connection pool and the entry point of the API.
///
/// ```no_run
/// # use adapter_blocking as bolt;
/// use bolt::{Auth, Config, Driver, Error};
///
/// # fn example() -> Result<(), Error> {
/// // `bolt::driver(uri, auth)` is the short form.
/// let config = Config::new("bolt://localhost:7687", Auth::basic("neo4j", "secret"))?;
/// let driver: Driver = bolt::driver_with(config)?;
/// driver.verify_connectivity()?;
/// let people = driver.execute_query("MATCH (p:Person) RETURN count(p)").call()?;
/// println!("{:?}", people.records);
/// driver.close();
/// # Ok(()) }
/// ```
///
/// Create one per server and process with [`bolt::driver`](crate::driver), and clone it for each thread. Clones share
/// their connections. No connection is opened before the first query, or [`warm_up`](Self::warm_up). Connections are
/// closed when the last clone is dropped; [`close`](Self::close) ends them in order. A program that calls `fork`
/// creates its driver [after the fork](crate::driver).
///
/// The type is not that of the asynchronous adapters, because its sockets block the thread. So an executor cannot get it
/// by accident.
#[doc(alias("new", "connect", "pool"))]
#[derive(Debug, Clone)]
pub struct Driver {
    inner: bolt_client::Driver,
}

impl Driver {
    pub(crate) fn with_config(config: Config) -> Result<Self, Error> {
        Self::with_runtime(Arc::new(Blocking::default()), config)
    }

    /// Creates a driver over a custom runtime, which wraps [`Blocking`] and replaces how connections are made. Its
    /// transports must block the thread as those of [`Blocking`] do, or wake the waker from another thread.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if an option is out of range.
    pub fn with_runtime(runtime: Arc<dyn Runtime>, config: Config) -> Result<Self, Error> {
        Ok(Self {
            inner: bolt_client::Driver::with_runtime(runtime, config)?,
        })
    }

    /// Returns a builder that runs a query in a transaction of its own and collects its rows. Set parameters and
    /// options, then [`call`](ExecuteQuery::call) it.
    ///
    /// [`ExecuteQuery`] says what the query costs, and when it is retried.
    pub fn execute_query(&self, query: impl Into<Query>) -> ExecuteQuery {
        ExecuteQuery::new(self.inner.execute_query(query))
    }

    /// Returns the bookmark manager that calls of [`execute_query`](Self::execute_query) share. A session with this
    /// manager sees what they wrote, and they see what the session wrote.
    #[must_use]
    pub fn execute_query_bookmark_manager(&self) -> &BookmarkManager {
        self.inner.execute_query_bookmark_manager()
    }

    /// Returns a builder of a session: for queries that belong together, transactions of several queries, and results
    /// that are read row by row. Set options, then [`build`](SessionBuilder::build) it. That opens no connection.
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

    /// Loads many rows in batches: runs the query once for each batch, with the parameter `$rows`. Set options on what this
    /// returns, then [`call`](Load::call) it.
    ///
    /// The session of the load has the driver's default settings and shares the
    /// [bookmarks of `execute_query`](Self::execute_query_bookmark_manager). For other settings, and for rows that may fail to
    /// be produced, there are the methods of a session: [`Session::load`](crate::Session::load).
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(driver: bolt::Driver, people: Vec<(u64, String)>) -> Result<(), bolt::Error> {
    /// driver.load("UNWIND $rows AS row CREATE (:Person {id: row[0], name: row[1]})", people).call()?;
    /// # Ok(()) }
    /// ```
    pub fn load<'r, I>(&self, query: impl Into<Query>, rows: I) -> Load<'r>
    where
        I: IntoIterator<Item: LoadRow, IntoIter: Send + 'r>,
    {
        Load::new(self.inner.load(query, rows))
    }

    /// Checks that the server can be reached and that the login works. Costs one round trip on an open connection, or
    /// the opening of one. The driver's [deadline](crate::Config::deadline) limits it.
    ///
    /// # Errors
    /// If the server cannot be reached, or rejects the login.
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub fn verify_connectivity(&self) -> Result<(), Error> {
        call(self.inner.verify_connectivity())
    }

    /// Returns whether the server accepts these credentials; `None` for the driver's own (Bolt 5.1 and later). Costs one
    /// round trip, or the opening of a connection.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(driver: bolt::Driver, name: &str, password: &str) -> Result<(), bolt::Error> {
    /// use bolt::Auth;
    ///
    /// if !driver.verify_authentication(Auth::basic(name, password))? {
    ///     println!("wrong user name or password");
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// It is `false` if the server answers with `Unauthorized`, `TokenExpired`, `CredentialsExpired` or `Forbidden`.
    ///
    /// # Errors
    /// If the server cannot be reached, reports another failure, such as a limit on wrong passwords, or speaks a version
    /// before Bolt 5.1.
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub fn verify_authentication(&self, auth: impl Into<Option<Auth>>) -> Result<bool, Error> {
        call(self.inner.verify_authentication(auth))
    }

    /// Returns information about the server. Costs as much as [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Errors
    /// As [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub fn server_info(&self) -> Result<ServerInfo, Error> {
        call(self.inner.server_info())
    }

    /// Returns whether the server has several databases (Bolt 4.0 and later). Costs as much as
    /// [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Errors
    /// As [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub fn supports_multi_db(&self) -> Result<bool, Error> {
        call(self.inner.supports_multi_db())
    }

    /// Returns whether a connection can change its user (Bolt 5.1 and later). Costs as much as
    /// [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Errors
    /// As [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub fn supports_session_auth(&self) -> Result<bool, Error> {
        call(self.inner.supports_session_auth())
    }

    /// Opens connections until [`min_idle_connections`](Config::min_idle_connections) are idle, side by side, so that
    /// the first calls need not. No more than [`max_connection_pool_size`](Config::max_connection_pool_size) exist in
    /// all.
    ///
    /// The driver's [deadline](Config::deadline) and
    /// [`connection_acquisition_timeout`](Config::connection_acquisition_timeout) limit it. Call it again after
    /// connections were lost: nothing is opened in the background.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(config: bolt::Config) -> Result<(), bolt::Error> {
    /// let driver = bolt::driver_with(config.min_idle_connections(10))?;
    /// driver.warm_up()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If a connection cannot be opened. The others are opened all the same, and stay in the pool.
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation). Connections that were being opened are completed by later calls.
    pub fn warm_up(&self) -> Result<(), Error> {
        call(self.inner.warm_up())
    }

    /// Returns whether connections are encrypted: by the scheme of the URI, or because TLS options are set. The answer is the
    /// same once the driver is closed.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.inner.is_encrypted()
    }

    /// Returns the number of connections, by state, and of calls that wait for one. In a cluster it is the sum over all
    /// servers.
    #[must_use]
    pub fn pool_counts(&self) -> PoolCounts {
        self.inner.pool_counts()
    }

    /// Returns [`pool_counts`](Self::pool_counts) of each server that this driver has connections to, in the order of the
    /// addresses. Without a cluster that is the server of the URI.
    #[must_use]
    pub fn pool_counts_by_address(&self) -> Vec<(Address, PoolCounts)> {
        self.inner.pool_counts_by_address()
    }

    /// Returns the routing table of a database as the driver knows it: which servers carry out reads and writes. `None` for the
    /// [default database](Config::database), or else the home database of the driver's login.
    ///
    /// Nothing is asked of a server, so the table may be out of date. `None` is returned if no call has needed the database yet,
    /// and by drivers of one server (`bolt://`).
    #[must_use]
    pub fn routing_table(&self, database: impl OptionalName) -> Option<RoutingTable> {
        self.inner.routing_table(database)
    }

    /// Requests the routing table of a database from the servers, even if the known one is still valid, and returns it.
    /// `None` is the driver's default database, or the home database of its user.
    ///
    /// The driver requests tables by itself whenever it needs them, so this is for tools and tests: after a server was added,
    /// for example, new work reaches it at once. Work that waits for a server that the new table lacks goes elsewhere.
    ///
    /// # Errors
    /// If no server sends a table: [`Error::routing`] is
    /// [`RoutingFailure::NoTable`](crate::RoutingFailure::NoTable). If the servers refuse the request: their failure. If the URI
    /// is not that of a cluster: [`ErrorKind::Usage`](crate::ErrorKind::Usage).
    pub fn refresh_routing_table(&self, database: impl OptionalName) -> Result<RoutingTable, Error> {
        call(self.inner.refresh_routing_table(database))
    }

    /// Closes all connections in order. Calls in progress on other threads may finish. New calls, and those that wait
    /// for a connection, fail with [`ErrorKind::Closed`](crate::ErrorKind::Closed). Closing twice has no further
    /// effect.
    ///
    /// What cancelled calls left on the wire is finished first, within [`teardown_timeout`](Config::teardown_timeout).
    pub fn close(&self) {
        block_on(self.inner.close());
    }
}
