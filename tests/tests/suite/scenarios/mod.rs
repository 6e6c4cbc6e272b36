//! The scenarios, each written once for every adapter.
//!
//! This folder is compiled twice: in `asynchronous` and in `blocking`. They differ in the type `Driver` and in the
//! macros that run a call, `go!` and `wait!`.

mod bad_input;
mod bad_peers;
mod bookmarks;
mod clusters;
mod cursors;
mod deadlines;
mod every_type;
mod going_down;
mod hostile_peers;
mod loads;
pub(super) mod locks;
mod logins;
mod managed;
mod own_errors;
mod owned;
mod parameters;
mod pool;
mod pressure;
mod queries;
mod regressions;
mod results;
mod retries;
mod round_trip_table;
mod round_trips;
mod routed_round_trips;
mod runners;
mod secrets;
mod session_deadlines;
mod session_round_trips;
mod sessions;
mod summaries;
mod telemetry;
mod transaction_options;
mod transactions;
mod unread;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bolt_client::{Access, Auth, Config, EagerResult, Record};
use tests::relay::Relay;
use tests::scripted::Scripted;

use super::{Driver, Error, QueryRunner, Records, Transaction, driver_with, run, sleep, spawn};
use crate::scenario::{Adapter, Outcome, Run, Scenario};
use crate::server::{Feature, Server};

/// Makes [`Scenario`]s from functions: `scenarios![one, another needs Counters]`.
macro_rules! scenarios {
    ($($name:ident $(needs $feature:ident)?),* $(,)?) => {
        vec![$(Scenario {
            name: stringify!($name),
            needs: None $(.or(Some(Feature::$feature)))?,
            run: Run::With(|server, adapter| run(adapter, $name(World { server, adapter }))),
        }),*]
    };
}

/// The same for functions that need no server.
macro_rules! scenarios_alone {
    ($($name:ident),* $(,)?) => {
        vec![$(Scenario {
            name: stringify!($name),
            needs: None,
            run: Run::Alone(|adapter| run(adapter, $name(adapter))),
        }),*]
    };
}

pub(super) use scenarios;
use scenarios_alone;

/// Returns every scenario of this folder.
pub(super) fn all() -> Vec<Scenario> {
    [
        queries::all(),
        managed::all(),
        own_errors::all(),
        owned::all(),
        runners::all(),
        retries::all(),
        logins::all(),
        parameters::all(),
        loads::all(),
        every_type::all(),
        round_trips::all(),
        pool::all(),
        bookmarks::all(),
        clusters::all(),
        deadlines::all(),
        bad_input::all(),
        bad_peers::all(),
        going_down::all(),
        hostile_peers::all(),
        secrets::all(),
        session_deadlines::all(),
        session_round_trips::all(),
        sessions::all(),
        transactions::all(),
        unread::all(),
        cursors::all(),
        pressure::all(),
        regressions::all(),
        results::all(),
        round_trip_table::all(),
        routed_round_trips::all(),
        summaries::all(),
        telemetry::all(),
        transaction_options::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The environment of a scenario.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) server: Arc<Server>,
    pub(super) adapter: Adapter,
}

/// Disables retries, so that failures are reported at once.
pub(super) fn once(config: Config) -> Config {
    config.max_transaction_retry_time(Duration::ZERO)
}

impl World {
    /// Makes a driver with default options.
    pub(super) fn driver(&self) -> Result<Driver, Error> {
        self.driver_with(self.config()?)
    }

    pub(super) fn driver_with(&self, config: Config) -> Result<Driver, Error> {
        driver_with(self.adapter, config)
    }

    /// Returns a configuration for the server itself.
    pub(super) fn config(&self) -> Result<Config, Error> {
        self.server.config(self.auth())
    }

    /// Returns a configuration for the server through a relay.
    pub(super) fn config_through(&self, relay: &Relay) -> Result<Config, Error> {
        self.server.config_at(relay.address(), self.auth())
    }

    pub(super) fn auth(&self) -> Auth {
        self.server.auth()
    }

    pub(super) fn relay(&self) -> std::io::Result<Relay> {
        Relay::to(self.server.address)
    }

    /// Starts a task, or a thread. It runs whether or not the result is awaited.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Pin<Box<dyn Future<Output = T> + Send>> {
        spawn(self.adapter, task)
    }

    /// Returns a unique name to mark what a scenario writes to the shared server.
    pub(super) fn unique_name(&self) -> String {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        // This folder is compiled twice, so there are two counters.
        let half = if self.adapter == Adapter::Blocking {
            'b'
        } else {
            'a'
        };
        format!("s{now:x}{half}{}", COUNTER.fetch_add(1, Ordering::Relaxed))
    }
}

/// Makes a driver with default options for a scripted server.
pub(super) fn driver_to(adapter: Adapter, server: &Scripted) -> Result<Driver, Error> {
    driver_with(adapter, Config::new(&server.uri(), Auth::none())?)
}

/// Asserts that a driver has no connection in use or half open, and no waiter.
#[track_caller]
pub(super) fn assert_at_rest(driver: &Driver) {
    assert_none_in_use(driver);
    assert_eq!(driver.pool_counts().opening, 0);
}

/// Asserts that a driver has no connection in use, and no waiter. Openings without a caller may be half open.
#[track_caller]
pub(super) fn assert_none_in_use(driver: &Driver) {
    let counts = driver.pool_counts();
    assert_eq!((counts.in_use, counts.waiting), (0, 0), "{counts:?}");
}

/// Asserts that the text of an error contains all of these.
#[track_caller]
pub(super) fn assert_says(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in the error `{text}`");
    }
    // Servers' own messages may have any form.
    assert!(
        error.server().is_some() || !text.ends_with('.'),
        "an error is not in the form of our messages: `{text}`"
    );
}

/// Returns the only record of a result.
#[track_caller]
pub(super) fn only(result: &EagerResult) -> &Record {
    match &result.records[..] {
        [record] => record,
        records => panic!("expected one record, got {}", records.len()),
    }
}

/// Returns how many nodes of a run exist.
pub(super) async fn count(driver: &Driver, label: &str, run: &str) -> Result<i64, Error> {
    let query = format!("MATCH (n:{label} {{run: $run}}) RETURN count(n) AS count");
    let found = go!(driver
        .execute_query(query)
        .param("run", run)
        .routing(Access::Read))?;
    only(&found).get("count")
}

/// Asserts that soon no transaction is open with a query that contains `mark`.
pub(super) async fn assert_no_transaction_says(driver: &Driver, mark: &str) -> Outcome {
    // The query contains the mark only as a parameter, not in its text.
    let list = "SHOW TRANSACTIONS YIELD currentQuery AS running WHERE running CONTAINS $mark RETURN running";
    let mut left = 0;
    for _ in 0..50 {
        let found = go!(driver
            .execute_query(list)
            .param("mark", mark)
            .routing(Access::Read))?;
        left = found.records.len();
        if left == 0 {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("{left} transactions still run after 5 s");
}
