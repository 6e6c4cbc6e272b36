//! The end of a pool.

use super::*;

#[test]
fn closing_wakes_the_waiters_and_sends_goodbye_now_or_later() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let (lease, idle) = (acquire(&pool), acquire(&pool));
    let mut waiter = acquiring(&pool);
    assert!(waiter.run().is_none());
    drop(waiter);
    let busy = idle;
    let mut waiter = acquiring(&pool);
    assert!(waiter.run().is_none());

    Task::new(pool.close()).run().expect("nothing to finish");
    assert_eq!(
        waiter.run().expect("it is woken").unwrap_err().kind(),
        ErrorKind::Closed
    );
    assert_eq!(
        acquiring(&pool).run().unwrap().unwrap_err().kind(),
        ErrorKind::Closed
    );
    drop((lease, busy));
    for at in 0..2 {
        assert_eq!(world.asked(at).last(), Some(&Message::Goodbye));
    }
    assert_eq!(counts(&pool), (0, 0, 0, 0));
}

#[test]
fn closing_finishes_commits_together() {
    let world = World::new();
    let pool = pool(&world, config());
    let mut leases: Vec<Lease> = (0..3).map(|_| acquire(&pool)).collect();
    for (at, lease) in leases.iter_mut().enumerate() {
        commit(lease, &world, at);
    }
    drop(leases);
    let mut closing = Task::new(pool.close());
    assert!(closing.run().is_none());
    // In any order.
    for at in [2, 0] {
        world.release(at);
        assert!(closing.run().is_none());
        assert_eq!(world.asked(at).last(), Some(&Message::Goodbye));
        assert_ne!(world.asked(1).last(), Some(&Message::Goodbye));
    }
    world.release(1);
    assert!(closing.run().is_some());
}

#[test]
fn each_connection_costs_the_same_reads_however_many_are_finished() {
    let reads = |connections| {
        let world = World::new();
        let pool = pool(&world, config().max_connection_pool_size(connections));
        let mut leases: Vec<Lease> = (0..connections).map(|_| acquire(&pool)).collect();
        for (at, lease) in leases.iter_mut().enumerate() {
            commit(lease, &world, at);
        }
        drop(leases);
        let before = world.reads();
        let mut closing = Task::new(pool.close());
        assert!(closing.run().is_none());
        for at in 0..connections {
            world.release(at);
            assert_eq!(closing.run().is_some(), at + 1 == connections);
        }
        world.reads() - before
    };
    assert_linear(reads);
}

#[test]
fn closing_finishes_a_commit_that_a_caller_was_waiting_for() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(1));
    let mut lease = acquire(&pool);
    commit(&mut lease, &world, 0);
    drop(lease);
    let mut waiter = acquiring(&pool);
    assert!(waiter.run().is_none());

    let mut closing = Task::new(pool.close());
    assert!(closing.run().is_none(), "the waiter has the connection");
    assert_eq!(
        waiter.run().expect("it is woken").unwrap_err().kind(),
        ErrorKind::Closed
    );
    assert!(closing.run().is_none());
    assert_eq!(world.asked(0).last(), Some(&Message::Commit));
    world.release(0);
    assert!(closing.run().is_some());
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}

#[test]
fn closing_waits_no_longer_than_the_teardown_limit() {
    let world = World::new();
    let pool = pool(&world, config().teardown_timeout(SECOND * 2));
    let mut lease = acquire(&pool);
    commit(&mut lease, &world, 0);
    drop(lease);
    let mut closing = Task::new(pool.close());
    assert!(closing.run().is_none());
    world.pass(SECOND * 2);
    assert!(closing.run().is_some());
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}
