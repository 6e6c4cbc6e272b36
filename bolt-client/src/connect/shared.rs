//! What all work of one driver shares.

mod acquiring;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bolt_proto::{Access, Kind, ServerError};

use crate::address::Address;
use crate::bookmarks::Chain;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::runtime::Runtime;
use crate::server_info::ServerInfo;

use super::Want;
use super::encryption::Encryption;
use super::fallout;
use super::login::{Credentials, Login, Logins};
use super::pool::{Lease, Pool, PoolCounts};
use super::routing::{Router, RoutingTable};

pub(crate) use acquiring::Begun;

/// What all work of one driver shares: the runtime, the options, and the connections.
pub(crate) struct Shared {
    runtime: Arc<dyn Runtime>,
    config: Arc<Config>,
    logins: Arc<Logins>,
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
        let encryption = Encryption::new(&config.encryption, config.routing.is_some())?;
        let config = Arc::new(config);
        let address = Arc::new(config.address.clone());
        let logins = Arc::new(Logins::new(&config));
        let topology = match &config.routing {
            Some(context) => Topology::Routed(Arc::new(Router::new(
                Arc::clone(&runtime),
                &config,
                encryption,
                Arc::clone(&logins),
                context,
            ))),
            None => Topology::Direct(Arc::new(Pool::new(
                Arc::clone(&runtime),
                Arc::clone(&config),
                encryption,
                Arc::clone(&logins),
                address,
            ))),
        };
        Ok(Self {
            runtime,
            config,
            logins,
            topology,
        })
    }

    #[cfg(test)]
    pub(super) fn router(&self) -> Option<&Arc<Router>> {
        match &self.topology {
            Topology::Direct(_) => None,
            Topology::Routed(router) => Some(router),
        }
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

    async fn credentials(&self, login: &Login, by: Deadline) -> Result<Credentials, Error> {
        // Boxed, since nearly all logins are at hand.
        Box::pin(self.logins.credentials(login, &*self.runtime, by)).await
    }

    /// Returns whether a cluster has a server for this work beside these. Asks for its present table if the known one has none.
    pub(crate) async fn has_other_server(&self, want: &Want, than: &[Arc<Address>], by: Deadline) -> bool {
        let Topology::Routed(router) = &self.topology else {
            return false;
        };
        let by = self.acquisition_limit(self.now(), by);
        match self.credentials(&want.login, by).await {
            Ok(credentials) => router.has_other_server(want, &credentials, than, by).await,
            Err(_) => false,
        }
    }

    /// Returns the end of an acquisition that begins at this instant.
    fn acquisition_limit(&self, begun: Instant, by: Deadline) -> Deadline {
        let limit = self.config.connection_acquisition_timeout;
        by.earlier(Deadline::set_by("connection_acquisition_timeout", begun, limit))
    }

    /// Opens the connections that the options want to be idle.
    pub(crate) async fn warm_up(&self) -> Result<(), Error> {
        let by = self.acquisition_limit(self.now(), self.deadline());
        let credentials = self.credentials(&Login::Driver, by).await?;
        match &self.topology {
            Topology::Direct(pool) => pool.warm_up(&credentials, by).await,
            Topology::Routed(router) => router.warm_up(&self.read(Login::Driver), &credentials, by).await,
        }
    }

    /// Returns whether a server accepts these credentials, or the driver's.
    pub(crate) async fn verify_authentication(&self, login: Login, by: Deadline) -> Result<bool, Error> {
        // That database exists on every server that has several, and needs no table of its own in a cluster.
        let want = Want {
            database: Some(Arc::from("system")),
            ..self.read(login)
        };
        match self.log_in(&want, by).await {
            Ok(()) => Ok(true),
            Err(error) if error.server().is_some_and(denies_access) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Logs in on a connection, whatever login it carries.
    async fn log_in(&self, want: &Want, by: Deadline) -> Result<(), Error> {
        let within = self.acquisition_limit(self.now(), by);
        loop {
            let (mut lease, credentials) = self.acquire_any(want, within).await?;
            // A new connection has just logged in with them. Before Bolt 5.1 the answer does not depend on that.
            if lease.can_log_in_again()
                && !lease.is_reused()
                && lease.login().credentials.auth == credentials.auth
            {
                return Ok(());
            }
            if !lease.log_in_again(&credentials)? {
                return Err(too_old(
                    &lease,
                    "verifying a login needs Bolt 5.1; verify_connectivity tests the driver's own",
                ));
            }
            if self.answers(&mut lease, by).await? {
                return Ok(());
            }
        }
    }

    /// Returns information about the server, after it has answered a request or a login.
    pub(crate) async fn server_info(&self, by: Deadline) -> Result<ServerInfo, Error> {
        let want = self.read(Login::Driver);
        loop {
            let mut lease = self.acquire(&want, by).await?;
            // A new connection has just been answered; an old one is tested by a request, and replaced if it is dead.
            if lease.is_reused() && !self.answers(&mut lease, by).await? {
                continue;
            }
            let info = lease.info().map(|info| ServerInfo::clone(info));
            return info
                .ok_or_else(|| Error::misuse("the server reported nothing about itself at the login"));
        }
    }

    /// Waits for the answer to a change of the login, or else for that to a RESET, which a server gives whatever it is
    /// doing. Returns `false` if the connection is dead.
    async fn answers(&self, lease: &mut Lease, by: Deadline) -> Result<bool, Error> {
        let by = by.earlier(Deadline::set_by(
            "connection_timeout",
            self.now(),
            self.config.connection_timeout,
        ));
        let answered = if lease.is_logging_in() {
            lease.logged_in(by).await.map(|()| true)
        } else {
            reset(lease, by).await
        };
        match answered {
            Ok(answered) => Ok(answered),
            Err(error) => {
                lease.report(fallout::for_connections(&error, false));
                // What a server has reported says more than its answer to a second attempt would.
                if error.is_retryable() && error.server().is_none() {
                    Ok(false)
                } else {
                    Err(error)
                }
            }
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
            Topology::Routed(router) => {
                let default = self.read(Login::Driver);
                router.view(&Want {
                    database: database.or_else(|| default.database.clone()),
                    ..default
                })
            }
        }
    }

    /// Asks for the routing table of a database, even if the known one can be used, and returns what is known then.
    pub(crate) async fn refresh_routing_table(
        &self,
        database: Option<Arc<str>>,
    ) -> Result<RoutingTable, Error> {
        let Topology::Routed(router) = &self.topology else {
            return Err(Error::misuse(
                "a driver of one server has no routing tables; use a neo4j:// URI for a cluster",
            ));
        };
        let by = self.acquisition_limit(self.now(), self.deadline());
        let default = self.read(Login::Driver);
        let want = Want {
            database: database.or_else(|| default.database.clone()),
            ..default
        };
        let login = &want.login;
        let credentials = self.credentials(login, by).await?;
        router.refreshed(&want, &credentials, by).await
    }

    /// Returns what a read needs that belongs to no session.
    fn read(&self, login: Login) -> Want {
        Want {
            access: Access::Read,
            database: self.config.database.clone(),
            impersonated_user: None,
            login,
            session: Chain::default(),
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

/// Sends RESET and waits for the answer. Returns whether that is a success.
async fn reset(lease: &mut Lease, by: Deadline) -> Result<bool, Error> {
    let reset = lease.proto.reset()?;
    loop {
        let head = lease.head(by).await?;
        drop(lease.event());
        if head.request == Some(reset) {
            return Ok(head.kind == Kind::Success);
        }
    }
}

/// Returns whether this failure means that credentials give no access, as Neo4j's own drivers see it.
fn denies_access(error: &ServerError) -> bool {
    matches!(
        error.name(),
        "ClientError.Security.CredentialsExpired"
            | "ClientError.Security.Forbidden"
            | "ClientError.Security.TokenExpired"
            | "ClientError.Security.Unauthorized"
    )
}

/// The server cannot change logins, and the caller has its own, with these credentials.
pub(super) fn own_login_unsupported(lease: Lease, credentials: &Credentials) -> Error {
    let error = too_old(
        &lease,
        "a session or query with a login of its own needs Bolt 5.1; create a driver for that user",
    );
    // No other work can use a connection with that login.
    if lease.carries(credentials) {
        lease.close();
    }
    error
}

/// The server's version lacks something.
fn too_old(lease: &Lease, what: &str) -> Error {
    let version = lease.proto.version().map(|version| version.to_string());
    Error::config(format!(
        "{} speaks Bolt {}: {what}",
        lease.peer(),
        version.as_deref().unwrap_or("of an unknown version")
    ))
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
