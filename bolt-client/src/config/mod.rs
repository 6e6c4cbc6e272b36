//! The driver's options.
//!
//! Fields and checks are here; setters stand by subject: connections in `pool`, sockets and protocol in `network`, TLS in
//! `encryption`, what is done on connections in `work`. `options` reads what they set.

mod encryption;
mod env;
mod fetch_size;
mod name;
mod network;
mod options;
mod pool;
mod retries;
mod work;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolt_proto::{Limits, NotificationFilter, Versions};

use crate::address::Address;
use crate::auth::{AuthManager, AuthSource};
use crate::connect::routing::Membership;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::runtime::{BoxFuture, SocketOptions};
use crate::uri;

pub(crate) use encryption::EncryptionOptions;
pub use fetch_size::FetchSize;
pub use name::OptionalName;
pub use options::ConfigOptions;
pub(crate) use retries::{Pauses, RetryIf};

/// The options of a driver: the server's address, the credentials, and how connections are made, kept and used.
///
/// Setters are chained. [`options`](Self::options) returns the values. Defaults are those of Neo4j's own drivers. A
/// value out of range is refused when a driver is made of the options.
///
/// ```
/// # use bolt_client as bolt;
/// use std::time::Duration;
///
/// use bolt::{Auth, Config};
///
/// let config = Config::new("bolt://localhost:7687", Auth::basic("neo4j", "secret"))?
///     .max_connection_pool_size(20)
///     .connection_timeout(Duration::from_secs(5))
///     .deadline(Duration::from_secs(30));
/// assert_eq!(config.options().max_connection_pool_size(), 20);
/// # Ok::<(), bolt::Error>(())
/// ```
///
/// `None` unsets an option that takes `impl Into<Option<…>>`.
///
/// `Debug` shows no credential, and `options` does not return them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    pub(crate) address: Address,
    /// The routing context of the URI, if it is that of a cluster.
    pub(crate) routing: Option<Vec<(String, String)>>,
    /// Set for the connections of a cluster only.
    pub(crate) membership: Option<Membership>,
    pub(crate) encryption: EncryptionOptions,
    pub(crate) auth: AuthSource,
    pub(crate) user_agent: String,
    pub(crate) required_product: Option<Arc<str>>,
    pub(crate) max_connection_pool_size: usize,
    pub(crate) max_connection_pool_waiters: Option<usize>,
    pub(crate) min_idle_connections: usize,
    pub(crate) max_connection_idle_time: Option<Duration>,
    pub(crate) connection_acquisition_timeout: Duration,
    pub(crate) connection_timeout: Duration,
    pub(crate) tcp_connect_timeout: Option<Duration>,
    pub(crate) max_connection_lifetime: Option<Duration>,
    pub(crate) liveness_check_timeout: Option<Duration>,
    pub(crate) connection_write_timeout: Option<Duration>,
    pub(crate) teardown_timeout: Duration,
    pub(crate) socket: SocketOptions,
    pub(crate) resolver: Option<Resolver>,
    pub(crate) database: Option<Arc<str>>,
    pub(crate) max_transaction_retry_time: Duration,
    pub(crate) pauses: Pauses,
    pub(crate) retry_if: Option<RetryIf>,
    pub(crate) auto_commit_retries: bool,
    pub(crate) fetch_size: FetchSize,
    pub(crate) max_result_size: Option<usize>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) notifications: NotificationFilter,
    pub(crate) telemetry: bool,
    pub(crate) versions: Versions,
    pub(crate) limits: Limits,
}

impl Config {
    /// Returns the default options for the server at `uri`: `scheme://host[:port]`, port 7687 by default, IPv6 addresses
    /// in brackets.
    ///
    /// | scheme | |
    /// |---|---|
    /// | `neo4j` | a cluster, which is asked for its servers; not encrypted, unless TLS options are set |
    /// | `neo4j+s`, `neo4j+ssc` | a cluster with TLS, as for one server |
    /// | `bolt` | one server; not encrypted, unless TLS options are set |
    /// | `bolt+s` | TLS; the server's certificate must be valid, and issued by a trusted authority for this host |
    /// | `bolt+ssc` | TLS with any certificate, so an attacker on the network can read and change everything: for tests only |
    /// | `bolt+unix` | a Unix-domain socket by its absolute path, such as `bolt+unix:///run/neo4j.sock`; not encrypted |
    ///
    /// The URI of a cluster may end in a routing context, such as `?policy=eu&region=north`, which the servers interpret.
    ///
    /// TLS is part of the feature `rustls`, which the adapters enable by default.
    ///
    /// `auth` is what connections log in with: an [`Auth`](crate::Auth), or a manager of passwords or tokens that change:
    /// see [`AuthManager`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the URI cannot be used. The message says why.
    pub fn new(uri: &str, auth: impl AuthManager) -> Result<Self, Error> {
        let connection_timeout = Duration::from_secs(30);
        let parsed = uri::parse(uri)?;
        Ok(Self {
            address: parsed.address,
            routing: parsed.routing,
            membership: None,
            encryption: EncryptionOptions::new(parsed.scheme),
            auth: AuthSource::new(auth),
            user_agent: concat!("bolt-client-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            required_product: None,
            max_connection_pool_size: 100,
            max_connection_pool_waiters: None,
            min_idle_connections: 0,
            max_connection_idle_time: None,
            connection_acquisition_timeout: Duration::from_secs(60),
            connection_timeout,
            tcp_connect_timeout: None,
            max_connection_lifetime: Some(Duration::from_secs(3600)),
            liveness_check_timeout: None,
            connection_write_timeout: Some(Duration::from_secs(30)),
            teardown_timeout: Duration::from_secs(5),
            socket: SocketOptions::default(),
            resolver: None,
            database: None,
            max_transaction_retry_time: Duration::from_secs(30),
            pauses: Pauses::default(),
            retry_if: None,
            auto_commit_retries: true,
            fetch_size: FetchSize::Rows(1000),
            max_result_size: None,
            deadline: None,
            notifications: NotificationFilter::default(),
            telemetry: true,
            versions: Versions::default(),
            limits: Limits::default(),
        })
    }

    /// Checks the values that the setters, which cannot fail, have taken.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.max_connection_pool_size == 0 {
            return Err(Error::config(
                "max_connection_pool_size must be at least 1, not 0",
            ));
        }
        if self.min_idle_connections > self.max_connection_pool_size {
            return Err(Error::config(format!(
                "min_idle_connections must be at most max_connection_pool_size ({}), not {}",
                self.max_connection_pool_size, self.min_idle_connections
            )));
        }
        if self.connection_acquisition_timeout.is_zero() {
            return Err(Error::config("connection_acquisition_timeout must be above zero"));
        }
        if self.connection_timeout.is_zero() {
            return Err(Error::config("connection_timeout must be above zero"));
        }
        let is_zero = |limit: Option<Duration>| limit.is_some_and(|limit| limit.is_zero());
        if is_zero(self.tcp_connect_timeout) {
            return Err(Error::config(
                "tcp_connect_timeout must be above zero, or None for no such limit",
            ));
        }
        if is_zero(self.max_connection_lifetime) {
            return Err(Error::config(
                "max_connection_lifetime must be above zero, or None for connections of any age",
            ));
        }
        if is_zero(self.max_connection_idle_time) {
            return Err(Error::config(
                "max_connection_idle_time must be above zero, or None for no limit",
            ));
        }
        if self.fetch_size == FetchSize::Rows(0) {
            return Err(Error::config("fetch_size must be at least 1, or FetchSize::All"));
        }
        self.pauses.check()?;
        self.check_keepalive()
    }

    /// Each value beyond these bounds would be an error of the operating system at each new connection.
    fn check_keepalive(&self) -> Result<(), Error> {
        const SECONDS: RangeInclusive<u64> = 1..=32_767;
        let out_of_range =
            |time: Option<Duration>| time.is_some_and(|time| !SECONDS.contains(&time.as_secs()));
        if out_of_range(self.socket.tcp_keepalive_time) {
            return Err(Error::config(
                "tcp_keepalive_time must be 1 to 32767 seconds, or None for the operating system's own",
            ));
        }
        if out_of_range(self.socket.tcp_keepalive_interval) {
            return Err(Error::config(
                "tcp_keepalive_interval must be 1 to 32767 seconds, or None for the operating system's own",
            ));
        }
        if self
            .socket
            .tcp_keepalive_retries
            .is_some_and(|probes| !(1..=127).contains(&probes))
        {
            return Err(Error::config(
                "tcp_keepalive_retries must be 1 to 127, or None for the operating system's own",
            ));
        }
        Ok(())
    }

    /// Returns when a connection that is opened now becomes too old to be used again.
    pub(crate) fn end_of_life(&self, now: Instant) -> Deadline {
        self.max_connection_lifetime
            .map_or(Deadline::NONE, |limit| Deadline::after(now, limit))
    }
}

/// An application's function that finds servers.
#[derive(Clone)]
pub(crate) enum Resolver {
    Plain(Arc<Resolve>),
    /// The addresses are those that a future returns.
    Waiting(Arc<ResolveLater>),
}

type Resolve = dyn Fn(&Address) -> Vec<Address> + Send + Sync;
type ResolveLater = dyn Fn(Address) -> BoxFuture<'static, Vec<Address>> + Send + Sync;

impl Resolver {
    /// Returns the addresses in place of this one.
    pub(crate) fn resolve(&self, address: &Address) -> Resolved {
        match self {
            Self::Plain(resolve) => Resolved::Now(resolve(address)),
            Self::Waiting(resolve) => Resolved::Later(resolve(address.clone())),
        }
    }
}

/// The addresses that a resolver returns.
pub(crate) enum Resolved {
    Now(Vec<Address>),
    Later(BoxFuture<'static, Vec<Address>>),
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

#[cfg(test)]
mod tests {
    use bolt_proto::Auth;

    use super::*;

    fn config() -> Config {
        Config::new("bolt://localhost", Auth::none()).unwrap()
    }

    #[test]
    fn an_option_that_is_out_of_range_is_named() {
        for (config, name) in [
            (config().max_connection_pool_size(0), "max_connection_pool_size"),
            (
                config().connection_acquisition_timeout(Duration::ZERO),
                "connection_acquisition_timeout",
            ),
            (config().connection_timeout(Duration::ZERO), "connection_timeout"),
            (
                config().tcp_connect_timeout(Duration::ZERO),
                "tcp_connect_timeout",
            ),
            (
                config().max_connection_lifetime(Duration::ZERO),
                "max_connection_lifetime",
            ),
            (
                config().max_connection_idle_time(Duration::ZERO),
                "max_connection_idle_time",
            ),
            (
                config().max_connection_pool_size(3).min_idle_connections(4),
                "min_idle_connections",
            ),
            (config().fetch_size(0), "fetch_size"),
            (
                config().initial_retry_delay(Duration::ZERO),
                "initial_retry_delay",
            ),
            (config().retry_delay_multiplier(0.5), "retry_delay_multiplier"),
            (
                config().retry_delay_multiplier(f64::NAN),
                "retry_delay_multiplier",
            ),
            (
                config().retry_delay_jitter_factor(1.5),
                "retry_delay_jitter_factor",
            ),
            (
                config().retry_delay_jitter_factor(f64::NAN),
                "retry_delay_jitter_factor",
            ),
            (
                config().tcp_keepalive_time(Duration::from_millis(999)),
                "tcp_keepalive_time",
            ),
            (
                config().tcp_keepalive_interval(Duration::from_secs(32_768)),
                "tcp_keepalive_interval",
            ),
            (config().tcp_keepalive_retries(0), "tcp_keepalive_retries"),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }

    #[test]
    fn limits_may_be_absent_or_beyond_the_end_of_time() {
        let now = Instant::now();
        let without = config()
            .max_connection_lifetime(None)
            .liveness_check_timeout(Duration::ZERO)
            .tcp_keepalive_time(None)
            .tcp_keepalive_interval(None)
            .tcp_keepalive_retries(None);
        without.check().unwrap();
        assert_eq!(without.end_of_life(now), Deadline::NONE);
        let endless = config().max_connection_lifetime(Duration::MAX);
        endless.check().unwrap();
        assert_eq!(endless.end_of_life(now), Deadline::NONE);
        let default = config().end_of_life(now);
        assert_eq!(default, Deadline::after(now, Duration::from_secs(3600)));
    }
}
