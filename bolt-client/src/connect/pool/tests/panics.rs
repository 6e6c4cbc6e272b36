//! User code that panics while a connection is being opened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicUsize;

use super::*;

/// Polls a call whose opening panics.
fn panics(mut call: Task<'_, Result<Lease, Error>>) {
    let polled = catch_unwind(AssertUnwindSafe(|| call.run().is_some()));
    assert!(polled.is_err(), "the panic goes through");
}

#[test]
fn a_resolver_that_panics_once_fails_one_call_and_leaves_no_opening() {
    let world = World::new();
    let calls = AtomicUsize::new(0);
    let config = config().max_connection_pool_size(1).resolver(move |address| {
        assert!(calls.fetch_add(1, Ordering::Relaxed) > 0, "planted");
        vec![address.clone()]
    });
    let pool = pool(&world, config);
    panics(acquiring(&pool));
    assert_eq!(counts(&pool), (0, 0, 0, 0));
    assert!(!acquire(&pool).is_reused());
    assert_eq!(counts(&pool), (0, 1, 0, 0));
}

#[test]
fn a_connect_that_panics_fails_that_call_alone_and_the_next_waiter_opens_another() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(1));
    let mut lease = acquire(&pool);
    let (mut first, mut second) = (acquiring(&pool), acquiring(&pool));
    assert!(first.run().is_none() && second.run().is_none());
    ask(&mut lease);
    world.cut(0);
    drop(lease);
    // The first waiter may open a connection.
    world.panic_on_connect(true);
    panics(first);
    world.panic_on_connect(false);
    drop(second.run().expect("it is woken").unwrap());
    assert_eq!((world.connections(), counts(&pool)), (2, (0, 1, 0, 0)));
}
