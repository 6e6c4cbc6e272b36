//! Every call, ended early after every answer: dropped, or out of time.

use super::*;
use crate::Error;

/// The number of calls.
const CALLS: usize = 9;

/// Queries of one transaction are committed together or not at all.
const TOGETHER: [&str; 3] = ["CREATE (a)", "ROWS 25 (b)", "CREATE (c)"];

async fn call(session: &mut Session, which: usize) -> Result<(), Error> {
    match which {
        0 => session.run("ROWS 25").await?.consume().await.map(drop),
        1 => session.run("ROWS 25").await?.collect().await.map(drop),
        2 => {
            let cursor = session.run("ROWS 25").cursor().await?;
            drop(session.run("ROWS 3").await?);
            cursor.collect(session).await.map(drop)
        }
        3 => {
            drop(session.run("ROWS 25").await?);
            session.last_bookmarks().await.map(drop)
        }
        4 => {
            let mut tx = session.begin_transaction().eager(true).await?;
            drop(tx.run(TOGETHER[0]).await?);
            drop(tx.run(TOGETHER[1]).await?);
            tx.run(TOGETHER[2]).await?.consume().await?;
            tx.commit().await
        }
        5 => {
            let mut tx = session.begin_transaction().await?;
            tx.queue(TOGETHER[0])?;
            let rows = tx.queue(TOGETHER[1])?;
            tx.queue(TOGETHER[2])?;
            rows.collect_as::<i64>(&mut tx).await?;
            tx.commit().await
        }
        6 => {
            let mut tx = session.begin_transaction().await?;
            drop(tx.run(TOGETHER[0]).await?);
            tx.rollback().await
        }
        7 => {
            session
                .execute_write(|mut tx| async move {
                    drop(tx.run(TOGETHER[0]).await?);
                    let mut rows = tx.run(TOGETHER[1]).cursor().await?;
                    rows.try_next(&mut tx).await?;
                    drop(tx.run(TOGETHER[2]).await?);
                    Ok(())
                })
                .await
        }
        _ => {
            drop(session.run("ROWS 25").await?);
            session.finish().await
        }
    }
}

/// The way in which a call ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Dropped,
    /// It runs out of time.
    Late,
    /// It is dropped before its last request has left.
    Full,
}

/// Ends a call early, after this many messages. Returns whether the call had ended by itself.
fn cut_off(which: usize, messages: usize, how: How) -> bool {
    let context = format!("call {which}, {messages} messages, {how:?}");
    let servers = Scripted::new();
    let driver = servers.driver_ready(2);
    let mut session = driver.session().deadline(9 * SECOND).fetch_size(10).build();
    servers.hold(1);
    servers.fill(1, how == How::Full && messages == 0);
    let mut calling = Task::new(call(&mut session, which));
    let mut outcome = calling.run();
    for message in 1..=messages {
        if outcome.is_some() {
            break;
        }
        servers.fill(1, how == How::Full && messages == message);
        servers.deliver(1, 1);
        outcome = calling.run();
    }
    if outcome.is_none() && how == How::Late {
        // There are several calls, each with its own deadline.
        for _ in 0..3 {
            servers.pass(9 * SECOND);
            outcome = outcome.or_else(|| calling.run());
        }
        assert!(outcome.is_some(), "{context}: the time is up");
    }
    drop(calling);
    servers.fill(1, false);
    servers.release(1);

    // In every case the session can be used, and a transaction is committed as a whole or not at all.
    drop(now(session.run("CREATE (next)")).unwrap_or_else(|error| panic!("{context}: {error}")));
    let committed = servers.committed();
    assert_eq!(
        committed.last().map(String::as_str),
        Some("CREATE (next)"),
        "{context}"
    );
    let together = committed
        .iter()
        .filter(|text| TOGETHER.contains(&text.as_str()))
        .count();
    assert!(together == 0 || together == 3, "{context}: {committed:?}");
    if let Some(Ok(())) = &outcome {
        assert!(which == 6 || committed.len() > 1, "{context}: {committed:?}");
    }
    assert_eq!(session.held(), 0, "{context}");
    assert!(servers.connections() <= 3, "{context}: {}", servers.connections());
    let counts = driver.pool_counts();
    assert_eq!((counts.in_use, counts.waiting), (0, 0), "{context}");
    matches!(outcome, Some(Ok(())))
}

#[test]
fn a_call_that_is_cut_off_after_any_answer_leaves_a_session_that_can_be_used() {
    for which in 0..CALLS {
        for how in [How::Dropped, How::Late, How::Full] {
            let ended: Vec<bool> = (0..45).map(|messages| cut_off(which, messages, how)).collect();
            assert_eq!(ended.last(), Some(&true), "call {which} ends in the end");
        }
    }
}
