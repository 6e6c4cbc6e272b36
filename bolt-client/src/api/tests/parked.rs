//! A dropped write stays in the pool until its session or another caller has read its end.

use super::*;

/// Returns a driver with room for one connection, and its session, which has dropped a write whose end is on its way.
fn parked(servers: &Scripted) -> (Driver, Session) {
    let driver = servers.driver_with(Scripted::config().max_connection_pool_size(1));
    let mut session = driver.session().build();
    now(session.run("CREATE ()")).map(drop).unwrap();
    servers.hold(0);
    let mut run = Task::new(async { session.run("ROWS 3000").await.map(drop) });
    assert!(run.run().is_none());
    servers.deliver(0, 1);
    assert!(run.run().is_none());
    servers.pass(Duration::from_millis(10));
    run.run().expect("RUN was answered").unwrap();
    drop(run);
    (driver, session)
}

#[test]
fn an_idle_session_holds_no_connection() {
    let servers = Scripted::new();
    let (driver, _session) = parked(&servers);
    assert_eq!(driver.pool_counts().in_use, 0);
    assert_eq!(driver.pool_counts().idle, 1);
    // Another caller reads the end of the write first.
    servers.release(0);
    now(driver.execute_query("RETURN 1")).unwrap();
    assert_eq!(servers.committed()[..2], ["CREATE ()", "ROWS 3000"]);
    assert_eq!(servers.connections(), 1);
    assert_eq!(servers.count(Message::Reset), 0);
}

#[test]
fn a_session_waits_for_the_caller_that_reads_the_end_of_its_write() {
    let servers = Scripted::new();
    let (driver, mut session) = parked(&servers);
    let mut other = Task::new(IntoFuture::into_future(driver.execute_query("RETURN 1")));
    assert!(other.run().is_none());
    let mut asking = Task::new(session.last_bookmarks());
    assert!(asking.run().is_none());
    servers.release(0);
    assert!(asking.run().is_none(), "the other caller has the connection");
    other.run().expect("everything is answered").unwrap();
    let bookmarks = asking.run().expect("the write has ended").unwrap();
    assert_eq!(bookmarks.raw_values().collect::<Vec<_>>(), ["bookmark:2"]);
}

#[test]
fn a_session_takes_the_connection_back_from_a_caller_that_gives_up() {
    let servers = Scripted::new();
    let (driver, mut session) = parked(&servers);
    let mut other = Task::new(IntoFuture::into_future(driver.execute_query("RETURN 1")));
    assert!(other.run().is_none());
    let mut asking = Task::new(session.last_bookmarks());
    assert!(asking.run().is_none());
    drop(other);
    assert!(asking.run().is_none(), "the server has not answered");
    servers.release(0);
    let bookmarks = asking.run().expect("the write has ended").unwrap();
    assert_eq!(bookmarks.raw_values().collect::<Vec<_>>(), ["bookmark:2"]);
    assert_eq!(servers.connections(), 1);
}

#[test]
fn a_caller_that_never_gets_a_turn_holds_a_session_up_for_half_a_minute() {
    let servers = Scripted::new();
    let (driver, mut session) = parked(&servers);
    let mut other = Task::new(IntoFuture::into_future(driver.execute_query("RETURN 1")));
    assert!(other.run().is_none());
    let mut asking = Task::new(session.last_bookmarks());
    assert!(asking.run().is_none());
    servers.pass(30 * SECOND);
    asking.run().expect("it has waited long enough").unwrap();
}

#[test]
fn a_session_that_runs_out_of_time_while_it_waits_keeps_its_claim() {
    let servers = Scripted::new();
    let (_driver, mut session) = parked(&servers);
    let mut asking = Task::new(async { session.run("RETURN 1").deadline(SECOND).await.map(drop) });
    assert!(asking.run().is_none());
    servers.pass(SECOND);
    let error = asking.run().expect("the time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().contains("1s (deadline of the call)"), "{error}");
    drop(asking);
    servers.release(0);
    assert_eq!(bookmarks(&mut session), ["bookmark:2"]);
    assert_eq!(servers.count(Message::Reset), 0);
}
