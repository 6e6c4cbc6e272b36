//! The demo as a user starts it.

use std::process::{Command, Output};

use adapter_blocking::driver;
use bolt_client::{Access, Auth};
use engine::Engine;

#[test]
fn it_runs_on_every_runtime_without_any_set_up() {
    for runtime in ["tokio", "async-std", "smol", "blocking"] {
        let output = run(demo().args([
            "--json",
            "--queries=60",
            "--rows=5000",
            "--concurrency=8",
            "--runtime",
            runtime,
        ]));
        assert!(output.status.success(), "{runtime}: {}", text(&output.stderr));
        let figures: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
        assert_eq!(text(&output.stdout).lines().count(), 1);
        assert_eq!(figures["runtime"], runtime);
        assert_eq!((&figures["queries"], &figures["errors"]), (&60.into(), &0.into()));
        assert_eq!(figures["wrong_answers"], 0);
        // The chapters check their own claims: this shows that they were played.
        let shown = &figures["shown"];
        assert_eq!(shown["round_trips"]["execute_query_read"], 1, "{shown}");
        assert_eq!(shown["blocked_functions"]["attempts"], 3, "{shown}");
        assert_eq!(shown["stream"][1]["rows"], 5_000, "{shown}");
        assert_eq!(shown["dropped"]["nodes_left"], 0, "{shown}");
        assert!(shown["cut"]["connections_cut"].as_u64() > Some(0), "{shown}");
        // A thread that opens a connection does not notice at once when another is released, so there may be more connections
        // than callers, up to the size of the pool.
        let most = if runtime == "blocking" { 20 } else { 8 };
        assert!((1..=most).contains(&figures["connections"].as_u64().expect("a number")));
    }
}

#[test]
fn a_log_has_neither_colours_nor_moving_parts() {
    let output = run(demo().args(["--queries=8", "--rows=100"]));
    let log = text(&output.stdout);
    assert!(
        log.contains("77 nodes created") && log.contains("6 of 8 queries"),
        "{log}"
    );
    assert!(!log.contains('\u{1b}') && !log.contains('\r'), "{log}");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_server_of_the_user_is_left_as_it_was() {
    let engine = Engine::start().expect("it starts");
    let mut demo = demo();
    demo.args(["--queries=8", "--rows=100", "--concurrency=2"])
        .env("NEO4J_URI", engine.uri())
        .env("NEO4J_USERNAME", engine.user())
        .env("NEO4J_PASSWORD", engine.password());
    let output = run(&mut demo);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("(:DemoPerson_"),
        "it has a label of its own"
    );
    assert_eq!(nodes_in(&engine), 0);

    let output = run(demo.env("NEO4J_DATABASE", "nope"));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nope"), "{}", text(&output.stderr));
}

#[test]
fn a_login_that_fails_is_reported_without_the_password() {
    let engine = Engine::start().expect("it starts");
    let output = run(demo()
        .env("NEO4J_URI", engine.uri())
        .env("NEO4J_USERNAME", engine.user())
        .env("NEO4J_PASSWORD", "not-the-password"));
    assert_eq!(output.status.code(), Some(1));
    let complaint = text(&output.stderr);
    assert!(
        complaint.contains("cannot connect") && complaint.contains("unauthorized"),
        "{complaint}"
    );
    assert!(!complaint.contains("not-the-password"), "{complaint}");
}

#[test]
fn help_explains_the_environment() {
    let output = run(demo().arg("--help"));
    assert!(output.status.success());
    for word in [
        "--runtime",
        "--queries",
        "--concurrency",
        "--json",
        "NEO4J_URI",
        "NEO4J_PASSWORD",
    ] {
        assert!(text(&output.stdout).contains(word), "{word}");
    }
}

/// The demo, without what the environment of the tests may say about servers.
fn demo() -> Command {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
    for variable in ["NEO4J_URI", "NEO4J_USERNAME", "NEO4J_PASSWORD", "NEO4J_DATABASE"] {
        demo.env_remove(variable);
    }
    demo
}

fn run(demo: &mut Command) -> Output {
    demo.output().expect("it starts")
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).into_owned()
}

fn nodes_in(engine: &Engine) -> i64 {
    let auth = Auth::basic(engine.user(), engine.password());
    let driver = driver(&engine.uri(), auth).expect("the URI is right");
    let answer = driver
        .execute_query("MATCH (n) RETURN count(n)")
        .routing(Access::Read)
        .call();
    let count = answer.expect("it answers").records[0].get(0);
    count.expect("it is a number")
}
