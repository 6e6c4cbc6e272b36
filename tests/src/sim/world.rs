//! One world, from its seed to its verdict.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::time::Duration;

use bolt_client::{Auth, Config, Driver, PoolCounts, Tls};

use super::clock::Nanos;
use super::cluster::ClusterWeather;
use super::executor::{Executor, Stuck};
use super::logins::{self, LoginWeather};
use super::play::Player;
use super::program::Program;
use super::rng::Rng;
use super::runtime::SimRuntime;
use super::state::Sim;
use super::tls::{TlsWeather, URI};
use super::weather::{DriverOptions, Weather};

/// A world that can be run.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// Determines everything.
    pub seed: u64,
    /// Numbers of the program's steps to leave out.
    pub without: BTreeSet<u64>,
    /// Whether to record a trace.
    pub traced: bool,
    /// Whether there is a cluster, and not one server.
    pub clustered: bool,
}

/// The outcome of a world.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The violations of rules; empty if there were none.
    pub violations: Vec<String>,
    /// What happened, line by line, if it was traced.
    pub trace: Vec<String>,
    /// How many steps the program has.
    pub steps: usize,
    /// How many calls have failed.
    pub failed: usize,
    /// How many queries reached a server.
    pub queries: usize,
    /// How many connections were made.
    pub connections: usize,
}

/// Budgets for retries that are longer may outlast a world.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The random streams of a seed.
const WEATHER: u64 = 1;
const PROGRAM: u64 = 2;
const ENVIRONMENT: u64 = 3;
const SCHEDULER: u64 = 4;

impl World {
    /// Returns the world of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Returns the world of a seed with a cluster.
    #[must_use]
    pub fn of_cluster(seed: u64) -> Self {
        Self {
            clustered: true,
            ..Self::of(seed)
        }
    }

    /// Returns the same world with as few steps as are needed for a violation.
    #[must_use]
    pub fn shrunk(mut self) -> Self {
        let drawn = Program::draw(&mut Rng::stream(self.seed, PROGRAM), &self.weather());
        for step in drawn.steps() {
            self.without.insert(step.number);
            if self.run().violations.is_empty() {
                self.without.remove(&step.number);
            }
        }
        self
    }

    /// Runs the world. This takes little time, and depends on nothing but the seed.
    #[must_use]
    pub fn run(&self) -> Outcome {
        let weather = self.weather();
        let mut program = Program::draw(&mut Rng::stream(self.seed, PROGRAM), &weather);
        let steps = program.steps().count();
        program.leave_out(&self.without);
        if let Some(cluster) = &weather.cluster {
            program.place(cluster, weather.extremes.logins.is_some());
        }
        // A panic of the driver is a violation like any other.
        let played = panic::catch_unwind(AssertUnwindSafe(|| self.play(weather, &program)));
        let outcome = played.unwrap_or_else(|panic| Outcome {
            violations: vec![format!("panic: {}", message(&*panic))],
            ..Outcome::default()
        });
        Outcome { steps, ..outcome }
    }

    fn weather(&self) -> Weather {
        let mut rng = Rng::stream(self.seed, WEATHER);
        if self.clustered {
            Weather::draw_cluster(&mut rng)
        } else {
            Weather::draw(&mut rng)
        }
    }

    /// Runs a program under this weather.
    pub(super) fn play(&self, weather: Weather, program: &Program) -> Outcome {
        let (options, cluster) = (weather.driver.clone(), weather.cluster.clone());
        let tls = weather.extremes.tls.as_ref().map(TlsWeather::options);
        let logins = weather.extremes.logins.clone();
        let sim = Sim::new(weather, Rng::stream(self.seed, ENVIRONMENT), self.traced);
        sim.with(|state| {
            let weather = format!("{:?}", state.weather);
            state.note(|| weather);
            state.plan_changes();
        });
        let runtime = Arc::new(SimRuntime::new(sim.clone()));
        let mut executor = Executor::new(sim.clone(), Rng::stream(self.seed, SCHEDULER));
        match driver(&options, tls, logins.as_ref(), cluster.as_ref(), &runtime) {
            Ok(driver) => {
                let player = Player::new(sim.clone(), runtime, driver);
                run_phases(&mut executor, player, program);
            }
            Err(error) => sim.with(|state| state.history.violation(error.to_string())),
        }
        drop(executor);
        sim.with(|state| Outcome {
            violations: std::mem::take(&mut state.history.violations),
            trace: state.take_trace(),
            steps: 0,
            failed: state.history.failed,
            queries: state.history.executions.len(),
            connections: state.conns.len(),
        })
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("panic without a message")
}

fn driver(
    options: &DriverOptions,
    tls: Option<Tls>,
    logins: Option<&LoginWeather>,
    cluster: Option<&ClusterWeather>,
    runtime: &Arc<SimRuntime>,
) -> Result<Driver, bolt_client::Error> {
    let uri = cluster.map_or_else(|| URI.to_owned(), ClusterWeather::uri);
    let config = match logins {
        None => Config::new(&uri, Auth::basic("neo4j", "secret"))?,
        Some(weather) => Config::new(&uri, logins::manager(&runtime.sim, weather))?,
    };
    let config = match cluster {
        None => config,
        Some(cluster) => cluster.resolving(config),
    };
    let config = config
        .tls(tls)
        .max_connection_pool_size(options.pool_size)
        .connection_acquisition_timeout(options.acquisition)
        .connection_timeout(options.connection)
        .teardown_timeout(options.teardown)
        .max_connection_lifetime(options.lifetime)
        .liveness_check_timeout(options.probe_after)
        .min_idle_connections(options.min_idle)
        .max_connection_idle_time(options.max_idle)
        .max_transaction_retry_time(options.retry)
        .telemetry(!options.telemetry_disabled);
    Driver::with_runtime(Arc::<SimRuntime>::clone(runtime), config)
}

/// Runs the phases of a world: program, rest, end of the driver.
fn run_phases<'w>(executor: &mut Executor<'w>, player: Player, program: &'w Program) {
    let sim = player.sim.clone();
    for (number, steps) in program.tasks.iter().enumerate() {
        executor.spawn(format!("task {number}"), player.clone().play(steps));
    }
    if let Some(at) = program.closed_at {
        executor.spawn("early close", close_early(player.clone(), at));
    }
    let counts = || player.driver.pool_counts();
    let pools = || {
        let pools = player.driver.pool_counts_by_address();
        pools.into_iter().map(|(_, counts)| counts).collect::<Vec<_>>()
    };
    let watched = sim.with(|state| state.weather.watched);
    let done = executor.run(|| {
        if watched {
            let pools = pools();
            sim.with(|state| state.check_pools(&pools));
        }
    });
    if !ran_to_end(executor, &sim, done, counts()) {
        return;
    }
    let at_rest = counts();
    sim.with(|state| state.check_rest(at_rest));
    if settles(&sim) {
        sim.with(|state| state.check_routes());
        executor.spawn("settling", player.clone().use_settled_cluster());
        let done = executor.run(|| {});
        if !ran_to_end(executor, &sim, done, counts()) {
            return;
        }
    }

    if program.closes {
        executor.spawn("final close", close(player.clone()));
        let done = executor.run(|| {});
        if !ran_to_end(executor, &sim, done, counts()) {
            return;
        }
        let counts = counts();
        if counts != PoolCounts::default() {
            sim.with(|state| {
                state
                    .history
                    .violation(format!("after closing, the pool has {counts}"))
            });
        }
    } else {
        sim.with(|state| state.history.abandoned_may_be_lost = true);
    }
    drop(player);
    let done = executor.run(|| {});
    if ran_to_end(executor, &sim, done, PoolCounts::default()) {
        sim.with(|state| state.check_end());
    }
}

/// Whether there is a cluster, and a driver that can use it.
fn settles(sim: &Sim) -> bool {
    sim.with(|state| state.cluster.is_some() && !state.history.closing)
}

async fn close_early(player: Player, at: Nanos) {
    player.think(at).await;
    // Connections in use are closed when they come back, with unfinished work.
    player
        .sim
        .with(|state| state.history.abandoned_may_be_lost = true);
    player.close().await;
}

/// Closes the driver, and notes whether there was enough time to finish abandoned writes.
async fn close(player: Player) {
    let began = player.sim.with(|state| state.clock.now());
    player.close().await;
    player.sim.with(|state| {
        let took = Duration::from_nanos(state.clock.now() - began);
        state.history.abandoned_may_be_lost |= took >= state.weather.driver.teardown;
    });
}

/// Whether a run came to its end. Records a violation if not.
fn ran_to_end(executor: &mut Executor<'_>, sim: &Sim, done: Result<(), Stuck>, counts: PoolCounts) -> bool {
    let Err(stuck) = done else { return true };
    let what = match stuck {
        Stuck::Deadlock(tasks) => {
            format!("deadlock: no events are left, but {tasks:?} wait ({counts})")
        }
        Stuck::Livelock => format!("livelock: events never cease ({counts})"),
        // Pauses that double last for centuries, which only a budget without an end allows.
        Stuck::EndOfTime(_) if sim.with(|state| state.weather.driver.retry > CENTURY) => {
            executor.abort();
            return false;
        }
        Stuck::EndOfTime(tasks) => format!("{tasks:?} wait for longer than any world lasts ({counts})"),
    };
    sim.with(|state| state.history.violation(what));
    executor.abort();
    false
}
