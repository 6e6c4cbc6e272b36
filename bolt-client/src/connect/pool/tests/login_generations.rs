//! Logins that have become invalid.

use super::*;

#[test]
fn when_a_login_expires_ready_connections_are_closed_and_others_when_they_come_back() {
    let world = World::new();
    let pool = pool(&world, config());
    let (first, second, third) = (acquire(&pool), acquire(&pool), acquire(&pool));
    drop(first);
    second.invalidate_logins();
    assert_eq!(counts(&pool), (2, 0, 0, 0));
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
    drop(second);
    assert_eq!(counts(&pool), (1, 0, 0, 0));
    assert_eq!(world.asked(1).last(), Some(&Message::Goodbye));

    // A connection of the new generation stays, even if another of the old one reports the same.
    let fourth = acquire(&pool);
    drop(fourth);
    third.invalidate_logins();
    drop(third);
    assert_eq!(counts(&pool), (0, 1, 0, 0));
    assert!(acquire(&pool).is_reused());
    assert_eq!(world.connections(), 4);
}

#[test]
fn work_that_is_finished_after_its_login_has_expired_ends_with_its_connection() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let (mut writer, other) = (acquire(&pool), acquire(&pool));
    world.hold(0);
    let result = ask(&mut writer);
    writer.set_unfinished(Unfinished::Finish(result));
    other.invalidate_logins();
    drop((writer, other));
    assert_eq!(counts(&pool), (0, 1, 0, 0), "the write goes on");
    assert!(!world.asked(0).contains(&Message::Reset));
    world.release(0);
    assert!(!acquire(&pool).is_reused());
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}

#[test]
fn a_connection_whose_work_is_cancelled_after_its_login_has_expired_is_closed_at_once() {
    let world = World::new();
    let pool = pool(&world, config());
    let (mut reader, other) = (acquire(&pool), acquire(&pool));
    world.hold(0);
    ask(&mut reader);
    other.invalidate_logins();
    drop(reader);
    assert_eq!(counts(&pool), (1, 0, 0, 0));
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}

#[test]
fn a_connection_that_was_being_probed_when_its_login_expired_is_not_handed_out() {
    let world = World::new();
    let pool = pool(&world, config().liveness_check_timeout(SECOND));
    let (first, second) = (acquire(&pool), acquire(&pool));
    drop(first);
    world.pass(SECOND * 2);
    world.hold(0);
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    second.invalidate_logins();
    world.release(0);
    assert!(!next.run().expect("it opened one").unwrap().is_reused());
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}
