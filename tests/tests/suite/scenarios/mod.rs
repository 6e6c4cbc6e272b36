//! The scenarios, each written once for every adapter.
//!
//! This folder is compiled twice: in `asynchronous` and in `blocking`. What differs is what `Driver` is, and the
//! two macros that end a call, `go!` and `wait!`.

mod bad_input;
mod bad_peers;
mod bookmarks;
mod cursors;
mod deadlines;
mod going_down;
mod hostile_peers;
pub(super) mod locks;
mod managed;
mod own_errors;
mod parameters;
mod pool;
mod pressure;
mod queries;
mod regressions;
mod results;
mod retries;
mod round_trip_table;
mod round_trips;
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

use super::{Driver, Error, QueryRunner, driver_with, run, sleep, spawn};
use crate::scenario::{Adapter, Outcome, Run, Scenario};
use crate::server::{Feature, Server};

/// Makes [`Scenario`]s of functions: `scenarios![one, another needs Counters]`.
macro_rules! scenarios {
    ($($name:ident $(needs $feature:ident)?),* $(,)?) => {
        vec![$(Scenario {
            name: stringify!($name),
            needs: None $(.or(Some(Feature::$feature)))?,
            run: Run::With(|server, adapter| run(adapter, $name(World { server, adapter }))),
        }),*]
    };
}

/// The same for those that need no server.
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

/// Every scenario of this folder.
pub(super) fn all() -> Vec<Scenario> {
    [
        queries::all(),
        managed::all(),
        own_errors::all(),
        runners::all(),
        retries::all(),
        parameters::all(),
        round_trips::all(),
        pool::all(),
        bookmarks::all(),
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
        summaries::all(),
        telemetry::all(),
        transaction_options::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a scenario runs in.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) server: Arc<Server>,
    pub(super) adapter: Adapter,
}

/// So that what goes wrong is told at once, and not tried again.
pub(super) fn once(config: Config) -> Config {
    config.max_transaction_retry_time(Duration::ZERO)
}

impl World {
    /// A driver with default options.
    pub(super) fn driver(&self) -> Result<Driver, Error> {
        self.driver_with(self.config()?)
    }

    pub(super) fn driver_with(&self, config: Config) -> Result<Driver, Error> {
        driver_with(self.adapter, config)
    }

    /// How to reach the server itself.
    pub(super) fn config(&self) -> Result<Config, Error> {
        Config::new(&format!("bolt://{}", self.server.address), self.auth())
    }

    /// How to reach the server through a relay.
    pub(super) fn config_through(&self, relay: &Relay) -> Result<Config, Error> {
        Config::new(&relay.uri(), self.auth())
    }

    pub(super) fn auth(&self) -> Auth {
        Auth::basic(self.server.user.as_str(), self.server.password.as_str())
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

    /// A name that no other scenario uses, for what this one writes to the shared server.
    pub(super) fn unique_name(&self) -> String {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        // This folder is compiled twice, and so there are two counters.
        let half = if self.adapter == Adapter::Blocking {
            'b'
        } else {
            'a'
        };
        format!("s{now:x}{half}{}", COUNTER.fetch_add(1, Ordering::Relaxed))
    }
}

/// A driver with default options, to a server that a test talks to.
pub(super) fn driver_to(adapter: Adapter, server: &Scripted) -> Result<Driver, Error> {
    driver_with(adapter, Config::new(&server.uri(), Auth::none())?)
}

/// Asserts that a driver has nothing in use or half open, and nobody waits.
#[track_caller]
pub(super) fn assert_at_rest(driver: &Driver) {
    assert_nobody_uses(driver);
    assert_eq!(driver.pool_counts().opening, 0);
}

/// Asserts that a driver has nothing in use, and nobody waits. Connections whose opener gave up may be half open.
#[track_caller]
pub(super) fn assert_nobody_uses(driver: &Driver) {
    let counts = driver.pool_counts();
    assert_eq!((counts.in_use, counts.waiting), (0, 0), "{counts:?}");
}

/// Asserts that an error, as text, contains all of these.
#[track_caller]
pub(super) fn assert_says(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in the error `{text}`");
    }
    // Servers write as they like.
    assert!(
        error.server().is_some() || !text.ends_with('.'),
        "an error is no sentence: `{text}`"
    );
}

/// The one record that a query is meant to have.
#[track_caller]
pub(super) fn only(result: &EagerResult) -> &Record {
    match &result.records[..] {
        [record] => record,
        records => panic!("expected one record, got {}", records.len()),
    }
}

/// How many nodes of a run there are.
pub(super) async fn count(driver: &Driver, label: &str, run: &str) -> Result<i64, Error> {
    let query = format!("MATCH (n:{label} {{run: $run}}) RETURN count(n) AS count");
    let found = go!(driver
        .execute_query(query)
        .param("run", run)
        .routing(Access::Read))?;
    only(&found).get("count")
}

/// Asserts that, soon, no transaction is open whose query contains `mark`.
pub(super) async fn assert_no_transaction_says(driver: &Driver, mark: &str) -> Outcome {
    // The list contains itself only by the parameter, not by its text.
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
