//! Once nothing happens any more, every database can be read and written within round trips.

use bolt_client::Access;

use crate::sim::clock::{MILLI, Nanos, SECOND};
use crate::sim::play::Player;
use crate::sim::program::{Limits, Query};
use crate::sim::state::State;
use crate::sim::statement::{Statement, Verb};

use super::homes::Owner;
use super::{ClusterWeather, KEYS, Target};

/// Steps of the program have numbers below.
const FIRST_STEP: u64 = 900;
/// Until then, everything that is wrong with a connection has shown.
const QUIET: Nanos = 400 * SECOND;

impl Player {
    /// Reads and writes each database.
    pub(in crate::sim) async fn use_settled_cluster(self) {
        self.sim.with(State::calm_down);
        self.think(QUIET).await;
        let targets = self.sim.with(|state| {
            let now = state.clock.now();
            if let Some((cluster, _)) = state.cluster() {
                cluster.ledger.note_peace(now);
            }
            state.all_targets()
        });
        for (at, target) in targets.into_iter().enumerate() {
            for (kind, verb) in [(0, Verb::Add), (1, Verb::Get)] {
                self.try_once(at as u64 * 20 + kind * 10, target, verb).await;
            }
        }
        let counts = self.driver.pool_counts_by_address();
        self.sim.with(|state| {
            if state.is_patient() {
                state.check_left(&counts);
            }
        });
    }

    /// Executes a query. It may fail once for each server that the driver takes for another than it is.
    async fn try_once(&self, number: u64, target: Target, verb: Verb) {
        let (began, most, by, key) = self.sim.with(|state| {
            // One of those that the program uses. A write whose rows were dropped may have locked it: the call reads them. Where
            // home databases change, that write may be on the server of another database, which the call does not use.
            let homes_change = state
                .weather
                .cluster
                .as_ref()
                .is_some_and(ClusterWeather::changes_homes);
            let key = target.database as u64 * KEYS + if homes_change { KEYS - 1 } else { 1 };
            (
                state.clock.now(),
                state.most_failures(),
                state.settling_time(),
                key,
            )
        });
        let mut failures = 0;
        loop {
            let before = self.sim.with(|state| state.history.failed);
            let query = query((FIRST_STEP + number + failures) * 1_000, key, verb);
            let access = if verb == Verb::Add {
                Access::Write
            } else {
                Access::Read
            };
            self.execute(&query, access, Some(0), false, target, None).await;
            if self.sim.with(|state| state.history.failed) == before {
                break;
            }
            failures += 1;
            if failures > most {
                break;
            }
        }
        self.sim.with(|state| {
            let took = state.clock.now() - began;
            if (failures > most || took > by) && state.is_patient() {
                let (took, by) = (
                    std::time::Duration::from_nanos(took),
                    std::time::Duration::from_nanos(by),
                );
                state.history.violation(format!(
                    "in a healthy cluster, a {verb:?} of db{} took {took:?} and {failures} failures; {by:?} are enough",
                    target.database
                ));
            }
        });
    }
}

fn query(id: u64, key: u64, verb: Verb) -> Query {
    Query {
        statement: Statement {
            id,
            verb,
            key,
            rows: 1,
            columns: true,
            size: 0,
            slow: 0,
            fail: None,
        },
        limits: Limits::default(),
    }
}

impl State {
    /// From now on, nothing goes wrong.
    fn calm_down(&mut self) {
        let settled = self.cluster().is_some_and(|(cluster, _)| cluster.is_settled());
        if !settled {
            self.history.violation("the cluster has not settled".to_owned());
        }
        let net = &mut self.weather.net;
        (net.resets, net.silences, net.closures) = (0, 0, 0);
        (net.refusals, net.hanging_connects) = (0, 0);
        (net.dns_failures, net.slow_dns) = (0, 0);
        if let Some(weather) = &mut self.weather.cluster {
            weather.lag = 1;
        }
        let server = &mut self.weather.server;
        (server.failures, server.breaks, server.lost_commits) = (0, 0, 0);
        server.idle_limit = None;
        let extremes = &mut self.weather.extremes;
        (extremes.stalls, extremes.babble, extremes.panics) = (0, 0, 0);
        (extremes.silent_addresses, extremes.forgets) = (0, None);
        if let Some(logins) = &mut extremes.logins {
            logins.calm_down();
        }
        if let Some(tls) = &mut self.tls {
            tls.calm_down();
        }
        for conn in &mut self.conns {
            conn.calm_down();
        }
    }

    /// Returns each database by name and as a home database.
    fn all_targets(&self) -> Vec<Target> {
        let Some(weather) = &self.weather.cluster else {
            return Vec::new();
        };
        let now = self.clock.now();
        let homes = (0..weather.homes.len()).map(|user| Target {
            user,
            database: weather.home(Owner::Listed(user), now).unwrap_or_default(),
            ..Target::default()
        });
        let names = (0..weather.databases.len())
            .filter(|_| weather.named)
            .map(|database| Target {
                named: true,
                database,
                ..Target::default()
            });
        names.chain(homes).collect()
    }

    /// Returns how many calls may fail because a table is old. Without a budget for retries, each stale role costs one.
    fn most_failures(&self) -> u64 {
        let patient = self.weather.driver.retry >= std::time::Duration::from_secs(5);
        if patient { 0 } else { 2 }
    }

    /// Returns how long a call may take.
    fn settling_time(&self) -> Nanos {
        let farthest = self.weather.cluster.as_ref().map_or(0, ClusterWeather::farthest);
        let net = &self.weather.net;
        let trip = 2 * (net.latency + net.latency / 8 + farthest);
        let trips = 60
            + if net.window < 4_096 {
                40_000 / net.window as u64
            } else {
                0
            };
        trips * (trip + self.weather.server.service) + 20 * MILLI
    }

    /// Whether the options leave enough time for anything to succeed.
    fn is_patient(&self) -> bool {
        let options = &self.weather.driver;
        let seconds = std::time::Duration::from_secs;
        options.connection >= seconds(30) && options.acquisition >= seconds(60)
    }
}
