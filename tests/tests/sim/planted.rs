//! Planted bugs are found.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use bolt_client::planted::{Bug, plant};
use tests::sim::{
    HERD, World, delayed_by_a_dropped_search, delayed_by_a_hung_opening, replaced_after_a_message_of_tls,
    requests_of_a_herd,
};

use super::{CLUSTERS, WORLDS, search};

/// Finds each planted bug; `UPDATE=1` writes the table. Only the names in the table are checked: the world numbers move
/// with every change to the driver, because its calls then fall into other places of the same worlds.
#[test]
fn every_planted_bug_is_found() {
    let mut table = String::from(HEAD);
    let mut missed = Vec::new();
    for &bug in Bug::ALL {
        plant(Some(bug));
        // Random worlds do not check the driver's patience.
        let found = match bug {
            Bug::NoPatienceForOpenings => {
                (delayed_by_a_hung_opening() > 0).then(|| "a world of its own".to_owned())
            }
            Bug::SearchLostWithItsCaller => {
                (delayed_by_a_dropped_search() > 0).then(|| "a world of its own".to_owned())
            }
            Bug::TicketTakenForGarbage => {
                (replaced_after_a_message_of_tls() > 0).then(|| "a world of its own".to_owned())
            }
            Bug::RoutingHerd => (requests_of_a_herd() >= HERD / 2).then(|| "a world of its own".to_owned()),
            bug if CLUSTER.contains(&bug) => found(0..4 * CLUSTERS, World::of_cluster, "cluster "),
            _ => found(0..WORLDS, World::of, ""),
        };
        plant(None);
        eprintln!("{bug:?}: {found:?}");
        match found {
            Some(place) => writeln!(table, "| `{bug:?}` | {place} |").unwrap(),
            None => missed.push(bug),
        }
    }
    print!("{table}");
    assert!(missed.is_empty(), "not found within {WORLDS} worlds: {missed:?}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim-planted.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, table).unwrap();
    } else {
        let kept = std::fs::read_to_string(path).unwrap();
        assert_eq!(bugs(&table), bugs(&kept), "run with UPDATE=1 if this is intended");
    }
}

/// Returns the place of the first wrong world.
fn found(seeds: Range<u64>, world: fn(u64) -> World, kind: &str) -> Option<String> {
    let seed = *search(seeds, 1, world).first()?;
    Some(format!("{kind}{}", seed + 1))
}

/// The bugs that only worlds with a cluster can find.
const CLUSTER: &[Bug] = &[
    Bug::StaleWriterKept,
    Bug::SeedForgotten,
    Bug::WrongDatabasePurged,
    Bug::HomeOfAnotherUser,
    Bug::HomeNotKept,
    Bug::BookmarksLostOnFailover,
    Bug::FollowerUsedForWrites,
    Bug::TableOfAnotherDatabase,
    Bug::ConnectionToGoneServerKept,
    Bug::FailureOfAnotherLogin,
    Bug::LoginChangedBehindRoute,
];

/// The first column of the table.
fn bugs(table: &str) -> Vec<&str> {
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| row.split('`').nth(1)).collect()
}

const HEAD: &str = "\
# Planted bugs

What each bug that is planted into the driver (`bolt_client::planted`) takes to be found: worlds of the simulation, run in
the order of their seeds. The test that says so rewrites this with `UPDATE=1`; the numbers are those of its last run.

| bug | found in world |
|---|---|
";
