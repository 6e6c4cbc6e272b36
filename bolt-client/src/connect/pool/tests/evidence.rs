//! What one dead connection means for others.

use super::*;

const LOGIN: [Message; 2] = [Message::Hello, Message::Logon];

/// Makes this many idle connections, the first of which has been idle for longest.
fn idle_ones(world: &World, pool: &Arc<Pool>, count: usize) {
    let leases: Vec<Lease> = (0..count).map(|_| acquire(pool)).collect();
    for lease in leases {
        world.pass(SECOND);
        drop(lease);
    }
    world.pass(SECOND * 60);
}

fn was_asked(world: &World, at: usize) -> bool {
    world.asked(at).contains(&Message::Reset)
}

#[test]
fn of_eight_connections_that_a_firewall_forgot_only_the_first_makes_a_call_time_out() {
    let world = World::new();
    let pool = pool(&world, config());
    idle_ones(&world, &pool, 8);
    (0..8).for_each(|at| world.hold(at));
    let mut lease = acquire(&pool);
    assert_eq!(world.asked(7), LOGIN, "there was nothing against it");
    ask(&mut lease);
    assert!(Task::new(lease.head(Deadline::NONE)).run().is_none());
    world.pass(SECOND * 5);
    lease.report_silent();
    drop(lease);

    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    assert!(was_asked(&world, 6));
    world.pass(SECOND);
    let lease = next.run().expect("it opened another").unwrap();
    assert!(!lease.is_reused());
    assert!((0..6).all(|at| !was_asked(&world, at)), "one is enough");
    drop(lease);
    assert!(acquire(&pool).is_reused());
    assert_eq!(world.connections(), 9);
}

#[test]
fn eight_callers_of_a_full_pool_replace_eight_dead_connections_in_a_second() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(8));
    idle_ones(&world, &pool, 8);
    (0..8).for_each(|at| world.hold(at));
    acquire(&pool).report_dead();
    world.pass(SECOND);
    let mut calls: Vec<_> = (0..8).map(|_| acquiring(&pool)).collect();
    // The one that reported it has been used since.
    let _used = calls[0].run().expect("it is ready").unwrap();
    for call in &mut calls[1..] {
        assert!(call.run().is_none());
    }
    world.pass(SECOND);
    let leases: Vec<Lease> = calls[1..]
        .iter_mut()
        .map(|call| call.run().expect("it opened another").unwrap())
        .collect();
    assert!(leases.iter().all(|lease| !lease.is_reused()));
    assert_eq!(counts(&pool), (8, 0, 0, 0));
}

#[test]
fn a_connection_that_was_used_since_is_not_probed() {
    let world = World::new();
    let pool = pool(&world, config());
    idle_ones(&world, &pool, 2);
    let (second, first) = (acquire(&pool), acquire(&pool));
    drop(second);
    world.pass(SECOND);
    first.report_dead();
    world.cut(0);
    drop(first);
    assert!(acquire(&pool).is_reused());
    assert_eq!(world.asked(1), LOGIN);
}

#[test]
fn after_a_dead_connection_older_ones_are_probed_which_costs_one_round_trip() {
    let world = World::new();
    let pool = pool(&world, config());
    idle_ones(&world, &pool, 3);
    world.cut(2);
    let lease = acquire(&pool);
    assert!(lease.is_reused());
    assert!(was_asked(&world, 1) && !was_asked(&world, 0));
    drop(lease);
    world.pass(SECOND * 2);
    // It has answered the probe.
    drop(acquire(&pool));
    assert_eq!(world.asked(1).len(), 3);
    assert_eq!(world.connections(), 3);
}

#[test]
fn a_waiter_that_finds_its_connection_dead_has_the_others_probed_too() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let (first, second) = (acquire(&pool), acquire(&pool));
    let mut waiter = acquiring(&pool);
    assert!(waiter.run().is_none());
    drop(first);
    drop(second);
    world.pass(SECOND * 2);
    world.cut(0);
    let lease = waiter.run().expect("the other one is well").unwrap();
    assert!(lease.is_reused());
    assert!(was_asked(&world, 1));
    assert_eq!(world.connections(), 2);
}

#[test]
fn after_the_loss_of_a_new_connection_those_that_were_idle_before_it_was_made_are_probed() {
    let world = World::new();
    let pool = pool(&world, config());
    let (old, new) = (acquire(&pool), acquire(&pool));
    drop(old);
    new.report_dead();
    world.pass(SECOND / 2);
    drop(acquire(&pool));
    assert!(was_asked(&world, 0));
    assert!(!new.is_reused());
}

#[test]
fn an_opening_that_was_half_open_as_long_as_a_dead_connection_was_idle_is_probed_before_its_use() {
    for forgotten in [false, true] {
        let world = World::new();
        let pool = pool(&world, config());
        let lease = acquire(&pool);
        world.set_silent(true);
        let mut other = acquiring(&pool);
        assert!(other.run().is_none());
        drop(other);
        drop(lease);
        world.pass(SECOND * 9);
        let lease = acquire(&pool);
        // The answers to its login arrive, and are read when a caller continues the opening.
        world.set_silent(false);
        world.release_once(1);
        lease.report_dead();
        let mut next = acquiring(&pool);
        assert!(next.run().is_none(), "it waits for the login");
        world.release_once(1);
        assert!(next.run().is_none(), "it waits for the answer to RESET");
        assert!(was_asked(&world, 1));
        assert_eq!(counts(&pool), (2, 0, 0, 0));
        if forgotten {
            world.pass(SECOND);
        } else {
            world.release(1);
        }
        let new = next.run().expect("one or the other").unwrap();
        assert_eq!(new.is_reused(), !forgotten);
        assert_eq!(world.connections(), if forgotten { 3 } else { 2 });
    }
}

#[test]
fn a_call_whose_probes_find_dead_connections_probes_them_all_before_it_opens_one() {
    let world = World::new();
    let pool = pool(&world, config().liveness_check_timeout(SECOND));
    idle_ones(&world, &pool, 5);
    (0..5).for_each(|at| world.hold(at));
    let mut call = acquiring(&pool);
    for at in (0..5).rev() {
        assert!(call.run().is_none(), "it waits for the answer to RESET");
        assert!(was_asked(&world, at));
        assert_eq!(world.connections(), 5);
        world.cut(at);
    }
    assert!(!call.run().expect("none is left").unwrap().is_reused());
    assert_eq!((world.connections(), counts(&pool)), (6, (0, 1, 0, 0)));
}

#[test]
fn a_call_that_has_probed_for_a_second_opens_a_connection_though_others_are_left() {
    let world = World::new();
    let pool = pool(&world, config().liveness_check_timeout(SECOND));
    idle_ones(&world, &pool, 5);
    (0..5).for_each(|at| world.hold(at));
    let mut call = acquiring(&pool);
    for at in [4, 3, 2] {
        assert!(call.run().is_none(), "it waits for the answer to RESET");
        assert!(was_asked(&world, at));
        world.pass(SECOND * 2 / 5);
        world.cut(at);
    }
    assert!(!call.run().expect("it opened one").unwrap().is_reused());
    assert!(!was_asked(&world, 1));
    assert_eq!((world.connections(), counts(&pool)), (6, (0, 3, 0, 0)));
}

#[test]
fn after_one_silent_connection_no_other_is_probed_although_one_before_it_was_dead() {
    let world = World::new();
    let pool = pool(&world, config().liveness_check_timeout(SECOND));
    idle_ones(&world, &pool, 5);
    (0..5).for_each(|at| world.hold(at));
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    world.cut(4);
    assert!(call.run().is_none());
    world.pass(SECOND);
    assert!(!call.run().expect("it opened one").unwrap().is_reused());
    assert!(was_asked(&world, 3) && !was_asked(&world, 2));
    assert_eq!(world.connections(), 6);
}

#[test]
fn a_server_that_promised_to_be_heard_from_within_two_seconds_has_that_time_for_a_probe() {
    for (promised, connections) in [(2, 1), (3, 2)] {
        let world = World::new();
        world.promise(promised);
        let pool = pool(&world, config().liveness_check_timeout(SECOND));
        drop(acquire(&pool));
        world.hold(0);
        world.pass(SECOND * 60);
        let mut call = acquiring(&pool);
        assert!(call.run().is_none());
        world.set_silent(true);
        world.pass(SECOND);
        assert!(call.run().is_none());
        assert_eq!(world.connections(), connections, "the silent one is kept so long");
        world.set_silent(false);
        world.pass(SECOND);
        assert!(!call.run().expect("it opened one").unwrap().is_reused());
        assert_eq!(world.connections(), connections + 1);
    }
}
