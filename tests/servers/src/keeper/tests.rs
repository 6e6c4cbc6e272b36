//! The keeper with a shell in place of Java: `sh @server` runs the file of that name.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use super::*;

const SHELL: &str = "/bin/sh";
const SERVES_FOREVER: &str = "exec sleep 600";
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn dropping_a_keeper_stops_the_server_and_removes_its_home() {
    let (keeper, home) = keeper("dropped", SERVES_FOREVER);
    let server = started(&keeper);
    assert!(is_alive(server));
    drop(keeper);
    assert!(!is_alive(server));
    assert!(!home.exists());
}

#[test]
fn a_server_that_ignores_sigterm_is_killed() {
    let (keeper, home) = keeper("deaf", "trap '' TERM; : > deaf; while :; do sleep 1; done");
    let server = started(&keeper);
    wait_until(|| home.join("deaf").exists());
    let stopping = Instant::now();
    drop(keeper);
    assert!(stopping.elapsed() >= GRACE);
    assert!(!is_alive(server));
    assert!(!home.exists());
}

#[test]
fn a_server_that_ends_by_itself_is_reported_with_its_code() {
    let (keeper, home) = keeper("short", "exit 7");
    started(&keeper);
    assert_eq!(keeper.next_report(LIMIT), Some(Report::Ended(7)));
    assert!(!home.exists());
}

#[test]
fn a_server_that_is_restarted_or_killed_starts_again_in_its_home() {
    let (mut keeper, home) = keeper("again", SERVES_FOREVER);
    let mut server = started(&keeper);
    fs::write(home.join("data"), "kept").unwrap();
    let ways: [fn(&mut Keeper) -> io::Result<()>; 2] = [Keeper::kill, Keeper::restart];
    for again in ways {
        again(&mut keeper).unwrap();
        let next = started(&keeper);
        assert_ne!(next, server);
        assert!(is_alive(next) && !is_alive(server));
        assert_eq!(fs::read_to_string(home.join("data")).unwrap(), "kept");
        server = next;
    }
    drop(keeper);
    assert!(!is_alive(server));
    assert!(!home.exists());
}

#[test]
fn a_keeper_that_is_terminated_stops_its_server() {
    let (keeper, home) = keeper("by-hand", SERVES_FOREVER);
    let server = started(&keeper);
    let kill = Command::new(SHELL)
        .args(["-c", "kill \"$1\"", "sh", &keeper.process.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    assert_eq!(keeper.next_report(LIMIT), Some(Report::Ended(128 + 9)));
    assert!(!is_alive(server));
    assert!(!home.exists());
}

#[test]
fn a_panic_stops_the_server_and_removes_its_home() {
    let (keeper, home) = keeper("panic", SERVES_FOREVER);
    let server = started(&keeper);
    let panicked = thread::spawn(move || {
        let _keeper = keeper;
        panic!("intended by this test");
    });
    assert!(panicked.join().is_err());
    assert!(!is_alive(server));
    assert!(!home.exists());
}

fn keeper(name: &str, server: &str) -> (Keeper, PathBuf) {
    let home = env::temp_dir().join(format!("keeper-test-{}-{name}", std::process::id()));
    fs::create_dir(&home).unwrap();
    fs::write(home.join("@prepare"), "exit 0").unwrap();
    fs::write(home.join("@server"), server).unwrap();
    let log = File::create(home.join("log")).unwrap();
    (Keeper::start(&home, Path::new(SHELL), log).unwrap(), home)
}

fn started(keeper: &Keeper) -> u32 {
    match keeper.next_report(LIMIT) {
        Some(Report::Started(pid)) => pid,
        other => panic!("expected the server to start, got {other:?}"),
    }
}

fn wait_until(condition: impl Fn() -> bool) {
    let given_up = Instant::now() + LIMIT;
    while !condition() {
        assert!(
            Instant::now() < given_up,
            "the condition was not met within {LIMIT:?}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

/// Uses the shell, which can send signal 0 on every Unix.
fn is_alive(pid: u32) -> bool {
    let kill = Command::new(SHELL)
        .args(["-c", "kill -0 \"$1\" 2>/dev/null", "sh", &pid.to_string()])
        .status();
    kill.unwrap().success()
}
