//! Loads of rows in batches.

use std::cell::Cell;
use std::sync::Mutex;

use serde::Serialize;

use super::*;
use crate::{AsValue, Auth, Error, Loaded, query};

/// The parts of a batch in a transaction that can fail, in their order.
const REQUESTS: [Message; 4] = [Message::Begin, Message::Run, Message::Pull, Message::Commit];

/// Loads the numbers from 1 in batches of 2. Lets the pauses before second attempts pass.
fn load(servers: &Scripted, numbers: i64, auto_commit: bool) -> Result<Loaded, Error> {
    let driver = servers.driver();
    let mut session = driver.session().build();
    let load = session.load("LOAD", 1..=numbers).batch_rows(2);
    let mut call = Task::new(load.auto_commit(auto_commit));
    for _ in 0..3 {
        if let Some(outcome) = call.run() {
            return outcome;
        }
        servers.pass(2 * SECOND);
    }
    call.run().expect("all pauses are over")
}

#[test]
fn rows_are_committed_in_batches_in_their_order() {
    for auto_commit in [false, true] {
        let servers = Scripted::new();
        let loaded = load(&servers, 5, auto_commit).unwrap();
        assert_eq!(servers.committed(), ["LOAD [1, 2]", "LOAD [3, 4]", "LOAD [5]"]);
        assert_eq!((loaded.rows, loaded.batches, loaded.uncertain_rows), (5, 3, 0));
        assert_eq!(loaded.to_string(), "5 rows in 3 batches");
        assert_eq!(servers.connections(), 1);
    }
}

#[test]
fn a_last_batch_that_is_full_is_followed_by_no_empty_one() {
    for (rows, batches) in [(0, 0), (1, 1), (2, 1), (4, 2)] {
        let servers = Scripted::new();
        assert_eq!(load(&servers, rows, false).unwrap().batches, batches);
        assert_eq!(servers.committed().len(), batches);
        assert_eq!(
            servers.connections(),
            batches.min(1),
            "nothing is asked for nothing"
        );
    }
}

#[test]
fn a_batch_ends_with_the_row_that_reaches_its_bytes() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let long = "x".repeat(100);
    let rows = ["a", "b", &long, "c", &long, &long];
    let loaded = now(session.load("LOAD", rows).batch_bytes(50)).unwrap();
    assert_eq!((loaded.rows, loaded.batches), (6, 3));
    assert!(servers.committed()[0].starts_with(r#"LOAD ["a", "b", "xxx"#));
}

#[test]
fn other_parameters_go_with_each_batch_and_rows_may_be_values() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let text = query("LOAD").param("source", "census");
    let rows = [[1_u8, 2], [3, 4]].map(AsValue);
    let loaded = now(driver.load(text, rows).batch_rows(1)).unwrap();
    assert_eq!(loaded.batches, 2);
    assert_eq!(servers.committed().len(), 2);
    // The load shares the bookmarks of `execute_query`.
    now(driver.execute_query("CREATE ()")).unwrap();
    assert_eq!(servers.bookmarks(0).len(), 1);
    let twice = query("LOAD").param("rows", 1);
    let error = now(driver.load(twice, [1])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameter, "{error}");
}

#[test]
fn the_next_batch_is_encoded_while_one_is_on_its_way() {
    for auto_commit in [false, true] {
        let servers = Scripted::new();
        let driver = servers.driver_ready(1);
        servers.news(0);
        servers.hold(0);
        let mut session = driver.session().build();
        let taken = Mutex::new(0);
        let rows = (1..).inspect(|&row| *taken.lock().unwrap() = row);
        let load = session.load("LOAD", rows).batch_rows(1_000);
        let mut call = Task::new(load.auto_commit(auto_commit));
        assert!(call.run().is_none());
        assert_eq!(servers.count(Message::Run), 1);
        assert_eq!(*taken.lock().unwrap(), 2_000, "one batch ahead, and no more");
        assert!(!call.is_woken(), "then it sleeps until an answer arrives");
    }
}

#[test]
fn an_answer_is_taken_although_the_next_batch_is_not_complete() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    let mut session = driver.session().build();
    let count = Cell::new(0);
    // Of a batch that is much larger than one step, the commit of the batch before is not waited for.
    let rows = (0..3_000).inspect(move |_| {
        count.set(count.get() + 1);
        if count.get() == 2_999 {
            assert_eq!(servers.committed().len(), 1);
        }
    });
    assert_eq!(
        now(session.load("LOAD", rows).batch_rows(1_500)).unwrap().batches,
        2
    );
}

#[test]
fn a_batch_is_retried_after_transient_failures_and_rows_are_not_asked_for_twice() {
    for fails in REQUESTS {
        let servers = Scripted::new();
        servers.fail(fails, DEADLOCK);
        let loaded = load(&servers, 4, false).unwrap();
        assert_eq!(servers.committed(), ["LOAD [1, 2]", "LOAD [3, 4]"], "{fails}");
        assert_eq!((loaded.rows, loaded.batches), (4, 2));
    }
}

#[test]
fn a_connection_that_is_lost_before_the_commit_is_replaced_and_after_it_leaves_it_unknown() {
    for cut in REQUESTS {
        let servers = Scripted::new();
        servers.cut_at(cut);
        let outcome = load(&servers, 4, false);
        if cut == Message::Commit {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{error}");
            let loaded = error.loaded().unwrap();
            assert_eq!((loaded.rows, loaded.uncertain_rows), (0, 2));
        } else {
            assert_eq!(outcome.unwrap().rows, 4, "{cut}");
            assert_eq!(servers.committed(), ["LOAD [1, 2]", "LOAD [3, 4]"], "{cut}");
        }
    }
}

#[test]
fn a_failure_says_what_was_committed_before_it() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let reported = Mutex::new(Vec::new());
    let load = session.load("LOAD", 1..=6).batch_rows(2).progress(|loaded| {
        reported.lock().unwrap().push(loaded.rows);
        if loaded.batches == 2 {
            servers.fail(Message::Run, SYNTAX);
        }
    });
    let error = now(load).unwrap_err();
    assert_eq!(*reported.lock().unwrap(), [2, 4]);
    assert_eq!((error.kind(), error.code()), (ErrorKind::Server, Some(SYNTAX)));
    let loaded = *error.loaded().unwrap();
    assert_eq!((loaded.rows, loaded.batches, loaded.uncertain_rows), (4, 2, 0));
    assert!(
        error
            .to_string()
            .ends_with("(after 4 rows in 2 batches were committed)"),
        "{error}"
    );
    // Going on there loads the rest.
    now(session.load("LOAD", (1..=6).skip(loaded.rows)).batch_rows(2)).unwrap();
    assert_eq!(servers.committed(), ["LOAD [1, 2]", "LOAD [3, 4]", "LOAD [5, 6]"]);
}

#[test]
fn a_load_of_which_something_is_committed_is_not_retryable_as_a_whole() {
    for (batches, retryable) in [(0, true), (1, false)] {
        let servers = Scripted::new();
        let driver = servers.driver();
        let mut session = driver
            .session()
            .max_transaction_retry_time(Duration::ZERO)
            .build();
        if batches == 0 {
            servers.fail(Message::Run, DEADLOCK);
        }
        let fail = |_: &Loaded| servers.fail(Message::Run, DEADLOCK);
        let error = now(session.load("LOAD", 1..=4).batch_rows(2).progress(fail)).unwrap_err();
        assert_eq!(error.code(), Some(DEADLOCK));
        assert_eq!(
            (error.is_retryable(), error.loaded().unwrap().batches),
            (retryable, batches)
        );
    }
}

#[test]
fn an_auto_commit_batch_that_fails_on_the_server_is_uncertain() {
    for (fails, kind) in [
        (Message::Run, ErrorKind::Server),
        (Message::Pull, ErrorKind::Server),
    ] {
        let servers = Scripted::new();
        servers.fail(fails, DEADLOCK);
        let error = load(&servers, 4, true).unwrap_err();
        assert_eq!(
            (error.kind(), error.loaded().unwrap().uncertain_rows),
            (kind, 2),
            "{fails}"
        );
    }
    for cut in [Message::Run, Message::Pull] {
        let servers = Scripted::new();
        servers.cut_at(cut);
        let error = load(&servers, 4, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{cut}: {error}");
        assert_eq!(error.loaded().unwrap().uncertain_rows, 2);
    }
    let servers = Scripted::new();
    servers.refuse();
    let error = load(&servers, 4, true).unwrap_err();
    assert_eq!(
        (error.kind(), error.loaded().unwrap().uncertain_rows),
        (ErrorKind::Connect, 0)
    );
}

#[test]
fn an_auto_commit_batch_that_was_not_sent_is_not_uncertain_whatever_failed() {
    let servers = Scripted::new();
    servers.fail(Message::Logon, "Neo.DatabaseError.General.UnknownError");
    let error = load(&servers, 4, true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert_eq!(error.loaded().unwrap().uncertain_rows, 0);
}

#[test]
fn an_auto_commit_batch_whose_login_is_refused_is_not_uncertain() {
    for code in [
        "Neo.ClientError.Security.Unauthorized",
        "Neo.DatabaseError.General.UnknownError",
    ] {
        let servers = Scripted::new();
        let driver = servers.driver_ready(1);
        servers.fail(Message::Logon, code);
        // The login changes on the connection that the batch travels on.
        let mut session = driver.session().auth(Auth::basic("ada", "secret")).build();
        let error = now(session.load("LOAD", 1..=4).auto_commit(true)).unwrap_err();
        assert_eq!((error.code(), servers.connections()), (Some(code), 1));
        assert_eq!(error.loaded().unwrap().uncertain_rows, 0, "{error}");
    }
}

#[test]
fn an_auto_commit_batch_is_uncertain_whatever_the_server_says_about_its_failure() {
    let servers = Scripted::new();
    servers.fail(Message::Pull, "Neo.ClientError.Security.CredentialsExpired");
    let error = load(&servers, 4, true).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert_eq!(error.loaded().unwrap().uncertain_rows, 2);
}

#[test]
fn a_row_that_cannot_be_sent_ends_the_load_and_is_named_by_its_number() {
    #[derive(Serialize)]
    struct Row {
        id: u64,
    }
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let rows = [1, 2, 3, u64::MAX, 5].map(|id| Row { id });
    let error = now(session.load("LOAD", rows).batch_rows(2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameter);
    assert!(
        error
            .to_string()
            .starts_with(r#"parameter "rows", item 3, field "id": "#),
        "{error}"
    );
    assert_eq!(error.loaded().unwrap().rows, 2);
    assert_eq!(servers.committed(), ["LOAD [{id: 1}, {id: 2}]"]);
}

#[test]
fn an_error_of_the_source_ends_the_load_and_is_returned() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let rows = "1 2 3 x 5".split(' ').map(str::parse::<i64>);
    let error = now(session.try_load("LOAD", rows).batch_rows(2)).unwrap_err();
    assert_eq!(
        (error.kind(), error.loaded().unwrap().rows),
        (ErrorKind::Abort, 2)
    );
    assert!(error.into_abort::<std::num::ParseIntError>().is_ok());
    // The driver's own error is itself.
    let rows = [Ok(1), Err(Error::misuse("elsewhere"))];
    let error = now(session.try_load("LOAD", rows)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[test]
fn a_load_that_is_dropped_leaves_what_was_committed_and_cancels_the_rest() {
    for auto_commit in [false, true] {
        let servers = Scripted::new();
        let driver = servers.driver_ready(1);
        let mut session = driver.session().build();
        let progress = Mutex::new(0);
        let hold = |loaded: &Loaded| {
            *progress.lock().unwrap() = loaded.rows;
            servers.hold(0);
        };
        let load = session.load("LOAD", 1..=6).batch_rows(2).progress(hold);
        let mut call = Task::new(load.auto_commit(auto_commit));
        assert!(call.run().is_none());
        drop(call);
        servers.release(0);
        assert_eq!(*progress.lock().unwrap(), 2);
        now(session.run("AFTER").consume()).unwrap();
        let committed = servers.committed();
        assert_eq!(
            (&*committed[0], &**committed.last().unwrap()),
            ("LOAD [1, 2]", "AFTER")
        );
        // The scripted server is faster than the cancellation of an auto-commit query.
        assert_eq!(committed.len(), if auto_commit { 3 } else { 2 });
        assert_eq!(session.held(), 0);
    }
}

#[test]
fn each_batch_has_its_own_deadline() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    let mut session = driver.session().build();
    let late = |loaded: &Loaded| match loaded.batches {
        3 => servers.hold(0),
        _ => servers.pass(SECOND),
    };
    let load = session.load("LOAD", 1..=8).batch_rows(2).progress(late);
    let mut call = Task::new(load.deadline(SECOND));
    assert!(call.run().is_none(), "the first batches were in time");
    servers.pass(SECOND);
    let error = call.run().expect("the time is up").unwrap_err();
    assert_eq!(
        (error.kind(), error.loaded().unwrap().batches),
        (ErrorKind::Timeout, 3)
    );
}

#[test]
fn each_batch_sees_the_one_before_and_the_session_continues_from_the_last() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    now(session.load("LOAD", 1..=6).batch_rows(2)).unwrap();
    let last = bookmarks(&mut session);
    now(session.run("AFTER").consume()).unwrap();
    assert_eq!(servers.bookmarks(0), last);
}

#[test]
fn rows_that_a_query_returns_are_dropped() {
    for auto_commit in [false, true] {
        let servers = Scripted::new();
        let driver = servers.driver();
        let mut session = driver.session().build();
        let load = session.load("LOAD ROWS 7", 1..=4).batch_rows(2);
        assert_eq!(now(load.auto_commit(auto_commit)).unwrap().rows, 4);
    }
}

#[test]
fn nothing_of_a_load_is_printed() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let load = driver.load("SECRET", ["SECRET"]);
    assert!(!format!("{load:?}").contains("SECRET"));
}

#[cfg(feature = "stream")]
mod streams {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// A stream of the numbers that the test pushes.
    #[derive(Clone, Default)]
    struct Pushed(Arc<Mutex<Inner>>);

    #[derive(Default)]
    struct Inner {
        numbers: VecDeque<i64>,
        ended: bool,
        waker: Option<Waker>,
    }

    impl Pushed {
        fn push(&self, numbers: impl IntoIterator<Item = i64>, ended: bool) {
            let mut inner = self.0.lock().unwrap();
            inner.numbers.extend(numbers);
            inner.ended = ended;
            if let Some(waker) = inner.waker.take() {
                waker.wake();
            }
        }
    }

    impl futures_core::Stream for Pushed {
        type Item = i64;

        fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<i64>> {
            let mut inner = self.0.lock().unwrap();
            match inner.numbers.pop_front() {
                Some(number) => Poll::Ready(Some(number)),
                None if inner.ended => Poll::Ready(None),
                None => {
                    inner.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        }
    }

    #[test]
    fn a_batch_is_worked_on_while_the_stream_has_no_row() {
        let servers = Scripted::new();
        let driver = servers.driver_ready(1);
        let mut session = driver.session().build();
        let rows = Pushed::default();
        let mut call = Task::new(session.load_stream("LOAD", rows.clone()).batch_rows(2));
        assert!(call.run().is_none());
        assert_eq!(
            servers.count(Message::Run),
            0,
            "a batch is sent once it is complete"
        );
        servers.hold(0);
        rows.push([1, 2, 3], false);
        assert!(call.run().is_none());
        assert!(servers.committed().is_empty());
        servers.release(0);
        assert!(call.run().is_none());
        assert_eq!(
            servers.committed(),
            ["LOAD [1, 2]"],
            "although the stream has not gone on"
        );
        rows.push([], true);
        assert_eq!(call.run().unwrap().unwrap().batches, 2);
        assert_eq!(servers.committed(), ["LOAD [1, 2]", "LOAD [3]"]);
    }

    #[test]
    fn a_deadline_ends_a_batch_while_the_stream_has_no_row() {
        let servers = Scripted::new();
        let driver = servers.driver_ready(1);
        let mut session = driver.session().build();
        let rows = Pushed::default();
        rows.push([1, 2, 3], false);
        servers.hold(0);
        let load = session.load_stream("LOAD", rows).batch_rows(2);
        let mut call = Task::new(load.deadline(SECOND));
        assert!(call.run().is_none());
        servers.pass(SECOND);
        assert_eq!(call.run().unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[test]
    fn the_records_of_another_session_are_loaded() {
        let servers = Scripted::new();
        let driver = servers.driver();
        let records = now(driver.session().build().into_records("ROWS 3")).unwrap();
        let mut session = driver.session().build();
        now(session.try_load_stream("LOAD", records)).unwrap();
        assert_eq!(
            servers.committed().last().unwrap(),
            "LOAD [{n: 1}, {n: 2}, {n: 3}]"
        );
    }
}
