//! Errors of searches that find no server.

use super::*;
use crate::RoutingFailure;

/// A driver without a budget for retries, whose seeds are the servers at these ports.
fn impatient(servers: &Scripted, seeds: &'static [u16]) -> Driver {
    let config = Scripted::routed_config()
        .resolver(|_| seeds.iter().copied().map(address).collect())
        .max_transaction_retry_time(Duration::ZERO);
    servers.driver_with(config)
}

#[test]
fn without_a_table_the_error_says_so_and_is_retryable_if_any_server_may_answer_later() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 300);
    let driver = impatient(&servers, &[1, 2, 3]);
    servers.crash(1);
    servers.fail_at(2, Message::Route, UNAVAILABLE);
    servers.table_at(3, [&[], &[9], &[9]], 300);
    let error = now(query(&driver, Access::Read)).unwrap_err();
    assert_eq!(error.routing(), Some(RoutingFailure::NoTable));
    assert!(error.is_retryable(), "{error}");
    for part in [
        "s1:1",
        "refused",
        "s2:2",
        "DatabaseUnavailable",
        "s3:3",
        "no server that has routing tables",
    ] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

/// Lets time pass until the call has failed.
#[track_caller]
fn failed(servers: &Scripted, mut call: Task<'_, Result<EagerResult, Error>>) -> Error {
    for _ in 0..100 {
        if let Some(result) = call.run() {
            return result.unwrap_err();
        }
        servers.pass(SECOND);
    }
    panic!("it waits for ever");
}

#[test]
fn servers_that_did_not_answer_in_their_share_of_the_time_make_an_error_that_is_retryable() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 300);
    servers.hold_new(1);
    servers.hold_new(2);
    servers.crash(3);
    let error = failed(&servers, reading(&impatient(&servers, &[1, 2, 3])));
    assert_eq!(error.routing(), Some(RoutingFailure::NoTable), "{error}");
    assert!(error.is_retryable(), "{error}");
    for part in ["s1:1: timed out", "s2:2: timed out", "s3"] {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[test]
fn a_call_whose_time_is_up_names_all_servers_that_did_not_answer() {
    let servers = Scripted::new();
    servers.table([&[1], &[3, 4], &[4]], 300);
    let late = |seeds| {
        let error = failed(&servers, reading(&impatient(&servers, seeds)));
        assert!(
            error.kind() == ErrorKind::Timeout && !error.is_retryable(),
            "{error}"
        );
        error
    };
    for port in [2, 3, 4, 5] {
        servers.hold_new(port);
    }
    let error = late(&[2, 5]);
    assert_eq!(error.routing(), Some(RoutingFailure::NoTable), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("s2:2: timed out") && text.contains("s5:5: timed out after 60s"),
        "{text}"
    );
    let error = late(&[1]);
    assert_eq!(error.routing(), Some(RoutingFailure::NoReader), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("s3:3: timed out") && text.contains("s4:4: timed out"),
        "{text}"
    );
}

#[test]
fn without_a_server_of_the_wanted_role_the_error_names_the_role_and_each_server() {
    for (access, failure) in [
        (Access::Read, RoutingFailure::NoReader),
        (Access::Write, RoutingFailure::NoWriter),
    ] {
        let servers = Scripted::new();
        servers.table([&[1], &[2, 3], &[2, 3]], 300);
        servers.crash(2);
        servers.crash(3);
        let driver = impatient(&servers, &[1]);
        let error = now(query(&driver, access)).unwrap_err();
        assert_eq!(error.routing(), Some(failure));
        assert!(error.is_retryable());
        assert!(
            error.to_string().contains("s2:2") && error.to_string().contains("s3:3"),
            "{error}"
        );
        assert!(
            error
                .clone()
                .to_string()
                .contains("1 routers, 0 readers and 0 writers"),
            "{error}"
        );
    }
}

#[test]
fn a_cluster_whose_writer_never_comes_says_which_roles_are_known_and_since_when() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[]], 300);
    let driver = servers.driver_with(Scripted::routed_config().max_transaction_retry_time(SECOND * 20));
    let mut call = Task::new(query(&driver, Access::Write));
    for _ in 0..60 {
        if let Some(result) = call.run() {
            let error = result.unwrap_err();
            let text = error.to_string();
            assert_eq!(error.routing(), Some(RoutingFailure::NoWriter));
            assert!(text.contains("1 routers, 1 readers and 0 writers left"), "{text}");
            let since = text
                .split("no writer for ")
                .nth(1)
                .unwrap()
                .split(' ')
                .next()
                .unwrap();
            assert!(since.parse::<f64>().unwrap() >= 10.0, "{text}");
            assert!(servers.routers().len() < 12, "with pauses");
            assert_eq!(read(&driver), 2, "reads are not concerned");
            return;
        }
        servers.pass(SECOND);
    }
    panic!("it never ends");
}

#[test]
fn a_server_of_one_name_that_requires_tls_is_referred_to_the_scheme_of_a_cluster() {
    let servers = Scripted::new();
    servers.cut_at(Message::Hello);
    let driver = impatient(&servers, &[1]);
    let error = now(query(&driver, Access::Read)).unwrap_err().to_string();
    assert!(
        error.contains("neo4j+s://") && !error.contains("bolt+s://"),
        "{error}"
    );
}

/// Begins two calls that need different tables.
fn of_two_databases<'d>(driver: &'d Driver) -> [Task<'d, Result<EagerResult, Error>>; 2] {
    ["one", "other"].map(|database| {
        let mut call = Task::new(driver.execute_query("RETURN 1").database(database));
        assert!(call.run().is_none());
        call
    })
}

#[test]
fn searches_whose_requests_travel_on_each_others_connections_end() {
    let servers = Scripted::new();
    servers.name("s1", &[11, 12]);
    for port in [11, 12] {
        servers.hold_new(port);
        for _ in 0..20 {
            servers.fail_at(port, Message::Route, UNAVAILABLE);
        }
    }
    let driver = impatient(&servers, &[1]);
    let mut calls = of_two_databases(&driver);
    let mut ended = [false; 2];
    for _ in 0..5 {
        // One connection after the other, so that each asks what the other search wants to know.
        for at in 0..servers.connections() {
            for _ in 0..5 {
                servers.deliver(at, 1);
                for (call, ended) in calls.iter_mut().zip(&mut ended).filter(|(_, ended)| !**ended) {
                    *ended = call.run().is_some();
                }
            }
        }
    }
    assert_eq!(ended, [true; 2], "they go on for ever: {:?}", servers.ports());
}

#[test]
fn searches_that_ask_at_the_same_address_of_a_name_keep_to_the_limit_of_a_pool() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 300);
    servers.name("s1", &[11, 12, 13]);
    servers.hold_new(12);
    servers.hold_new(13);
    for port in [11, 12, 12] {
        servers.fail_at(port, Message::Route, UNAVAILABLE);
    }
    let config = Scripted::routed_config().max_connection_pool_size(1);
    let driver = servers.driver_with(config);
    let mut calls = ["one", "other"].map(|database| {
        let mut call = Task::new(driver.execute_query("RETURN 1").database(database));
        assert!(call.run().is_none());
        let at = servers.last_at(12);
        while servers.asked(at).is_empty() {
            servers.deliver(at, 1);
            assert!(call.run().is_none());
        }
        call
    });
    assert_eq!(servers.ports(), [11, 12, 12]);
    for at in [1, 2] {
        servers.release(at);
        assert!(calls.iter_mut().all(|call| call.run().is_none()));
    }
    assert_eq!(servers.ports(), [11, 12, 12, 13], "it has room for one");
    servers.answer_new(13);
    servers.release(3);
    let [one, other] = &mut calls;
    assert!(one.run().unwrap().is_ok() && other.run().unwrap().is_ok());
    assert_eq!(servers.ports(), [11, 12, 12, 13, 9, 13]);
}
