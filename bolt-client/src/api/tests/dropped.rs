//! A session finishes what it has dropped before its next work.

use super::*;
use crate::BookmarkManager;

/// The first connection that the pool hands out.
const FIRST: usize = 2;

fn three(servers: &Scripted) -> Driver {
    let driver = servers.driver_ready(3);
    for at in 0..3 {
        servers.news(at);
    }
    driver
}

/// The value that is dropped.
#[derive(Debug, Clone, Copy)]
enum What {
    Rows,
    Cursor,
}

/// The next call on the session.
#[derive(Debug, Clone, Copy)]
enum Next {
    Run,
    Begin,
    Managed,
    Bookmarks,
    Close,
}

/// Runs a query and drops its result, after something else has happened.
fn leave(session: &mut Session, what: What, before: impl FnOnce()) {
    match what {
        What::Rows => {
            let rows = now(session.run("ROWS 3000")).unwrap();
            before();
            drop(rows);
        }
        What::Cursor => {
            let cursor = now(session.run("ROWS 3000").cursor()).unwrap();
            before();
            drop(cursor);
        }
    }
}

fn each(test: impl Fn(What, Next)) {
    for what in [What::Rows, What::Cursor] {
        for next in [
            Next::Run,
            Next::Begin,
            Next::Managed,
            Next::Bookmarks,
            Next::Close,
        ] {
            test(what, next);
        }
    }
}

async fn ask(mut session: Session, next: Next) -> Result<Session, crate::Error> {
    match next {
        Next::Run => drop(session.run("CREATE ()").await?),
        Next::Begin => {
            let mut tx = session.begin_transaction().await?;
            drop(tx.run("CREATE ()").await?);
            tx.commit().await?;
        }
        Next::Managed => {
            session
                .execute_write(|mut tx| async move { tx.run("CREATE ()").await.map(drop) })
                .await?;
        }
        Next::Bookmarks => drop(session.last_bookmarks().await?),
        Next::Close => session.finish().await?,
    }
    Ok(session)
}

#[test]
fn a_write_that_is_dropped_is_finished_first_on_its_own_connection() {
    each(|what, next| {
        let servers = Scripted::new();
        let driver = three(&servers);
        let mut session = driver.session().build();
        leave(&mut session, what, || ());
        let session = now(ask(session, next)).unwrap();

        let context = format!("{what:?}, {next:?}");
        let news = servers.news(FIRST);
        let finished = [Message::Run, Message::Pull, Message::Discard];
        assert_eq!(news[..3], finished, "{context}");
        assert_eq!(servers.committed()[0], "ROWS 3000", "{context}");
        if !matches!(next, Next::Bookmarks | Next::Close) {
            assert_eq!(servers.bookmarks(FIRST), ["bookmark:1"], "{context}");
            assert_eq!(servers.committed().len(), 2, "{context}");
        }
        assert_eq!(servers.count(Message::Reset), 0, "{context}");
        assert_eq!(session.held(), 0, "{context}");
    });
}

#[test]
fn a_write_whose_page_is_on_its_way_is_finished_without_guessing_whether_there_is_more() {
    each(|what, next| {
        let servers = Scripted::new();
        let driver = three(&servers);
        let mut session = driver.session().build();
        servers.hold(FIRST);
        let mut run = Task::new(async {
            leave_slowly(&mut session, what).await;
            session
        });
        assert!(run.run().is_none());
        servers.deliver(FIRST, 1);
        assert!(run.run().is_none(), "the page has a moment to arrive");
        servers.pass(Duration::from_millis(10));
        let session = run.run().expect("RUN was answered");
        let mut asking = Task::new(ask(session, next));
        assert!(asking.run().is_none(), "{what:?}, {next:?}");
        assert_eq!(servers.news(FIRST), [Message::Run, Message::Pull]);
        servers.release(FIRST);
        asking.run().expect("everything is answered").unwrap();
        assert_eq!(servers.committed()[0], "ROWS 3000", "{what:?}, {next:?}");
        assert_eq!(servers.connections(), 3);
    });
}

async fn leave_slowly(session: &mut Session, what: What) {
    match what {
        What::Rows => drop(session.run("ROWS 3000").await.unwrap()),
        What::Cursor => drop(session.run("ROWS 3000").cursor().await.unwrap()),
    }
}

#[test]
fn a_call_that_is_dropped_while_it_finishes_a_write_loses_nothing_of_it() {
    for what in [What::Rows, What::Cursor] {
        for answers in 0..4 {
            let servers = Scripted::new();
            let driver = three(&servers);
            let mut session = driver.session().build();
            leave(&mut session, what, || servers.hold(FIRST));
            let mut asking = Task::new(session.last_bookmarks());
            assert!(asking.run().is_none());
            servers.deliver(FIRST, answers);
            let done = asking.run().is_some();
            assert_eq!(done, answers > 0, "DISCARD has one answer");
            drop(asking);
            servers.release(FIRST);
            assert_eq!(bookmarks(&mut session), ["bookmark:1"]);
            assert_eq!(servers.committed(), ["ROWS 3000"]);
            assert_eq!(servers.count(Message::Discard), 1);
            assert_eq!(servers.count(Message::Reset), 0);
        }
    }
}

#[test]
fn a_call_that_runs_out_of_time_while_it_finishes_a_write_loses_nothing_of_it() {
    each(|what, next| {
        let servers = Scripted::new();
        let driver = three(&servers);
        let mut session = driver.session().deadline(SECOND).build();
        leave(&mut session, what, || servers.hold(FIRST));
        let mut asking = Task::new(async {
            let asked = match next {
                Next::Run => session.run("CREATE ()").await.map(drop),
                Next::Begin => session.begin_transaction().await.map(drop),
                Next::Managed => {
                    let work = session.execute_write(|_tx| async { Ok(()) });
                    work.await
                }
                Next::Bookmarks => session.last_bookmarks().await.map(drop),
                Next::Close => session.finish().await,
            };
            (session, asked)
        });
        assert!(asking.run().is_none());
        servers.pass(SECOND);
        let (mut session, asked) = asking.run().expect("the time is up");
        let error = asked.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert!(
            error.to_string().contains("1s (deadline of the session)"),
            "{error}"
        );
        servers.release(FIRST);
        assert_eq!(bookmarks(&mut session), ["bookmark:1"], "{what:?}, {next:?}");
        assert_eq!(servers.committed(), ["ROWS 3000"]);
        assert_eq!(servers.count(Message::Reset), 0);
        assert_eq!(servers.connections(), 3);
    });
}

#[test]
fn what_a_session_that_is_dropped_leaves_is_finished_by_the_pool_and_its_bookmark_arrives() {
    for what in [What::Rows, What::Cursor] {
        let servers = Scripted::new();
        let driver = three(&servers);
        let manager = BookmarkManager::new();
        let mut session = driver.session().bookmark_manager(&manager).build();
        leave(&mut session, what, || servers.hold(FIRST));
        drop(session);
        assert!(manager.bookmarks().is_empty());
        servers.release(FIRST);
        now(driver.close());
        let arrived = manager.bookmarks();
        assert_eq!(arrived.raw_values().collect::<Vec<_>>(), ["bookmark:1"]);
        assert_eq!(servers.committed(), ["ROWS 3000"]);
    }
}

/// Otherwise the server, which may be unable to send the rest, keeps the locks of the write, for which this call may wait.
#[test]
fn what_a_session_that_is_dropped_leaves_is_read_by_the_next_call_although_others_are_ready() {
    for what in [What::Rows, What::Cursor] {
        let servers = Scripted::new();
        let driver = three(&servers);
        let manager = BookmarkManager::new();
        let mut session = driver.session().bookmark_manager(&manager).build();
        leave(&mut session, what, || servers.hold(FIRST));
        drop(session);
        servers.release(FIRST);
        now(driver.execute_query("RETURN 1")).unwrap();
        let arrived = manager.bookmarks();
        assert_eq!(arrived.raw_values().collect::<Vec<_>>(), ["bookmark:1"]);
        assert_eq!(servers.connections(), 3);
    }
}

#[test]
fn a_dropped_write_on_which_the_server_still_works_costs_one_call_its_patience() {
    // Half of what the call has, if that is less.
    for (limit, waits) in [(None, SECOND), (Some(SECOND), SECOND / 2)] {
        let servers = Scripted::new();
        let driver = three(&servers);
        let mut session = driver.session().build();
        leave(&mut session, What::Rows, || servers.hold(FIRST));
        drop(session);
        let ask = || Task::new(async { driver.execute_query("RETURN 1").deadline(limit).await });
        let mut first = ask();
        assert!(first.run().is_none(), "it reads the rest of the write");
        // A call that is dropped takes nothing with it.
        drop(first);
        let mut first = ask();
        assert!(first.run().is_none());
        servers.pass(waits);
        first.run().expect("other connections are ready").unwrap();
        ask().run().expect("it does not wait").unwrap();
        assert_eq!(servers.committed(), ["ROWS 3000", "RETURN 1", "RETURN 1"]);
        assert_eq!(servers.connections(), 3);
        servers.release(FIRST);
        now(driver.close());
    }
}

#[test]
fn the_rest_of_a_write_that_arrives_slowly_is_read_in_half_of_a_call_at_most() {
    // Three rows of eight bytes.
    for (limit, bytes) in [(None, 24), (Some(SECOND * 8), 4)] {
        let servers = Scripted::new();
        let driver = three(&servers);
        let mut session = driver.session().build();
        servers.hold(FIRST);
        let mut run = Task::new(leave_slowly(&mut session, What::Rows));
        assert!(run.run().is_none());
        servers.deliver(FIRST, 1);
        assert!(run.run().is_none(), "the page has a moment to arrive");
        servers.pass(Duration::from_millis(10));
        assert!(run.run().is_some(), "RUN was answered");
        drop(run);
        drop(session);
        let ask = || Task::new(async { driver.execute_query("RETURN 1").deadline(limit).await });
        let mut first = ask();
        for byte in 0..bytes {
            assert!(first.run().is_none(), "{limit:?}: it waits for byte {byte}");
            servers.pass(SECOND * 99 / 100);
            servers.deliver_byte(FIRST);
        }
        // What has arrived is looked at once in a second, and a keep-alive is no progress.
        let mut waits = if limit.is_none() { 4 } else { 1 };
        let asked = loop {
            if let Some(asked) = first.run() {
                break asked;
            }
            assert!(waits > 0, "{limit:?}: other connections are ready");
            waits -= 1;
            servers.pass(SECOND / 2);
            // Keep-alives come between messages.
            if limit.is_none() {
                servers.keep_alive(FIRST);
            }
        };
        asked.unwrap();
        servers.release(FIRST);
        now(driver.close());
    }
}

#[test]
fn closing_waits_for_a_call_that_reads_the_rest_of_a_write() {
    for in_time in [true, false] {
        let servers = Scripted::new();
        let driver = three(&servers);
        let manager = BookmarkManager::new();
        let mut session = driver.session().bookmark_manager(&manager).build();
        leave(&mut session, What::Rows, || servers.hold(FIRST));
        drop(session);
        let mut asking = Task::new(async { driver.execute_query("RETURN 1").await });
        assert!(asking.run().is_none());
        let mut closing = Task::new(driver.close());
        assert!(closing.run().is_none());
        if in_time {
            servers.release(FIRST);
        } else {
            servers.pass(SECOND);
        }
        let asked = asking.run().expect("it has read all, or has no patience left");
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::Closed);
        if !in_time {
            assert!(closing.run().is_none(), "it reads what the call has left");
            servers.release(FIRST);
        }
        closing.run().expect("nothing is left to be read");
        let arrived = manager.bookmarks();
        assert_eq!(arrived.raw_values().collect::<Vec<_>>(), ["bookmark:1"]);
    }
}

#[test]
fn a_read_that_is_dropped_is_stopped() {
    for what in [What::Rows, What::Cursor] {
        let servers = Scripted::new();
        let driver = three(&servers);
        let mut session = driver.session().default_access_mode(Access::Read).build();
        leave(&mut session, what, || ());
        now(session.run("RETURN 1")).map(drop).unwrap();
        assert_eq!(servers.count(Message::Discard), 0);
        assert_eq!(servers.count(Message::Reset), 1);
        assert_eq!(session.held(), 0);
    }
}

#[test]
fn a_write_whose_first_page_is_its_last_costs_nothing_to_drop() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    for _ in 0..100 {
        drop(now(session.run("CREATE (n) RETURN n")).unwrap());
    }
    assert_eq!(servers.connections(), 1);
    assert_eq!(servers.count(Message::Discard), 0);
    assert_eq!(servers.count(Message::Reset), 0);
    assert_eq!(bookmarks(&mut session), ["bookmark:100"]);
}

#[test]
fn a_write_whose_first_page_is_its_last_costs_nothing_to_drop_even_if_that_is_on_its_way() {
    let servers = Scripted::new();
    let driver = servers.driver_ready(2);
    let mut session = driver.session().build();
    for _ in 0..100 {
        servers.hold(1);
        let mut run = Task::new(async { drop(session.run("CREATE (n) RETURN n").await.unwrap()) });
        while run.run().is_none() {
            servers.deliver(1, 1);
        }
        drop(run);
        servers.release(1);
    }
    assert_eq!(bookmarks(&mut session), ["bookmark:100"]);
    assert_eq!(servers.connections(), 2);
    assert_eq!(servers.count(Message::Discard), 0);
    assert_eq!(servers.count(Message::Reset), 0);
    assert_eq!(servers.count(Message::Run), 100);
}

#[test]
fn what_a_blocking_caller_drops_is_waited_for_at_most_for_the_teardown_limit() {
    for (access, finishes) in [(Access::Write, true), (Access::Read, false)] {
        let servers = Scripted::new();
        let driver = three(&servers);
        let mut session = driver.session().default_access_mode(access).build();
        let mut rows = now(session.run("ROWS 3000")).unwrap();
        now(rows.settle());
        drop(rows);
        assert_eq!(servers.committed().len(), usize::from(finishes));

        let _cursor = now(session.run("ROWS 3000").cursor()).unwrap();
        now(session.settle());
        assert_eq!(servers.committed().len(), 2 * usize::from(finishes));
        drop(session);
        assert_eq!(servers.committed().len(), 2 * usize::from(finishes));
    }

    let servers = Scripted::new();
    let driver = three(&servers);
    let mut session = driver.session().build();
    let mut rows = now(session.run("ROWS 3000")).unwrap();
    servers.hold(FIRST);
    let mut settling = Task::new(rows.settle());
    assert!(settling.run().is_none());
    servers.pass(5 * SECOND);
    assert!(settling.run().is_some());
    drop(settling);
    drop(rows);
    // The pool finishes what was not done in time.
    now(session.settle());
    servers.release(FIRST);
    now(driver.close());
    assert_eq!(bookmarks(&mut session), ["bookmark:1"]);
}

#[test]
fn a_dropped_write_whose_connection_is_lost_does_not_fail_what_comes_next() {
    each(|what, next| {
        let servers = Scripted::new();
        let driver = three(&servers);
        let mut session = driver.session().build();
        leave(&mut session, what, || servers.cut_at(Message::Discard));
        let mut session = now(ask(session, next)).unwrap();
        assert_eq!(servers.news(FIRST).last(), Some(&Message::Discard));
        assert_eq!(session.held(), 0, "{what:?}, {next:?}");
        now(session.last_bookmarks()).unwrap();
        assert!(!servers.committed().contains(&"ROWS 3000".to_owned()));
    });
}

/// Waiting for the end of a page does not take the rows that have arrived.
#[test]
fn a_connection_that_ends_in_mid_page_does_not_hold_up_run() {
    let servers = Scripted::new();
    let driver = three(&servers);
    let mut session = driver.session().build();
    servers.hold(FIRST);
    let mut run = Task::new(async { session.run("ROWS 3000").await?.try_next().await });
    assert!(run.run().is_none());
    servers.deliver(FIRST, 3);
    assert!(run.run().is_none());
    servers.cut(FIRST);
    let row = run.run().expect("there is nothing to wait for");
    assert!(row.unwrap().is_some());
}

#[test]
fn the_rest_of_a_write_is_requested_as_soon_as_its_rows_are_dropped() {
    let servers = Scripted::new();
    let driver = three(&servers);
    let mut session = driver.session().build();
    leave(&mut session, What::Rows, || ());
    assert_eq!(
        servers.committed(),
        ["ROWS 3000"],
        "though the session is asked for nothing"
    );
    drop(session);
}
