//! The driver's promises about itself, in small worlds with a single disturbance.

use std::time::Duration;

use bolt_client::{Access, Version};

use super::clock::{MICRO, Nanos, SECOND};
use super::cluster::ClusterWeather;
use super::extremes::Extremes;
use super::program::{Act, Cancel, Limits, Program, Query, Step};
use super::statement::{Statement, Verb};
use super::tls::TlsWeather;
use super::weather::{DriverOptions, NetWeather, ServerWeather, Weather};
use super::world::{Outcome, World};

/// The deadline of each call here.
const DEADLINE: Nanos = 5 * SECOND;

/// Returns how many of six consecutive callers lose more than their patience to a hung opening, with time for another
/// one.
#[must_use]
pub fn delayed_by_a_hung_opening() -> usize {
    let mut weather = calm();
    weather.calm = false;
    weather.extremes.mute_until = 3 * SECOND;
    // Even the first caller has enough time for a connection that is made once the server answers.
    let in_turn = vec![calls(0, 6)];
    weather.driver.pool_size = 10;
    failures(&weather, in_turn)
}

/// Returns how many connections are replaced because a message of TLS arrived while they were idle.
#[must_use]
pub fn replaced_after_a_message_of_tls() -> usize {
    let mut weather = calm();
    weather.extremes.tls = Some(TlsWeather {
        key_updates: 1_000,
        ..TlsWeather::calm()
    });
    // The message arrives ten seconds after a call at the latest.
    let mut in_turn = calls(0, 6);
    for step in &mut in_turn {
        step.after = 15 * SECOND;
    }
    let made = worlds(&weather, vec![in_turn]).map(|outcome| outcome.connections);
    made.max().unwrap_or_default() - 1
}

/// Returns how many callers wait for more than round trips if the caller that asks for their routing table is dropped.
#[must_use]
pub fn delayed_by_a_dropped_search() -> usize {
    let mut weather = calm();
    weather.driver.pool_size = 10;
    weather.cluster = Some(ClusterWeather::steady(3));
    let dropped = (1..=5).map(|number| Step {
        number,
        after: 0,
        act: Act::Verify(Cancel {
            polls: None,
            after: Some(number * 150 * MICRO),
        }),
    });
    let mut tasks: Vec<_> = dropped.map(|step| vec![step]).collect();
    let mut patient = calls(10, 3);
    for step in &mut patient {
        if let Act::Execute { query, .. } = &mut step.act {
            query.limits.deadline = Some(SECOND);
        }
    }
    tasks.extend(patient.into_iter().map(|step| vec![step]));
    failures(&weather, tasks)
}

/// How many callers need the same routing table at the same time.
pub const HERD: usize = 10;

/// Returns how many requests for a routing table a [herd](HERD) of callers makes.
#[must_use]
pub fn requests_of_a_herd() -> usize {
    let mut weather = calm();
    weather.driver.pool_size = 10;
    weather.cluster = Some(ClusterWeather::steady(3));
    let tasks: Vec<_> = calls(0, HERD as u64).into_iter().map(|step| vec![step]).collect();
    let requests = outcomes(&weather, tasks).map(|outcome| {
        let asks = |line: &&String| line.contains(": Route(");
        outcome.trace.iter().filter(asks).count()
    });
    requests.max().unwrap_or_default()
}

/// So many calls in sequence.
fn calls(first: u64, count: u64) -> Vec<Step> {
    let call = |number| {
        let mut query = query(number, Verb::Get, 1);
        query.limits.deadline = Some(DEADLINE);
        Step {
            number,
            after: 0,
            act: execute(query),
        }
    };
    (first + 1..=first + count).map(call).collect()
}

fn execute(query: Query) -> Act {
    Act::Execute {
        query,
        access: Access::Read,
        manager: None,
        pipelined: false,
        user: None,
    }
}

/// Returns the greatest number of failed calls, in worlds that differ only in their seeds.
fn failures(weather: &Weather, tasks: Vec<Vec<Step>>) -> usize {
    let failed = worlds(weather, tasks).map(|outcome| outcome.failed);
    failed.max().unwrap_or_default()
}

/// Runs worlds that differ only in their seeds, and in which no rule is violated.
fn worlds(weather: &Weather, tasks: Vec<Vec<Step>>) -> impl Iterator<Item = Outcome> {
    let outcomes = outcomes(weather, tasks).enumerate();
    outcomes.map(|(seed, outcome)| {
        assert_eq!(outcome.violations, [""; 0], "seed {seed}");
        outcome
    })
}

/// Runs worlds that differ only in their seeds.
fn outcomes(weather: &Weather, tasks: Vec<Vec<Step>>) -> impl Iterator<Item = Outcome> {
    let program = Program {
        tasks,
        closed_at: None,
        closes: true,
    };
    let mut weather = weather.clone();
    weather.driver.retry = Duration::ZERO;
    (0..30).map(move |seed| {
        let world = World {
            traced: true,
            ..World::of(seed)
        };
        world.play(weather.clone(), &program)
    })
}

pub(super) fn calm() -> Weather {
    Weather {
        calm: true,
        net: NetWeather {
            latency: 200 * MICRO,
            fragment: 0,
            window: 65_536,
            resets: 0,
            silences: 0,
            closures: 0,
            refusals: 0,
            hanging_connects: 0,
            dns_failures: 0,
            slow_dns: 0,
        },
        server: ServerWeather {
            version: Version::new(5, 8),
            manifest: true,
            chunk: 65_535,
            noops: false,
            recv_timeout: None,
            idle_limit: None,
            telemetry: true,
            service: 100 * MICRO,
            failures: 0,
            breaks: 0,
            lost_commits: 0,
            lock_timeout: SECOND,
            keys: 1,
        },
        driver: DriverOptions {
            pool_size: 1,
            acquisition: Duration::MAX,
            connection: Duration::from_secs(30),
            teardown: Duration::from_secs(5),
            lifetime: None,
            probe_after: None,
            min_idle: 0,
            max_idle: None,
            retry: Duration::from_secs(30),
            telemetry_disabled: false,
        },
        restless: false,
        watched: true,
        extremes: Extremes::default(),
        cluster: None,
    }
}

pub(super) fn query(id: u64, verb: Verb, rows: u64) -> Query {
    Query {
        statement: Statement {
            id,
            verb,
            key: 1,
            rows,
            columns: true,
            size: 0,
            slow: 0,
            fail: None,
        },
        limits: Limits::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::clock::MILLI;

    #[test]
    fn a_dropped_caller_leaves_its_search_for_a_routing_table_to_the_next() {
        assert_eq!(delayed_by_a_dropped_search(), 0);
    }

    #[test]
    fn a_hung_opening_delays_its_waiters_by_their_patience_at_most() {
        assert_eq!(delayed_by_a_hung_opening(), 0);
    }

    #[test]
    fn callers_that_need_the_same_table_at_the_same_time_share_requests() {
        // A caller that comes after the answer asks for its own home database.
        assert!(requests_of_a_herd() < HERD / 2);
    }

    #[test]
    fn messages_of_tls_on_idle_connections_are_no_garbage() {
        assert_eq!(replaced_after_a_message_of_tls(), 0);
    }

    #[test]
    fn callers_with_deadlines_shorter_than_an_opening_fill_the_pool_eventually() {
        for pool_size in [1, 10] {
            let mut weather = calm();
            weather.calm = false;
            // An opening takes up to four seconds, and a query less than one.
            weather.net.latency = 400 * MILLI;
            weather.driver.pool_size = pool_size;
            let mut tasks = calls(0, 20);
            for step in &mut tasks {
                if let Act::Execute { query, .. } = &mut step.act {
                    query.limits.deadline = Some(SECOND);
                }
            }
            let failed = failures(&weather, vec![tasks]);
            // In a pool for one connection, each opening has twice the time of the one before it.
            assert!(failed <= 12, "{failed} of 20 consecutive callers failed");
        }
    }

    #[test]
    fn connections_dropped_by_a_firewall_cost_one_caller_its_deadline() {
        let mut weather = calm();
        weather.calm = false;
        weather.extremes.forgets = Some(SECOND);
        weather.driver.pool_size = 8;
        // Eight simultaneous calls make eight connections, which are idle for ten seconds and are then used in
        // sequence.
        let mut tasks: Vec<_> = (1..8).map(|task| calls(task * 100, 1)).collect();
        let mut in_turn = calls(900, 9);
        if let Some(second) = in_turn.get_mut(1) {
            second.after = 10 * SECOND;
        }
        tasks.push(in_turn);
        let failed = failures(&weather, tasks);
        assert!(failed <= 1, "{failed} callers lost their deadline");
    }
}
