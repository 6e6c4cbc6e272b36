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

#[test]
fn an_address_that_does_not_answer_has_its_share_of_the_time_and_no_more() {
    let world = World::new();
    let found = |_: &Address| [1, 2, 3].map(|port| Address::new("found", port)).into();
    let pool = pool(&world, config().connection_timeout(SECOND * 30).resolver(found));
    world.swallow(1);
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    world.pass(SECOND * 9);
    assert!(call.run().is_none());
    // The call gives up; what it began does not.
    drop(call);
    assert_eq!((world.timers(), world.tried()), (0, vec![1]));
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    world.pass(SECOND);
    let _held = next.run().expect("the second address answers").unwrap();
    assert_eq!(world.tried(), [1, 2]);

    // One that accepts and is silent is no better; and the last one has all that is left.
    world.set_silent(true);
    world.refuse(2);
    let mut call = acquiring(&pool);
    assert!(call.run().is_none());
    world.pass(SECOND * 10);
    assert!(call.run().is_none());
    assert_eq!(world.tried(), [1, 2, 1, 2, 3]);
    world.pass(SECOND * 19);
    assert!(call.run().is_none());
    world.pass(SECOND);
    assert_eq!(
        call.run().expect("the time is up").unwrap_err().kind(),
        ErrorKind::Timeout
    );
}

#[test]
fn a_resolver_that_finds_nothing_is_an_error() {
    let world = World::new();
    let pool = pool(&world, config().resolver(|_| Vec::new()));
    let error = acquiring(&pool).run().expect("nothing to wait for").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}
