//! The driver.

use std::fmt;
use std::sync::Arc;

use bolt_proto::{Auth, Query, Version};

use crate::address::Address;
use crate::api::execute_query::ExecuteQuery;
use crate::api::held::Held;
use crate::api::load::{Load, LoadRow, RowSource};
use crate::api::session::SessionBuilder;
use crate::api::transaction::BeginTransaction;
use crate::bookmarks::BookmarkManager;
use crate::config::{Config, OptionalName};
use crate::connect::Shared;
use crate::connect::login::Login;
use crate::connect::pool::PoolCounts;
use crate::connect::routing::RoutingTable;
use crate::error::Error;
use crate::runtime::Runtime;
use crate::server_info::ServerInfo;

/// A driver: the connection pool and the entry point of the API.
///
/// ```no_run
/// # mod bolt {
/// #     pub use bolt_client::*;
/// #     pub fn driver_with(_: Config) -> Result<Driver, Error> { unimplemented!() }
/// # }
/// use bolt::{Auth, Config, Driver, Error};
///
/// # async fn example() -> Result<(), Error> {
/// // `bolt::driver(uri, auth)` is the short form.
/// let config = Config::new("bolt://localhost:7687", Auth::basic("neo4j", "secret"))?;
/// let driver: Driver = bolt::driver_with(config)?;
/// driver.verify_connectivity().await?;
/// let people = driver.execute_query("MATCH (p:Person) RETURN count(p)").await?;
/// println!("{:?}", people.records);
/// driver.close().await;
/// # Ok(()) }
/// ```
///
/// Create one per server and process with the adapter's `driver` or `driver_with`, and clone it where it is needed.
/// Clones share their connections. No connection is opened before the first query, or [`warm_up`](Self::warm_up).
/// Connections are closed when the last clone is dropped; [`close`](Self::close) ends them in order.
///
#[doc(alias("new", "connect", "pool"))]
#[derive(Clone)]
pub struct Driver {
    shared: Arc<Shared>,
    /// The bookmarks that the calls of `execute_query` share.
    bookmarks: BookmarkManager,
}

impl Driver {
    /// Creates a driver over a custom runtime, for a custom transport: see [`Runtime`](crate::runtime::Runtime). In other
    /// cases the adapter's `driver` or `driver_with` creates the driver.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if an option is out of range.
    pub fn with_runtime(runtime: Arc<dyn Runtime>, config: Config) -> Result<Self, Error> {
        Ok(Self {
            shared: Arc::new(Shared::new(runtime, config)?),
            bookmarks: BookmarkManager::new(),
        })
    }

    /// Returns a future that runs a query in a transaction of its own and collects its rows. Set parameters and
    /// options, then await or spawn it.
    ///
    /// [`ExecuteQuery`] says what the query costs, and when it is retried.
    pub fn execute_query(&self, query: impl Into<Query>) -> ExecuteQuery {
        ExecuteQuery::new(self, query.into())
    }

    /// Returns the bookmark manager that calls of [`execute_query`](Self::execute_query) share. A session with this
    /// manager sees what they wrote, and they see what the session wrote.
    #[must_use]
    pub fn execute_query_bookmark_manager(&self) -> &BookmarkManager {
        &self.bookmarks
    }

    /// Returns a builder of a session: for queries that belong together, transactions of several queries, and results
    /// that are read row by row. Set options, then [`build`](SessionBuilder::build) it. That opens no connection.
    pub fn session(&self) -> SessionBuilder<'_> {
        SessionBuilder::new(self)
    }

    /// Begins a transaction that owns its session: a function can return it, and a struct can hold it.
    ///
    /// The session has the driver's default settings and shares the
    /// [bookmarks of `execute_query`](Self::execute_query_bookmark_manager): the transaction sees what calls of
    /// `execute_query` wrote before it began, and later calls see what it commits. For other settings there is
    /// [`Session::into_transaction`](crate::Session::into_transaction).
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// use bolt::{Driver, Error, Transaction};
    ///
    /// async fn begin(driver: &Driver) -> Result<Transaction<'static>, Error> {
    ///     let mut tx = driver.begin_transaction().await?;
    ///     tx.run("CREATE (:Order)").consume().await?;
    ///     Ok(tx)
    /// }
    /// ```
    pub fn begin_transaction(&self) -> BeginTransaction<'static> {
        let manager = self.execute_query_bookmark_manager();
        self.session()
            .bookmark_manager(manager)
            .build()
            .into_transaction()
    }

    /// Loads many rows in batches: runs the query once for each batch, with the parameter `$rows`. Set options on what this
    /// returns, then await it.
    ///
    /// The session of the load has the driver's default settings and shares the
    /// [bookmarks of `execute_query`](Self::execute_query_bookmark_manager). For other settings, and for rows that may fail to be
    /// produced, there are the methods of a session: [`Session::load`](crate::Session::load).
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(driver: bolt::Driver, people: Vec<(u64, String)>) -> Result<(), bolt::Error> {
    /// driver.load("UNWIND $rows AS row CREATE (:Person {id: row[0], name: row[1]})", people).await?;
    /// # Ok(()) }
    /// ```
    pub fn load<'r, I>(&self, query: impl Into<Query>, rows: I) -> Load<'r>
    where
        I: IntoIterator<Item: LoadRow, IntoIter: Send + 'r>,
    {
        let manager = self.execute_query_bookmark_manager();
        let session = self.session().bookmark_manager(manager).build();
        Load::new(Held::Owned(session), query.into(), RowSource::of_iter(rows))
    }

    /// Checks that the server can be reached and that the login works. Costs one round trip on an open connection, or
    /// the opening of one. The driver's [deadline](crate::Config::deadline) limits it.
    ///
    /// # Errors
    /// If the server cannot be reached, or rejects the login.
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub async fn verify_connectivity(&self) -> Result<(), Error> {
        self.server_info().await.map(drop)
    }

    /// Returns whether the server accepts these credentials; `None` for the driver's own (Bolt 5.1 and later). Costs one
    /// round trip, or the opening of a connection.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(driver: bolt::Driver, name: &str, password: &str) -> Result<(), bolt::Error> {
    /// use bolt::Auth;
    ///
    /// if !driver.verify_authentication(Auth::basic(name, password)).await? {
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
    pub async fn verify_authentication(&self, auth: impl Into<Option<Auth>>) -> Result<bool, Error> {
        let login = auth.into().map_or(Login::Driver, Login::Own);
        self.shared
            .verify_authentication(login, self.shared.deadline())
            .await
    }

    /// Returns information about the server. Costs as much as [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Errors
    /// As [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub async fn server_info(&self) -> Result<ServerInfo, Error> {
        self.shared.server_info(self.shared.deadline()).await
    }

    /// Returns whether the server has several databases (Bolt 4.0 and later). Costs as much as
    /// [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Errors
    /// As [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub async fn supports_multi_db(&self) -> Result<bool, Error> {
        let version = self.server_info().await?.protocol_version();
        Ok(version >= Version::new(4, 0))
    }

    /// Returns whether a connection can change its user (Bolt 5.1 and later). Costs as much as
    /// [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Errors
    /// As [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub async fn supports_session_auth(&self) -> Result<bool, Error> {
        let version = self.server_info().await?.protocol_version();
        Ok(version >= Version::new(5, 1))
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
    /// # mod bolt {
    /// #     pub use bolt_client::*;
    /// #     pub fn driver_with(_: Config) -> Result<Driver, Error> { unimplemented!() }
    /// # }
    /// # async fn example(config: bolt::Config) -> Result<(), bolt::Error> {
    /// let driver = bolt::driver_with(config.min_idle_connections(10))?;
    /// driver.warm_up().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If a connection cannot be opened. The others are opened all the same, and stay in the pool.
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation). Connections that were being opened are completed by later calls.
    pub async fn warm_up(&self) -> Result<(), Error> {
        self.shared.warm_up().await
    }

    /// Returns whether connections are encrypted: by the scheme of the URI, or because TLS options are set. The answer is the
    /// same once the driver is closed.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.shared.config().options().is_encrypted()
    }

    /// Returns the number of connections, by state, and of calls that wait for one. In a cluster it is the sum over all
    /// servers.
    #[must_use]
    pub fn pool_counts(&self) -> PoolCounts {
        let counts = self.shared.pool_counts();
        counts.into_iter().map(|(_, counts)| counts).sum()
    }

    /// Returns [`pool_counts`](Self::pool_counts) of each server that this driver has connections to, in the order of the
    /// addresses. Without a cluster that is the server of the URI.
    #[must_use]
    pub fn pool_counts_by_address(&self) -> Vec<(Address, PoolCounts)> {
        self.shared.pool_counts()
    }

    /// Returns the routing table of a database as the driver knows it: which servers carry out reads and writes. `None` for the
    /// [default database](Config::database), or else the home database of the driver's login.
    ///
    /// Nothing is asked of a server, so the table may be out of date. `None` is returned if no call has needed the database yet,
    /// and by drivers of one server (`bolt://`).
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
    /// driver.verify_connectivity().await?;
    /// if let Some(table) = driver.routing_table(None) {
    ///     for writer in table.writers() {
    ///         println!("{writer}, as of {:?} ago", table.age());
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn routing_table(&self, database: impl OptionalName) -> Option<RoutingTable> {
        self.shared.routing_table(database.into_name())
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
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub async fn refresh_routing_table(&self, database: impl OptionalName) -> Result<RoutingTable, Error> {
        self.shared.refresh_routing_table(database.into_name()).await
    }

    /// Closes all connections in order. Calls in progress may finish. New calls, and those that wait for a connection,
    /// fail with [`ErrorKind::Closed`](crate::ErrorKind::Closed). Closing twice has no further effect.
    ///
    /// What dropped calls left on the wire is finished first, within [`teardown_timeout`](Config::teardown_timeout).
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation): the driver is closed from the first poll on. Connections that did not get a GOODBYE are just
    /// closed.
    pub async fn close(&self) {
        self.shared.close().await;
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

/// Guarantees that hold if they compile.
#[cfg(test)]
mod tests {
    use std::future::{Future, IntoFuture};

    use super::*;
    use crate::{ManagedTransaction, Records, Transaction};

    fn send<T: Send>(_: &T) {}
    fn spawn<F: Future<Output: Send> + Send + 'static>(_: F) {}
    fn shared_value<T: Send + Sync + 'static>(_: &T) {}

    #[test]
    fn the_driver_is_shared_and_every_future_can_be_spawned() {
        fn shared<T: Clone + Send + Sync + 'static>() {}
        shared::<Driver>();
        // Never called: that it compiles is the test.
        let _futures = |driver: Driver| {
            send(&driver.verify_connectivity());
            send(&driver.server_info());
            send(&driver.warm_up());
            send(&driver.close());
            spawn(driver.execute_query("RETURN 1").param("n", 1));
            let mut session = driver.session().build();
            shared_value(&session);
            send(&session.run("RETURN 1").into_future());
            send(&session.begin_transaction().into_future());
            let names = |mut tx: ManagedTransaction| async move {
                tx.run("RETURN 'x'").await?.collect_column::<String>().await
            };
            send(&session.execute_read(names).into_future());
            send(&session.last_bookmarks());
        };
        let _of_results = |mut records: Records<'static>| {
            send(&records.try_next());
            send(&records.next_ref());
            send(&records.peek());
            send(&records.consume());
        };
        let _of_transactions = |mut tx: Transaction<'static>| {
            send(&tx.run("RETURN 1").into_future());
            send(&tx.commit());
        };
    }
}
