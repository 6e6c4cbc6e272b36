//! Failures that servers report while they shut down, and whether work was carried out.

use super::*;
use crate::Error;

async fn write(session: &mut Session, access: Access) -> Result<(), Error> {
    async fn work(mut tx: crate::ManagedTransaction) -> Result<(), Error> {
        tx.run("ROWS 2").await?.consume().await.map(drop)
    }
    match access {
        Access::Write => session.execute_write(work).await,
        _ => session.execute_read(work).await,
    }
}

/// Calls a transaction function whose first attempt meets this failure. Returns the result and the number of commits.
fn managed(access: Access, fails: Message, code: &str) -> (Result<(), Error>, usize) {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    servers.fail(fails, code);
    let mut call = Task::new(write(&mut session, access));
    let outcome = call.run().unwrap_or_else(|| {
        servers.pass(SECOND);
        call.run().expect("the pause is over")
    });
    (outcome, servers.count(Message::Commit))
}

fn executed(access: Access, fails: Message, code: &str) -> (Result<(), Error>, usize) {
    let servers = Scripted::new();
    let driver = servers.driver();
    servers.fail(fails, code);
    let mut call = Task::new(async { driver.execute_query("ROWS 2").routing(access).await.map(drop) });
    let outcome = call.run().unwrap_or_else(|| {
        servers.pass(SECOND);
        call.run().expect("the pause is over")
    });
    (outcome, servers.count(Message::Run))
}

#[test]
fn a_commit_that_a_server_that_shuts_down_refuses_is_unknown_and_not_repeated() {
    let (managed, commits) = managed(Access::Write, Message::Commit, UNAVAILABLE);
    let (executed, runs) = executed(Access::Write, Message::Commit, UNAVAILABLE);
    for error in [managed.unwrap_err(), executed.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{error}");
        assert!(!error.is_retryable());
        assert!(error.to_string().contains("DatabaseUnavailable"), "{error}");
    }
    assert_eq!((commits, runs), (1, 1));
}

#[test]
fn a_commit_that_is_refused_for_another_reason_is_repeated() {
    let (outcome, commits) = managed(Access::Write, Message::Commit, DEADLOCK);
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(commits, 2);
}

#[test]
fn a_read_that_a_server_that_shuts_down_refuses_is_repeated_wherever_it_was() {
    for fails in [Message::Begin, Message::Run, Message::Pull, Message::Commit] {
        let (managed, _) = managed(Access::Read, fails, UNAVAILABLE);
        let (executed, _) = executed(Access::Read, fails, UNAVAILABLE);
        assert!(managed.is_ok() && executed.is_ok(), "{fails}");
    }
}

#[test]
fn a_write_that_a_server_that_shuts_down_refuses_before_its_commit_is_repeated() {
    for fails in [Message::Begin, Message::Run, Message::Pull] {
        let (managed, commits) = managed(Access::Write, fails, UNAVAILABLE);
        let (executed, _) = executed(Access::Write, fails, UNAVAILABLE);
        assert!(managed.is_ok() && executed.is_ok(), "{fails}");
        assert_eq!(commits, 1, "{fails}");
    }
}

#[test]
fn an_explicit_commit_that_a_server_that_shuts_down_refuses_is_unknown() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    servers.fail(Message::Commit, UNAVAILABLE);
    let mut tx = now(session.begin_transaction()).unwrap();
    drop(now(tx.run("CREATE ()")).unwrap());
    let error = now(tx.commit()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit);
}

#[test]
fn the_end_of_an_auto_commit_write_that_a_server_that_shuts_down_refuses_is_unknown() {
    // Without columns, `run` itself waits for the end.
    for query in ["ROWS 2", "CREATE ()"] {
        let servers = Scripted::new();
        let driver = servers.driver();
        let mut session = driver.session().build();
        servers.fail(Message::Pull, UNAVAILABLE);
        let outcome = now(async { session.run(query).await?.consume().await.map(drop) });
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{query}: {error}");
        assert_eq!(servers.count(Message::Run), 1);
    }
}

#[test]
fn the_end_of_an_auto_commit_read_and_a_refused_query_are_known() {
    for (access, fails) in [(Access::Read, Message::Pull), (Access::Write, Message::Run)] {
        let servers = Scripted::new();
        let driver = servers.driver();
        let mut session = driver.session().default_access_mode(access).build();
        servers.fail(fails, UNAVAILABLE);
        let outcome = now(async { session.run("ROWS 2").await?.consume().await.map(drop) });
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Server, "{fails}");
    }
}

#[test]
fn a_lost_connection_leaves_a_write_unknown_from_when_it_may_have_been_carried_out() {
    for (access, cut, kind) in [
        (Access::Write, Message::Run, ErrorKind::UnknownCommit),
        (Access::Write, Message::Pull, ErrorKind::UnknownCommit),
        (Access::Read, Message::Run, ErrorKind::ConnectionLost),
        (Access::Read, Message::Pull, ErrorKind::ConnectionLost),
    ] {
        let servers = Scripted::new();
        let driver = servers.driver();
        let mut session = driver.session().default_access_mode(access).build();
        servers.cut_at(cut);
        let outcome = now(async { session.run("ROWS 2").await?.consume().await.map(drop) });
        assert_eq!(outcome.unwrap_err().kind(), kind, "{access:?}, {cut}");
    }
    for (access, kind) in [
        (Access::Write, ErrorKind::UnknownCommit),
        (Access::Read, ErrorKind::ConnectionLost),
    ] {
        let servers = Scripted::new();
        let driver = servers.driver();
        let mut session = driver.session().default_access_mode(access).build();
        servers.cut_at(Message::Commit);
        let mut tx = now(session.begin_transaction()).unwrap();
        drop(now(tx.run("CREATE ()")).unwrap());
        assert_eq!(now(tx.commit()).unwrap_err().kind(), kind, "{access:?}");
    }
}

#[test]
fn a_commit_of_which_no_byte_has_left_is_known_not_to_have_happened() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().deadline(SECOND).build();
    let mut tx = now(session.begin_transaction()).unwrap();
    drop(now(tx.run("CREATE ()")).unwrap());
    servers.fill(0, true);
    let mut commit = Task::new(tx.commit());
    assert!(commit.run().is_none());
    servers.pass(SECOND);
    let error = commit.run().expect("the time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(servers.committed().is_empty());
}

#[test]
fn a_query_of_which_no_byte_has_left_is_known_not_to_have_been_carried_out() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    let mut session = driver.session().deadline(SECOND).build();
    servers.fill(0, true);
    let mut run = Task::new(async { session.run("CREATE ()").await.map(drop) });
    assert!(run.run().is_none());
    servers.pass(SECOND);
    let error = run.run().expect("the time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    drop(run);
    servers.fill(0, false);
    drop(now(session.run("CREATE ()")).unwrap());
    assert_eq!(servers.connections(), 1);
    assert_eq!(servers.committed(), ["CREATE ()"]);
}
