//! The driver.

use std::fmt;
use std::sync::Arc;

use bolt_proto::{Query, Version};

use crate::api::execute_query::ExecuteQuery;
use crate::api::session::SessionBuilder;
use crate::api::transaction::BeginTransaction;
use crate::bookmarks::BookmarkManager;
use crate::config::Config;
use crate::connect::Shared;
use crate::connect::pool::PoolCounts;
use crate::error::Error;
use crate::runtime::Runtime;
use crate::server_info::ServerInfo;

/// The way to a database: it holds the connections, and everything is asked of it.
///
/// Make one per server and process, and clone it wherever it is needed: clones share their connections. Nothing is
/// opened before the first query. When the last clone is dropped, the connections are closed; call
/// [`close`](Self::close) to end them in order.
///
/// Every method can be cancelled by dropping its future; each says what that means for the work that was asked for.
/// Never does it harm another call.
#[derive(Clone)]
pub struct Driver {
    shared: Arc<Shared>,
    /// What the calls of `execute_query` have in common.
    bookmarks: BookmarkManager,
}

impl Driver {
    /// A driver over a runtime. The adapter crates call this; call it yourself to bring a transport of your own
    /// (see [`runtime`](crate::runtime)).
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if an option is out of range.
    pub fn with_runtime(runtime: Arc<dyn Runtime>, config: Config) -> Result<Self, Error> {
        Ok(Self {
            shared: Arc::new(Shared::new(runtime, config)?),
            bookmarks: BookmarkManager::new(),
        })
    }

    /// Runs a query in a transaction of its own and collects its rows. Set parameters and options on what this
    /// returns, then await it.
    ///
    /// A read on a connection that is open already costs one round trip, a write two.
    pub fn execute_query(&self, query: impl Into<Query>) -> ExecuteQuery<'_> {
        ExecuteQuery::new(self, query.into())
    }

    /// The bookmarks that calls of [`execute_query`](Self::execute_query) share. Give it to a session that has to see what
    /// they wrote, or the other way round.
    #[must_use]
    pub fn execute_query_bookmark_manager(&self) -> &BookmarkManager {
        &self.bookmarks
    }

    /// A session: for queries that belong together, transactions of several queries, and results that are read row by
    /// row. Set options on what this returns, then [`build`](SessionBuilder::build) it. Nothing is sent by that.
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

    /// Whether the server can be reached and the login works: one round trip on an open connection, the opening of
    /// one otherwise. The driver's [deadline](crate::Config::deadline) limits it.
    ///
    /// # Errors
    /// Why not.
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing is lost.
    pub async fn verify_connectivity(&self) -> Result<(), Error> {
        self.server_info().await.map(drop)
    }

    /// Who answers, by the same means as [`verify_connectivity`](Self::verify_connectivity).
    ///
    /// # Errors
    /// Why nobody answers.
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing is lost.
    pub async fn server_info(&self) -> Result<ServerInfo, Error> {
        self.shared.server_info(self.shared.deadline()).await
    }

    /// Whether the server has several databases (Bolt 4.0 and later). Asks as
    /// [`verify_connectivity`](Self::verify_connectivity) does.
    ///
    /// # Errors
    /// Why nobody answers.
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing is lost.
    pub async fn supports_multi_db(&self) -> Result<bool, Error> {
        let version = self.server_info().await?.protocol_version();
        Ok(version >= Version::new(4, 0))
    }

    /// Whether a connection can change its user (Bolt 5.1 and later). Asks as
    /// [`verify_connectivity`](Self::verify_connectivity) does.
    ///
    /// # Errors
    /// Why nobody answers.
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing is lost.
    pub async fn supports_session_auth(&self) -> Result<bool, Error> {
        let version = self.server_info().await?.protocol_version();
        Ok(version >= Version::new(5, 1))
    }

    /// How many connections there are, and how many calls wait for one.
    #[must_use]
    pub fn pool_counts(&self) -> PoolCounts {
        self.shared.pool_counts()
    }

    /// Ends all connections in order. Calls in progress may finish; new ones, and those that wait for a connection,
    /// fail with [`ErrorKind::Closed`](crate::ErrorKind::Closed). Closing twice is fine.
    ///
    /// What dropped calls left on the wire is finished first, within
    /// [`teardown_timeout`](Config::teardown_timeout).
    ///
    /// # Cancel safety
    /// Cancel-safe: the driver is closed from the first poll on; connections that were not said goodbye to are just
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

/// Compile-time promises.
#[cfg(test)]
mod tests {
    use std::future::IntoFuture;

    use super::*;
    use crate::{ManagedTransaction, Records, Transaction};

    fn send<T: Send>(_: &T) {}
    fn shared_value<T: Send + Sync + 'static>(_: &T) {}

    #[test]
    fn the_driver_is_shared_and_every_future_can_be_spawned() {
        fn shared<T: Clone + Send + Sync + 'static>() {}
        shared::<Driver>();
        // Never called: that it compiles is the test.
        let _futures = |driver: Driver| {
            send(&driver.verify_connectivity());
            send(&driver.server_info());
            send(&driver.close());
            send(&driver.execute_query("RETURN 1").param("n", 1).into_future());
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
