//! What is done on connections: queries, limits in time, retries.

use std::time::Duration;

use bolt_proto::NotificationFilter;

use crate::error::Error;

use super::{Config, FetchSize, OptionalName, RetryIf};

impl Config {
    /// Sets the default database of sessions and of `execute_query`. `None` for the user's home database. Default:
    /// `None`.
    ///
    /// In a cluster before Bolt 5.8, each session and each `execute_query` without a database costs a request: servers are
    /// asked which database is the home of the user.
    #[must_use]
    pub fn database(mut self, name: impl OptionalName) -> Self {
        self.database = name.into_name();
        self
    }

    /// Sets the number of rows to request at a time: a number of at least 1, or [`FetchSize::All`]. Default: 1000.
    ///
    /// Pages of long rows have fewer rows, about 16 MiB. `execute_query`, and every method that collects all rows,
    /// requests all of them at once.
    #[must_use]
    pub fn fetch_size(mut self, rows: impl Into<FetchSize>) -> Self {
        self.fetch_size = rows.into();
        self
    }

    /// Sets how many bytes of memory the rows may take that one call collects: `execute_query`, and `collect` and the
    /// like. `None` for no limit. Default: `None`.
    ///
    /// A larger result ends the call with [`ErrorKind::Usage`](crate::ErrorKind::Usage); read such a result row by row.
    ///
    /// `collect_as` and `collect_column` count the bytes of the rows as they arrive, since the size of the values that
    /// they make is not known.
    #[must_use]
    pub fn max_result_size(mut self, bytes: impl Into<Option<usize>>) -> Self {
        self.max_result_size = bytes.into();
        self
    }

    /// Sets how long each call may take on *this* side, retries included. A session or a call may have its own
    /// deadline. `None` for no limit but those of getting a connection. Default: `None`.
    #[must_use]
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.deadline = limit.into();
        self
    }

    /// Sets which notifications the server leaves out (Bolt 5.2 and later). `None` for the server's own setting.
    /// Default: `None`.
    #[must_use]
    pub fn notifications(mut self, filter: impl Into<Option<NotificationFilter>>) -> Self {
        self.notifications = filter.into().unwrap_or_default();
        self
    }

    /// Sets whether a server that asks for it is informed which part of the API is used. Default: `true`.
    ///
    /// The information is one of four numbers for each call: transaction function, explicit transaction, auto-commit
    /// query, or `execute_query`. It costs no round trip.
    #[must_use]
    pub const fn telemetry(mut self, enabled: bool) -> Self {
        self.telemetry = enabled;
        self
    }
}

impl Config {
    /// Sets how long transaction functions and `execute_query` are retried after transient errors. Zero disables
    /// retries. Default: 30 seconds.
    ///
    /// The time starts with the first failure. No attempt begins after its end.
    #[must_use]
    pub const fn max_transaction_retry_time(mut self, limit: Duration) -> Self {
        self.max_transaction_retry_time = limit;
        self
    }

    /// Sets the pause before the second attempt. Default: 1 second.
    #[must_use]
    pub const fn initial_retry_delay(mut self, pause: Duration) -> Self {
        self.pauses.first = pause;
        self
    }

    /// Sets how many times longer each pause is than the one before, at least 1. Default: 2.0.
    #[must_use]
    pub const fn retry_delay_multiplier(mut self, factor: f64) -> Self {
        self.pauses.multiplier = factor;
        self
    }

    /// Sets by what part of its length a pause varies at random, from 0 to 1. Default: 0.2, so that a pause of one
    /// second takes 0.8 to 1.2 seconds.
    ///
    /// Without jitter, calls that failed together are retried together.
    #[must_use]
    pub const fn retry_delay_jitter_factor(mut self, part: f64) -> Self {
        self.pauses.jitter = part;
        self
    }

    /// Adds to the errors after which transaction functions and `execute_query` are retried: those for which
    /// `condition` returns `true`. Errors that [may be retried](Error::is_retryable) are retried anyway.
    ///
    /// `condition` is called with errors of the server, of connections, of time limits and of the protocol. It is not
    /// asked after an [unknown commit](crate::ErrorKind::UnknownCommit), a usage error, an abort, or once the driver is
    /// closed: these are never retried. It must not block.
    ///
    /// ```
    /// # use bolt_client as bolt;
    /// use bolt::{Auth, Config};
    ///
    /// // Another process creates the constraint that this application relies on.
    /// let config = Config::new("bolt://localhost", Auth::none())?.retry_if(|error| {
    ///     error.server().is_some_and(|error| error.code().ends_with("Schema.ConstraintNotFound"))
    /// });
    /// # Ok::<(), bolt::Error>(())
    /// ```
    #[must_use]
    pub fn retry_if(mut self, condition: impl Fn(&Error) -> bool + Send + Sync + 'static) -> Self {
        self.retry_if = Some(RetryIf::new(condition));
        self
    }

    /// Sets whether an auto-commit query (`Session::run`) is retried once if the server reports that it did nothing and
    /// that a retry is safe. Default: `true`.
    #[must_use]
    pub const fn auto_commit_retries(mut self, retry: bool) -> Self {
        self.auto_commit_retries = retry;
        self
    }
}
