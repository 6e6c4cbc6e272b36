//! Attempts on pooled connections, some of which are dead.

use std::future::IntoFuture;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::Driver;

/// A driver with two ready connections. The second is handed out first.
fn driver(world: &World) -> Driver {
    let driver = Driver::with_runtime(Arc::new(world.clone()), config()).unwrap();
    let mut sessions = [driver.session().build(), driver.session().build()];
    let transactions = sessions
        .each_mut()
        .map(|session| now(session.begin_transaction().eager(true)));
    for tx in transactions {
        now(tx.unwrap().rollback()).unwrap();
    }
    assert_eq!(world.connections(), 2);
    driver
}

/// Calls a transaction function that takes this much time, while two connections are ready and the first one handed out
/// has died. Returns the result and the number of calls.
fn execute(time: Duration, deadline: Duration) -> (Result<(), Error>, usize) {
    let world = World::new();
    let driver = driver(&world);
    world.cut(1);

    let calls = AtomicUsize::new(0);
    let mut session = driver.session().build();
    let work = session.execute_write(|mut tx| {
        calls.fetch_add(1, Ordering::Relaxed);
        let world = world.clone();
        async move {
            // A queued query would be missing on a replacement connection.
            let ran = tx.queue("RETURN 1")?.consume(&mut tx).await.map(drop);
            world.pass(time);
            ran
        }
    });
    (now(work.deadline(deadline)), calls.load(Ordering::Relaxed))
}

fn now<F: IntoFuture<IntoFuture: Send>>(call: F) -> F::Output {
    Task::new(call.into_future()).run().expect("nothing to wait for")
}

#[test]
fn a_connection_that_was_dead_before_its_use_costs_an_attempt_and_no_pause() {
    let (outcome, calls) = execute(Duration::ZERO, SECOND);
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(calls, 2);
}

#[test]
fn no_attempt_begins_after_the_deadline_even_if_another_connection_is_ready() {
    let (outcome, calls) = execute(SECOND, SECOND);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::ConnectionLost);
    assert_eq!(calls, 1);
}

#[test]
fn a_connection_that_turns_out_to_be_dead_is_replaced() {
    let world = World::new();
    let driver = driver(&world);
    let mut session = driver.session().build();
    let mut tx = now(session.begin_transaction()).unwrap();
    world.hold(1);
    let mut run = Task::new(tx.run("RETURN 1").into_future());
    assert!(run.run().is_none(), "the query has left");
    world.cut(1);
    drop(run.run().expect("nothing to wait for").unwrap());
    drop(run);
    now(tx.commit()).unwrap();
    let asked = [Message::Begin, Message::Run, Message::Pull, Message::Commit];
    assert_eq!(world.asked(0)[world.asked(0).len() - 4..], asked);
}

#[test]
fn a_transaction_that_has_lost_a_queued_query_is_not_moved_to_another_connection() {
    let world = World::new();
    let driver = driver(&world);
    let mut session = driver.session().build();
    let mut tx = now(session.begin_transaction()).unwrap();
    let _cursor = tx.queue("CREATE ()").unwrap();
    world.cut(1);
    let error = now(tx.run("RETURN 1")).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    now(tx.commit()).unwrap_err();
}

#[test]
fn a_dead_connection_is_no_reason_for_an_attempt_after_the_end_of_the_budget() {
    let world = World::new();
    let driver = driver(&world);
    let mut session = driver.session().max_transaction_retry_time(SECOND).build();
    let calls = AtomicUsize::new(0);
    let work = session.execute_write(|mut tx| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        let world = world.clone();
        async move {
            if call == 0 {
                // The budget begins.
                world.fail_transiently(1, Message::Run);
            } else {
                // It is handed out while RESET is answered on the other.
                world.cut(0);
            }
            let ran = tx.queue("RETURN 1")?.consume(&mut tx).await.map(drop);
            if call > 0 {
                world.pass(SECOND);
            }
            ran
        }
    });
    let mut work = Task::new(work.into_future());
    assert!(work.run().is_none(), "there is a pause");
    world.pass(SECOND);
    let error = work.run().expect("the budget is spent").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn if_there_is_no_replacement_the_error_says_so_and_decides_about_the_retry() {
    let world = World::new();
    let driver = driver(&world);
    let mut session = driver
        .session()
        .max_transaction_retry_time(Duration::ZERO)
        .build();
    // Both are dead, and nothing listens any more.
    world.cut(0);
    world.cut(1);
    world.refuse(7687);
    let calls = AtomicUsize::new(0);
    let error = now(session.execute_write(|mut tx| {
        calls.fetch_add(1, Ordering::Relaxed);
        async move { tx.run("RETURN 1").await.map(drop) }
    }));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Connect);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn queued_queries_are_not_sent_once_a_failure_is_known() {
    let world = World::new();
    let driver = driver(&world);
    let mut session = driver.session().build();
    let mut tx = now(session.begin_transaction()).unwrap();
    world.fail(1, Message::Pull);
    let mut failing = now(tx.run("RETURN 1").cursor()).unwrap();
    let mut queued = tx.queue("CREATE ()").unwrap();
    let sent = world.asked(1).len();
    let error = now(failing.try_next(&mut tx)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    let later = format!("the work had already failed: {error}");
    assert_eq!(now(queued.try_next(&mut tx)).unwrap_err().to_string(), later);
    assert_eq!(now(queued.consume(&mut tx)).unwrap_err().to_string(), later);
    assert_eq!(world.asked(1).len(), sent);
    assert_eq!(now(tx.commit()).unwrap_err().to_string(), later);
    assert_eq!(world.asked(1)[sent..], [Message::Reset]);
}
