//! The pool with connections in it: what tests of the decider alone cannot show.

mod addresses;
mod beginning;
mod blocking;
mod closing;
mod evidence;
mod login_generations;
mod panics;
mod patience;
mod retries;
mod waiters;
mod warming;
mod world;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bolt_proto::state::Message;
use bolt_proto::{Auth, Extra, Fetch, Query, ResultId};

use super::*;
use crate::connect::link::Unfinished;
use crate::error::ErrorKind;
use world::{Task, World};

const SECOND: Duration = Duration::from_secs(1);

fn config() -> Config {
    Config::new("bolt://test", Auth::none()).unwrap()
}

fn pool(world: &World, config: Config) -> Arc<Pool> {
    config.check().unwrap();
    let address = Arc::new(config.address.clone());
    let encryption = Encryption::new(&config.encryption, false).unwrap();
    // A server that has spoken without TLS before is not asked about it when it closes a connection.
    encryption.note_success(&address);
    let logins = Arc::new(Logins::new(&config));
    Arc::new(Pool::new(
        Arc::new(world.clone()),
        Arc::new(config),
        encryption,
        logins,
        address,
    ))
}

/// The driver's credentials.
static DRIVERS: LazyLock<Credentials> = LazyLock::new(|| Credentials::of_driver(Auth::none()));

fn acquiring(pool: &Arc<Pool>) -> Task<'_, Result<Lease, Error>> {
    Task::new(pool.acquire(&DRIVERS, Deadline::NONE))
}

#[track_caller]
fn acquire(pool: &Arc<Pool>) -> Lease {
    acquiring(pool).run().expect("nothing to wait for").unwrap()
}

/// Sends a query, without waiting for the answer.
fn ask(lease: &mut Lease) -> ResultId {
    let query = Query::new("RETURN 1 AS n");
    let (_, result) = lease.proto.run(&query, &Extra::default()).unwrap();
    lease.proto.pull(result, Fetch::All).unwrap();
    lease.write_at_once();
    result
}

/// Commits a transaction, without waiting for the answer.
fn commit(lease: &mut Lease, world: &World, at: usize) {
    lease.proto.begin(&Extra::default()).unwrap();
    ask(lease);
    for _ in 0..3 {
        Task::new(lease.head(Deadline::NONE)).run().unwrap().unwrap();
        drop(lease.event());
    }
    world.hold(at);
    lease.proto.commit().unwrap();
    lease.write_at_once();
}

/// The counts: in use, idle, opening, waiting.
fn counts(pool: &Pool) -> (usize, usize, usize, usize) {
    let counts = pool.counts();
    (counts.in_use, counts.idle, counts.opening, counts.waiting)
}

/// Each connection costs as many reads with 64 and 256 of them as with 16.
#[track_caller]
fn assert_linear(reads: impl Fn(usize) -> usize) {
    let each = reads(16) / 16;
    for connections in [64, 256] {
        let reads = reads(connections);
        assert!(
            reads <= each * connections,
            "{reads} of {connections}, not {each} each"
        );
    }
}

#[test]
fn a_clean_connection_is_handed_out_again_without_a_request() {
    let world = World::new();
    let pool = pool(&world, config());
    for _ in 0..3 {
        drop(acquire(&pool));
        world.pass(SECOND * 60);
    }
    assert_eq!(world.asked(0), [Message::Hello, Message::Logon]);
    assert_eq!(counts(&pool), (0, 1, 0, 0));
}

#[test]
fn a_waiter_for_an_answer_takes_a_connection_that_comes_back() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let (mut busy, other) = (acquire(&pool), acquire(&pool));
    world.hold(0);
    ask(&mut busy);
    drop(busy);

    let mut first = acquiring(&pool);
    assert!(first.run().is_none());
    let mut second = acquiring(&pool);
    assert!(second.run().is_none());
    drop(other);
    assert!(second.run().is_none(), "the first came earlier");
    let lease = first.run().expect("it is woken").unwrap();
    assert!(lease.is_reused());

    // The second reads the answers that the first has left.
    world.release(0);
    let second = second.run().expect("it is woken").unwrap();
    assert_eq!(world.connections(), 2);
    drop((lease, second));
    assert_eq!(counts(&pool), (0, 2, 0, 0));
}

#[test]
fn a_waiter_that_opens_a_connection_takes_one_that_comes_back_and_the_next_continues() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let lease = acquire(&pool);
    world.set_silent(true);
    let mut first = acquiring(&pool);
    assert!(first.run().is_none());
    drop(lease);
    let lease = first.run().expect("it is woken").unwrap();
    assert_eq!(counts(&pool), (1, 0, 1, 0));

    let mut second = acquiring(&pool);
    assert!(second.run().is_none());
    world.release(1);
    let opened = second.run().expect("it is woken").unwrap();
    assert!(opened.is_reused(), "it may have died while it was half open");
    assert_eq!(world.connections(), 2);
    drop((lease, opened));
}

#[test]
fn no_caller_waits_for_long_for_an_answer_when_a_new_connection_may_be_opened() {
    let world = World::new();
    let pool = pool(&world, config());
    let mut lease = acquire(&pool);
    world.hold(0);
    ask(&mut lease);
    drop(lease);

    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    world.pass(SECOND);
    drop(next.run().expect("a new connection").unwrap());
    assert_eq!(counts(&pool), (0, 2, 0, 0));
    // The answer never comes.
    let (_new, mut late) = (acquire(&pool), acquire(&pool));
    assert_eq!(world.connections(), 3, "the silent one is the last choice");
    ask(&mut late);
    world.pass(SECOND * 30);
    assert_eq!(counts(&pool), (2, 0, 0, 0), "it is closed");
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}

#[test]
fn in_a_full_pool_a_connection_is_closed_once_its_answer_is_overdue_by_the_connection_timeout() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(1));
    let mut lease = acquire(&pool);
    world.hold(0);
    ask(&mut lease);
    drop(lease);
    let mut next = acquiring(&pool);
    for _ in 0..31 {
        assert!(next.run().is_none());
        assert_eq!(world.connections(), 1);
        world.pass(SECOND);
    }
    assert!(!next.run().expect("it opened another").unwrap().is_reused());
    assert_eq!((world.connections(), counts(&pool)), (2, (0, 1, 0, 0)));
}

#[test]
fn a_connection_that_was_idle_for_long_is_probed_and_another_is_not() {
    let world = World::new();
    let pool = pool(&world, config().liveness_check_timeout(SECOND * 10));
    drop(acquire(&pool));
    world.pass(SECOND * 10);
    drop(acquire(&pool));
    assert_eq!(world.asked(0), [Message::Hello, Message::Logon]);
    world.pass(SECOND * 11);
    assert!(acquire(&pool).is_reused());
    assert_eq!(world.asked(0), [Message::Hello, Message::Logon, Message::Reset]);
    assert_eq!(world.connections(), 1);
}

#[test]
fn a_connection_that_dies_during_the_probe_is_replaced_silently() {
    let world = World::new();
    let pool = pool(&world, config().liveness_check_timeout(Duration::ZERO));
    drop(acquire(&pool));
    world.hold(0);
    world.pass(SECOND);
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    world.cut(0);
    assert!(!next.run().expect("it is woken").unwrap().is_reused());
}

#[test]
fn a_connection_that_a_firewall_has_forgotten_is_replaced_within_a_second() {
    let world = World::new();
    let pool = pool(&world, config().liveness_check_timeout(SECOND));
    drop((acquire(&pool), acquire(&pool)));
    world.hold(0);
    world.hold(1);
    world.pass(SECOND * 100);
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    world.pass(SECOND);
    assert!(!next.run().expect("it opened one").unwrap().is_reused());
    assert_eq!(world.connections(), 3);
}

#[test]
fn a_dropped_probe_leaves_the_connection_as_it_was() {
    let world = World::new();
    let pool = pool(&world, config().liveness_check_timeout(SECOND));
    drop(acquire(&pool));
    world.hold(0);
    world.pass(SECOND * 2);
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    drop(next);
    assert_eq!(counts(&pool), (0, 1, 0, 0));
    world.release(0);
    assert!(acquire(&pool).is_reused());
}

#[test]
fn no_timer_outlives_the_call_that_made_it() {
    let world = World::new();
    let pool = pool(&world, config());
    let mut lease = acquire(&pool);
    world.hold(0);
    ask(&mut lease);
    drop(lease);
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    assert!(world.timers() > 0, "it waits for an answer");
    world.pass(SECOND);
    // What it waited for is in the pool.
    drop(next.run().expect("a new connection").unwrap());
    assert_eq!(world.timers(), 0);
}

#[test]
fn a_waiter_for_the_end_of_a_write_that_gives_up_does_not_undo_it() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(1));
    let mut lease = acquire(&pool);
    world.hold(0);
    let result = ask(&mut lease);
    lease.set_unfinished(Unfinished::Finish(result));
    drop(lease);
    for _ in 0..2 {
        let mut next = acquiring(&pool);
        assert!(next.run().is_none());
        world.pass(SECOND);
        assert!(next.run().is_none(), "there is nothing else");
        drop(next);
    }
    assert!(!world.asked(0).contains(&Message::Reset));
    world.release(0);
    assert!(acquire(&pool).is_reused());
}

#[test]
fn a_connection_whose_end_is_known_is_replaced_by_other_idle_ones_first() {
    let world = World::new();
    let pool = pool(&world, config());
    drop((acquire(&pool), acquire(&pool)));
    // The last one that came back is the first that is handed out.
    let last = 1;
    world.cut(last);
    world.pass(SECOND * 2);
    let lease = acquire(&pool);
    assert!(lease.is_reused());
    assert_eq!((world.connections(), counts(&pool)), (2, (1, 0, 0, 0)));
}

#[test]
fn a_connection_that_is_too_old_is_closed_with_goodbye_and_replaced() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_lifetime(SECOND * 60));
    drop(acquire(&pool));
    world.pass(SECOND * 59);
    let lease = acquire(&pool);
    assert!(lease.is_reused());
    world.pass(SECOND);
    // It is in use, which the pool does not disturb.
    assert_eq!(world.asked(0).last(), Some(&Message::Logon));
    drop(lease);
    assert!(!acquire(&pool).is_reused());
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}

#[test]
fn a_connection_that_becomes_too_old_while_its_answer_is_awaited_is_replaced() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_lifetime(SECOND * 10));
    let mut lease = acquire(&pool);
    world.hold(0);
    ask(&mut lease);
    world.pass(SECOND * 10 - SECOND / 2);
    drop(lease);
    let mut next = acquiring(&pool);
    assert!(next.run().is_none());
    world.pass(SECOND * 3 / 4);
    world.release(0);
    assert!(!next.run().expect("it is woken").unwrap().is_reused());
    assert_eq!(world.asked(0).last(), Some(&Message::Goodbye));
}

#[test]
fn without_a_lifetime_connections_live_for_ever() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_lifetime(None));
    drop(acquire(&pool));
    world.pass(SECOND * 1_000_000);
    assert!(acquire(&pool).is_reused());
}

#[test]
fn a_connection_is_kept_after_a_failure_and_closed_after_a_violation() {
    let world = World::new();
    let pool = pool(&world, config());
    let mut lease = acquire(&pool);
    world.fail(0, Message::Run);
    ask(&mut lease);
    Task::new(lease.head(Deadline::NONE)).run().unwrap().unwrap();
    drop(lease);
    assert_eq!(counts(&pool), (0, 1, 0, 0));
    let mut lease = acquire(&pool);
    assert_eq!(
        (world.connections(), world.asked(0).last()),
        (1, Some(&Message::Reset))
    );

    ask(&mut lease);
    world.send(0, &[0, 3, 1, 2, 3, 0, 0]);
    let mut violated = false;
    for _ in 0..4 {
        violated |= Task::new(lease.head(Deadline::NONE)).run().unwrap().is_err();
        drop(lease.event());
    }
    assert!(violated);
    drop(lease);
    assert_eq!(counts(&pool), (0, 0, 0, 0));
}

#[test]
fn the_failure_of_an_opening_of_an_earlier_call_is_not_the_next_callers_error() {
    let world = World::new();
    let pool = pool(&world, config());
    world.set_silent(true);
    let mut first = acquiring(&pool);
    assert!(first.run().is_none());
    drop(first);
    assert_eq!(counts(&pool), (0, 0, 1, 0));
    world.cut(0);
    world.set_silent(false);
    assert!(!acquire(&pool).is_reused());
    assert_eq!(counts(&pool), (0, 1, 0, 0));
}

#[test]
fn an_abandoned_opening_is_dropped_even_when_only_the_counts_are_read() {
    let world = World::new();
    let pool = pool(&world, config().connection_timeout(SECOND * 3));
    world.set_silent(true);
    let mut first = acquiring(&pool);
    assert!(first.run().is_none());
    drop(first);
    world.pass(SECOND * 3);
    assert_eq!(counts(&pool), (0, 0, 0, 0));
}

#[test]
fn the_error_of_a_caller_whose_time_is_up_says_what_it_waited_for_and_the_counts() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(2));
    let _lease = acquire(&pool);
    world.set_silent(true);
    let by = Deadline::after(pool.now(), SECOND * 5);
    let acquiring = || Task::new(pool.acquire(&DRIVERS, by));
    let (mut opener, mut waiter) = (acquiring(), acquiring());
    assert!(opener.run().is_none() && waiter.run().is_none());
    world.pass(SECOND * 5);
    let error = waiter.run().expect("it is woken").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let text = error.to_string();
    assert!(text.contains("1 in use, 0 idle, 1 opening, 1 waiting"), "{text}");
    let text = opener.run().expect("it is woken").unwrap_err().to_string();
    assert!(
        text.contains("new connection") && text.contains("1 opening"),
        "{text}"
    );
    assert_eq!(counts(&pool), (1, 0, 1, 0));
}

#[test]
fn a_waker_may_use_the_pool_that_wakes_it() {
    let world = World::new();
    let pool = pool(&world, config().max_connection_pool_size(1));
    let lease = acquire(&pool);
    let (asked, free) = (Arc::clone(&pool), Arc::new(AtomicBool::new(false)));
    let is_free = Arc::clone(&free);
    let mut waiter = Task::waking(pool.acquire(&DRIVERS, Deadline::NONE), move || {
        is_free.store(asked.inner.try_lock().is_ok(), Ordering::Relaxed);
    });
    assert!(waiter.run().is_none());
    drop(lease);
    assert!(waiter.run().is_some());
    assert!(free.load(Ordering::Relaxed), "it was woken under the lock");
}

#[test]
fn a_connection_whose_server_accepts_no_byte_is_closed_after_the_write_timeout() {
    let world = World::new();
    let pool = pool(&world, config().connection_write_timeout(SECOND * 3));
    let mut lease = acquire(&pool);
    world.fill(0);
    ask(&mut lease);
    let mut waiting = Task::new(lease.head(Deadline::NONE));
    assert!(waiting.run().is_none());
    world.pass(SECOND * 2);
    assert!(waiting.run().is_none());
    world.pass(SECOND);
    let error = waiting.run().expect("the limit is over").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.to_string().contains("connection_write_timeout"), "{error}");
}

#[test]
fn a_server_that_has_just_been_sent_something_is_not_silent_yet() {
    let world = World::new();
    let pool = pool(&world, config().connection_write_timeout(None));
    let mut lease = acquire(&pool);
    world.fill(0);
    world.hold(0);
    ask(&mut lease);
    // The server has promised to send something within 100 s. This wait is dropped, and none follows for longer than
    // that.
    assert!(Task::new(lease.head(Deadline::NONE)).run().is_none());
    world.pass(SECOND * 200);
    world.empty(0);
    let mut waiting = Task::new(lease.head(Deadline::NONE));
    assert!(waiting.run().is_none(), "the question has only now left");
    world.pass(SECOND * 99);
    assert!(waiting.run().is_none());
    world.pass(SECOND);
    let error = waiting.run().expect("the limit is over").unwrap_err();
    assert!(error.to_string().contains("recv_timeout_seconds"), "{error}");
}
