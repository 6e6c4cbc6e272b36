//! Connections that are opened ahead of any caller, and those that are idle for too long.

use super::*;

fn warming(pool: &Arc<Pool>) -> Task<'_, Result<(), Error>> {
    Task::new(pool.warm_up(&DRIVERS, Deadline::NONE))
}

#[test]
fn as_many_connections_are_opened_as_the_options_want_and_no_more() {
    let world = World::new();
    let pool = pool(&world, config().min_idle_connections(3));
    warming(&pool).run().expect("nothing to wait for").unwrap();
    assert_eq!(counts(&pool), (0, 3, 0, 0));
    warming(&pool).run().expect("nothing to wait for").unwrap();
    assert_eq!(world.connections(), 3);
    let leases = [acquire(&pool), acquire(&pool)];
    warming(&pool).run().expect("nothing to wait for").unwrap();
    assert_eq!(counts(&pool), (2, 3, 0, 0));
    drop(leases);
}

#[test]
fn no_more_connections_are_opened_than_the_pool_may_have() {
    let world = World::new();
    let pool = pool(
        &world,
        config().min_idle_connections(3).max_connection_pool_size(3),
    );
    let _lease = acquire(&pool);
    warming(&pool).run().expect("nothing to wait for").unwrap();
    assert_eq!(counts(&pool), (1, 2, 0, 0));
}

#[test]
fn connections_are_opened_side_by_side_and_each_serves_callers_as_soon_as_it_is_ready() {
    let world = World::new();
    let pool = pool(
        &world,
        config().min_idle_connections(3).max_connection_pool_size(3),
    );
    world.set_silent(true);
    let mut warm_up = warming(&pool);
    assert!(warm_up.run().is_none());
    assert_eq!(counts(&pool), (0, 0, 3, 0));
    let mut caller = acquiring(&pool);
    assert!(caller.run().is_none());
    world.release(1);
    assert!(warm_up.run().is_none());
    drop(caller.run().expect("one is ready").unwrap());
    world.release(0);
    world.release(2);
    warm_up.run().expect("all are ready").unwrap();
    assert_eq!(counts(&pool), (0, 3, 0, 0));
}

#[test]
fn a_warm_up_that_is_dropped_leaves_its_openings_to_the_next() {
    let world = World::new();
    let pool = pool(
        &world,
        config().min_idle_connections(2).max_connection_pool_size(2),
    );
    world.set_silent(true);
    let mut warm_up = warming(&pool);
    assert!(warm_up.run().is_none());
    drop(warm_up);
    assert_eq!(counts(&pool), (0, 0, 2, 0));
    assert_eq!(world.timers(), 0);
    let mut warm_up = warming(&pool);
    assert!(warm_up.run().is_none());
    world.release(0);
    world.release(1);
    warm_up.run().expect("both are ready").unwrap();
    assert_eq!(world.connections(), 2);
}

#[test]
fn a_failure_is_reported_once_and_leaves_nothing() {
    let world = World::new();
    world.refuse(7687);
    let pool = pool(&world, config().min_idle_connections(3));
    let error = warming(&pool).run().expect("nothing to wait for").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(counts(&pool), (0, 0, 0, 0));
}

#[test]
fn a_warm_up_ends_at_its_deadline_or_that_of_the_opening() {
    let world = World::new();
    let pool = pool(&world, config().min_idle_connections(2));
    world.set_silent(true);
    let mut warm_up = Task::new(pool.warm_up(&DRIVERS, Deadline::after(pool.now(), SECOND / 2)));
    assert!(warm_up.run().is_none());
    world.pass(SECOND / 2);
    let error = warm_up.run().expect("the time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    drop(warm_up);
    assert_eq!(counts(&pool), (0, 0, 2, 0));
    let mut warm_up = warming(&pool);
    assert!(warm_up.run().is_none());
    world.pass(SECOND * 30);
    assert!(
        warm_up.run().is_none(),
        "those of the first call failed, and are replaced"
    );
    world.pass(SECOND * 30);
    let error = warm_up.run().expect("the time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[test]
fn a_pool_that_is_closed_is_not_warmed_up() {
    let world = World::new();
    let pool = pool(&world, config().min_idle_connections(2));
    world.set_silent(true);
    let mut warm_up = warming(&pool);
    assert!(warm_up.run().is_none());
    Task::new(pool.close()).run().expect("nothing to finish");
    world.release(0);
    world.release(1);
    let error = warm_up.run().expect("both are open").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(counts(&pool), (0, 0, 0, 0));
    let error = warming(&pool).run().expect("nothing to wait for").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[test]
fn transports_that_block_are_opened_in_turn() {
    let world = World::new();
    world.block(Duration::ZERO);
    world.answer_after(SECOND / 10);
    let pool = pool(&world, config().min_idle_connections(3));
    let mut warm_up = warming(&pool);
    let outcome = (0..1000).find_map(|_| warm_up.run());
    outcome.expect("it is polled again and again").unwrap();
    assert_eq!(counts(&pool), (0, 3, 0, 0));
}

#[test]
fn each_connection_costs_the_same_reads_however_many_are_opened() {
    let reads = |connections| {
        let world = World::new();
        let config = config()
            .min_idle_connections(connections)
            .max_connection_pool_size(connections);
        let pool = pool(&world, config);
        world.set_silent(true);
        let mut warm_up = warming(&pool);
        // The answers to the handshake and to the login come one by one.
        for _ in 0..2 {
            assert!(warm_up.run().is_none());
            for at in 0..connections {
                world.release_once(at);
                assert!(warm_up.run().is_none() || at + 1 == connections);
            }
        }
        assert_eq!(counts(&pool), (0, connections, 0, 0));
        world.reads()
    };
    assert_linear(reads);
}

#[test]
fn a_connection_that_was_idle_for_too_long_is_closed_and_replaced() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_idle_time(SECOND * 10));
    drop([acquire(&pool), acquire(&pool)]);
    world.pass(SECOND * 10);
    drop(acquire(&pool));
    assert_eq!(world.connections(), 2, "not longer than that");
    world.pass(SECOND);
    assert_eq!(counts(&pool), (0, 1, 0, 0), "the one that was used stays");
    world.pass(SECOND * 10);
    assert!(!acquire(&pool).is_reused());
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}

#[test]
fn idle_connections_that_are_to_be_kept_ready_stay_however_long_they_are_idle() {
    let world = World::new();
    let config = config()
        .min_idle_connections(2)
        .max_connection_idle_time(SECOND * 10);
    let pool = pool(&world, config);
    drop([acquire(&pool), acquire(&pool), acquire(&pool)]);
    world.pass(SECOND * 1000);
    assert_eq!(counts(&pool), (0, 2, 0, 0));
    assert!(acquire(&pool).is_reused());
}
