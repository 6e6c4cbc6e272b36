//! `Debug` shows neither rows, nor parameters, nor texts of queries.

use std::fmt::Debug;

use super::*;
use crate::query;

#[track_caller]
fn silent(shown: &impl Debug) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert!(!text.contains("SECRET"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

const QUERY: &str = "RETURN 'SECRET'";

#[test]
fn builders_show_neither_queries_nor_parameters() {
    let servers = Scripted::new();
    let driver = servers.driver();
    silent(&driver);
    silent(
        &driver
            .execute_query(QUERY)
            .param("p", "SECRET")
            .metadata("m", "SECRET"),
    );
    let mut session = driver.session().build();
    silent(&session.run(QUERY).param("p", "SECRET").metadata("m", "SECRET"));
    silent(&session.begin_transaction().metadata("m", "SECRET"));
    silent(
        &session
            .execute_write(|_tx| async { Ok(()) })
            .metadata("m", "SECRET"),
    );
    let mut tx = now(session.begin_transaction().metadata("m", "SECRET")).unwrap();
    silent(&tx.run(QUERY).param("p", "SECRET"));
    silent(&tx);
}

#[test]
fn what_holds_rows_does_not_show_them() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let cursor = now(session.run(QUERY).cursor()).unwrap();
    // The row is kept from here on.
    let mut rows = now(session.run(QUERY)).unwrap();
    now(rows.peek()).unwrap();
    silent(&rows);
    drop(rows);
    silent(&cursor);
    silent(&session);
    silent(&session.begin_transaction());
    silent(&session.run(QUERY));
    silent(&driver);
    let mut tx = now(session.begin_transaction()).unwrap();
    let kept = tx.queue(QUERY).unwrap();
    let other = tx.queue(QUERY).unwrap();
    now(other.single(&mut tx)).unwrap();
    silent(&kept);
    silent(&tx);
    silent(&tx.run("RETURN 1"));
}

#[test]
fn a_summary_does_not_show_the_text_of_its_query() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let query = query("CREATE () // SECRET").param("p", "SECRET");
    let summary = now(async { session.run(query).await?.consume().await }).unwrap();
    assert_eq!(summary.query(), "CREATE () // SECRET");
    silent(&summary);
}

#[test]
fn errors_show_neither_queries_nor_parameters_nor_rows() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    // A result with another number of rows than the caller asked for.
    let wrong = now(async { session.run(QUERY).await?.collect_column::<i64>().await });
    silent(&wrong.unwrap_err());
    let many = now(async { session.run("ROWS 2 OF 5 SECRET").await?.single().await });
    silent(&many.unwrap_err());
    // A transaction that can only be rolled back.
    let mut tx = now(session.begin_transaction()).unwrap();
    servers.hold(0);
    let mut run = Task::new(async { tx.run(query(QUERY).param("p", "SECRET")).await.map(drop) });
    assert!(run.run().is_none());
    drop(run);
    let abandoned = now(tx.run(QUERY)).map(drop).unwrap_err();
    assert!(
        abandoned.to_string().contains("only be rolled back"),
        "{abandoned}"
    );
    silent(&abandoned);
    drop(tx);
    // A call that ran out of time.
    let servers = Scripted::new();
    let driver = servers.driver_ready(1);
    let mut session = driver.session().build();
    servers.hold(0);
    let mut run = Task::new(async { session.run(QUERY).deadline(SECOND).await.map(drop) });
    assert!(run.run().is_none());
    servers.pass(SECOND);
    silent(&run.run().unwrap().unwrap_err());
}
