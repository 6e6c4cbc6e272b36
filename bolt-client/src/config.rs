//! The driver's options.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolt_proto::{Auth, Fetch, Limits, NotificationFilter, Versions};

use crate::address::Address;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::runtime::SocketOptions;
use crate::uri;

/// Where the server is, who connects, and how connections are kept. Defaults are those of Neo4j's own drivers.
///
/// Its `Debug` shows no credential.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    pub(crate) address: Address,
    pub(crate) auth: Auth,
    pub(crate) user_agent: String,
    pub(crate) max_connection_pool_size: usize,
    pub(crate) max_connection_pool_waiters: Option<usize>,
    pub(crate) connection_acquisition_timeout: Duration,
    pub(crate) connection_timeout: Duration,
    pub(crate) max_connection_lifetime: Option<Duration>,
    pub(crate) liveness_check_timeout: Option<Duration>,
    pub(crate) connection_write_timeout: Option<Duration>,
    pub(crate) teardown_timeout: Duration,
    pub(crate) socket: SocketOptions,
    pub(crate) resolver: Option<Resolver>,
    pub(crate) max_transaction_retry_time: Duration,
    pub(crate) disable_auto_commit_retries: bool,
    pub(crate) page: Fetch,
    pub(crate) max_result_size: Option<usize>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) notifications: NotificationFilter,
    pub(crate) telemetry_disabled: bool,
    pub(crate) versions: Versions,
    pub(crate) limits: Limits,
}

impl Config {
    /// The recommended options for the server at `uri`: `bolt://host[:port]`, port 7687 by default, IPv6 addresses
    /// in brackets.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the URI cannot be used; it says why.
    pub fn new(uri: &str, auth: Auth) -> Result<Self, Error> {
        let connection_timeout = Duration::from_secs(30);
        Ok(Self {
            address: uri::parse(uri)?,
            auth,
            user_agent: concat!("bolt-client-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_connection_pool_size: 100,
            max_connection_pool_waiters: None,
            connection_acquisition_timeout: Duration::from_secs(60),
            connection_timeout,
            max_connection_lifetime: Some(Duration::from_secs(3600)),
            liveness_check_timeout: None,
            connection_write_timeout: Some(Duration::from_secs(30)),
            teardown_timeout: Duration::from_secs(5),
            socket: SocketOptions::default(),
            resolver: None,
            max_transaction_retry_time: Duration::from_secs(30),
            disable_auto_commit_retries: false,
            page: Fetch::Rows(1000),
            max_result_size: None,
            deadline: None,
            notifications: NotificationFilter::default(),
            telemetry_disabled: false,
            versions: Versions::default(),
            limits: Limits::default(),
        })
    }

    /// How many connections there may be at once. Default: 100.
    #[must_use]
    pub const fn max_connection_pool_size(mut self, connections: usize) -> Self {
        self.max_connection_pool_size = connections;
        self
    }

    /// The greatest number of calls that may wait for a connection while all are in use. A call that comes on top of them
    /// fails at once, with [`ErrorKind::Overloaded`](crate::ErrorKind::Overloaded), so that a service under too much load
    /// can refuse work rather than pile it up. `None` for any number. Default: `None`.
    #[must_use]
    pub fn max_connection_pool_waiters(mut self, calls: impl Into<Option<usize>>) -> Self {
        self.max_connection_pool_waiters = calls.into();
        self
    }

    /// How long a call may wait for a connection in all: for its turn in the pool, DNS, TCP, handshake and login.
    /// Default: 60 seconds.
    #[must_use]
    pub const fn connection_acquisition_timeout(mut self, limit: Duration) -> Self {
        self.connection_acquisition_timeout = limit;
        self
    }

    /// How long opening one connection may take, from DNS to the end of the login. It is the life of a half-open
    /// connection, too: one that a call with a shorter limit left behind is finished by the next call within it. If a name
    /// stands for several addresses, one that does not answer has no more than its share of it. Default: 30 seconds.
    #[must_use]
    pub const fn connection_timeout(mut self, limit: Duration) -> Self {
        self.connection_timeout = limit;
        self.socket.connect_timeout = Some(limit);
        self
    }

    /// How old a connection may get: one that is older is not used again, but closed and replaced when its turn comes.
    /// A call that is using it is not disturbed. Should be below what firewalls and load balancers on the way allow.
    /// `None` for no limit. Default: one hour.
    #[must_use]
    pub fn max_connection_lifetime(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.max_connection_lifetime = limit.into();
        self
    }

    /// A connection that has been idle for longer than this is asked whether it is alive before a call gets it, and
    /// replaced without a word if it is not. That costs one round trip; zero asks each time. `None` never asks.
    /// Default: `None`.
    ///
    /// Without it, too, a connection that was idle for a second is not used if the operating system knows that it has
    /// ended. What it cannot know, since nobody told it, is that a firewall forgot the connection meanwhile.
    #[must_use]
    pub fn liveness_check_timeout(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.liveness_check_timeout = idle.into();
        self
    }

    /// For how long a server may take no byte of what is being sent to it, before the connection counts as lost; `None`:
    /// for ever. Default: 30 seconds.
    #[must_use]
    pub fn connection_write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connection_write_timeout = limit.into();
        self
    }

    /// How long [`close`](crate::Driver::close) may take to finish what dropped calls left on the wire. Default: 5
    /// seconds.
    #[must_use]
    pub const fn teardown_timeout(mut self, limit: Duration) -> Self {
        self.teardown_timeout = limit;
        self
    }

    /// The application's name, as the server's query log shows it: `name/version`. Default: this driver's.
    #[must_use]
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Whether the operating system probes connections that are silent (TCP keep-alive). Default: yes.
    #[must_use]
    pub const fn keep_alive(mut self, probe: bool) -> Self {
        self.socket.keep_alive = probe;
        self
    }

    /// For how long a connection is idle before the operating system probes it the first time. Whole seconds count, from
    /// one to 32,767, which is as much as Linux takes. `None` leaves that to the operating system, which waits for two
    /// hours as a rule. Default: 60 seconds.
    ///
    /// The defaults of the three options find out within two minutes (60 s + 5 × 10 s) that a peer is gone, or that a
    /// firewall forgot the connection; and a connection that is probed each minute is not forgotten.
    #[must_use]
    pub fn tcp_keepalive_time(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.socket.tcp_keepalive_time = idle.into();
        self
    }

    /// The time between two probes of the operating system, if the first was not answered. Whole seconds count, from one
    /// to 32,767. `None` leaves that to the operating system. Default: 10 seconds.
    #[must_use]
    pub fn tcp_keepalive_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.socket.tcp_keepalive_interval = interval.into();
        self
    }

    /// After how many probes without an answer the operating system counts a connection as dead, from one to 127. `None`
    /// leaves that to the operating system. Default: 5.
    #[must_use]
    pub fn tcp_keepalive_retries(mut self, probes: impl Into<Option<u32>>) -> Self {
        self.socket.tcp_keepalive_retries = probes.into();
        self
    }

    /// Where the server really is, asked each time a connection is opened: the addresses that `resolver` returns are tried
    /// in their order, until a Bolt server answers, each looked up by DNS as usual. For service discovery, and for names that DNS does not know. It must
    /// not block for long, and must not use the driver. Default: the address of the URI.
    ///
    /// ```
    /// use bolt_client::{Address, Auth, Config};
    ///
    /// let config = Config::new("bolt://graph", Auth::none())?.resolver(|_| {
    ///     vec![Address::new("10.0.0.1", 7687), Address::new("10.0.0.2", 7687)]
    /// });
    /// # Ok::<(), bolt_client::Error>(())
    /// ```
    #[must_use]
    pub fn resolver(mut self, resolver: impl Fn(&Address) -> Vec<Address> + Send + Sync + 'static) -> Self {
        self.resolver = Some(Resolver(Arc::new(resolver)));
        self
    }

    /// How long work that failed for reasons that may go away is done again: transaction functions and
    /// [`execute_query`](crate::Driver::execute_query). The clock starts with the first failure; no attempt begins after
    /// its end. Zero: never again. Default: 30 seconds.
    #[must_use]
    pub const fn max_transaction_retry_time(mut self, limit: Duration) -> Self {
        self.max_transaction_retry_time = limit;
        self
    }

    /// Whether [`Session::run`](crate::Session::run) leaves it at one attempt even if the server says that it did nothing
    /// and that another is welcome. Default: no.
    #[must_use]
    pub const fn disable_auto_commit_retries(mut self, disable: bool) -> Self {
        self.disable_auto_commit_retries = disable;
        self
    }

    /// How many rows of a result to ask for at a time, at least one; pages of long rows have fewer, about 16 MiB. Default:
    /// 1000. [`execute_query`](crate::Driver::execute_query) and whatever else collects all rows asks for all of them.
    #[must_use]
    pub const fn fetch_size(mut self, rows: u64) -> Self {
        self.page = Fetch::Rows(rows);
        self
    }

    /// Asks for all rows of each result at once. Whoever reads them slower than they arrive holds up the server.
    #[must_use]
    pub const fn fetch_all(mut self) -> Self {
        self.page = Fetch::All;
        self
    }

    /// How many bytes of memory the rows may take that one call collects: [`execute_query`](crate::Driver::execute_query),
    /// and `collect` and its like on records and cursors. A result that takes more ends the call with an error that says
    /// so, [`ErrorKind::Usage`](crate::ErrorKind::Usage): it is to be read row by row. `None` for no limit. Default:
    /// `None`.
    ///
    /// `collect_as` and `collect_column` count the bytes of the rows as they arrive, since the size of what is made of
    /// them is not known.
    #[must_use]
    pub fn max_result_size(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.max_result_size = bytes.into();
        self
    }

    /// How long each call may take on *this* side, retries included, unless its session or the call itself says otherwise.
    /// Default: no limit, beyond those of getting a connection.
    #[must_use]
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// Which notifications the server shall leave out (Bolt 5.2 and later). Default: the server's own setting.
    #[must_use]
    pub fn notifications(mut self, filter: NotificationFilter) -> Self {
        self.notifications = filter;
        self
    }

    /// Whether servers are not told which part of the API is used, even if they ask for it. What they are told is one of
    /// four numbers for each call: transaction function, explicit transaction, auto-commit query, or `execute_query`. It
    /// costs no round trip. Default: no.
    #[must_use]
    pub const fn telemetry_disabled(mut self, disabled: bool) -> Self {
        self.telemetry_disabled = disabled;
        self
    }

    /// The Bolt versions to negotiate. Default: all that this driver speaks.
    #[must_use]
    pub fn versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Bounds on the memory that a server's messages may take. Default: those of [`Limits`].
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Checks what the setters, which cannot fail, took.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.max_connection_pool_size == 0 {
            return Err(Error::config(
                "max_connection_pool_size must be at least 1, not 0",
            ));
        }
        if self.connection_acquisition_timeout.is_zero() {
            return Err(Error::config("connection_acquisition_timeout must be above zero"));
        }
        if self.connection_timeout.is_zero() {
            return Err(Error::config("connection_timeout must be above zero"));
        }
        if self.max_connection_lifetime.is_some_and(|limit| limit.is_zero()) {
            return Err(Error::config(
                "max_connection_lifetime must be above zero, or None for connections of any age",
            ));
        }
        self.check_keepalive()?;
        if self.page == Fetch::Rows(0) {
            return Err(Error::config(
                "fetch_size must be at least 1, not 0; fetch_all asks for all rows at once",
            ));
        }
        Ok(())
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

    /// When a connection that is opened now becomes too old to be used again.
    pub(crate) fn end_of_life(&self, now: Instant) -> Deadline {
        self.max_connection_lifetime
            .map_or(Deadline::NONE, |limit| Deadline::after(now, limit))
    }
}

/// The user's own idea of where servers are.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<Resolve>);

type Resolve = dyn Fn(&Address) -> Vec<Address> + Send + Sync;

impl Resolver {
    pub(crate) fn resolve(&self, address: &Address) -> Vec<Address> {
        (self.0)(address)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

#[cfg(test)]
mod tests {
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
                config().max_connection_lifetime(Duration::ZERO),
                "max_connection_lifetime",
            ),
            (config().fetch_size(0), "fetch_size"),
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
