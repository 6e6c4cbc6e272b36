//! The driver in simulated worlds: see `tests::sim`.
//!
//! * `cargo test -p tests --test sim` runs 2,000 worlds.
//! * `SIM_WORLDS=100000 cargo test --release -p tests --test sim` runs more worlds; `SIM_FROM=123456` sets the first
//!   seed.
//! * `SIM_SEED=17 cargo test -p tests --test sim` runs one world and prints its trace; `SIM_WITHOUT=3,5` leaves out
//!   steps of its program.
//! * Worlds with a cluster have variables of their own: `SIM_CLUSTERS` is their number, and `SIM_CLUSTER` the seed of one.
//! * `RUSTFLAGS="--cfg planted" cargo test -p tests --test sim planted` shows that planted bugs are found.

#[cfg(planted)]
mod planted;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tests::sim::World;

/// How many worlds run by default.
const WORLDS: u64 = 2_000;

/// How many worlds with a cluster run by default.
const CLUSTERS: u64 = 1_000;

#[test]
#[cfg_attr(planted, ignore = "bugs are planted")]
fn nothing_is_wrong_in_any_world() {
    if let Some(seed) = variable("SIM_SEED") {
        replay(World::of(seed));
        return;
    }
    let worlds = variable("SIM_WORLDS").unwrap_or(WORLDS);
    check(worlds, "worlds", World::of);
}

#[test]
#[cfg_attr(planted, ignore = "bugs are planted")]
fn clusters_are_right() {
    if let Some(seed) = variable("SIM_CLUSTER") {
        replay(World::of_cluster(seed));
        return;
    }
    let worlds = variable("SIM_CLUSTERS").unwrap_or(CLUSTERS);
    check(worlds, "clusters", World::of_cluster);
}

/// Runs that many worlds, and requires that none of them is wrong.
fn check(worlds: u64, what: &str, world: fn(u64) -> World) {
    let from = variable("SIM_FROM").unwrap_or_default();
    let wrong = search(from..from.saturating_add(worlds), usize::MAX, world);
    for seed in wrong.iter().take(20) {
        explain(world(*seed));
    }
    print_line(&format!(
        "{worlds} {what} from seed {from} (SIM_FROM), {} of them wrong",
        wrong.len()
    ));
    assert!(wrong.is_empty());
}

#[test]
#[cfg_attr(planted, ignore = "bugs are planted")]
fn a_seed_means_the_same_world_each_time() {
    for seed in 0..20 {
        for world in [World::of(seed), World::of_cluster(seed)] {
            let world = World {
                traced: true,
                ..world
            };
            assert_eq!(world.run(), world.run());
        }
    }
}

/// Returns the seeds of wrong worlds in this range, lowest first: at least `enough` of them if there are so many.
fn search(seeds: Range<u64>, enough: usize, world: fn(u64) -> World) -> Vec<u64> {
    let next = AtomicU64::new(seeds.start);
    let run = || {
        let mut wrong = Vec::new();
        while wrong.len() < enough {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            if !world(seed).run().violations.is_empty() {
                wrong.push(seed);
            }
        }
        // A thread that has found enough ends the search of the others, at seeds above its own.
        next.fetch_max(
            if wrong.len() < enough { 0 } else { seeds.end },
            Ordering::Relaxed,
        );
        wrong
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut wrong: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    wrong.sort_unstable();
    wrong
}

/// Prints the violations of a world, and the command that replays it.
fn explain(world: World) {
    let seed = world.seed;
    let (variable, test) = if world.clustered {
        ("SIM_CLUSTER", "clusters")
    } else {
        ("SIM_SEED", "nothing_is_wrong")
    };
    // Shrinking takes long where events never cease.
    print_line(&format!("world {seed} is wrong, and is shrunk"));
    let world = world.shrunk();
    let steps = world.run().steps - world.without.len();
    print_line(&format!(
        "world {seed} is wrong, with a program of {steps} steps:"
    ));
    for violation in world.run().violations {
        print_line(&format!("    {violation}"));
    }
    let without: Vec<_> = world.without.iter().map(u64::to_string).collect();
    print_line(&format!(
        "    {variable}={seed} SIM_WITHOUT={} cargo test -p tests --test sim {test}",
        without.join(",")
    ));
}

fn replay(world: World) {
    let without = std::env::var("SIM_WITHOUT").unwrap_or_default();
    let without: BTreeSet<u64> = without
        .split(',')
        .filter_map(|number| number.parse().ok())
        .collect();
    let world = World {
        without,
        traced: true,
        ..world
    };
    let outcome = world.run();
    for line in &outcome.trace {
        print_line(line);
    }
    print_line(&format!("1 world, {} violations", outcome.violations.len()));
    assert_eq!(outcome.violations, [""; 0]);
}

/// Prints a line even if the test succeeds: the number of worlds and their seeds are always of interest.
fn print_line(line: &str) {
    let mut line = line.to_owned();
    line.push('\n');
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} must be a number, not {value:?}")),
    )
}
