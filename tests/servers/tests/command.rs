//! The command with a fake Java: how servers start and stop under all circumstances.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn the_server_runs_until_the_input_ends() {
    let world = World::new("input");
    let mut running = Running::start(&world);
    assert!(is_alive(running.server));
    drop(running.process.stdin.take());
    assert!(running.process.wait().unwrap().success());
    assert!(!is_alive(running.server));
    world.assert_clean();
}

#[test]
fn the_server_ends_when_its_starter_is_killed() {
    assert_server_ends_after("KILL");
}

#[test]
fn the_server_ends_when_its_starter_aborts() {
    assert_server_ends_after("ABRT");
}

#[test]
fn the_server_ends_when_its_starter_is_interrupted() {
    assert_server_ends_after("INT");
}

#[test]
fn a_command_finds_the_server_in_its_environment() {
    let world = World::new("environment");
    let output = world.run(&[
        "neo4j-5",
        "--",
        "sh",
        "-c",
        "echo $NEO4J_URI $NEO4J_USERNAME $NEO4J_PASSWORD",
    ]);
    let printed = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = printed.split_whitespace().collect();
    assert!(matches!(words[..], [uri, "neo4j", password]
        if uri.starts_with("bolt://127.0.0.1:") && password.len() >= 8));
    world.assert_clean();
}

#[test]
fn the_exit_code_is_the_one_of_the_command() {
    let world = World::new("code");
    assert_eq!(
        world.run(&["neo4j-5", "--", "sh", "-c", "exit 42"]).status.code(),
        Some(42)
    );
    world.assert_clean();
}

#[test]
fn a_server_that_fails_shows_the_end_of_its_log() {
    let world = World::new("fails");
    let output = world
        .command(&["neo4j-5"])
        .env("FAKE_SERVER_FAILS", "1")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error.contains("neo4j-5 ended with code 5 before it was ready"),
        "{error}"
    );
    assert!(error.contains("simulated failure"), "{error}");
    world.assert_clean();
}

#[test]
fn a_failed_preparation_starts_no_server() {
    let world = World::new("unprepared");
    let output = world
        .command(&["neo4j-5"])
        .env("FAKE_PREPARE_FAILS", "1")
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("neo4j-5 ended with code 3 before it was ready"),
        "{error}"
    );
    world.assert_clean();
}

#[test]
fn an_unknown_release_is_refused_with_the_usage() {
    let output = World::new("unknown").run(&["neo4j-4"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error.starts_with("unknown server `neo4j-4`: choose from neo4j-5, neo4j-2026"),
        "{error}"
    );
    assert!(error.contains("usage:"), "{error}");
}

fn assert_server_ends_after(signal: &str) {
    let world = World::new(signal);
    let mut running = Running::start(&world);
    assert!(is_alive(running.server));
    signal_to(signal, running.process.id());
    running.process.wait().unwrap();

    let given_up = Instant::now() + LIMIT;
    while (is_alive(running.server) || !world.is_clean()) && Instant::now() < given_up {
        thread::sleep(Duration::from_millis(50));
    }
    assert!(
        !is_alive(running.server),
        "process {} outlived its starter",
        running.server
    );
    world.assert_clean();
}

/// The environment of a command: a folder for temporary files, a filled cache, a fake Java.
struct World {
    folder: PathBuf,
}

impl World {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("servers-test-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("temporary")).unwrap();
        fs::create_dir_all(folder.join("cache/5.26.30")).unwrap();
        Self { folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_servers"));
        command.args(arguments).stdin(Stdio::null());
        command
            .env("TMPDIR", self.folder.join("temporary"))
            .env("BOLT_TEST_CACHE", self.folder.join("cache"));
        command.env(
            "JAVA_HOME",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake-java"),
        );
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn is_clean(&self) -> bool {
        fs::read_dir(self.folder.join("temporary"))
            .unwrap()
            .next()
            .is_none()
    }

    fn assert_clean(&self) {
        assert!(self.is_clean(), "files are left in {}", self.folder.display());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A command that has reported that it serves.
struct Running {
    process: Child,
    server: u32,
    /// Open as long as the process runs: it must be able to print.
    _output: BufReader<ChildStdout>,
}

impl Running {
    fn start(world: &World) -> Self {
        let mut command = world.command(&["neo4j-5"]);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut exports = String::new();
        for _ in 0..3 {
            output.read_line(&mut exports).unwrap();
        }
        assert!(
            exports.starts_with("export NEO4J_URI=bolt://127.0.0.1:"),
            "{exports}"
        );
        let mut message = String::new();
        BufReader::new(process.stderr.take().unwrap())
            .read_line(&mut message)
            .unwrap();
        let pid = message
            .split_once("runs as process ")
            .and_then(|(_, rest)| rest.split(';').next())
            .unwrap();
        Self {
            server: pid.parse().unwrap(),
            process,
            _output: output,
        }
    }
}

/// Uses the shell, which can send signals on every Unix. Signal 0 only checks for existence.
fn is_alive(pid: u32) -> bool {
    signal_to("0", pid)
}

fn signal_to(signal: &str, pid: u32) -> bool {
    let script = "kill -s \"$1\" \"$2\" 2>/dev/null";
    Command::new("/bin/sh")
        .args(["-c", script, "sh", signal, &pid.to_string()])
        .status()
        .unwrap()
        .success()
}
