//! Writes by `execute_query` whose COMMIT travels with the query.

use super::*;
use crate::{Config, EagerResult, Error};

const REQUESTS: [Message; 4] = [Message::Begin, Message::Run, Message::Pull, Message::Commit];

async fn write(driver: &Driver) -> Result<EagerResult, Error> {
    driver.execute_query("ROWS 2").pipeline_commit(true).await
}

/// Lets the pause before a second attempt pass.
fn outcome(servers: &Scripted, driver: &Driver) -> Result<EagerResult, Error> {
    let mut call = Task::new(write(driver));
    call.run().unwrap_or_else(|| {
        servers.pass(2 * SECOND);
        call.run().expect("the pause is over")
    })
}

#[test]
fn everything_leaves_in_one_write() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    servers.news(0);
    servers.hold(0);
    let mut call = Task::new(write(&driver));
    assert!(call.run().is_none());
    assert_eq!(servers.news(0), REQUESTS);
    servers.release(0);
    let result = call.run().expect("all is answered").unwrap();
    assert_eq!(result.records.len(), 2);
    assert_eq!(servers.committed(), ["ROWS 2"]);
    drop(now(write(&driver)).unwrap());
    assert_eq!(servers.bookmarks(0).len(), 1, "the bookmark of the first write");
}

#[test]
fn a_transient_failure_is_retried_and_its_commit_is_ignored() {
    for fails in REQUESTS {
        let servers = Scripted::new();
        let driver = servers.driver();
        servers.fail(fails, DEADLOCK);
        outcome(&servers, &driver).unwrap();
        assert_eq!(servers.committed(), ["ROWS 2"], "{fails}");
        assert_eq!(servers.count(Message::Commit), 2, "{fails}");
    }
}

#[test]
fn a_final_failure_is_reported() {
    let servers = Scripted::new();
    let driver = servers.driver();
    servers.fail(Message::Run, SYNTAX);
    assert_eq!(now(write(&driver)).unwrap_err().kind(), ErrorKind::Server);
    assert!(servers.committed().is_empty());
    now(write(&driver)).unwrap();
    assert_eq!(servers.connections(), 1, "the connection goes on");
}

#[test]
fn a_failure_of_a_server_that_shuts_down_is_unknown_only_if_it_answers_commit() {
    for fails in REQUESTS {
        let servers = Scripted::new();
        let driver = servers.driver();
        servers.fail(fails, UNAVAILABLE);
        let kind = outcome(&servers, &driver).map_err(|error| error.kind());
        if fails == Message::Commit {
            assert_eq!(kind.unwrap_err(), ErrorKind::UnknownCommit);
        } else {
            assert_eq!(kind.unwrap().records.len(), 2, "{fails}");
        }
    }
}

#[test]
fn a_connection_that_is_lost_once_the_commit_has_left_leaves_it_unknown_and_is_not_replaced() {
    for cut in REQUESTS {
        for connections in [0, 1] {
            let servers = Scripted::new();
            let driver = servers.driver_ready(connections);
            servers.cut_at(cut);
            let error = now(write(&driver)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{cut}: {error}");
            assert_eq!(servers.connections(), 1, "{cut}");
        }
    }
}

#[test]
fn a_pooled_connection_that_was_dead_before_any_byte_has_left_is_replaced() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(2);
    servers.cut(0);
    servers.cut(1);
    now(write(&driver)).unwrap();
    assert_eq!(servers.committed(), ["ROWS 2"]);
    assert_eq!(servers.connections(), 3);
}

#[test]
fn a_deadline_leaves_the_commit_unknown_only_if_it_has_left() {
    for (full, kind) in [(true, ErrorKind::Timeout), (false, ErrorKind::UnknownCommit)] {
        let servers = Scripted::new();
        let driver = servers.driver_ready(1);
        if full {
            servers.fill(0, true);
        } else {
            servers.hold(0);
        }
        let query = driver.execute_query("CREATE ()").pipeline_commit(true);
        let mut call = Task::new(query.deadline(SECOND));
        assert!(call.run().is_none());
        servers.pass(SECOND);
        let error = call.run().expect("the time is up").unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(servers.committed().is_empty(), full);
    }
}

#[test]
fn a_result_that_is_too_large_leaves_the_commit_unknown() {
    let servers = Scripted::new();
    let config = Scripted::config().max_result_size(10);
    let driver = servers.driver_with(Config::clone(&config));
    let error = now(write(&driver)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{error}");
    assert!(error.to_string().contains("max_result_size"), "{error}");
    // Without the option, the write is rolled back.
    let error = now(driver.execute_query("ROWS 2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
}

#[test]
fn a_call_that_is_dropped_leaves_the_connection_to_the_next() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    servers.hold(0);
    let mut call = Task::new(write(&driver));
    assert!(call.run().is_none());
    // The answer to BEGIN.
    servers.deliver(0, 1);
    assert!(call.run().is_none());
    drop(call);
    servers.release(0);
    now(write(&driver)).unwrap();
    assert_eq!(servers.connections(), 1);
    assert_eq!(
        servers.committed(),
        ["ROWS 2", "ROWS 2"],
        "the commit takes its course"
    );
}

#[test]
fn a_read_is_retried_after_the_loss_of_its_connection_as_without_the_option() {
    let servers = Scripted::new();
    let driver = servers.driver();
    servers.cut_at(Message::Commit);
    let query = driver.execute_query("ROWS 2").pipeline_commit(true);
    let mut call = Task::new(query.routing(Access::Read));
    assert!(call.run().is_none());
    servers.pass(2 * SECOND);
    call.run().expect("the pause is over").unwrap();
}
