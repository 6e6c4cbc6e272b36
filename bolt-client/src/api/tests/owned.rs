//! Transactions and records that own their sessions.

use std::future::Future;

use super::*;
use crate::{BookmarkManager, Error, Records, Transaction};

/// A unit of work of an application.
struct Work {
    tx: Transaction<'static>,
}

async fn begin(driver: &Driver) -> Result<Transaction<'static>, Error> {
    driver.begin_transaction().await
}

async fn rows(driver: &Driver, query: &str) -> Result<Records<'static>, Error> {
    driver.session().build().into_records(query).await
}

async fn of_execute_query(driver: &Driver) -> Result<(), Error> {
    driver.execute_query("CREATE ()").await.map(drop)
}

#[test]
fn an_owned_transaction_outlives_the_function_that_began_it_and_commits() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut work = Work {
        tx: now(begin(&driver)).unwrap(),
    };
    now(work.tx.run("CREATE ()").consume()).unwrap();
    assert_eq!(now(work.tx.run("ROWS 3").collect()).unwrap().len(), 3);
    now(work.tx.commit()).unwrap();
    assert_eq!(servers.count(Message::Commit), 1);
    assert_eq!(servers.count(Message::Reset), 0);
}

#[test]
fn an_owned_transaction_that_is_dropped_is_rolled_back() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut tx = now(begin(&driver)).unwrap();
    now(tx.run("CREATE ()").consume()).unwrap();
    drop(tx);
    now(of_execute_query(&driver)).unwrap();
    assert_eq!(servers.count(Message::Commit), 1, "that of execute_query");
    assert_eq!(
        servers.count(Message::Reset) + servers.count(Message::Rollback),
        1
    );
    assert_eq!(servers.connections(), 1);
}

#[test]
fn a_transaction_of_the_driver_sees_what_execute_query_wrote_and_the_reverse() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    now(of_execute_query(&driver)).unwrap();
    let mut tx = now(begin(&driver)).unwrap();
    now(tx.run("CREATE ()").consume()).unwrap();
    assert_eq!(servers.bookmarks(0), ["bookmark:1"]);
    now(tx.commit()).unwrap();
    now(of_execute_query(&driver)).unwrap();
    assert_eq!(servers.bookmarks(0), ["bookmark:2"]);
}

#[test]
fn a_session_that_becomes_a_transaction_finishes_what_it_dropped_before() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    let manager = BookmarkManager::new();
    let mut session = driver.session().bookmark_manager(&manager).build();
    drop(now(session.run("ROWS 3000")).unwrap());
    let mut tx = now(session.into_transaction()).unwrap();
    assert_eq!(servers.committed(), ["ROWS 3000"]);
    now(tx.run("CREATE ()").consume()).unwrap();
    assert_eq!(servers.bookmarks(0), ["bookmark:1"]);
    now(tx.commit()).unwrap();
    let known = manager.bookmarks();
    assert_eq!(known.raw_values().collect::<Vec<_>>(), ["bookmark:2"]);
}

#[test]
fn owned_records_are_read_after_their_function_has_returned() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut rows = now(rows(&driver, "ROWS 3000")).unwrap();
    for _ in 0..10 {
        assert!(now(rows.try_next()).unwrap().is_some());
    }
    assert_eq!(now(rows.collect()).unwrap().len(), 2990);
    assert_eq!(servers.committed(), ["ROWS 3000"]);
}

#[test]
fn owned_records_that_are_dropped_midway_are_carried_out_and_the_connection_returns() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    let manager = BookmarkManager::new();
    let session = driver.session().bookmark_manager(&manager).build();
    let mut rows = now(session.into_records("ROWS 3000")).unwrap();
    assert!(now(rows.try_next()).unwrap().is_some());
    drop(rows);
    now(of_execute_query(&driver)).unwrap();
    assert_eq!(servers.committed()[0], "ROWS 3000");
    let known = manager.bookmarks();
    assert_eq!(known.raw_values().collect::<Vec<_>>(), ["bookmark:1"]);
    assert_eq!(servers.count(Message::Reset), 0);
    assert_eq!(servers.connections(), 1);
}

#[test]
fn a_cursor_of_a_query_that_owns_its_session_is_refused_before_anything_is_sent() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    servers.news(0);
    let session = driver.session().build();
    let error = now(session.into_records("ROWS 3").cursor()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert_eq!(servers.news(0), []);
}

#[test]
fn a_query_that_is_run_and_read_in_one_call_reports_the_errors_of_both() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    for fails in [Message::Run, Message::Pull] {
        servers.fail(fails, SYNTAX);
        let error = now(session.run("ROWS 2").consume()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    }
    servers.fail_after(1, DEADLOCK);
    now(session.run("ROWS 2").collect()).unwrap_err();
    assert_eq!(now(session.run("ROWS 2").collect()).unwrap().len(), 2);
    assert!(now(session.run("ROWS 1").single_optional()).unwrap().is_some());
    let error = now(session.run("ROWS 2").single()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
}

#[test]
fn a_setter_after_the_first_poll_has_no_effect_and_other_ends_of_the_call_are_refused() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    let mut session = driver.session().build();
    servers.hold(0);
    let mut run = session.run("ROWS 1");
    {
        let mut polled = Task::new(&mut run);
        assert!(polled.run().is_none());
    }
    servers.release(0);
    let run = run.param("late", 1);
    let error = now(run.cursor()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
}

/// Has the bounds of `tokio::spawn`.
fn spawn<F: Future<Output: Send + 'static> + Send + 'static>(_: F) {}

fn shared<T: Send + Sync>(_: &T) {}

#[test]
fn what_is_owned_can_be_spawned() {
    // Never called: that it compiles is the test.
    let _builders = |driver: Driver, one: Session, two: Session| {
        shared(&driver.execute_query("RETURN 1"));
        shared(&one.into_records("RETURN 1"));
        spawn(driver.begin_transaction());
        spawn(two.into_transaction());
    };
    let _records = |session: Session| spawn(session.into_records("RETURN 1"));
    let _in_one_call = |session: Session| spawn(session.into_records("RETURN 1").collect());
    let _moved = |mut work: Work, mut rows: Records<'static>| {
        spawn(async move {
            let _row = rows.try_next().await?;
            work.tx.run("RETURN 1").consume().await?;
            work.tx.commit().await
        });
    };
    let _functions = |mut session: Session, name: String| {
        spawn(async move {
            let work = async |mut tx: crate::ManagedTransaction| {
                tx.run("CREATE ({name: $name})")
                    .param("name", &name)
                    .consume()
                    .await
            };
            session.execute_write(work).await
        });
    };
}
