//! Names with several addresses.

use super::*;

#[test]
fn the_addresses_of_the_resolver_are_tried_in_their_order() {
    let world = World::new();
    let found = |address: &Address| {
        assert_eq!(address.host(), "test");
        [1, 2, 3].map(|port| Address::new("found", port)).into()
    };
    let pool = pool(&world, config().resolver(found));
    world.refuse(1);
    drop(acquire(&pool));
    assert_eq!(world.tried(), [1, 2]);
}

/// A name with three addresses, and a pool of one connection: no second opening is possible.
fn three(world: &World) -> Arc<Pool> {
    let found = |_: &Address| [1, 2, 3].map(|port| Address::new("found", port)).into();
    pool(world, config().max_connection_pool_size(1).resolver(found))
}

#[test]
fn an_address_that_does_not_answer_gets_its_share_of_the_time_and_no_more() {
    let world = World::new();
    let pool = three(&world);
    world.swallow(1);
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    world.pass(SECOND * 9);
    assert!(call.run().is_none());
    // The call is dropped; its opening continues.
    drop(call);
    assert_eq!((world.timers(), world.tried()), (0, vec![1]));
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    world.pass(SECOND);
    drop(next.run().expect("the second address answers").unwrap());
    assert_eq!(world.tried(), [1, 2]);
}

#[test]
fn a_silent_address_gets_its_share_too_and_the_last_one_gets_all_that_is_left() {
    let world = World::new();
    let pool = three(&world);
    world.set_silent(true);
    world.refuse(2);
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    world.pass(SECOND * 10);
    assert!(call.run().is_none());
    assert_eq!(world.tried(), [1, 2, 3]);
    world.pass(SECOND * 19);
    assert!(call.run().is_none());
    world.pass(SECOND);
    assert_eq!(
        call.run().expect("the time is up").unwrap_err().kind(),
        ErrorKind::Timeout
    );
}

#[test]
fn the_next_opening_begins_with_the_address_that_answered_last() {
    let world = World::new();
    let found = |_: &Address| [1, 2, 3].map(|port| Address::new("found", port)).into();
    let pool = pool(&world, config().resolver(found));
    world.refuse(1);
    let _first = acquire(&pool);
    let _second = acquire(&pool);
    assert_eq!(world.tried(), [1, 2, 2]);
    // It is silent now: the next opening begins with the one that has not failed, which is remembered.
    world.swallow(2);
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    world.pass(SECOND);
    let _third = call.run().expect("another opening goes elsewhere").unwrap();
    assert_eq!(world.tried(), [1, 2, 2, 2, 3]);
    let _fourth = acquire(&pool);
    assert_eq!(world.tried().last(), Some(&3));
}

#[test]
fn if_all_addresses_fail_the_error_lists_each_with_its_reason() {
    let world = World::new();
    let pool = three(&world);
    (1..=3).for_each(|port| world.refuse(port));
    let error = acquiring(&pool).run().expect("nothing to wait for").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(error.is_retryable());
    let text = error.to_string();
    for port in 1..=3 {
        let reason = format!("cannot connect to 127.0.0.1:{port}: connection refused");
        assert!(text.contains(&reason), "{text}");
    }
    let last = std::error::Error::source(&error)
        .expect("the last of them")
        .to_string();
    assert!(last.contains("127.0.0.1:3"), "{last}");
}

#[test]
fn the_error_about_a_name_with_a_thousand_addresses_lists_some() {
    let world = World::new();
    let ports = 1..=1000;
    ports.clone().for_each(|port| world.refuse(port));
    let found = move |_: &Address| ports.clone().map(|port| Address::new("found", port)).collect();
    let pool = pool(&world, config().resolver(found));
    let text = acquiring(&pool)
        .run()
        .expect("nothing to wait for")
        .unwrap_err()
        .to_string();
    assert_eq!(text.matches("refused").count(), 16);
    assert!(text.contains("127.0.0.1:1000"), "the last one among them: {text}");
}

#[test]
fn a_resolver_that_finds_nothing_is_an_error() {
    let world = World::new();
    let pool = pool(&world, config().resolver(|_| Vec::new()));
    let error = acquiring(&pool).run().expect("nothing to wait for").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}
