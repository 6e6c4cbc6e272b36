//! How long failover takes: a real server is killed every 10 seconds, and starts again.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use servers::Release;

use crate::load::{Learned, Load, REST, Write, judge, now};
use crate::rig::{MEMBERS, Rig};
use crate::{ELECTION, requested};

const CALLERS: i64 = 64;
const BETWEEN_KILLS: Duration = Duration::from_secs(10);

/// The end of a leader. Times are those of the system's clock, in seconds.
#[derive(Debug, Clone, Copy)]
struct Kill {
    at: f64,
    victim: usize,
    /// When the tables named the next leader.
    elected: f64,
}

#[test]
fn failover_takes_as_long_as_the_election_and_loses_nothing() {
    let Ok(seconds) = env::var("BOLT_TEST_FAILOVER") else {
        println!("BOLT_TEST_FAILOVER=120 kills real servers for so many seconds");
        return;
    };
    let time = Duration::from_secs(seconds.parse().unwrap());
    let release = requested().pop().unwrap_or(Release::Neo4j2026);
    let rig = Rig::start(Some(release));
    println!(
        "{release}: {CALLERS} callers, {time:?}, a leader killed every {BETWEEN_KILLS:?}, an election takes {ELECTION:?}"
    );
    by_tokio(&rig, time);
    if let Some(python) = env::var_os("BOLT_TEST_PYTHON") {
        by_python(&rig, time, Path::new(&python));
    }
}

fn by_tokio(rig: &Rig, time: Duration) {
    let ended = Arc::new(AtomicBool::new(false));
    let load = Load {
        by: "tokio",
        callers: 0..CALLERS,
        ended: Arc::clone(&ended),
    };
    let driver = adapter_tokio::driver_with(rig.config()).unwrap();
    let (writes, kills) = thread::scope(|scope| {
        let writing = scope.spawn(|| load.by_tasks(&driver));
        let kills = kill_leaders(rig, time);
        ended.store(true, Ordering::SeqCst);
        (writing.join().unwrap(), kills)
    });
    report(rig, "tokio", &writes, &kills, time);
}

/// The Python driver, in a process of its own, with the same calls.
fn by_python(rig: &Rig, time: Duration, python: &Path) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/writer.py");
    let (user, password) = rig.login();
    let mut command = Command::new(python);
    command
        .arg(script)
        .args([rig.proxy.uri(), user, "python".to_owned()])
        .args([CALLERS.to_string(), REST.as_secs_f64().to_string()])
        .env("NEO4J_PASSWORD", password);
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // It logs each retry.
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(process.stdout.take().unwrap());
    let reading = thread::spawn(move || {
        let lines = stdout.lines().map(|line| read(&line.unwrap()));
        lines.collect::<Vec<Write>>()
    });
    let kills = kill_leaders(rig, time);
    // The end of its input is the end of the load.
    drop(process.stdin.take());
    let writes = reading.join().unwrap();
    assert!(process.wait().unwrap().success());
    report(rig, "python", &writes, &kills, time);
}

/// Reads a line of the script: id, caller, start, end, what was learned, and by whose address or error.
fn read(line: &str) -> Write {
    let (id, caller, started, ended, learned, text): (i64, i64, f64, f64, String, String) =
        serde_json::from_str(line).unwrap();
    Write {
        id,
        caller,
        started,
        ended,
        learned: match learned.as_str() {
            "committed" => Learned::Committed(text),
            "unknown" => Learned::Unknown,
            _ => Learned::Failed(text),
        },
    }
}

/// Kills the leader every 10 seconds, if both others live; a new one is elected. Killed servers start again meanwhile.
fn kill_leaders(rig: &Rig, time: Duration) -> Vec<Kill> {
    let mut kills = Vec::new();
    let ends = Instant::now() + time;
    thread::scope(|scope| {
        thread::sleep(BETWEEN_KILLS / 2);
        while Instant::now() + BETWEEN_KILLS / 2 < ends {
            let next = Instant::now() + BETWEEN_KILLS;
            while rig.alive() < MEMBERS {
                thread::sleep(Duration::from_millis(50));
            }
            let (victim, at) = (rig.leader(), now());
            rig.kill(victim);
            scope.spawn(move || rig.revive(victim));
            thread::sleep(ELECTION);
            rig.elect_another();
            let elected = now();
            kills.push(Kill { at, victim, elected });
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    });
    kills
}

/// Prints the figures, and compares the writes with what the servers have.
fn report(rig: &Rig, by: &str, writes: &[Write], kills: &[Kill], time: Duration) {
    let tally = judge(rig, by, writes);
    let mut failovers: Vec<f64> = Vec::new();
    let mut missing = 0;
    for kill in kills {
        for caller in 0..CALLERS {
            match failover(rig, writes, *kill, caller) {
                Some(took) => failovers.push(took),
                None => missing += 1,
            }
        }
    }
    for kill in kills {
        let first = (0..CALLERS).filter_map(|caller| failover(rig, writes, *kill, caller));
        println!(
            "{by}: killed server {}, next leader after {:.0} ms, first write after {:.0} ms",
            kill.victim,
            (kill.elected - kill.at) * 1000.0,
            first.fold(f64::NAN, f64::min) * 1000.0
        );
    }
    failovers.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (failovers.len().saturating_sub(1)) as f64 * share;
        failovers.get(place.round() as usize).copied().unwrap_or(f64::NAN) * 1000.0
    };
    let longest = writes.iter().map(|write| write.ended - write.started);
    println!(
        "{by}: the longest call took {:.0} ms",
        longest.fold(0.0, f64::max) * 1000.0
    );
    println!(
        "{by}: {} kills, {} writes a second, {tally:?}",
        kills.len(),
        writes.len() / usize::try_from(time.as_secs()).unwrap().max(1)
    );
    println!(
        "{by}: from the kill to a caller's next write that succeeds: p50 {:.0} ms, p90 {:.0} ms, p99 {:.0} ms, max {:.0} ms \
         ({} waits, {missing} without an end)",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0),
        failovers.len()
    );
    let mut failures = std::collections::BTreeMap::<&str, usize>::new();
    for write in writes {
        if let Learned::Failed(why) = &write.learned {
            *failures.entry(why.as_str()).or_default() += 1;
        }
    }
    for (why, times) in failures.iter().take(10) {
        println!("{by}: failed {times} times: {why}");
    }
}

/// Returns how long after a kill the caller's first write succeeded at another server.
fn failover(rig: &Rig, writes: &[Write], kill: Kill, caller: i64) -> Option<f64> {
    let later = writes
        .iter()
        .filter(|write| write.caller == caller && write.ended > kill.at);
    let elsewhere = later.filter(|write| match &write.learned {
        Learned::Committed(address) => rig.proxy.server_at(address) != Some(kill.victim),
        _ => false,
    });
    let ends = elsewhere.map(|write| write.ended - kill.at);
    ends.min_by(f64::total_cmp)
}
