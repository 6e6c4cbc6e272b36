//! Tables and routers that are not as they should be.

use super::*;
use crate::RoutingFailure;

#[test]
fn a_table_with_ten_thousand_servers_is_used_and_each_server_may_be_chosen() {
    let servers = Scripted::new();
    let many: Vec<u16> = (2..10_002).collect();
    servers.table([&many, &many, &many], 300);
    let driver = servers.routed();
    assert!(many.contains(&read(&driver)) && many.contains(&write(&driver)));
    assert_eq!(servers.routers(), [1]);
    assert_eq!(driver.routing_table("db").unwrap().readers().len(), many.len());
}

#[test]
fn a_ttl_that_no_clock_reaches_is_no_end() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], i64::MAX);
    let driver = servers.routed();
    read(&driver);
    servers.pass(SECOND * 1_000_000_000);
    read(&driver);
    assert_eq!(servers.routers(), [1]);
    assert_eq!(
        driver.routing_table("db").unwrap().ttl(),
        Duration::from_secs(i64::MAX as u64)
    );
}

#[test]
fn routers_that_contradict_each_other_cost_one_request_each_time_a_table_expires() {
    let servers = Scripted::new();
    servers.table_at(1, [&[2], &[5], &[5]], 1);
    servers.table_at(2, [&[3], &[6], &[6]], 1);
    servers.table_at(3, [&[2], &[7], &[7]], 1);
    let driver = servers.routed();
    for (router, server) in [(1, 5), (2, 6), (3, 7), (2, 6), (3, 7)] {
        assert_eq!((read(&driver), write(&driver)), (server, server));
        assert_eq!(servers.routers(), [router]);
        servers.pass(SECOND);
    }
    let counts = driver.pool_counts_by_address();
    let idle: usize = counts.iter().map(|(_, counts)| counts.idle).sum();
    assert!(
        idle <= 2,
        "{idle} connections are left to servers that no table names"
    );
}

#[test]
fn a_table_that_names_only_its_router_is_used() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 1);
    let driver = servers.routed();
    for _ in 0..3 {
        assert_eq!((read(&driver), write(&driver)), (1, 1));
        servers.pass(SECOND);
    }
    assert_eq!((servers.routers(), servers.ports()), (vec![1, 1, 1], vec![1]));
}

#[test]
fn a_router_that_ends_the_connection_in_the_middle_of_its_answer_is_followed_by_the_next() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 300);
    servers.hold_new(1);
    let config = Scripted::routed_config().resolver(|_| vec![address(1), address(2)]);
    let driver = servers.driver_with(config);
    let mut call = reading(&driver);
    assert!(call.run().is_none());
    // The login is answered, and the request for the table is not.
    while servers.asked(0).is_empty() {
        servers.deliver(0, 1);
        assert!(call.run().is_none());
    }
    servers.cut(0);
    assert!(call.run().unwrap().is_ok());
    assert_eq!(servers.ports(), [1, 2, 9]);
}

#[test]
fn the_one_address_of_twelve_that_lives_is_found_and_asked_once() {
    let ports: Vec<u16> = (11..23).collect();
    for lives in [11, 17, 22] {
        let servers = Scripted::new();
        servers.table([&[9], &[9], &[9]], 300);
        servers.name("s1", &ports);
        ports
            .iter()
            .filter(|port| **port != lives)
            .for_each(|port| servers.crash(*port));
        let driver = servers.routed();
        assert_eq!(read(&driver), 9);
        assert_eq!(servers.routers(), [lives]);
    }
}

#[test]
fn the_one_address_of_twelve_that_has_a_table_is_found_and_no_other_is_asked_twice() {
    let ports: Vec<u16> = (11..23).collect();
    for (at, good) in ports.iter().enumerate() {
        let servers = Scripted::new();
        servers.table([&[], &[], &[]], 1);
        servers.table_at(*good, [&[9], &[9], &[9]], 300);
        servers.name("s1", &ports);
        let driver = servers.routed();
        assert_eq!(read(&driver), 9);
        assert_eq!(servers.routers(), ports[..=at]);
        assert_eq!(driver.pool_counts().in_use, 0);
    }
}

#[test]
fn tables_that_are_all_empty_end_the_call_with_the_reason_of_each_router() {
    let servers = Scripted::new();
    servers.table([&[], &[], &[]], 300);
    let config = Scripted::routed_config().resolver(|_| vec![address(1), address(2)]);
    let driver = servers.driver_with(config.max_transaction_retry_time(Duration::ZERO));
    let error = now(query(&driver, Access::Read)).unwrap_err();
    assert_eq!(error.routing(), Some(RoutingFailure::NoTable));
    assert!(error.is_retryable(), "servers may be starting: {error}");
    let text = error.to_string();
    assert!(text.contains("s1:1") && text.contains("s2:2"), "{text}");
    assert_eq!(servers.routers(), [1, 2]);
}

#[test]
fn the_pools_of_single_addresses_end_with_the_driver() {
    let servers = Scripted::new();
    servers.table_at(11, [&[], &[], &[]], 1);
    servers.name("s1", &[11, 12]);
    servers.hold_new(12);
    let driver = servers.routed();
    let mut call = reading(&driver);
    assert!(call.run().is_none());
    assert_eq!(servers.ports(), [11, 12], "the second address does not answer");
    now(driver.close());
    let error = call.run().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}
