//! The driver.

use std::fmt;
use std::sync::Arc;

use bolt_proto::{Kind, Query, Version};

use crate::api::execute_query::ExecuteQuery;
use crate::api::session::SessionBuilder;
use crate::bookmarks::BookmarkManager;
use crate::config::Config;
use crate::connect::pool::{Lease, Pool, PoolCounts};
use crate::deadline::Deadline;
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
}

struct Shared {
    runtime: Arc<dyn Runtime>,
    pool: Arc<Pool>,
    config: Arc<Config>,
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
        config.check()?;
        let config = Arc::new(config);
        let address = config.address.clone();
        let pool = Arc::new(Pool::new(Arc::clone(&runtime), Arc::clone(&config), address));
        Ok(Self {
            shared: Arc::new(Shared {
                runtime,
                pool,
                config,
                bookmarks: BookmarkManager::new(),
            }),
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
        &self.shared.bookmarks
    }

    /// A session: for queries that belong together, transactions of several queries, and results that are read row by
    /// row. Set options on what this returns, then [`build`](SessionBuilder::build) it. Nothing is sent by that.
    pub fn session(&self) -> SessionBuilder<'_> {
        SessionBuilder::new(self)
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
        let now = || self.runtime().now();
        let limit = self.config().deadline;
        let by = limit.map_or(Deadline::NONE, |limit| Deadline::after(now(), limit));
        loop {
            let mut lease = self.acquire(by).await?;
            // A new connection has just proved itself; an old one is asked, and replaced should it be dead.
            let by = by.earlier(Deadline::after(now(), self.config().connection_timeout));
            if lease.is_reused() && !answers(&mut lease, by).await? {
                continue;
            }
            let info = lease.info().map(|info| ServerInfo::clone(info));
            return info.ok_or_else(|| Error::misuse("the login told nothing about the server"));
        }
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
        self.shared.pool.counts()
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
        self.shared.pool.close().await;
    }

    pub(crate) fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.shared.runtime
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.pool.is_closed()
    }

    pub(crate) async fn acquire(&self, by: Deadline) -> Result<Lease, Error> {
        self.shared.pool.acquire(by).await
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("pool", &self.shared.pool)
            .finish_non_exhaustive()
    }
}

/// Whether a connection of the pool still answers: a RESET, which a server answers whatever it does. `false` if it
/// turns out to be dead.
async fn answers(lease: &mut Lease, by: Deadline) -> Result<bool, Error> {
    let reset = lease.proto.reset()?;
    loop {
        match lease.head(by).await {
            Ok(head) => {
                drop(lease.event());
                if head.request == Some(reset) {
                    return Ok(head.kind == Kind::Success);
                }
            }
            Err(error) if error.is_retryable() => return Ok(false),
            Err(error) => return Err(error),
        }
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
            send(&driver.acquire(Deadline::NONE));
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
            send(&records.next());
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
