//! Sockets and the protocol.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{Limits, Versions};

use crate::address::Address;

use super::{Config, OptionalName, Resolver};
use crate::runtime::BoxFuture;

impl Config {
    /// Sets how long a write may make no progress before the connection is closed. `None` for no limit. Default: 30
    /// seconds.
    ///
    /// Until a request has left, this limit counts in place of the server's promise not to be silent for long, which servers
    /// make for the time in which they work. Without this limit, that promise counts here, too.
    #[must_use]
    pub fn connection_write_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.connection_write_timeout = limit.into();
        self
    }

    /// Sets the application's name in the server's query log: `name/version`. Default: the name of this driver.
    #[must_use]
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// Sets how the server's product name must begin, as in `Neo4j/`. A connection to another server fails with
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported). `None` for any server. Default: `None`.
    ///
    /// The name is that of [`ServerInfo::agent`](crate::ServerInfo::agent). It is checked before the first query, so an
    /// application that relies on one product writes nothing to another.
    ///
    /// ```
    /// # use bolt_client as bolt;
    /// use bolt::{Auth, Config};
    ///
    /// let config = Config::new("bolt://localhost", Auth::none())?.required_product("Neo4j/");
    /// # Ok::<(), bolt::Error>(())
    /// ```
    #[must_use]
    pub fn required_product(mut self, beginning: impl OptionalName) -> Self {
        self.required_product = beginning.into_name();
        self
    }

    /// Sets whether the operating system probes silent connections (TCP keep-alive). Default: `true`.
    #[must_use]
    pub const fn keep_alive(mut self, probe: bool) -> Self {
        self.socket.keep_alive = probe;
        self
    }

    /// Sets after which idle time the operating system sends the first probe. Whole seconds count, from one to 32,767,
    /// the maximum of Linux. `None` for the setting of the operating system, two hours as a rule. Default: 60 seconds.
    ///
    /// With the defaults of the three options, the loss of a peer is noticed within two minutes (60 s + 5 × 10 s). So is
    /// a firewall that forgot the connection. A firewall does not forget a connection that is probed each minute.
    #[must_use]
    pub fn tcp_keepalive_time(mut self, idle: impl Into<Option<Duration>>) -> Self {
        self.socket.tcp_keepalive_time = idle.into();
        self
    }

    /// Sets the time between two probes, if the first was not answered. Whole seconds count, from one to 32,767. `None`
    /// for the setting of the operating system. Default: 10 seconds.
    #[must_use]
    pub fn tcp_keepalive_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.socket.tcp_keepalive_interval = interval.into();
        self
    }

    /// Sets after how many unanswered probes a connection counts as dead, from one to 127. `None` for the setting of
    /// the operating system. Default: 5.
    #[must_use]
    pub fn tcp_keepalive_retries(mut self, probes: impl Into<Option<u32>>) -> Self {
        self.socket.tcp_keepalive_retries = probes.into();
        self
    }

    /// Sets a function that returns the server's addresses, for service discovery and for names that DNS does not know.
    /// Default: the address of the URI.
    ///
    /// The function is called each time a connection is opened; in a cluster, each time the server of the URI is asked for a
    /// routing table, and for no other server. The addresses are tried in order until a Bolt server
    /// answers; each is looked up by DNS as usual. The function must not block for long, and must not use the driver.
    /// [`async_resolver`](Self::async_resolver) is for functions that wait. The one that is set last is used.
    ///
    /// ```
    /// # use bolt_client as bolt;
    /// use bolt::{Address, Auth, Config};
    ///
    /// let config = Config::new("bolt://graph", Auth::none())?.resolver(|_| {
    ///     vec![Address::new("10.0.0.1", 7687), Address::new("10.0.0.2", 7687)]
    /// });
    /// # Ok::<(), bolt::Error>(())
    /// ```
    #[must_use]
    pub fn resolver(mut self, resolver: impl Fn(&Address) -> Vec<Address> + Send + Sync + 'static) -> Self {
        self.resolver = Some(Resolver::Plain(Arc::new(resolver)));
        self
    }

    /// Sets a function whose future returns the server's addresses, for service discovery over the network. Default: the
    /// address of the URI.
    ///
    /// As [`resolver`](Self::resolver) in all else. Waiting for the future takes part of the time of the call:
    /// [`connection_timeout`](Self::connection_timeout), or in a cluster
    /// [`connection_acquisition_timeout`](Self::connection_acquisition_timeout). Calls of a cluster that need the addresses at
    /// the same time wait for one future; if one of them is dropped, another one carries on. The future must not use the
    /// driver.
    ///
    /// A driver that blocks polls the future on the thread of the call. If the future needs an executor that is not there, as
    /// that of `adapter-blocking` is not, use [`resolver`](Self::resolver).
    ///
    /// ```
    /// # use bolt_client as bolt;
    /// use bolt::{Address, Auth, Config};
    ///
    /// # async fn members_of(name: String) -> Vec<Address> { vec![Address::new(name, 7687)] }
    /// let config = Config::new("neo4j://graph", Auth::none())?
    ///     .async_resolver(|seed| members_of(seed.host().to_owned()));
    /// # Ok::<(), bolt::Error>(())
    /// ```
    #[must_use]
    pub fn async_resolver<F>(mut self, resolver: impl Fn(Address) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Vec<Address>> + Send + 'static,
    {
        let resolver = move |address| -> BoxFuture<'static, _> { Box::pin(resolver(address)) };
        self.resolver = Some(Resolver::Waiting(Arc::new(resolver)));
        self
    }

    /// Sets the Bolt versions to negotiate. Default: all that this driver supports.
    #[must_use]
    pub fn versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Sets bounds on the memory that a server's messages may take. Default: those of [`Limits`].
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}
