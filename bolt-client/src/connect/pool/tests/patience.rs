//! Openings that hang, and servers that are slow.

use super::*;

/// A call with its own limit.
fn acquiring_within(pool: &Arc<Pool>, limit: Duration) -> Task<'_, Result<Lease, Error>> {
    Task::new(pool.acquire(&DRIVERS, Deadline::after(pool.now(), limit)))
}

/// Runs a call that gets no connection because the server does not answer.
#[track_caller]
fn in_vain(world: &World, pool: &Arc<Pool>, limit: Duration) {
    let mut call = acquiring_within(pool, limit);
    let end = pool.now() + limit;
    while pool.now() < end {
        assert!(call.run().is_none(), "nothing answers");
        world.pass(SECOND / 2);
    }
    let error = call.run().expect("the time is up").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[test]
fn a_call_that_waits_in_vain_for_an_opening_begins_another_after_a_second() {
    let world = World::new();
    let pool = pool(&world, config());
    world.set_silent(true);
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    world.pass(SECOND - SECOND / 10);
    assert!(call.run().is_none());
    assert_eq!(world.connections(), 1);
    world.set_silent(false);
    world.pass(SECOND / 10);
    drop(call.run().expect("the second answers at once").unwrap());
    // The first is kept for later, ranked last.
    assert_eq!((world.connections(), counts(&pool)), (2, (0, 1, 1, 0)));
    assert_eq!(world.timers(), 0);
}

#[test]
fn each_further_opening_of_a_call_gets_twice_the_time_of_the_one_before() {
    let world = World::new();
    let pool = pool(&world, config());
    world.set_silent(true);
    let mut call = acquiring(&pool);
    let mut begun = Vec::new();
    for half_seconds in 0..59 {
        assert!(call.run().is_none());
        begun.resize(world.connections(), half_seconds);
        world.pass(SECOND / 2);
    }
    assert_eq!(begun, [0, 2, 6, 14, 30]);
    assert_eq!(counts(&pool), (0, 0, 5, 0));
}

#[test]
fn a_call_takes_the_first_of_its_openings_that_is_complete() {
    for first in [0, 1] {
        let world = World::new();
        let pool = pool(&world, config());
        world.set_silent(true);
        let mut call = acquiring(&pool);
        assert!(call.run().is_none());
        world.pass(SECOND);
        assert!(call.run().is_none());
        world.pass(SECOND);
        world.release(first);
        let lease = call.run().expect("it is woken").unwrap();
        assert!(!lease.is_reused());
        assert_eq!((world.connections(), counts(&pool)), (2, (1, 0, 1, 0)));
        // The other one is not lost.
        world.release(1 - first);
        assert!(acquire(&pool).is_reused());
        drop(lease);
        assert_eq!(counts(&pool), (0, 2, 0, 0));
    }
}

#[test]
fn after_a_server_that_hung_for_a_while_the_second_call_succeeds() {
    let world = World::new();
    let pool = pool(&world, config());
    world.set_silent(true);
    let mut call = acquiring_within(&pool, SECOND * 5);
    assert!(call.run().is_none());
    world.pass(SECOND * 5);
    assert_eq!(
        call.run().expect("the time is up").unwrap_err().kind(),
        ErrorKind::Timeout
    );
    drop(call);
    world.set_silent(false);
    drop(acquire(&pool));
    assert_eq!(world.connections(), 2);
}

#[test]
fn a_pool_of_one_gives_up_a_hung_opening_for_the_next_caller() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(1));
    world.set_silent(true);
    in_vain(&world, &pool, SECOND * 5);
    assert_eq!(counts(&pool), (0, 0, 1, 0));
    world.set_silent(false);
    let mut next = acquiring_within(&pool, SECOND * 5);
    assert!(next.run().is_none());
    world.pass(SECOND);
    assert!(!next.run().expect("it opened another").unwrap().is_reused());
    assert_eq!((world.connections(), counts(&pool)), (2, (0, 1, 0, 0)));
}

#[test]
fn callers_with_limits_shorter_than_a_handshake_get_a_connection_in_the_end() {
    for (max, limit) in [
        (100, SECOND / 2),
        (100, SECOND * 3 / 2),
        (1, SECOND / 2),
        (1, SECOND * 3 / 2),
    ] {
        let world = World::new();
        let pool = pool(&world, config().max_connection_pool_size(max));
        world.set_silent(true);
        let mut asked: Vec<Instant> = Vec::new();
        let mut call = acquiring_within(&pool, limit);
        let mut until = pool.now() + limit;
        let answered = (0..100).any(|_| {
            if let Some(outcome) = call.run() {
                if outcome.is_ok() {
                    return true;
                }
            }
            asked.resize(world.connections(), pool.now());
            // Each connection answers four seconds after it was made.
            for (at, made) in asked.iter().enumerate() {
                if pool.now() - *made >= SECOND * 4 {
                    world.release(at);
                }
            }
            world.pass(SECOND / 4);
            if pool.now() >= until {
                call = acquiring_within(&pool, limit);
                until = pool.now() + limit;
            }
            false
        });
        assert!(answered, "{max} connections, {limit:?} each");
        assert!(world.connections() <= 6, "{}", world.connections());
    }
}

#[test]
fn a_server_that_takes_long_for_every_login_gets_no_second_opening_once_that_is_known() {
    let world = World::new();
    let pool = pool(&world, config());
    world.set_silent(true);
    let open = |expected: usize| {
        let before = world.connections();
        let mut call = acquiring(&pool);
        for _ in 0..3 {
            assert!(call.run().is_none());
            world.pass(SECOND);
        }
        world.release(before);
        let lease = call.run().expect("it is woken").unwrap();
        assert_eq!(world.connections() - before, expected);
        lease
    };
    let _first = open(2);
    // The one that was left half open is ready first.
    world.release(1);
    let _second = acquire(&pool);
    let _third = open(1);
}

#[test]
fn no_second_opening_begins_while_the_first_makes_progress() {
    let world = World::new();
    let pool = pool(&world, config());
    world.set_silent(true);
    let mut call = acquiring(&pool);
    for _ in 0..2 {
        assert!(call.run().is_none());
        world.pass(SECOND * 9 / 10);
        world.release_once(0);
    }
    drop(call.run().expect("it is through").unwrap());
    assert_eq!(world.connections(), 1);
}

#[test]
fn the_time_that_an_opening_spends_in_the_pool_does_not_count() {
    let world = World::new();
    let pool = pool(&world, config());
    world.set_silent(true);
    for _ in 0..3 {
        let mut call = acquiring(&pool);
        assert!(call.run().is_none());
        world.pass(SECOND * 3 / 10);
        drop(call);
        world.pass(SECOND * 5);
    }
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    assert_eq!(world.connections(), 1);
    world.pass(SECOND / 10);
    assert!(call.run().is_none());
    assert_eq!(world.connections(), 2);
}

#[test]
fn an_opening_of_an_earlier_call_that_expires_makes_room_for_another() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(1));
    world.set_silent(true);
    let mut first = acquiring(&pool);
    assert!(first.run().is_none());
    world.pass(SECOND * 59 / 2);
    drop(first);
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    world.set_silent(false);
    world.pass(SECOND / 2);
    assert!(!next.run().expect("it opened another").unwrap().is_reused());
    assert_eq!((world.connections(), counts(&pool)), (2, (0, 1, 0, 0)));
}

#[test]
fn of_two_openings_the_one_of_an_earlier_call_may_expire() {
    let world = World::new();
    let pool = pool(&world, config());
    world.set_silent(true);
    in_vain(&world, &pool, SECOND / 2);
    world.pass(SECOND * 29);
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    assert_eq!(world.connections(), 1);
    world.pass(SECOND / 2);
    // The first has expired, so there is another.
    assert!(call.run().is_none());
    assert_eq!((world.connections(), counts(&pool)), (2, (0, 0, 1, 0)));
    world.release(1);
    assert!(!call.run().expect("it is woken").unwrap().is_reused());
}

#[test]
fn an_older_opening_that_expires_or_fails_leaves_the_other_one_as_it_was() {
    for fails in [false, true] {
        let world = World::new();
        let pool = pool(&world, config());
        world.set_silent(true);
        let mut first = acquiring(&pool);
        assert!(first.run().is_none());
        world.pass(SECOND * 3 / 2);
        assert!(first.run().is_none());
        drop(first);
        assert_eq!(counts(&pool), (0, 0, 2, 0));
        // The second is half a second old, and the first is watched with it.
        world.cut(1);
        let mut call = acquiring(&pool);
        assert!(call.run().is_none());
        assert_eq!((world.connections(), counts(&pool)), (3, (0, 0, 2, 0)));
        if fails {
            world.cut(0);
        } else {
            world.pass(SECOND * 9 / 10);
            assert!(call.run().is_none());
        }
        assert!(call.run().is_none());
        world.release(2);
        assert!(!call.run().expect("it is woken").unwrap().is_reused());
        let left = usize::from(!fails);
        assert_eq!(counts(&pool), (0, 1, left, 0));
    }
}

#[test]
fn an_opening_that_fails_ends_the_call_that_began_it_and_leaves_its_others_to_the_pool() {
    let world = World::new();
    let pool = pool(&world, config());
    world.set_silent(true);
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    world.pass(SECOND);
    assert!(call.run().is_none());
    world.cut(1);
    let error = call.run().expect("it is woken").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(counts(&pool), (0, 0, 1, 0));
}
