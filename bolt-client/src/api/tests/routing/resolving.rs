//! The addresses of the seed, and tables that are requested by hand.

use std::future::{poll_fn, ready};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use super::*;
use crate::RoutingFailure;

/// A service that knows the seeds, and answers once it is open.
#[derive(Clone, Default)]
struct Discovery(Arc<Service>);

#[derive(Default)]
struct Service {
    open: AtomicBool,
    calls: AtomicU32,
    wakers: Mutex<Vec<Waker>>,
}

impl Discovery {
    fn open(&self) {
        self.0.open.store(true, Ordering::Relaxed);
        let wakers = std::mem::take(&mut *self.0.wakers.lock().unwrap());
        wakers.into_iter().for_each(Waker::wake);
    }

    fn calls(&self) -> u32 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Returns options whose resolver asks the service, which knows the servers at ports 5 and 6.
    fn apply_to(&self, config: Config) -> Config {
        let service = Arc::clone(&self.0);
        config.async_resolver(move |_| {
            service.calls.fetch_add(1, Ordering::Relaxed);
            let service = Arc::clone(&service);
            poll_fn(move |cx| {
                if service.open.load(Ordering::Relaxed) {
                    return Poll::Ready(vec![address(5), address(6)]);
                }
                service.wakers.lock().unwrap().push(cx.waker().clone());
                Poll::Pending
            })
        })
    }
}

/// A driver of a cluster, whose discovery service does not answer yet.
fn discovering() -> (Scripted, Driver, Discovery) {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 300);
    let discovery = Discovery::default();
    let driver = servers.driver_with(discovery.apply_to(Scripted::routed_config()));
    (servers, driver, discovery)
}

#[test]
fn a_resolver_that_waits_is_asked_for_the_seed_and_for_no_other_server() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 1);
    servers.crash(5);
    let config = Scripted::routed_config().async_resolver(|seed| {
        assert_eq!(seed, address(1));
        ready(vec![address(5), address(6)])
    });
    let driver = servers.driver_with(config);
    assert_eq!(read(&driver), 9);
    assert_eq!((servers.routers(), servers.ports()), (vec![6], vec![6, 9]));
    servers.pass(SECOND);
    read(&driver);
    assert_eq!(servers.routers(), [9]);
}

#[test]
fn callers_that_wait_for_the_resolver_wait_for_one_call_and_survive_each_other() {
    let (servers, driver, discovery) = discovering();
    let mut calls: Vec<_> = (0..4).map(|_| reading(&driver)).collect();
    // The search for another database needs the same addresses.
    calls.push(Task::new(driver.execute_query("RETURN 1").database("other")));
    for call in &mut calls {
        assert!(call.run().is_none());
    }
    drop(calls.remove(0));
    for call in &mut calls {
        assert!(call.run().is_none());
    }
    discovery.open();
    for _ in 0..3 {
        calls.retain_mut(|call| call.run().is_none());
    }
    assert!(calls.is_empty(), "{} wait for ever", calls.len());
    assert_eq!((discovery.calls(), servers.routes().len()), (1, 2));
}

#[test]
fn a_caller_whose_time_is_up_leaves_the_resolver_to_the_next_one() {
    let (servers, driver, discovery) = discovering();
    let mut short = Task::new(query(&driver, Access::Read).deadline(SECOND));
    assert!(short.run().is_none());
    servers.pass(SECOND);
    let error = short.run().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("routing table"), "{error}");
    discovery.open();
    assert_eq!(read(&driver), 9);
    assert_eq!(discovery.calls(), 1);
}

#[test]
fn a_driver_of_one_server_waits_for_the_resolver_within_the_connection_timeout() {
    let servers = Scripted::new();
    let discovery = Discovery::default();
    let config = discovery
        .apply_to(Scripted::config())
        .max_transaction_retry_time(Duration::ZERO);
    let driver = servers.driver_with(config.connection_timeout(SECOND * 10));
    let mut call = Task::new(driver.execute_query("RETURN 1"));
    assert!(call.run().is_none());
    for _ in 0..30 {
        servers.pass(SECOND);
        if let Some(result) = call.run() {
            let error = result.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::Connect | ErrorKind::Timeout),
                "{error}"
            );
            discovery.open();
            now(driver.execute_query("RETURN 1")).unwrap();
            assert_eq!(servers.ports(), [5]);
            return;
        }
    }
    panic!("it waits for ever");
}

#[test]
fn the_resolver_that_is_set_last_is_used() {
    let servers = Scripted::new();
    servers.table([&[9], &[9], &[9]], 300);
    let config = Scripted::routed_config().async_resolver(|_| ready(vec![address(5)]));
    let driver = servers.driver_with(config.resolver(|_| vec![address(6)]));
    read(&driver);
    assert_eq!(servers.routers(), [6]);
}

#[test]
fn a_table_can_be_requested_although_the_known_one_is_fresh() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[3]], 300);
    let driver = servers.routed();
    read(&driver);
    servers.table([&[1], &[4], &[5]], 300);
    let table = now(driver.refresh_routing_table("db")).unwrap();
    assert_eq!(
        (table.readers(), table.writers()),
        (&[address(4)][..], &[address(5)][..])
    );
    assert_eq!((read(&driver), write(&driver)), (4, 5));
    assert_eq!(servers.routers(), [1, 1]);
    servers.home("base", &[]);
    let home = now(driver.refresh_routing_table(None)).unwrap();
    assert_eq!(home.database(), Some("base"));
    servers.fail(Message::Route, "Neo.ClientError.Database.DatabaseNotFound");
    let error = now(driver.refresh_routing_table("unknown")).unwrap_err();
    assert_eq!(
        (error.code(), error.routing()),
        (Some("Neo.ClientError.Database.DatabaseNotFound"), None)
    );
    servers.crash(1);
    let error = now(driver.refresh_routing_table("db")).unwrap_err();
    assert_eq!(error.routing(), Some(RoutingFailure::NoTable));
    assert!(driver.routing_table("db").is_some(), "the known one stays");
}

#[test]
fn a_driver_of_one_server_has_no_table_to_request() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let error = now(driver.refresh_routing_table(None)).unwrap_err();
    assert!(error.to_string().contains("neo4j://"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Usage);
}
