//! The memory that results take.

use super::*;
use crate::Error;

/// Returns a driver whose calls collect at most this many bytes.
fn bounded(servers: &Scripted, bytes: usize) -> Driver {
    servers.driver_with(Scripted::config().max_result_size(bytes))
}

#[track_caller]
fn too_large<T>(outcome: Result<T, Error>) {
    let error = outcome.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("max_result_size"), "{error}");
    assert!(error.to_string().contains("10000 bytes"), "{error}");
}

#[test]
fn each_call_that_collects_a_result_ends_at_its_limit() {
    let servers = Scripted::new();
    let driver = bounded(&servers, 10_000);
    too_large(now(driver.execute_query("ROWS 1000 OF 100")));
    let mut session = driver.session().build();
    let rows = |session: &mut Session| now(session.run("ROWS 1000 OF 100")).map(drop);
    rows(&mut session).unwrap();
    too_large(now(async {
        session.run("ROWS 1000 OF 100").await?.collect().await
    }));
    too_large(now(async {
        session.run("ROWS 1000 OF 100").await?.into_eager_result().await
    }));
    too_large(now(async {
        session
            .run("ROWS 1000 OF 100")
            .await?
            .collect_as::<String>()
            .await
    }));
    too_large(now(async {
        session
            .run("ROWS 1000 OF 100")
            .await?
            .collect_column::<String>()
            .await
    }));
    let cursor = now(session.run("ROWS 1000 OF 100").cursor()).unwrap();
    too_large(now(cursor.collect(&mut session)));
    // The rest of the last result is finished, and the session can be used.
    now(session.run("RETURN 1")).map(drop).unwrap();
    assert_eq!(servers.committed().len(), 7);
    assert_eq!(servers.connections(), 1);
}

#[test]
fn what_is_below_the_limit_is_collected() {
    let servers = Scripted::new();
    let driver = bounded(&servers, 100_000);
    let found = now(driver.execute_query("ROWS 500 OF 100")).unwrap();
    assert_eq!(found.records.len(), 500);
    let mut session = driver.session().build();
    let column: Vec<String> =
        now(async { session.run("ROWS 500 OF 100").await?.collect_column().await }).unwrap();
    assert_eq!(column.len(), 500);
}

#[test]
fn small_rows_count_as_what_they_really_take() {
    let servers = Scripted::new();
    let driver = bounded(&servers, 10_000);
    // A thousand bytes on the wire, some eighty thousand in memory.
    too_large(now(driver.execute_query("ROWS 1000")));
}

#[test]
fn a_transaction_survives_a_result_that_is_too_large() {
    let servers = Scripted::new();
    let driver = bounded(&servers, 10_000);
    let mut session = driver.session().build();
    let mut tx = now(session.begin_transaction()).unwrap();
    too_large(now(async { tx.run("ROWS 1000 OF 100").await?.collect().await }));
    too_large(now(async {
        tx.run("ROWS 1000 OF 100").await?.collect_as::<String>().await
    }));
    drop(now(tx.run("CREATE ()")).unwrap());
    now(tx.commit()).unwrap();
    assert_eq!(servers.committed().len(), 3);
}

#[test]
fn rows_that_were_kept_before_count_towards_the_limit() {
    let servers = Scripted::new();
    let driver = bounded(&servers, 10_000);
    let mut session = driver.session().build();
    let mut tx = now(session.begin_transaction()).unwrap();
    let large = tx.queue("ROWS 1000 OF 100").unwrap();
    let small = tx.queue("ROWS 1").unwrap();
    now(small.single(&mut tx)).unwrap();
    too_large(now(large.collect(&mut tx)));
    now(tx.commit()).unwrap();
}

#[test]
fn rows_may_be_read_one_by_one_beyond_the_limit() {
    let servers = Scripted::new();
    let driver = bounded(&servers, 10_000);
    let mut session = driver.session().build();
    let mut rows = now(session.run("ROWS 1500 OF 100")).unwrap();
    let mut count = 0;
    while now(rows.next_ref()).unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 1500);
}

#[test]
fn a_session_keeps_the_rest_of_a_cursor_up_to_a_limit_in_memory() {
    for (query, fits) in [
        // A small number is one byte on the wire.
        ("ROWS 50000", true),
        ("ROWS 250000", false),
        ("ROWS 150 OF 100000", true),
        ("ROWS 200 OF 100000", false),
    ] {
        let servers = Scripted::new();
        let driver = servers.driver();
        let mut session = driver.session().build();
        let mut cursor = now(session.run(query).cursor()).unwrap();
        let outcome = now(session.run("RETURN 1")).map(drop);
        assert_eq!(outcome.is_ok(), fits, "{query}: {outcome:?}");
        if let Err(error) = outcome {
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains("too long to be kept"), "{error}");
        }
        // Either way every row can still be read.
        let rows: usize = query.split(' ').nth(1).unwrap().parse().unwrap();
        let mut count = 0;
        while now(cursor.try_next(&mut session)).unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, rows, "{query}");
    }
}

#[test]
fn the_failure_of_a_query_while_its_rest_is_kept_is_reported_by_its_cursor() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    servers.fail_after(2, SYNTAX);
    let mut cursor = now(session.run("ROWS 5").cursor()).unwrap();
    drop(now(session.run("RETURN 1")).unwrap());
    for _ in 0..2 {
        assert!(now(cursor.try_next(&mut session)).unwrap().is_some());
    }
    let error = now(cursor.try_next(&mut session)).unwrap_err();
    assert!(error.to_string().starts_with(SYNTAX), "{error}");
}

#[test]
fn a_connection_that_is_lost_while_a_rest_is_kept_is_reported_by_the_cursor_as_such() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let mut cursor = now(session.run("ROWS 3000").cursor()).unwrap();
    servers.cut_at(Message::Pull);
    drop(now(session.run("RETURN 1")).unwrap());
    for _ in 0..1000 {
        assert!(now(cursor.try_next(&mut session)).unwrap().is_some());
    }
    let error = now(cursor.try_next(&mut session)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit);
    assert!(!error.to_string().contains("already failed"), "{error}");
    let error = now(cursor.try_next(&mut session)).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the work had already failed: it is unknown"),
        "{error}"
    );
}

#[test]
fn a_call_that_is_out_of_time_while_a_rest_is_kept_costs_the_cursor_nothing() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let mut cursor = now(session.run("ROWS 3000").cursor()).unwrap();
    servers.hold(0);
    let mut run = Task::new(async { session.run("RETURN 1").deadline(SECOND).await.map(drop) });
    assert!(run.run().is_none());
    servers.pass(SECOND);
    assert_eq!(run.run().unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    drop(run);
    servers.release(0);
    let mut count = 0;
    while now(cursor.try_next(&mut session)).unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 3000);
    assert_eq!(servers.committed(), ["ROWS 3000"]);
}
