//! `verify_connectivity` and idle connections that have died.

use super::*;
use crate::{Auth, Config};

#[test]
fn a_unix_domain_socket_is_connected_to_without_a_look_up() {
    let servers = Scripted::new();
    let config = Config::new("bolt+unix:///run/bolt.sock", Auth::none()).unwrap();
    let driver = servers.driver_with(config);
    let server = now(driver.server_info()).unwrap();
    assert_eq!(server.address().to_string(), "/run/bolt.sock");
    assert_eq!(servers.ports(), [0], "not by TCP");
    servers.refuse();
    servers.cut(0);
    let error = now(driver.verify_connectivity()).unwrap_err();
    assert!(error.to_string().contains("connect to /run/bolt.sock"), "{error}");
}

#[test]
fn a_connection_that_is_dead_is_replaced_and_casts_doubt_on_others() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(3);
    servers.pass(60 * SECOND);
    servers.cut_at(Message::Reset);
    now(driver.verify_connectivity()).unwrap();
    assert!(servers.count(Message::Reset) >= 2);
}

#[test]
fn a_connection_that_is_silent_casts_doubt_on_others() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(3);
    servers.pass(60 * SECOND);
    for at in 0..3 {
        servers.news(at);
    }
    servers.hold(2);
    let mut asking = Task::new(driver.verify_connectivity());
    assert!(asking.run().is_none());
    servers.pass(30 * SECOND);
    let error = asking.run().expect("the time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    drop(asking);
    servers.cut(2);
    // The next call does not trust the others: it probes them first.
    now(driver.execute_query("RETURN 1").routing(Access::Read)).unwrap();
    let asked: Vec<_> = (0..2).flat_map(|at| servers.news(at)).collect();
    assert_eq!(asked.first(), Some(&Message::Reset));
}
