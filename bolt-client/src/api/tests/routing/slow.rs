//! Routers that take longer to answer than callers wait.

use super::*;

/// How long the calls of these tests wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// A driver whose table has expired, with a connection to its router, at port 1, that holds its answers back.
fn slow() -> (Scripted, Driver) {
    slow_with(Scripted::routed_config(), 300)
}

fn slow_with(config: Config, ttl: i64) -> (Scripted, Driver) {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], ttl);
    let driver = servers.driver_with(config.connection_acquisition_timeout(PATIENCE));
    read(&driver);
    servers.pass(SECOND * 300);
    servers.hold(0);
    servers.routes();
    (servers, driver)
}

/// Calls, and waits in vain.
#[track_caller]
fn out_of_time(servers: &Scripted, driver: &Driver) {
    let mut call = reading(driver);
    assert!(call.run().is_none());
    servers.pass(PATIENCE);
    let error = call.run().expect("its time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(driver.pool_counts().in_use, 0);
}

/// Lets the router answer one request, and a second pass.
fn answer(servers: &Scripted) {
    servers.deliver(0, 1);
    servers.pass(SECOND);
}

#[test]
fn an_answer_that_no_caller_was_left_for_serves_the_next_one() {
    let (servers, driver) = slow();
    out_of_time(&servers, &driver);
    servers.pass(SECOND);
    answer(&servers);
    assert_eq!(read(&driver), 2);
    assert_eq!(servers.routes().len(), 1);
    assert_eq!(servers.ports(), [1, 2]);
    assert_eq!(servers.asked(0), [Message::Route, Message::Route]);
    assert_eq!(driver.pool_counts().in_use, 0);
}

#[test]
fn callers_that_come_one_after_the_other_wait_for_the_same_answer() {
    let (servers, driver) = slow();
    for _ in 0..3 {
        out_of_time(&servers, &driver);
        servers.pass(SECOND * 2);
    }
    let mut last = reading(&driver);
    assert!(last.run().is_none());
    servers.deliver(0, 1);
    assert!(last.run().unwrap().is_ok());
    assert_eq!(servers.routes().len(), 1);
}

#[test]
fn the_answer_to_a_question_that_travelled_with_the_login_waits_for_the_next_caller() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 300);
    servers.hold_new(1);
    let driver = servers.driver_with(Scripted::routed_config().connection_acquisition_timeout(PATIENCE));
    let mut call = reading(&driver);
    assert!(call.run().is_none());
    until_asked(&servers, 0, &mut call);
    servers.deliver(0, 2);
    assert!(call.run().is_none());
    servers.pass(PATIENCE);
    call.run().expect("its time is up").unwrap_err();
    answer(&servers);
    assert_eq!(read(&driver), 2);
    assert_eq!((servers.routes().len(), servers.ports()), (1, vec![1, 2]));
}

#[test]
fn the_time_of_a_table_counts_from_when_it_may_have_arrived() {
    let (servers, driver) = slow_with(Scripted::routed_config(), 10);
    out_of_time(&servers, &driver);
    servers.pass(SECOND);
    answer(&servers);
    assert_eq!(read(&driver), 2);
    servers.release(0);
    servers.pass(SECOND * 7);
    read(&driver);
    assert_eq!(
        servers.routes().len(),
        1,
        "nine seconds after the first caller has left"
    );
    servers.pass(SECOND);
    read(&driver);
    assert_eq!(servers.routes().len(), 1);
}

#[test]
fn an_answer_that_is_too_old_is_asked_for_again() {
    for failure in [
        None,
        Some(UNAVAILABLE),
        Some("Neo.ClientError.Database.DatabaseNotFound"),
    ] {
        let ttl = if failure.is_some() { 300 } else { 1 };
        let (servers, driver) = slow_with(Scripted::routed_config(), ttl);
        if let Some(code) = failure {
            servers.fail(Message::Route, code);
        }
        out_of_time(&servers, &driver);
        servers.pass(SECOND);
        answer(&servers);
        let mut call = reading(&driver);
        let asked_elsewhere = call.run();
        servers.release(0);
        let found = asked_elsewhere.or_else(|| call.run());
        assert!(found.unwrap().is_ok(), "{failure:?}");
        assert_eq!(servers.count_at(1, Message::Route), 3, "{failure:?}");
    }
}

#[test]
fn a_router_that_never_answers_is_asked_on_another_connection_in_the_end() {
    let (servers, driver) = slow();
    for _ in 0..7 {
        out_of_time(&servers, &driver);
        assert_eq!(servers.ports(), [1, 2]);
    }
    assert_eq!(read(&driver), 2);
    assert_eq!(servers.ports(), [1, 2, 1]);
    assert_eq!(driver.pool_counts().in_use, 0);
}

#[test]
fn other_work_may_have_the_connection_of_a_request_that_no_caller_waits_for() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 300);
    let config = Scripted::routed_config().max_connection_pool_size(1);
    let driver = servers.driver_with(config.connection_acquisition_timeout(PATIENCE));
    read(&driver);
    servers.hold(0);
    let mut other = Task::new(driver.execute_query("RETURN 1").database("other"));
    assert!(other.run().is_none());
    servers.pass(PATIENCE);
    other.run().expect("its time is up").unwrap_err();
    let mut work = reading(&driver);
    assert!(work.run().is_none());
    servers.release(0);
    assert!(work.run().unwrap().is_ok());
    assert_eq!(servers.ports(), [1]);
    now(driver.execute_query("RETURN 1").database("other")).unwrap();
    let asked = servers.asked(0);
    let routes = asked.iter().filter(|asked| **asked == Message::Route).count();
    assert!(asked.contains(&Message::Reset) && routes == 3, "{asked:?}");
}

#[test]
fn a_request_that_no_caller_waits_for_ends_with_the_driver() {
    let (servers, driver) = slow();
    out_of_time(&servers, &driver);
    now(driver.close());
    assert_eq!(servers.asked(0).last(), Some(&Message::Goodbye));
}
