//! What all work of one driver shares.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bolt_proto::{Access, Kind};

use crate::address::Address;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::runtime::Runtime;
use crate::server_info::ServerInfo;

use super::encryption::Encryption;
use super::fallout;
use super::pool::{Lease, Pool, PoolCounts};
use super::routing::{Router, RoutingTable};
use super::{SessionState, Want};

/// What all work of one driver shares: the runtime, the options, and the connections.
pub(crate) struct Shared {
    runtime: Arc<dyn Runtime>,
    config: Arc<Config>,
    topology: Topology,
}

/// Where connections come from.
enum Topology {
    /// One server for all work.
    Direct(Arc<Pool>),
    /// The servers of a cluster.
    Routed(Arc<Router>),
}

impl Shared {
    /// Checks the options, and reads the files that they name; connects to nothing.
    pub(crate) fn new(runtime: Arc<dyn Runtime>, config: Config) -> Result<Self, Error> {
        config.check()?;
        let encryption = Encryption::new(&config.encryption)?;
        let config = Arc::new(config);
        let address = config.address.clone();
        let topology = match &config.routing {
            Some(context) => {
                let router = Router::new(Arc::clone(&runtime), &config, encryption, context);
                Topology::Routed(Arc::new(router))
            }
            None => {
                let pool = Pool::new(Arc::clone(&runtime), Arc::clone(&config), encryption, address);
                Topology::Direct(Arc::new(pool))
            }
        };
        Ok(Self {
            runtime,
            config,
            topology,
        })
    }

    pub(crate) fn runtime(&self) -> &dyn Runtime {
        &*self.runtime
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// Returns the deadline of a call that begins now and has no limit but the driver's.
    pub(crate) fn deadline(&self) -> Deadline {
        let limit = self.config.deadline;
        limit.map_or(Deadline::NONE, |limit| {
            Deadline::set_by("deadline of the driver", self.now(), limit)
        })
    }

    /// Acquires a connection that is ready for this work. Cancel-safe.
    pub(crate) async fn acquire(&self, want: &Want, by: Deadline) -> Result<Lease, Error> {
        match &self.topology {
            Topology::Direct(pool) => pool.acquire(by).await,
            Topology::Routed(router) => router.acquire(want, by).await,
        }
    }

    /// Opens the connections that the options want to be idle.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        match &self.topology {
            Topology::Direct(pool) => pool.warm_up(self.deadline()).await,
            Topology::Routed(router) => router.warm_up(&self.read(None), self.deadline()).await,
        }
    }

    /// Returns information about the server, after it has answered a request or a login.
    pub(crate) async fn server_info(&self, by: Deadline) -> Result<ServerInfo, Error> {
        let want = self.read(None);
        loop {
            let mut lease = self.acquire(&want, by).await?;
            // A new connection has just been answered; an old one is tested by a request, and replaced if it is dead.
            let by = by.earlier(Deadline::set_by(
                "connection_timeout",
                self.now(),
                self.config.connection_timeout,
            ));
            if lease.is_reused() && !answers(&mut lease, by).await? {
                continue;
            }
            let info = lease.info().map(|info| ServerInfo::clone(info));
            return info
                .ok_or_else(|| Error::misuse("the server reported nothing about itself at the login"));
        }
    }

    /// Returns the counts of each server's pool, in the order of the addresses.
    pub(crate) fn pool_counts(&self) -> Vec<(Address, PoolCounts)> {
        match &self.topology {
            Topology::Direct(pool) => vec![(self.config.address.clone(), pool.counts())],
            Topology::Routed(router) => router.pool_counts(),
        }
    }

    /// Returns what is known of the servers of a database.
    pub(crate) fn routing_table(&self, database: Option<Arc<str>>) -> Option<RoutingTable> {
        match &self.topology {
            Topology::Direct(_) => None,
            Topology::Routed(router) => router.view(&self.read(database)),
        }
    }

    /// What a read needs that belongs to no session.
    fn read(&self, database: Option<Arc<str>>) -> Want {
        Want {
            access: Access::Read,
            database: database.or_else(|| self.config.database.clone()),
            impersonated_user: None,
            session: SessionState::default(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match &self.topology {
            Topology::Direct(pool) => pool.is_closed(),
            Topology::Routed(router) => router.is_closed(),
        }
    }

    pub(crate) async fn close(&self) {
        match &self.topology {
            Topology::Direct(pool) => pool.close().await,
            Topology::Routed(router) => router.close().await,
        }
    }
}

/// Sends RESET on a pooled connection and waits for the answer, which a server gives whatever it is doing. Returns
/// `false` if the connection is dead.
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
            Err(error) => {
                lease.report(fallout::for_connections(&error, false));
                return if error.is_retryable() {
                    Ok(false)
                } else {
                    Err(error)
                };
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Driver");
        match &self.topology {
            Topology::Direct(pool) => debug.field("pool", pool),
            Topology::Routed(router) => debug.field("router", router),
        };
        debug.finish_non_exhaustive()
    }
}
