//! Clusters of scripted servers. The server at port n is `sn:n`; the seed is `s1:1`.

mod bad_input;
mod choice;
mod failover;
mod homes;
mod logins;
mod refresh;
mod resolving;
mod slow;
mod tables;
mod unreachable;

use super::*;
use crate::{Address, Config, EagerResult, Error, ExecuteQuery};

const NOT_A_LEADER: &str = "Neo.ClientError.Cluster.NotALeader";

/// A query on a named database.
fn query(driver: &Driver, access: Access) -> ExecuteQuery {
    driver.execute_query("RETURN 1").routing(access).database("db")
}

/// Lets this connection carry its handshake and login, until the server has a request. The call goes on waiting.
fn until_asked<T>(servers: &Scripted, at: usize, call: &mut Task<'_, T>) {
    while servers.news(at).is_empty() {
        servers.deliver(at, 1);
        assert!(call.run().is_none());
    }
}

fn reading(driver: &Driver) -> Task<'static, Result<EagerResult, Error>> {
    Task::new(query(driver, Access::Read))
}

/// Returns the port of the server that carried the query out.
#[track_caller]
fn read(driver: &Driver) -> u16 {
    now(query(driver, Access::Read))
        .unwrap()
        .summary
        .server()
        .address()
        .port()
}

#[track_caller]
fn write(driver: &Driver) -> u16 {
    now(query(driver, Access::Write))
        .unwrap()
        .summary
        .server()
        .address()
        .port()
}

fn address(port: u16) -> Address {
    Address::new(format!("s{port}"), port)
}
