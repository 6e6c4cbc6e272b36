//! How tables are obtained, and for how long they are used.

use bolt_proto::{Version, Versions};

use super::*;
use crate::Auth;

#[test]
fn the_seed_is_asked_with_the_routing_context_and_serves_the_query_if_it_can() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 300);
    let config = Config::new("neo4j://s1:1?region=eu", Auth::none()).unwrap();
    let driver = servers.driver_with(config);
    assert_eq!(read(&driver), 1);
    let routes = servers.routes();
    assert_eq!(routes.len(), 1);
    assert_eq!(routes[0].context, ["s1:1", "eu"]);
    assert_eq!(routes[0].database.as_deref(), Some("db"));
    assert_eq!(servers.connections(), 1, "the same connection");
}

#[test]
fn reads_go_to_readers_and_writes_to_the_writer_and_a_fresh_table_is_not_asked_for() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[3]], 300);
    let driver = servers.routed();
    for _ in 0..3 {
        assert_eq!((read(&driver), write(&driver)), (2, 3));
    }
    assert_eq!(servers.routers(), [1]);
    servers.pass(SECOND * 299);
    read(&driver);
    assert!(servers.routers().is_empty());
    servers.pass(SECOND);
    read(&driver);
    assert_eq!(servers.routers(), [1]);
}

#[test]
fn a_ttl_of_zero_costs_each_call_a_request_and_a_negative_one_too() {
    for ttl in [0, -5] {
        let servers = Scripted::new();
        servers.table([&[1], &[1], &[1]], ttl);
        let driver = servers.routed();
        for _ in 0..3 {
            read(&driver);
        }
        assert_eq!(servers.routers().len(), 3);
    }
}

#[test]
fn each_database_has_a_table_and_an_alias_has_that_of_its_database() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 300);
    servers.alias("alias", "db");
    let driver = servers.routed();
    for database in ["db", "other", "alias", "db", "other", "alias"] {
        now(driver.execute_query("RETURN 1").database(database)).unwrap();
    }
    assert_eq!(servers.routers().len(), 3);
    let table = driver.routing_table("alias").unwrap();
    assert_eq!(table.database(), Some("db"));
    assert_eq!(driver.routing_table("unknown").map(|_| ()), None);
}

#[test]
fn known_routers_are_asked_before_the_seed_unless_the_last_table_had_no_writer() {
    let servers = Scripted::new();
    servers.table([&[1, 2], &[3], &[3]], 1);
    let driver = servers.routed();
    read(&driver);
    servers.pass(SECOND);
    servers.table([&[2], &[3], &[]], 1);
    read(&driver);
    assert_eq!(servers.routers(), [1, 2]);
    servers.pass(SECOND);
    read(&driver);
    assert_eq!(servers.routers(), [1], "the seed again");
}

#[test]
fn a_rejected_table_and_a_router_that_fails_lead_to_the_next_router() {
    let servers = Scripted::new();
    servers.table([&[2, 3], &[4], &[4]], 1);
    let driver = servers.routed();
    read(&driver);
    servers.pass(SECOND);
    servers.table_at(2, [&[2], &[], &[4]], 9);
    servers.fail_at(3, Message::Route, UNAVAILABLE);
    read(&driver);
    assert_eq!(servers.routers(), [1, 2, 1], "3 has failed");
    let table = driver.routing_table("db").unwrap();
    let error = |port| table.last_error(&address(port)).unwrap().0.to_string();
    assert!(error(2).contains("no server for reads"), "{}", error(2));
    assert!(error(3).contains("DatabaseUnavailable"), "{}", error(3));
    assert!(table.last_error(&address(1)).is_none());
}

#[test]
fn a_caller_that_needs_a_writer_asks_further_routers_before_it_accepts_a_table_without() {
    let servers = Scripted::new();
    servers.table([&[2, 3], &[4], &[4]], 1);
    let driver = servers.routed();
    read(&driver);
    servers.pass(SECOND);
    servers.table_at(2, [&[2, 3], &[4], &[]], 9);
    assert_eq!(write(&driver), 4);
    assert_eq!(servers.routers(), [1, 2, 3]);
}

#[test]
fn the_resolver_applies_to_the_seed_only() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 1);
    let config = Scripted::routed_config().resolver(|seed| {
        assert_eq!(*seed, address(1));
        vec![address(5), address(6)]
    });
    servers.crash(5);
    let driver = servers.driver_with(config);
    assert_eq!(read(&driver), 9);
    assert_eq!(servers.routers(), [6]);
    assert_eq!(servers.ports(), [6, 9]);
}

#[test]
fn all_addresses_of_a_name_are_asked() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 1);
    servers.name("s1", &[11, 12, 13, 14]);
    servers.crash(11);
    servers.fail_at(12, Message::Route, UNAVAILABLE);
    servers.table_at(13, [&[9], &[], &[9]], 1);
    let driver = servers.routed();
    assert_eq!(read(&driver), 9);
    assert_eq!(servers.routers(), [13, 14]);
    assert_eq!(servers.ports(), [12, 13, 14, 9]);
    servers.name("s2", &[21, 22]);
    for port in [21, 22] {
        servers.table_at(port, [&[], &[], &[]], 1);
    }
    let config = Scripted::routed_config().resolver(|_| vec![address(2)]);
    let driver = servers.driver_with(config.max_transaction_retry_time(Duration::ZERO));
    let error = now(query(&driver, Access::Read)).unwrap_err().to_string();
    assert_eq!(servers.routers(), [21, 22], "each once: {error}");
}

#[test]
fn the_next_address_of_a_name_is_asked_if_the_connection_to_the_first_is_lost_without_an_answer() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 1);
    servers.name("s1", &[11, 12]);
    servers.cut_at(Message::Route);
    let driver = servers.routed();
    assert_eq!(read(&driver), 9);
    assert_eq!(servers.routers(), [12]);
    assert_eq!(servers.ports(), [11, 12, 9]);
}

#[test]
fn no_address_of_a_name_is_asked_twice_although_another_refuses_connections() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 300);
    servers.table_at(12, [&[], &[], &[]], 1);
    servers.name("s1", &[11, 12, 13]);
    servers.crash(11);
    servers.crash(13);
    let config = Scripted::routed_config().resolver(|_| vec![address(1), address(2)]);
    let driver = servers.driver_with(config);
    assert_eq!(read(&driver), 9);
    assert_eq!(servers.routers(), [12, 2]);
}

#[test]
fn each_address_of_a_name_is_asked_although_look_ups_return_different_ones() {
    for then in [&[11][..], &[13], &[12, 11]] {
        let servers = Scripted::new();
        servers.table([&[9], &[9], &[9]], 300);
        for port in [11, 12] {
            servers.table_at(port, [&[], &[], &[]], 1);
        }
        servers.name_changing("s1", &[&[11, 12, 13], then]);
        let driver = servers.routed();
        assert_eq!(read(&driver), 9);
        assert_eq!(servers.routers(), [11, 12, 13], "those of the first: {then:?}");
    }
}

#[test]
fn the_other_addresses_of_a_connection_that_was_open_before_are_looked_up() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 1);
    servers.name("s1", &[11, 12]);
    let driver = servers.routed();
    read(&driver);
    servers.pass(SECOND);
    servers.table_at(11, [&[], &[], &[]], 1);
    servers.name("s1", &[11, 13]);
    read(&driver);
    assert_eq!(servers.routers(), [11, 11, 13]);
}

#[test]
fn bookmarks_and_the_impersonated_user_are_part_of_the_request() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 0);
    let driver = servers.routed();
    let mut session = driver.session().impersonated_user("ada").build();
    for _ in 0..2 {
        now(async { session.run("CREATE ()").await?.consume().await }).unwrap();
    }
    let routes = servers.routes();
    assert_eq!(routes[0].user.as_deref(), Some("ada"));
    assert!(routes[0].bookmarks.is_empty() && routes[0].database.is_none());
    assert_eq!(routes[1].bookmarks, ["bookmark:1"]);
}

#[test]
fn versions_without_route_call_the_procedures() {
    for (version, asks_system) in [
        (Version::new(3, 0), None),
        (Version::new(4, 0), Some("system")),
        (Version::new(4, 2), Some("system")),
    ] {
        let servers = Scripted::new();
        servers.table([&[1], &[2], &[3]], 300);
        let versions = Versions::only(version);
        let driver = servers.driver_with(Scripted::routed_config().versions(versions));
        let mut session = driver.session().build();
        for _ in 0..2 {
            now(async { session.run("RETURN 1").await?.consume().await }).unwrap();
        }
        let routes = servers.routes();
        assert_eq!(routes.len(), 1, "{version}: the home database has a table");
        assert_eq!(routes[0].database.as_deref(), asks_system, "{version}");
        assert_eq!(servers.ports(), [1, 3]);
        assert_eq!(servers.count(Message::Route), 0);
        assert_eq!(servers.database(1), None, "nothing is pinned");
    }
}

#[test]
fn version_4_3_has_route_and_nothing_is_pinned() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[3]], 300);
    let versions = Versions::only(Version::new(4, 3));
    let driver = servers.driver_with(Scripted::routed_config().versions(versions));
    assert_eq!(read(&driver), 2);
    now(async { driver.session().build().run("RETURN 1").await?.consume().await }).unwrap();
    let routes = servers.routes();
    let databases = routes.iter().map(|route| route.database.as_deref());
    assert_eq!(databases.collect::<Vec<_>>(), [Some("db"), None]);
    assert_eq!(servers.database(servers.last_at(3)), None);
}

#[test]
fn garbage_in_a_table_is_left_out() {
    let servers = Scripted::new();
    servers.garbage_table();
    let driver = servers.routed();
    assert_eq!(read(&driver), 2);
}

#[test]
fn a_routed_driver_has_the_calls_of_a_direct_one() {
    let servers = Scripted::new();
    servers.table([&[1], &[2, 4], &[3]], 300);
    let driver = servers.driver_with(Scripted::routed_config().min_idle_connections(2).database("db"));
    now(driver.verify_connectivity()).unwrap();
    let server = now(driver.server_info()).unwrap();
    assert!([2, 4].contains(&server.address().port()));
    assert!(now(driver.supports_multi_db()).unwrap() && now(driver.supports_session_auth()).unwrap());
    now(driver.warm_up()).unwrap();
    let counts = driver.pool_counts_by_address();
    let idle = counts
        .iter()
        .map(|(address, counts)| (address.port(), counts.idle));
    assert_eq!(idle.collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 2), (4, 2)]);
    assert_eq!(driver.pool_counts().idle, 7);
    let table = driver.routing_table(None).unwrap();
    assert_eq!(table.readers(), [address(2), address(4)]);
    assert_eq!(
        (table.writers(), table.routers()),
        (&[address(3)][..], &[address(1)][..])
    );
    servers.pass(SECOND);
    let table = driver.routing_table("db").unwrap();
    assert_eq!((table.age(), table.ttl()), (SECOND, SECOND * 300));
    now(driver.close());
    assert_eq!(servers.count(Message::Goodbye), 7);
    let error = now(query(&driver, Access::Read)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[test]
fn the_context_has_the_brackets_of_an_ipv6_address() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 300);
    let driver = servers.driver_with(Config::new("neo4j://[::1]:1", Auth::none()).unwrap());
    read(&driver);
    assert_eq!(servers.routes()[0].context, ["[::1]:1"]);
}
