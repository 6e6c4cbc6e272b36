//! Clusters of three separate servers under a routing proxy: nothing is lost while roles change and servers are killed.
//!
//! The first test runs on embedded engines, and on each release in `BOLT_TEST_SERVERS`. `BOLT_TEST_FAILOVER=120` adds two
//! minutes in which a real server is killed every 10 seconds, and prints how long failover takes. With
//! `BOLT_TEST_PYTHON=/path/to/python`, an interpreter with the package `neo4j`, the Python driver has the same done to it.

mod failover;
mod load;
mod rig;

use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use servers::Release;

use load::{Load, judge, now};
use rig::Rig;

#[test]
fn writes_land_at_the_leader_and_none_is_lost_while_leaders_change_and_die() {
    leaders_change_and_die(None);
    for release in requested() {
        leaders_change_and_die(Some(release));
    }
}

fn requested() -> Vec<Release> {
    let asked = env::var("BOLT_TEST_SERVERS").unwrap_or_default();
    let names = asked.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(|name| name.parse().unwrap()).collect()
}

/// How long the cluster is left alone between two changes, at least.
const PEACE: Duration = Duration::from_secs(1);

/// How many callers write.
const CALLERS: i64 = 12;

/// How long a cluster is without a leader after its leader has died.
const ELECTION: Duration = Duration::from_millis(300);

/// Waits until the leader has written twice for each caller: a server that has just started needs seconds for its first
/// login.
fn leave_alone(rig: &Rig) {
    let leader = rig.leader();
    let before = rig.proxy.counts(leader).writes;
    let given_up = Instant::now() + Duration::from_secs(30);
    thread::sleep(PEACE);
    while rig.proxy.counts(leader).writes - before < 2 * CALLERS.unsigned_abs() && Instant::now() < given_up {
        thread::sleep(Duration::from_millis(20));
    }
}

fn leaders_change_and_die(release: Option<Release>) {
    let began = Instant::now();
    let rig = Rig::start(release);
    let started = began.elapsed();
    let ended = Arc::new(AtomicBool::new(false));
    let load = |by, callers| Load {
        by,
        callers,
        ended: Arc::clone(&ended),
    };
    let (tasks, threads) = (
        load("tasks", 0..CALLERS / 2),
        load("threads", CALLERS / 2..CALLERS),
    );
    let by_tasks = adapter_tokio::driver_with(rig.config()).unwrap();
    let by_threads = adapter_blocking::driver_with(rig.config()).unwrap();
    let (written_by_tasks, written_by_threads) = thread::scope(|scope| {
        let (tasks, threads) = (
            scope.spawn(|| tasks.by_tasks(&by_tasks)),
            scope.spawn(|| threads.by_threads(&by_threads)),
        );
        leave_alone(&rig);
        rig.elect(1);
        leave_alone(&rig);
        rig.kill(1);
        let reviving = scope.spawn(|| rig.revive(1));
        thread::sleep(ELECTION);
        rig.elect_another();
        leave_alone(&rig);
        rig.elect(0);
        leave_alone(&rig);
        let healthy = now();
        leave_alone(&rig);
        reviving.join().unwrap();
        ended.store(true, Ordering::SeqCst);
        let written = (tasks.join().unwrap(), threads.join().unwrap());
        let last = |caller| {
            let all = written.0.iter().chain(&written.1);
            all.filter(|write| write.caller == caller && write.ended > healthy)
                .any(|write| matches!(write.learned, load::Learned::Committed(_)))
        };
        assert!((0..CALLERS).all(last), "each caller writes in the end");
        written
    });
    for (by, written) in [("tasks", &written_by_tasks), ("threads", &written_by_threads)] {
        let tally = judge(&rig, by, written);
        println!("{release:?}, {by}: {tally:?}");
        assert_eq!(
            tally.failed, 0,
            "failover is faster than the budget for retries: {written:?}"
        );
        assert!(tally.committed > 100);
    }
    let counts: Vec<_> = (0..rig::MEMBERS).map(|server| rig.proxy.counts(server)).collect();
    assert!(counts.iter().all(|counts| counts.writes > 0), "{counts:?}");
    println!(
        "{release:?}: started in {started:?}, whole {:?}, {counts:?}",
        began.elapsed()
    );
}
