//! The driver in simulated worlds: see `tests::sim`.
//!
//! * `cargo test -p tests --test sim` runs 2,000 worlds.
//! * `SIM_WORLDS=100000 cargo test --release -p tests --test sim` runs more, `SIM_FROM=123456` those from this seed on.
//! * `SIM_SEED=17 cargo test -p tests --test sim` runs one and prints what happens in it; `SIM_WITHOUT=3,5` leaves steps
//!   of its program out.
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

/// How many worlds are run by default.
const WORLDS: u64 = 2_000;

#[test]
#[cfg_attr(planted, ignore = "meanwhile bugs are planted")]
fn nothing_is_wrong_in_any_world() {
    if let Some(seed) = variable("SIM_SEED") {
        replay(seed);
        return;
    }
    let worlds = variable("SIM_WORLDS").unwrap_or(WORLDS);
    let from = variable("SIM_FROM").unwrap_or_default();
    let wrong = search(from..from.saturating_add(worlds), usize::MAX);
    for seed in wrong.iter().take(20) {
        explain(*seed);
    }
    tell(&format!(
        "{worlds} worlds from seed {from} (SIM_FROM), {} of them wrong",
        wrong.len()
    ));
    assert!(wrong.is_empty());
}

#[test]
#[cfg_attr(planted, ignore = "meanwhile bugs are planted")]
fn a_seed_means_the_same_world_each_time() {
    for seed in 0..20 {
        let world = World {
            traced: true,
            ..World::of(seed)
        };
        assert_eq!(world.run(), world.run());
    }
}

/// The seeds in this range of worlds that are wrong, lowest first: at least so many of them, if there are so many.
fn search(seeds: Range<u64>, enough: usize) -> Vec<u64> {
    let next = AtomicU64::new(seeds.start);
    let run = || {
        let mut wrong = Vec::new();
        while wrong.len() < enough {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                break;
            }
            if !World::of(seed).run().violations.is_empty() {
                wrong.push(seed);
            }
        }
        // Whoever has found enough ends the search of the others, at seeds above theirs.
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

/// What is wrong in a world, and how to see it happen.
fn explain(seed: u64) {
    let world = World::of(seed).shrunk();
    let steps = world.run().steps - world.without.len();
    tell(&format!(
        "world {seed} is wrong, with {steps} steps left of its program:"
    ));
    for violation in world.run().violations {
        tell(&format!("    {violation}"));
    }
    let without: Vec<_> = world.without.iter().map(u64::to_string).collect();
    tell(&format!(
        "    SIM_SEED={seed} SIM_WITHOUT={} cargo test -p tests --test sim nothing_is_wrong",
        without.join(",")
    ));
}

fn replay(seed: u64) {
    let without = std::env::var("SIM_WITHOUT").unwrap_or_default();
    let without: BTreeSet<u64> = without
        .split(',')
        .filter_map(|number| number.parse().ok())
        .collect();
    let world = World {
        seed,
        without,
        traced: true,
    };
    let outcome = world.run();
    for line in &outcome.trace {
        tell(line);
    }
    tell(&format!("1 world, {} violations", outcome.violations.len()));
    assert_eq!(outcome.violations, [""; 0]);
}

/// Prints a line even if the test succeeds: what was run is worth knowing in any case.
fn tell(line: &str) {
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
