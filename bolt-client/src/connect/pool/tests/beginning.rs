//! Transactions whose BEGIN is unanswered when their call is dropped.

use super::*;

/// Sends a BEGIN that is not answered.
fn begin(lease: &mut Lease, world: &World, at: usize) {
    world.hold(at);
    lease.proto.begin(&Extra::default()).unwrap();
    ask(lease);
}

#[test]
fn a_call_that_is_dropped_while_its_transaction_begins_leaves_its_connection_to_a_waiter() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(1));
    let mut lease = acquire(&pool);
    let (mut first, mut second) = (acquiring(&pool), acquiring(&pool));
    assert!(first.run().is_none() && second.run().is_none());
    begin(&mut lease, &world, 0);
    drop(lease);
    assert!(first.run().is_none(), "RESET must not overtake BEGIN");
    assert_eq!(world.asked(0).last(), Some(&Message::Pull));
    // The next waiter gets it.
    drop(first);
    assert!(second.run().is_none());
    world.release(0);
    let lease = second.run().expect("the server has stopped").unwrap();
    assert!(lease.is_reused());
    assert_eq!(
        world.asked(0)[2..],
        [Message::Begin, Message::Run, Message::Pull, Message::Reset]
    );
    assert_eq!(world.connections(), 1);
}

#[test]
fn without_a_waiter_such_a_connection_is_closed() {
    let world = World::new();
    let pool = pool(&world, config());
    let mut lease = acquire(&pool);
    begin(&mut lease, &world, 0);
    drop(lease);
    assert_eq!(counts(&pool), (0, 0, 0, 0));
}

#[test]
fn a_waiter_without_such_an_answer_for_a_second_closes_the_connection_and_opens_another() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(1));
    let mut lease = acquire(&pool);
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    begin(&mut lease, &world, 0);
    drop(lease);
    assert!(next.run().is_none());
    world.pass(SECOND);
    assert!(!next.run().expect("it opened one").unwrap().is_reused());
    assert_eq!(counts(&pool), (0, 1, 0, 0));
}
