//! The texts of errors.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn later_calls_of_work_that_has_failed_are_given_the_first_failure_as_such() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let mut tx = now(session.begin_transaction()).unwrap();
    servers.fail(Message::Run, SYNTAX);
    let first = now(tx.run("RETURN 1")).map(drop).unwrap_err();
    assert!(first.to_string().starts_with(SYNTAX), "{first}");
    for _ in 0..2 {
        let later = now(tx.run("RETURN 1")).map(drop).unwrap_err();
        assert_eq!(later.to_string(), format!("the work had already failed: {first}"));
        assert_eq!(later.kind(), ErrorKind::Server);
        assert_eq!(later.server().unwrap().code(), SYNTAX);
    }
    let later = tx.queue("RETURN 1").unwrap_err();
    assert!(
        later.to_string().starts_with("the work had already failed: Neo"),
        "{later}"
    );
    let later = now(tx.commit()).unwrap_err();
    assert!(
        later.to_string().starts_with("the work had already failed: Neo"),
        "{later}"
    );
}

#[test]
fn records_that_have_failed_say_so_again() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    servers.fail_after(2, SYNTAX);
    let mut rows = now(session.run("ROWS 5")).unwrap();
    for _ in 0..2 {
        assert!(now(rows.try_next()).unwrap().is_some());
    }
    let first = now(rows.try_next()).unwrap_err();
    assert!(first.to_string().starts_with(SYNTAX), "{first}");
    assert_eq!(now(rows.try_next()).unwrap_err().kind(), ErrorKind::Server);
}

#[test]
fn a_lost_connection_is_reported_again_as_what_had_happened() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    servers.cut_at(Message::Pull);
    let mut rows = now(session.run("ROWS 5")).unwrap();
    let first = now(rows.try_next()).unwrap_err();
    assert_eq!(first.kind(), ErrorKind::UnknownCommit);
    for _ in 0..3 {
        let later = now(rows.try_next()).unwrap_err();
        assert_eq!(later.to_string(), format!("the work had already failed: {first}"));
        assert_eq!(later.kind(), ErrorKind::UnknownCommit);
    }
}

#[test]
fn the_last_of_several_attempts_says_how_many_there_were_and_within_what_time() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().max_transaction_retry_time(5 * SECOND).build();
    let calls = AtomicUsize::new(0);
    let mut work = Task::new(async {
        session
            .execute_write(|mut tx| {
                calls.fetch_add(1, Ordering::Relaxed);
                servers.fail(Message::Run, DEADLOCK);
                async move { tx.run("RETURN 1").await.map(drop) }
            })
            .await
    });
    let error = loop {
        match work.run() {
            Some(outcome) => break outcome.unwrap_err(),
            None => servers.pass(SECOND),
        }
    };
    let calls = calls.load(Ordering::Relaxed);
    assert_eq!(calls, 4);
    let says = "(the last of 4 attempts within 5.0 s, see max_transaction_retry_time)";
    assert!(error.to_string().ends_with(says), "{error}");
    assert!(error.is_retryable());
    assert_eq!(error.server().unwrap().code(), DEADLOCK);
}

#[test]
fn the_only_attempt_says_nothing_of_attempts() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver
        .session()
        .max_transaction_retry_time(Duration::ZERO)
        .build();
    servers.fail(Message::Run, DEADLOCK);
    let error = now(session.execute_write(|mut tx| async move { tx.run("RETURN 1").await.map(drop) }));
    let text = error.unwrap_err().to_string();
    assert!(!text.contains("attempt"), "{text}");
}

#[test]
fn attempts_to_get_a_connection_are_counted() {
    let servers = Scripted::new();
    let config = Scripted::config().max_transaction_retry_time(2 * SECOND);
    let driver = servers.driver_with(config);
    servers.refuse();
    let mut call = Task::new(async { driver.execute_query("RETURN 1").await.map(drop) });
    let error = loop {
        match call.run() {
            Some(outcome) => break outcome.unwrap_err(),
            None => servers.pass(SECOND),
        }
    };
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(
        error.to_string().contains("the last of 3 attempts within 2.0 s"),
        "{error}"
    );
}

#[test]
fn an_error_shows_itself_in_one_line_with_what_caused_it() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    servers.cut_at(Message::Commit);
    let mut tx = now(session.begin_transaction()).unwrap();
    drop(now(tx.run("CREATE ()")).unwrap());
    let error = now(tx.commit()).unwrap_err();
    let shown = format!("{error:?}");
    assert!(shown.starts_with(&error.to_string()), "{shown}");
    assert!(!shown.contains('\n') && !shown.contains("Reason"), "{shown}");
    assert!(error.source().is_some());
    let alternate = format!("{error:#?}");
    assert!(!alternate.contains('\n'), "{alternate}");

    let servers = Scripted::new();
    servers.refuse();
    let driver = servers.driver();
    let error = now(driver.verify_connectivity()).unwrap_err();
    assert!(
        format!("{error:?}").starts_with("cannot connect to "),
        "{error:?}"
    );
}

/// Returns the error of a call whose answer does not arrive within this time.
#[track_caller]
fn late<T>(
    servers: &Scripted,
    time: Duration,
    call: impl Future<Output = Result<T, crate::Error>> + Send,
) -> String
where
    T: Send,
{
    let mut call = Task::new(async { call.await.map(drop) });
    assert!(call.run().is_none());
    servers.pass(time);
    let error = call.run().expect("the time is up").unwrap_err();
    error.to_string()
}

#[test]
fn a_deadline_says_how_long_it_was_and_which_option_set_it() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    servers.hold(0);
    let call = driver
        .execute_query("RETURN 1")
        .deadline(Duration::from_millis(250));
    let text = late(&servers, SECOND, call);
    assert!(
        text.contains("timed out after 250ms (deadline of the call)"),
        "{text}"
    );

    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    servers.hold(0);
    let mut session = driver.session().deadline(2 * SECOND).build();
    let text = late(&servers, 2 * SECOND, async {
        session.run("RETURN 1").await.map(drop)
    });
    assert!(
        text.contains("timed out after 2s (deadline of the session)"),
        "{text}"
    );
    let text = late(&servers, 2 * SECOND, async {
        session.run("RETURN 1").deadline(SECOND).await.map(drop)
    });
    assert!(text.contains("1s (deadline of the call)"), "{text}");

    let servers = Scripted::new();
    let driver = servers.driver_with(Scripted::config().deadline(3 * SECOND));
    drop(now(driver.execute_query("RETURN 1")).unwrap());
    servers.hold(0);
    let mut session = driver.session().build();
    let text = late(&servers, 3 * SECOND, async {
        session.run("RETURN 1").await.map(drop)
    });
    assert!(text.contains("3s (deadline of the driver)"), "{text}");
}

#[test]
fn a_query_of_a_transaction_has_the_shorter_of_both_limits() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    let mut session = driver.session().build();
    let mut tx = now(session.begin_transaction().deadline(2 * SECOND).eager(true)).unwrap();
    servers.hold(0);
    let text = late(&servers, SECOND, async {
        tx.run("RETURN 1").deadline(SECOND).await.map(drop)
    });
    assert!(text.contains("1s (deadline of the call)"), "{text}");
    drop(tx);
    servers.release(0);
    let mut tx = now(session.begin_transaction().deadline(2 * SECOND).eager(true)).unwrap();
    servers.hold(0);
    let text = late(&servers, 2 * SECOND, async {
        tx.run("RETURN 1").deadline(9 * SECOND).await.map(drop)
    });
    assert!(text.contains("2s (deadline of the call)"), "{text}");
}

#[test]
fn a_call_that_is_cancelled_between_two_attempts_says_what_the_last_one_failed_with() {
    let servers = Scripted::new();
    let driver = servers.driver();
    servers.fail(Message::Run, DEADLOCK);
    let mut call = Task::new(async { driver.execute_query("RETURN 1").await.map(drop) });
    assert!(call.run().is_none(), "there is a pause");
    servers.cancel(true);
    servers.pass(SECOND);
    let error = call.run().expect("it is cancelled").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(error.to_string().contains("DeadlockDetected"), "{error}");
}
