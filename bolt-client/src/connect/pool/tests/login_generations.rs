//! Logins that have become worthless.

use super::*;

#[test]
fn when_a_login_expires_what_is_ready_is_closed_and_what_is_in_use_when_it_comes_back() {
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

    // A connection of the new era stays, even if another of the old one reports the same.
    let fourth = acquire(&pool);
    drop(fourth);
    third.invalidate_logins();
    drop(third);
    assert_eq!(counts(&pool), (0, 1, 0, 0));
    assert!(acquire(&pool).is_reused());
    assert_eq!(world.connections(), 4);
}

#[test]
fn what_is_finished_in_a_new_era_is_closed_then() {
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
fn what_is_cancelled_in_a_new_era_is_closed_at_once() {
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
fn what_was_probed_when_a_new_era_began_is_not_handed_out() {
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
