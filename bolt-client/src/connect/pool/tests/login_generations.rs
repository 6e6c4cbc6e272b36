//! Logins that have become invalid.

use super::*;

fn carries_without_login(lease: &mut Lease) -> bool {
    assert!(lease.carry(&DRIVERS).unwrap(), "the version can log in again");
    !lease.is_logging_in()
}

#[test]
fn when_a_login_has_expired_all_connections_that_are_as_old_log_in_again() {
    let world = World::new();
    let pool = pool(&world, config());
    let (first, second) = (acquire(&pool), acquire(&pool));
    drop(first);
    second.invalidate_logins();
    // Another report about the same generation changes nothing.
    let mut fresh = acquire(&pool);
    assert!(!carries_without_login(&mut fresh), "it logs in again");
    ask(&mut fresh);
    second.invalidate_logins();
    drop((fresh, second));
    for _ in 0..2 {
        let mut lease = acquire(&pool);
        let is_fresh = carries_without_login(&mut lease);
        assert!(lease.is_reused());
        ask(&mut lease);
        drop(lease);
        drop(acquire(&pool));
        assert!(is_fresh || world.connections() == 2);
    }
    assert_eq!(counts(&pool), (0, 2, 0, 0));
    let logoffs = |at| {
        world
            .asked(at)
            .iter()
            .filter(|message| **message == Message::Logoff)
            .count()
    };
    assert_eq!(logoffs(0), 1);
}

#[test]
fn a_change_of_the_login_that_has_not_left_is_taken_back_with_the_lease() {
    let world = World::new();
    let pool = pool(&world, config());
    let ada = Credentials::of_driver(Auth::basic("ada", "secret"));
    drop(acquire(&pool));
    let mut lease = acquire(&pool);
    assert!(lease.carry(&ada).unwrap() && lease.is_logging_in());
    drop(lease);
    assert_eq!(counts(&pool), (0, 1, 0, 0));
    assert!(!world.asked(0).contains(&Message::Logoff));
    assert!(carries_without_login(&mut acquire(&pool)));
}

#[test]
fn a_connection_that_carries_the_wanted_login_is_preferred() {
    let world = World::new();
    let pool = pool(&world, config());
    let ada = Credentials::of_driver(Auth::basic("ada", "secret"));
    let (mut first, second) = (acquire(&pool), acquire(&pool));
    first.carry(&ada).unwrap();
    ask(&mut first);
    drop(first);
    drop(second);
    let settle = acquire(&pool);
    let other = acquire(&pool);
    drop((settle, other));
    let of_ada = Task::new(pool.acquire(&ada, Deadline::NONE))
        .run()
        .unwrap()
        .unwrap();
    assert_eq!(of_ada.login().credentials.auth, ada.auth);
    let of_driver = acquire(&pool);
    assert_eq!(of_driver.login().credentials.auth, DRIVERS.auth);
    assert_eq!(world.connections(), 2);
}

#[test]
fn a_write_that_is_finished_after_its_login_has_expired_keeps_its_connection() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let (mut writer, other) = (acquire(&pool), acquire(&pool));
    world.hold(0);
    let result = ask(&mut writer);
    writer.set_unfinished(Unfinished::Finish(result));
    other.invalidate_logins();
    drop((writer, other));
    assert_eq!(counts(&pool), (0, 2, 0, 0), "the write goes on");
    assert!(!world.asked(0).contains(&Message::Reset));
    world.release(0);
    let (one, two) = (acquire(&pool), acquire(&pool));
    assert!(one.is_reused() && two.is_reused());
}
