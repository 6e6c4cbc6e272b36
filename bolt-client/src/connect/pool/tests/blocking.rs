//! Transports that block the thread: the deadlines that they are given, and that what waits for them is polled again.

use super::*;

const MILLI: Duration = Duration::from_millis(1);

/// A world in which connecting blocks for this long.
fn world(connect: Duration) -> World {
    let world = World::new();
    world.block(connect);
    world
}

/// Runs a task that nothing wakes but itself.
#[track_caller]
fn finish<T>(mut task: Task<'_, T>) -> T {
    task.run().expect("it is polled again")
}

#[test]
fn however_long_connecting_takes_the_answers_are_waited_for() {
    for connect in [0, 49, 50, 51, 60, 300, 2_000] {
        for answer in [0, 20, 51, 500] {
            let world = world(MILLI * connect);
            let pool = pool(&world, config());
            world.answer_after(MILLI * answer);
            let begun = pool.now();
            drop(finish(acquiring(&pool)));
            let due = MILLI * (connect + 2 * answer);
            let took = pool.now() - begun;
            assert!(took >= due && took < due + MILLI * 150, "{took:?}, not {due:?}");
            assert_eq!(world.connections(), 1);
        }
    }
}

#[test]
fn what_an_earlier_lease_left_is_waited_for() {
    for answer in [20, 51, 500] {
        let world = world(Duration::ZERO);
        let pool = pool(&world, config().max_connection_pool_size(1));
        let mut lease = acquire(&pool);
        world.answer_after(MILLI * answer);
        ask(&mut lease);
        drop(lease);
        assert!(finish(acquiring(&pool)).is_ok());
        assert_eq!(world.connections(), 1);
    }
}

#[test]
fn what_is_left_to_be_finished_when_the_pool_is_closed_is_waited_for() {
    let world = world(Duration::ZERO);
    let pool = pool(&world, config());
    let mut leases = [acquire(&pool), acquire(&pool)];
    world.answer_after(MILLI * 500);
    for lease in &mut leases {
        let result = ask(lease);
        lease.set_unfinished(Unfinished::Finish(result));
    }
    drop(leases);
    finish(Task::new(pool.close()));
    assert!((0..2).all(|at| world.asked(at).last() == Some(&Message::Goodbye)));
    assert!((0..2).all(|at| !world.asked(at).contains(&Message::Reset)));
}

#[test]
fn connecting_may_block_until_the_limit_of_the_call_and_reading_for_50_ms() {
    let world = world(Duration::ZERO);
    let pool = pool(&world, config());
    let begun = pool.now();
    let by = Deadline::after(begun, SECOND * 5);
    world.answer_after(SECOND / 2);
    drop(finish(Task::new(pool.acquire(&DRIVERS, by))));
    assert_eq!(world.connect_limits(), [by.at()]);
    let reads = world.read_limits(0);
    assert!(reads.len() >= 20);
    assert!(
        reads
            .iter()
            .all(|(asked, limit)| limit.is_some_and(|limit| limit - *asked <= MILLI * 50))
    );
}

#[test]
fn several_openings_share_these_50_ms() {
    let world = world(Duration::ZERO);
    let pool = pool(&world, config());
    world.answer_after(SECOND * 2);
    drop(finish(acquiring(&pool)));
    assert_eq!(world.connections(), 2);
    let (asked, limit) = world.read_limits(1)[0];
    assert!(limit.expect("a limit") - asked <= MILLI * 25);
}

#[test]
fn a_connect_that_blocks_gets_no_more_than_the_share_of_its_address() {
    let world = world(Duration::ZERO);
    let found = |_: &Address| [1, 2].map(|port| Address::new("found", port)).into();
    let pool = pool(&world, config().resolver(found));
    let begun = pool.now();
    world.refuse(1);
    drop(finish(acquiring(&pool)));
    let limits = world.connect_limits();
    assert_eq!(limits, [Some(begun + SECOND * 15), Some(begun + SECOND * 30)]);
}
