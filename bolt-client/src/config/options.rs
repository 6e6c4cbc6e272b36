//! The values of the options.

use std::fmt;
use std::time::Duration;

use bolt_proto::{Limits, NotificationFilter, Versions};

use crate::address::Address;

use super::{Config, FetchSize};

/// A read-only view of a [`Config`]: each method returns the value that the setter of the same name has set, or its
/// default.
///
/// Credentials cannot be read.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{Auth, Config};
///
/// let config = Config::new("bolt://localhost", Auth::none())?.max_connection_pool_size(20);
/// assert_eq!(config.options().max_connection_pool_size(), 20);
/// assert!(config.options().keep_alive());
/// # Ok::<(), bolt::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct ConfigOptions<'c>(&'c Config);

impl Config {
    /// Returns a view by which the options are read.
    #[must_use]
    pub const fn options(&self) -> ConfigOptions<'_> {
        ConfigOptions(self)
    }
}

impl<'c> ConfigOptions<'c> {
    #[cfg(feature = "rustls")]
    pub(super) const fn config(self) -> &'c Config {
        self.0
    }

    /// Returns the server's address, as the URI names it.
    #[must_use]
    pub const fn address(self) -> &'c Address {
        &self.0.address
    }

    /// Returns whether connections are encrypted: by the scheme of the URI, or because TLS options are set.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        self.0.encryption.is_encrypted()
    }

    /// Returns [`user_agent`](Config::user_agent).
    #[must_use]
    pub fn user_agent(self) -> &'c str {
        &self.0.user_agent
    }

    /// Returns [`required_product`](Config::required_product).
    #[must_use]
    pub fn required_product(self) -> Option<&'c str> {
        self.0.required_product.as_deref()
    }

    /// Returns [`max_connection_pool_size`](Config::max_connection_pool_size).
    #[must_use]
    pub const fn max_connection_pool_size(self) -> usize {
        self.0.max_connection_pool_size
    }

    /// Returns [`max_connection_pool_waiters`](Config::max_connection_pool_waiters).
    #[must_use]
    pub const fn max_connection_pool_waiters(self) -> Option<usize> {
        self.0.max_connection_pool_waiters
    }

    /// Returns [`min_idle_connections`](Config::min_idle_connections).
    #[must_use]
    pub const fn min_idle_connections(self) -> usize {
        self.0.min_idle_connections
    }

    /// Returns [`max_connection_idle_time`](Config::max_connection_idle_time).
    #[must_use]
    pub const fn max_connection_idle_time(self) -> Option<Duration> {
        self.0.max_connection_idle_time
    }

    /// Returns [`connection_acquisition_timeout`](Config::connection_acquisition_timeout).
    #[must_use]
    pub const fn connection_acquisition_timeout(self) -> Duration {
        self.0.connection_acquisition_timeout
    }

    /// Returns [`connection_timeout`](Config::connection_timeout).
    #[must_use]
    pub const fn connection_timeout(self) -> Duration {
        self.0.connection_timeout
    }

    /// Returns [`tcp_connect_timeout`](Config::tcp_connect_timeout).
    #[must_use]
    pub const fn tcp_connect_timeout(self) -> Option<Duration> {
        self.0.tcp_connect_timeout
    }

    /// Returns [`max_connection_lifetime`](Config::max_connection_lifetime).
    #[must_use]
    pub const fn max_connection_lifetime(self) -> Option<Duration> {
        self.0.max_connection_lifetime
    }

    /// Returns [`liveness_check_timeout`](Config::liveness_check_timeout).
    #[must_use]
    pub const fn liveness_check_timeout(self) -> Option<Duration> {
        self.0.liveness_check_timeout
    }

    /// Returns [`connection_write_timeout`](Config::connection_write_timeout).
    #[must_use]
    pub const fn connection_write_timeout(self) -> Option<Duration> {
        self.0.connection_write_timeout
    }

    /// Returns [`teardown_timeout`](Config::teardown_timeout).
    #[must_use]
    pub const fn teardown_timeout(self) -> Duration {
        self.0.teardown_timeout
    }

    /// Returns whether [`keep_alive`](Config::keep_alive) is set.
    #[must_use]
    pub const fn keep_alive(self) -> bool {
        self.0.socket.keep_alive
    }

    /// Returns [`tcp_keepalive_time`](Config::tcp_keepalive_time).
    #[must_use]
    pub const fn tcp_keepalive_time(self) -> Option<Duration> {
        self.0.socket.tcp_keepalive_time
    }

    /// Returns [`tcp_keepalive_interval`](Config::tcp_keepalive_interval).
    #[must_use]
    pub const fn tcp_keepalive_interval(self) -> Option<Duration> {
        self.0.socket.tcp_keepalive_interval
    }

    /// Returns [`tcp_keepalive_retries`](Config::tcp_keepalive_retries).
    #[must_use]
    pub const fn tcp_keepalive_retries(self) -> Option<u32> {
        self.0.socket.tcp_keepalive_retries
    }

    /// Returns whether there is a [`resolver`](Config::resolver).
    #[must_use]
    pub const fn has_resolver(self) -> bool {
        self.0.resolver.is_some()
    }

    /// Returns [`versions`](Config::versions).
    #[must_use]
    pub fn versions(self) -> &'c Versions {
        &self.0.versions
    }

    /// Returns [`limits`](Config::limits).
    #[must_use]
    pub const fn limits(self) -> Limits {
        self.0.limits
    }

    /// Returns [`database`](Config::database).
    #[must_use]
    pub fn database(self) -> Option<&'c str> {
        self.0.database.as_deref()
    }

    /// Returns [`fetch_size`](Config::fetch_size).
    #[must_use]
    pub const fn fetch_size(self) -> FetchSize {
        self.0.fetch_size
    }

    /// Returns [`max_result_size`](Config::max_result_size).
    #[must_use]
    pub const fn max_result_size(self) -> Option<usize> {
        self.0.max_result_size
    }

    /// Returns [`deadline`](Config::deadline).
    #[must_use]
    pub const fn deadline(self) -> Option<Duration> {
        self.0.deadline
    }

    /// Returns [`notifications`](Config::notifications).
    #[must_use]
    pub const fn notifications(self) -> &'c NotificationFilter {
        &self.0.notifications
    }

    /// Returns whether [`telemetry`](Config::telemetry) is set.
    #[must_use]
    pub const fn telemetry(self) -> bool {
        self.0.telemetry
    }

    /// Returns [`max_transaction_retry_time`](Config::max_transaction_retry_time).
    #[must_use]
    pub const fn max_transaction_retry_time(self) -> Duration {
        self.0.max_transaction_retry_time
    }

    /// Returns [`initial_retry_delay`](Config::initial_retry_delay).
    #[must_use]
    pub const fn initial_retry_delay(self) -> Duration {
        self.0.pauses.first
    }

    /// Returns [`retry_delay_multiplier`](Config::retry_delay_multiplier).
    #[must_use]
    pub const fn retry_delay_multiplier(self) -> f64 {
        self.0.pauses.multiplier
    }

    /// Returns [`retry_delay_jitter_factor`](Config::retry_delay_jitter_factor).
    #[must_use]
    pub const fn retry_delay_jitter_factor(self) -> f64 {
        self.0.pauses.jitter
    }

    /// Returns whether there is a condition by [`retry_if`](Config::retry_if).
    #[must_use]
    pub const fn has_retry_if(self) -> bool {
        self.0.retry_if.is_some()
    }

    /// Returns whether [`auto_commit_retries`](Config::auto_commit_retries) is set.
    #[must_use]
    pub const fn auto_commit_retries(self) -> bool {
        self.0.auto_commit_retries
    }
}

/// Shows what the `Debug` of the [`Config`] shows: no credential.
impl fmt::Debug for ConfigOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
