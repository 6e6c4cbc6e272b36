//! Many waiters, a bound on their number, and views of the pool that change nothing.

use std::collections::VecDeque;

use super::*;

fn bounded(world: &World, waiters: usize) -> Arc<Pool> {
    let config = config().max_connection_pool_size(1);
    pool(world, config.max_connection_pool_waiters(waiters))
}

#[test]
fn a_caller_in_excess_of_the_allowed_waiters_fails_at_once() {
    let world = World::new();
    let pool = bounded(&world, 1);
    let lease = acquire(&pool);
    let mut waiter = acquiring(&pool);
    assert!(waiter.run().is_none());
    let error = acquiring(&pool).run().expect("nothing to wait for").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert!(!error.is_retryable());
    let text = error.to_string();
    assert!(
        text.contains("1 in use, 0 idle, 0 opening, 1 waiting")
            && text.contains("max_connection_pool_waiters"),
        "{text}"
    );
    drop(lease);
    drop(waiter.run().expect("it is woken").unwrap());
    assert_eq!(counts(&pool), (0, 1, 0, 0));
}

#[test]
fn a_caller_that_has_something_in_sight_does_not_count_as_waiting() {
    let world = World::new();
    let pool = bounded(&world, 0);
    world.set_silent(true);
    let mut opener = acquiring(&pool);
    assert!(opener.run().is_none(), "it opens a connection");
    assert!(acquiring(&pool).run().expect("nothing to wait for").is_err());
    world.release(0);
    let mut lease = opener.run().expect("it is open").unwrap();
    world.hold(0);
    ask(&mut lease);
    drop(lease);
    assert!(acquiring(&pool).run().is_none(), "it waits for an answer");
}

#[test]
fn the_room_of_a_dead_connection_counts_as_something_in_sight() {
    let world = World::new();
    let pool = bounded(&world, 0);
    drop(acquire(&pool));
    world.pass(SECOND * 2);
    world.cut(0);
    assert!(!acquire(&pool).is_reused());
}

#[test]
fn debug_shows_the_counts_and_changes_nothing() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_lifetime(SECOND));
    drop(acquire(&pool));
    world.pass(SECOND);
    let text = format!("{pool:?}");
    assert!(text.contains("idle: 1"), "{text}");
    assert_eq!(world.asked(0).last(), Some(&Message::Logon));
    assert_eq!(counts(&pool), (0, 0, 0, 0));
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}

/// Callers that wait for a connection.
fn waiting(pool: &Arc<Pool>, callers: usize) -> VecDeque<Task<'_, Result<Lease, Error>>> {
    (0..callers)
        .map(|_| {
            let mut waiter = acquiring(pool);
            assert!(waiter.run().is_none());
            waiter
        })
        .collect()
}

/// Gives the connection back before the next caller is polled, again and again, as on an executor with one thread and many
/// tasks.
fn pass_around<'p>(
    pool: &'p Arc<Pool>,
    mut lease: Lease,
    mut waiters: VecDeque<Task<'p, Result<Lease, Error>>>,
) {
    // A waiter reads once, and an opening has several answers to read.
    for _ in 0..10 {
        drop(lease);
        let mut first = waiters.pop_front().expect("there are always some");
        lease = first.run().expect("it is woken").unwrap();
        waiters.extend(waiting(pool, 1));
    }
}

#[test]
fn a_connection_is_opened_however_fast_others_come_back() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let lease = acquire(&pool);
    world.set_silent(true);
    let waiters = waiting(&pool, 3);
    assert_eq!(counts(&pool), (1, 0, 1, 2));
    world.release(1);
    pass_around(&pool, lease, waiters);
    assert_eq!(world.connections(), 2);
    assert_eq!(counts(&pool), (0, 2, 0, 0));
}

#[test]
fn a_connection_that_was_lost_is_replaced_however_fast_others_come_back() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let (lease, lost) = (acquire(&pool), acquire(&pool));
    let waiters = waiting(&pool, 3);
    lost.close();
    pass_around(&pool, lease, waiters);
    assert_eq!(world.connections(), 3);
    assert_eq!(counts(&pool), (0, 2, 0, 0));
}

#[test]
fn a_connection_that_cannot_be_opened_for_others_is_no_failure_of_a_call_that_has_another() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let (lease, lost) = (acquire(&pool), acquire(&pool));
    let mut waiters = waiting(&pool, 2);
    world.refuse(7687);
    lost.close();
    drop(lease);
    let lease = waiters[0].run().expect("it is woken").unwrap();
    assert!(lease.is_reused());
    let error = waiters[1].run().expect("it is woken").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}
