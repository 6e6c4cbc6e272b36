//! How connections are kept.

use std::time::Duration;

use super::Config;

impl Config {
    /// Sets the maximum number of connections; in a cluster, of connections to each server. Default: 100.
    #[must_use]
    pub const fn max_connection_pool_size(mut self, connections: usize) -> Self {
        self.max_connection_pool_size = connections;
        self
    }

    /// Sets the maximum number of calls that wait for a connection while all are in use. `None` for no limit. Default:
    /// `None`.
    ///
    /// A further call fails at once with [`ErrorKind::Overloaded`](crate::ErrorKind::Overloaded). So an overloaded
    /// service can refuse work rather than queue it.
    #[must_use]
    pub fn max_connection_pool_waiters(mut self, calls: impl Into<Option<usize>>) -> Self {
        self.max_connection_pool_waiters = calls.into();
        self
    }

    /// Sets the number of idle connections that the pool keeps ready. Default: 0.
    ///
    /// `Driver::warm_up` opens them. [`max_connection_idle_time`](Self::max_connection_idle_time) keeps this number of
    /// idle connections. Nothing opens connections in the background: one that was lost is replaced when a call needs
    /// one, or by the next `warm_up`.
    #[must_use]
    pub const fn min_idle_connections(mut self, connections: usize) -> Self {
        self.min_idle_connections = connections;
        self
    }

    /// Sets how long a connection may be idle. One that was idle for longer is closed when the pool is used next, and
    /// is not used again. `None` for no limit. Default: `None`.
    ///
    /// The last [`min_idle_connections`](Self::min_idle_connections) stay.
    #[must_use]
    pub fn max_connection_idle_time(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.max_connection_idle_time = limit.into();
        self
    }

    /// Sets how long a call may wait for a connection in all: in the queue of the pool, for DNS, TCP, handshake and
    /// login. Default: 60 seconds.
    #[must_use]
    pub const fn connection_acquisition_timeout(mut self, limit: Duration) -> Self {
        self.connection_acquisition_timeout = limit;
        self
    }

    /// Sets how long the opening of one connection may take, from DNS to the end of the login. Default: 30 seconds.
    ///
    /// It limits a half-open connection, too, which a call with a shorter limit left to the next call. If a name has
    /// several addresses, one that does not answer has only its share of this time.
    #[must_use]
    pub const fn connection_timeout(mut self, limit: Duration) -> Self {
        self.connection_timeout = limit;
        self.socket.connect_timeout = Some(limit);
        self
    }

    /// Sets how long one address of a server may take to accept a connection, before TLS and the login: an address that
    /// does not exist is given up sooner than a server that is slow. `None` for no limit but
    /// [`connection_timeout`](Self::connection_timeout), which goes on to limit the whole. Default: `None`.
    #[must_use]
    pub fn tcp_connect_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.tcp_connect_timeout = limit.into();
        self
    }

    /// Sets the maximum age of a connection. An older one is not used again: it is closed, and replaced when a call
    /// needs one. A call that is using it is not disturbed. `None` for no limit. Default: one hour.
    ///
    /// Choose less than what firewalls and load balancers on the way allow.
    #[must_use]
    pub fn max_connection_lifetime(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.max_connection_lifetime = limit.into();
        self
    }

    /// Sets after which idle time a connection must prove that it is alive before a call uses it. A dead connection is
    /// replaced; the call does not fail. `None` disables the check. Default: `None`.
    ///
    /// The check costs one round trip. Zero checks before each use.
    ///
    /// Without this option, too, a connection that was idle for a second is not used if the operating system knows that
    /// it has ended. The operating system cannot know that a firewall has forgotten the connection.
    #[must_use]
    pub fn liveness_check_timeout(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.liveness_check_timeout = idle.into();
        self
    }

    /// Sets how long `Driver::close` may take to finish what dropped calls left on the wire. Default: 5 seconds.
    #[must_use]
    pub const fn teardown_timeout(mut self, limit: Duration) -> Self {
        self.teardown_timeout = limit;
        self
    }
}
