//! Searches for a table, which belong to the router.

use super::*;

/// A driver whose seed holds its answers back, so that the searches wait for it.
fn held() -> (Scripted, Driver) {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 300);
    servers.hold_new(1);
    let driver = servers.routed();
    (servers, driver)
}

/// Lets the seed answer its handshake and login, but no more.
fn log_in(servers: &Scripted, calls: &mut [Task<'_, Result<EagerResult, Error>>]) {
    while servers.asked(0).is_empty() {
        servers.deliver(0, 1);
        for call in &mut *calls {
            assert!(call.run().is_none());
        }
    }
    assert_eq!(servers.asked(0), [Message::Route]);
}

#[test]
fn the_request_travels_with_the_login_of_a_new_connection() {
    let (servers, driver) = held();
    let mut call = reading(&driver);
    assert!(call.run().is_none());
    until_asked(&servers, 0, &mut call);
    let login = [Message::Hello, Message::Logon, Message::Route];
    assert_eq!(servers.all_asked(0), login, "nothing of it is answered");
    servers.release(0);
    assert!(call.run().unwrap().is_ok());
}

#[test]
fn work_that_gets_a_connection_with_a_table_on_its_way_reads_the_answer_first() {
    for fails in [false, true] {
        let servers = Scripted::new();
        servers.table([&[1], &[1], &[1]], 300);
        let driver = servers.driver_with(Scripted::routed_config().max_connection_pool_size(1));
        read(&driver);
        servers.cut(0);
        servers.hold_new(1);
        // One connection is being opened for the table of another database.
        let mut other = Task::new(driver.execute_query("RETURN 1").database("other"));
        assert!(other.run().is_none());
        let mut work = reading(&driver);
        assert!(work.run().is_none());
        if fails {
            servers.fail(Message::Route, UNAVAILABLE);
        }
        until_asked(&servers, 1, &mut other);
        drop(other);
        assert!(work.run().is_none());
        servers.answer_new(1);
        servers.release(1);
        assert!(work.run().unwrap().is_ok(), "{fails}");
    }
}

#[test]
fn a_thousand_callers_cause_one_request() {
    let (servers, driver) = held();
    let mut calls: Vec<_> = (0..1000).map(|_| reading(&driver)).collect();
    for call in &mut calls {
        assert!(call.run().is_none());
    }
    log_in(&servers, &mut calls);
    servers.release(0);
    let mut left = 1000;
    while left > 0 {
        let before = left;
        calls.retain_mut(|call| match call.run() {
            Some(result) => {
                assert_eq!(result.unwrap().summary.server().address().port(), 2);
                false
            }
            None => true,
        });
        left = calls.len();
        assert!(left < before, "{left} wait for nothing");
    }
    assert_eq!(servers.routes().len(), 1);
}

#[test]
fn a_search_whose_caller_is_dropped_is_carried_on_with_the_same_request() {
    let (servers, driver) = held();
    let mut calls: Vec<_> = (0..3).map(|_| reading(&driver)).collect();
    for call in &mut calls {
        assert!(call.run().is_none());
    }
    log_in(&servers, &mut calls);
    for _ in 0..2 {
        drop(calls.remove(0));
        for call in &mut calls {
            assert!(call.run().is_none());
        }
    }
    servers.release(0);
    assert!(calls[0].run().expect("it reads the answer").is_ok());
    assert_eq!(servers.asked(0), [Message::Route]);
}

#[test]
fn a_search_that_no_caller_carries_on_leaves_its_connection_to_the_pool() {
    let (servers, driver) = held();
    let mut calls = [reading(&driver)];
    assert!(calls[0].run().is_none());
    log_in(&servers, &mut calls);
    drop(calls);
    assert_eq!(driver.pool_counts().in_use, 0);
    servers.release(0);
    assert_eq!(read(&driver), 2);
    assert_eq!(
        servers.ports(),
        [1, 2],
        "the connection to the seed was used again"
    );
}

#[test]
fn callers_that_are_dropped_before_they_carry_a_search_on_leave_its_connection_to_the_pool() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 0);
    let driver = servers.routed();
    read(&driver);
    servers.hold(0);
    let mut calls: Vec<_> = (0..3).map(|_| reading(&driver)).collect();
    for call in &mut calls {
        assert!(call.run().is_none());
    }
    for left in [2, 1, 0] {
        drop(calls.remove(0));
        let in_use = usize::from(left > 0);
        assert_eq!(driver.pool_counts().in_use, in_use, "{left} callers are left");
    }
    servers.release(0);
    assert_eq!(read(&driver), 2);
    assert_eq!(servers.ports(), [1, 2], "the connections were used again");
    assert_eq!(
        servers.routes().len(),
        2,
        "the answer has waited for the last caller"
    );
}

#[test]
fn a_caller_whose_time_is_up_leaves_the_search_to_the_others() {
    let (servers, driver) = held();
    let mut short = Task::new(query(&driver, Access::Read).deadline(SECOND / 2));
    let mut calls = [reading(&driver)];
    assert!(short.run().is_none() && calls[0].run().is_none());
    servers.pass(SECOND / 2);
    let error = short.run().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(calls[0].run().is_none());
    log_in(&servers, &mut calls);
    servers.release(0);
    assert!(calls[0].run().unwrap().is_ok());
    assert_eq!(servers.routes().len(), 1);
}

#[test]
fn a_caller_that_waits_for_another_has_a_deadline_of_its_own() {
    let (servers, driver) = held();
    let mut first = reading(&driver);
    let mut short = Task::new(query(&driver, Access::Read).deadline(SECOND));
    assert!(first.run().is_none() && short.run().is_none());
    servers.pass(SECOND);
    let error = short.run().unwrap().unwrap_err().to_string();
    assert!(error.contains("routing table"), "{error}");
}

#[test]
fn callers_with_short_limits_get_past_a_silent_server_together() {
    let servers = Scripted::new();
    servers.table([&[5], &[5], &[5]], 300);
    servers.hold_new(1);
    let config = Scripted::routed_config().resolver(|_| vec![address(1), address(5)]);
    let driver = servers.driver_with(config);
    for _ in 0..10 {
        let mut short = Task::new(query(&driver, Access::Read).deadline(SECOND / 4));
        match short.run() {
            Some(result) => {
                assert_eq!(result.unwrap().summary.server().address().port(), 5);
                return;
            }
            None => {
                servers.pass(SECOND / 4);
                if let Some(Ok(_)) = short.run() {
                    return;
                }
            }
        }
    }
    panic!("the second server was never asked");
}

#[test]
fn a_caller_that_is_never_polled_does_not_stop_the_others() {
    let (servers, driver) = held();
    let mut calls = [reading(&driver)];
    assert!(calls[0].run().is_none());
    let mut other = reading(&driver);
    assert!(other.run().is_none());
    servers.answer_new(1);
    servers.release(0);
    for _ in 0..5 {
        servers.pass(SECOND);
        if let Some(result) = other.run() {
            assert!(result.is_ok());
            assert!(calls[0].run().unwrap().is_ok());
            return;
        }
    }
    panic!("it waits for ever");
}

#[test]
fn a_caller_with_more_time_does_not_fail_with_one_that_had_too_little() {
    let servers = Scripted::new();
    servers.table([&[5], &[5], &[5]], 300);
    servers.hold_new(1);
    servers.hold_new(2);
    let config = Scripted::routed_config().resolver(|_| vec![address(1), address(2)]);
    let driver = servers.driver_with(config);
    let mut short = Task::new(query(&driver, Access::Read).deadline(SECOND * 3));
    assert!(short.run().is_none());
    let mut patient = reading(&driver);
    assert!(patient.run().is_none());
    let mut failed = None;
    for _ in 0..8 {
        servers.pass(SECOND / 2);
        failed = failed.or_else(|| short.run());
        assert!(patient.run().is_none(), "it has a minute");
    }
    failed.expect("its time is over").unwrap_err();
    servers.answer_new(1);
    servers.answer_new(2);
    for at in 0..servers.connections() {
        servers.release(at);
    }
    for _ in 0..10 {
        if let Some(result) = patient.run() {
            result.unwrap();
            return;
        }
        servers.pass(SECOND);
    }
    panic!("it waits for ever");
}

#[test]
fn a_server_that_takes_its_time_is_asked_once() {
    let (servers, driver) = held();
    let mut calls: Vec<_> = (0..3).map(|_| reading(&driver)).collect();
    for call in &mut calls {
        assert!(call.run().is_none());
    }
    log_in(&servers, &mut calls);
    for _ in 0..20 {
        servers.pass(SECOND);
        for call in &mut calls {
            assert!(call.run().is_none());
        }
    }
    servers.release(0);
    for call in &mut calls {
        assert!(call.run().unwrap().is_ok());
    }
    assert_eq!((servers.routes().len(), servers.ports()[0]), (1, 1));
    assert_eq!(servers.count(Message::Route), 1);
}

#[test]
fn a_caller_with_a_fresh_table_does_not_wait_for_that_of_another_database() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 300);
    let driver = servers.routed();
    read(&driver);
    servers.hold(servers.last_at(1));
    let mut other = Task::new(driver.execute_query("RETURN 1").database("other"));
    assert!(other.run().is_none());
    assert_eq!(read(&driver), 2);
    servers.release(servers.last_at(1));
    assert!(other.run().unwrap().is_ok());
}

#[test]
fn the_end_of_the_driver_ends_all_waits() {
    let (servers, driver) = held();
    let mut calls: Vec<_> = (0..3).map(|_| reading(&driver)).collect();
    for call in &mut calls {
        assert!(call.run().is_none());
    }
    log_in(&servers, &mut calls);
    now(driver.close());
    for call in &mut calls[1..] {
        let error = call.run().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}

#[test]
fn fatal_errors_go_to_the_caller_at_once() {
    for code in [
        "Neo.ClientError.Database.DatabaseNotFound",
        "Neo.ClientError.Transaction.InvalidBookmark",
        "Neo.ClientError.Security.Forbidden",
    ] {
        let servers = Scripted::new();
        servers.table([&[1, 2], &[2], &[2]], 1);
        let driver = servers.routed();
        read(&driver);
        servers.pass(SECOND);
        servers.fail(Message::Route, code);
        let error = now(query(&driver, Access::Read)).unwrap_err();
        assert_eq!(error.code(), Some(code));
        assert_eq!(servers.routers().len(), 1, "no other router is asked");
        assert_eq!(read(&driver), 2);
    }
}

#[test]
fn a_server_that_does_not_route_says_so() {
    let servers = Scripted::new();
    let driver = servers.routed();
    let error = now(query(&driver, Access::Read)).unwrap_err();
    assert!(error.to_string().contains("use bolt://s1:1"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!error.is_retryable());
}

#[test]
fn if_all_seeds_are_down_one_error_tells_of_each() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 1);
    let config = Scripted::routed_config()
        .resolver(|_| (1..=4).map(address).collect())
        .max_transaction_retry_time(Duration::ZERO);
    let driver = servers.driver_with(config);
    for port in 1..=3 {
        servers.crash(port);
    }
    servers.fail_at(4, Message::Route, UNAVAILABLE);
    let error = now(query(&driver, Access::Read)).unwrap_err();
    let text = error.to_string();
    for port in 1..=4 {
        assert!(text.contains(&format!("s{port}:{port}")), "{text}");
    }
    assert!(
        text.contains("DatabaseUnavailable") && error.is_retryable(),
        "{text}"
    );
    let empty = servers.driver_with(Scripted::routed_config().resolver(|_| Vec::new()));
    let error = Task::new(empty.verify_connectivity()).run().unwrap().unwrap_err();
    assert!(error.to_string().contains("s1"), "{error}");
}
