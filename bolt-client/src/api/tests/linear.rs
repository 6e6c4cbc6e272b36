//! Nothing grows while a session or a transaction lives.

use std::time::Instant;

use super::*;

#[test]
fn a_session_keeps_nothing_of_queries_that_have_ended() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().fetch_size(2).build();
    for round in 0..1_000 {
        drop(now(session.run("CREATE ()")).unwrap());
        now(now(session.run("ROWS 2")).unwrap().consume()).unwrap();
        drop(now(session.run("ROWS 5")).unwrap());
        let mut cursor = now(session.run("ROWS 3").cursor()).unwrap();
        now(cursor.try_next(&mut session)).unwrap();
        drop(cursor);
        assert!(session.held() <= 2, "{} in round {round}", session.held());
    }
    now(session.last_bookmarks()).unwrap();
    assert_eq!(session.held(), 0);
    assert_eq!(servers.connections(), 1);
    assert_eq!(servers.committed().len(), 4_000);
}

#[test]
fn a_session_keeps_cursors_that_are_open_and_nothing_else() {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let mut cursors = Vec::new();
    for _ in 0..10 {
        cursors.push(now(session.run("ROWS 3").cursor()).unwrap());
    }
    assert_eq!(session.held(), 10);
    for cursor in &mut cursors {
        for _ in 0..3 {
            assert!(now(cursor.try_next(&mut session)).unwrap().is_some());
        }
        assert!(now(cursor.try_next(&mut session)).unwrap().is_none());
    }
    cursors.clear();
    now(session.last_bookmarks()).unwrap();
    assert_eq!(session.held(), 0);
    assert_eq!(servers.connections(), 1);
}

/// Queues this many queries, reads them or not, and commits. Returns how long that took.
fn queue(queries: usize, read: bool) -> Duration {
    let servers = Scripted::new();
    let driver = servers.driver();
    let mut session = driver.session().build();
    let start = Instant::now();
    let mut tx = now(session.begin_transaction()).unwrap();
    let cursors: Vec<_> = (0..queries).map(|_| tx.queue("ROWS 1").unwrap()).collect();
    if read {
        for cursor in cursors {
            now(cursor.single(&mut tx)).unwrap();
        }
    }
    now(tx.commit()).unwrap();
    assert_eq!(servers.committed().len(), queries);
    start.elapsed()
}

#[test]
fn queued_queries_cost_the_same_each_however_many_there_are() {
    for read in [true, false] {
        // Sixteen times the work may take sixteen times as long; quadratic work takes 256 times as long. The machine may be
        // busy otherwise, so each side has several tries.
        let few = (0..5).map(|_| queue(500, read)).max().unwrap();
        let many = (0..3).map(|_| queue(8_000, read)).find(|many| *many < few * 100);
        assert!(many.is_some(), "more than {:?}", few * 100);
    }
}
