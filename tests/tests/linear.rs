//! Doing something n times costs n times as much, and leaves nothing allocated.
//!
//! Measured are the CPU time of this thread, so that other work on the machine does not count, for 1×, 4× and 16× as
//! much work; and the bytes that stay allocated.

use std::future::Future;

use adapter_blocking::{Auth, Config, Driver, Error, Query, Session};
use tests::linear::linear;
use tests::misbehaving;
use tests::scripted::{Script, Scripted};

/// The most bytes that a session may keep after its work.
const KEPT: i64 = 64 * 1024;

#[test]
fn queries_on_a_session_are_linear_and_leave_nothing_allocated() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = driver(&server.uri());
    let mut session = driver.session().build();
    linear("queries on a session", 100, |queries| {
        leaves_nothing("queries on a session", || {
            for _ in 0..queries {
                session.run("ROWS 1").call()?.collect()?;
            }
            Ok(())
        });
        // The server must not keep its records either.
        drop(server.take_requests());
    });
}

#[test]
fn work_in_a_session_leaves_nothing_allocated() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = driver(&server.uri());
    let mut session = driver.session().fetch_size(2).build();
    type Act = fn(&mut Session) -> Result<(), Error>;
    let acts: [(&str, Act); 8] = [
        ("a result that is dropped unread", |session| {
            session.run("ROWS 5").call().map(drop)
        }),
        ("a result that is dropped half read", |session| {
            session.run("ROWS 5").call()?.try_next().map(drop)
        }),
        ("a cursor that is dropped", |session| {
            session.run("ROWS 5").cursor().map(drop)
        }),
        ("a cursor that is read", |session| {
            session.run("ROWS 5").cursor()?.collect(session).map(drop)
        }),
        ("a transaction", |session| {
            let mut tx = session.begin_transaction().call()?;
            tx.run("ROWS 5").call()?.collect()?;
            tx.commit()
        }),
        ("a transaction that is dropped", |session| {
            let mut tx = session.begin_transaction().call()?;
            tx.run("ROWS 5").call().map(drop)
        }),
        ("a transaction function", |session| {
            session
                .execute_write(|tx| tx.run("ROWS 5").call().map(drop))
                .call()
        }),
        ("bookmarks", |session| session.last_bookmarks().map(drop)),
    ];
    for (what, act) in acts {
        leaves_nothing(what, || (0..300).try_for_each(|_| act(&mut session)));
    }
    assert!(driver.pool_counts().idle <= 2, "{}", driver.pool_counts());
}

#[test]
fn calls_of_a_driver_leave_nothing_allocated() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = driver(&server.uri());
    leaves_nothing("queries of a driver", || {
        (0..1_000).try_for_each(|_| driver.execute_query("ROWS 1").call().map(drop))
    });
    leaves_nothing("sessions", || {
        (0..1_000).try_for_each(|_| driver.session().build().run("ROWS 1").call()?.collect().map(drop))
    });
    leaves_nothing("sessions dropped with a result", || {
        (0..300).try_for_each(|_| driver.session().build().run("ROWS 5").call().map(drop))
    });
    leaves_nothing("reads of the pool's counts", || {
        for _ in 0..1_000 {
            assert!(!format!("{driver:?} {}", driver.pool_counts()).is_empty());
        }
        Ok(())
    });
}

#[test]
fn queued_queries_are_linear() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = driver(&server.uri());
    let mut session = driver.session().build();
    linear("queued queries", 150, |queries| {
        let mut tx = session.begin_transaction().call().unwrap();
        for _ in 0..queries {
            tx.queue("ROWS 1").unwrap();
        }
        tx.commit().unwrap();
        drop(server.take_requests());
    });
}

#[test]
fn rows_that_are_loaded_are_linear_and_leave_nothing_allocated() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = driver(&server.uri());
    let mut session = driver.session().build();
    linear("rows that are loaded", 5_000, |rows| {
        leaves_nothing("rows that are loaded", || {
            let rows = (0..rows).map(|row| (row, "a text of some length"));
            session.load("LOAD", rows).batch_rows(500).call().map(drop)
        });
        drop(server.take_requests());
    });
}

#[test]
fn rows_that_are_read_by_columns_are_linear() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = driver(&server.uri());
    let mut session = driver.session().build();
    linear("rows that are read by columns", 5_000, |rows| {
        let columns: Vec<i64> = session.run(format!("ROWS {rows}")).collect_columns().unwrap();
        assert_eq!(columns.len(), rows);
        drop(server.take_requests());
    });
}

#[test]
fn open_cursors_are_linear() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = driver(&server.uri());
    let mut session = driver.session().fetch_size(2).build();
    linear("open cursors", 40, |cursors| {
        let mut tx = session.begin_transaction().call().unwrap();
        let mut open: Vec<_> = (0..cursors).map(|_| tx.run("ROWS 4").cursor().unwrap()).collect();
        // One row of each, in rotation.
        for number in 0..4 {
            for cursor in &mut open {
                let row = cursor.try_next(&mut tx).unwrap().unwrap();
                assert_eq!(row.get::<i64>(0).unwrap(), number);
            }
        }
        tx.commit().unwrap();
        drop(server.take_requests());
    });
}

#[test]
fn parameters_are_linear() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = driver(&server.uri());
    linear("parameters", 500, |parameters| {
        let query = (0..parameters).fold(Query::new("ROWS 1"), |query, number| {
            query.param(format!("parameter{number}"), number as i64)
        });
        driver.execute_query(query).call().unwrap();
        drop(server.take_requests());
    });
}

#[test]
fn waiters_in_the_pool_are_linear() {
    let server = Scripted::start(Script::new()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config::new(&server.uri(), Auth::none()).unwrap();
    let config = config.max_connection_pool_size(1);
    let driver = runtime.block_on(async { adapter_tokio::driver_with(config).unwrap() });
    linear("waiters", 40, |callers| {
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..callers {
                let driver = driver.clone();
                tasks.spawn(async move { driver.execute_query("ROWS 1").await.map(drop) });
            }
            while let Some(done) = tasks.join_next().await {
                done.unwrap().unwrap();
            }
        });
        drop(server.take_requests());
    });
}

#[test]
fn cancelled_waiters_in_the_pool_are_linear() {
    let server = Scripted::start(Script::new()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = Config::new(&server.uri(), Auth::none()).unwrap();
    let driver =
        runtime.block_on(async { adapter_tokio::driver_with(config.max_connection_pool_size(1)).unwrap() });
    linear("cancelled waiters", 200, |callers| {
        runtime.block_on(async {
            let mut session = driver.session().build();
            let held = session.begin_transaction().eager(true).await.unwrap();
            let mut waiting: Vec<_> = (0..callers)
                .map(|_| Box::pin(async { driver.execute_query("ROWS 1").await.map(drop) }))
                .collect();
            for call in &mut waiting {
                assert!(poll_once(call.as_mut()).await.is_none());
            }
            drop(waiting);
            held.rollback().await.unwrap();
        });
        drop(server.take_requests());
    });
}

#[test]
fn notifications_are_linear() {
    linear("notifications", 50, |count| {
        let peer = misbehaving::notifying(count).unwrap();
        let driver = driver(&peer.uri());
        let result = driver.execute_query("RETURN 1").call().unwrap();
        assert_eq!(result.summary.notifications().len(), count);
        assert!(!format!("{:?}", result.summary).is_empty());
    });
}

/// Resolves at once, to the output or to `None`.
async fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    let mut future = Some(future);
    std::future::poll_fn(move |cx| {
        let polled = future.take().map(|future| future.poll(cx));
        std::task::Poll::Ready(match polled {
            Some(std::task::Poll::Ready(output)) => Some(output),
            _ => None,
        })
    })
    .await
}

fn driver(uri: &str) -> Driver {
    let driver = adapter_blocking::driver_with(Config::new(uri, Auth::none()).unwrap()).unwrap();
    driver.verify_connectivity().unwrap();
    driver
}

/// Does something, and checks that no more is allocated afterwards than before.
fn leaves_nothing(what: &str, act: impl FnOnce() -> Result<(), Error>) {
    let info = allocation_counter::measure(|| act().unwrap());
    assert!(
        info.bytes_current < KEPT,
        "{what}: {} bytes stay allocated in {} allocations",
        info.bytes_current,
        info.count_current
    );
}
