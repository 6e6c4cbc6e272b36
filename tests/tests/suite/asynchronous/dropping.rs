//! Futures that are dropped at one particular await, and the consequences for the work.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_io::Timer;
use bolt_client::ErrorKind;
use bolt_client::runtime::BoxFuture;

use super::scenarios::locks::{self, Lock};
use super::scenarios::{World, assert_at_rest, assert_none_in_use, assert_says, count, scenarios};
use super::{Error, run};
use crate::scenario::{Outcome, Run, Scenario};
use crate::server::Feature;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_call_dropped_before_its_first_poll_sends_nothing,
        a_dropped_run_poisons_its_transaction,
        a_dropped_consume_poisons_its_transaction,
        a_dropped_next_or_peek_loses_no_row,
        a_dropped_commit_that_was_sent_is_carried_out,
        a_commit_dropped_before_it_is_sent_is_a_rollback,
        a_dropped_rollback_rolls_back,
        a_dropped_begin_begins_nothing,
        a_dropped_wait_for_a_connection_leaves_the_queue,
        a_dropped_query_frees_its_locks_after_one_round_trip needs ShowTransactions,
        a_dropped_auto_commit_query_frees_its_locks_after_one_round_trip needs ShowTransactions,
        a_dropped_query_of_a_transaction_frees_its_locks_after_one_round_trip needs ShowTransactions,
    ]
}

const CREATE: &str = "CREATE (:Scenario {run: $run})";
/// What an auto-commit query does after it has taken the lock, for minutes.
const ENDLESS: &str = "UNWIND range(1, 1000000000) AS x WITH x WHERE x % 7 = 8 RETURN count(x) AS n";

async fn a_call_dropped_before_its_first_poll_sends_nothing(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let mut session = driver.session().build();
    drop(session.run(CREATE));
    drop(session.run(CREATE).into_future());
    drop(session.begin_transaction());
    drop(session.begin_transaction().eager(true).into_future());
    assert_eq!(relay.traffic().connections, 0);

    let mut tx = session.begin_transaction().await?;
    drop(tx.run(CREATE));
    drop(tx.run(CREATE).into_future());
    // The transaction is not affected by them.
    tx.run("RETURN 1").await?.consume().await?;
    let before = relay.traffic();
    drop(tx.commit());
    drop(driver.execute_query("RETURN 1").await?);
    assert_eq!(relay.traffic().connections, before.connections);
    Ok(())
}

async fn a_dropped_run_poisons_its_transaction(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let mark = world.unique_name();
    let mut session = driver.session().build();
    // As the first query, and as a later one.
    for first in [true, false] {
        let mut tx = session.begin_transaction().await?;
        if !first {
            tx.run(CREATE).param("run", &mark).await?;
        }
        relay.hold();
        let abandoned = "CREATE (:Scenario {run: $run, abandoned: true})";
        let done = polled_once(tx.run(abandoned).param("run", &mark).into_future())
            .await
            .is_some();
        assert!(!done);
        relay.release();
        for _ in 0..2 {
            let error = tx.run("RETURN 1").await.map(drop).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            assert_says(&error, &["dropped", "rolled back"]);
        }
        if first {
            let error = tx.commit().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            assert_says(&error, &["dropped", "rolled back"]);
        } else {
            tx.rollback().await?;
        }
        // The next transaction of the session works.
        let mut tx = session.begin_transaction().await?;
        tx.run(CREATE).param("run", &mark).await?;
        tx.commit().await?;
    }
    assert_eq!(count(&driver, "Scenario", &mark).await?, 2);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_dropped_consume_poisons_its_transaction(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let mark = world.unique_name();
    let mut session = driver.session().fetch_size(10).build();
    for collect in [true, false] {
        let mut tx = session.begin_transaction().await?;
        tx.run(CREATE).param("run", &mark).await?;
        let query = "UNWIND range(1, 1000) AS x RETURN x";
        let rows = tx.run(query).await?;
        relay.hold();
        let done = if collect {
            polled_once(rows.collect()).await.is_some()
        } else {
            polled_once(rows.consume()).await.is_some()
        };
        assert!(!done);
        relay.release();
        let error = tx.run("RETURN 1").await.map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert_says(&error, &["dropped", "rolled back"]);
        drop(tx);
    }
    assert_eq!(count(&driver, "Scenario", &mark).await?, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_dropped_next_or_peek_loses_no_row(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let mut session = driver.session().fetch_size(7).build();
    relay.delay_answers(Duration::from_millis(2));
    let mut rows = session.run("UNWIND range(1, 500) AS x RETURN x").await?;
    let mut dropped = 0;
    for number in 1..=500_i64 {
        let row = loop {
            let way = (number + dropped) % 3;
            if way == 0 && polled_once(rows.peek()).await.is_none() {
                dropped += 1;
            }
            if way == 1 {
                if let Some(row) = polled_once(rows.next_ref()).await {
                    break row?.expect("there is a row").get::<i64>("x")?;
                }
                dropped += 1;
            }
            match polled_once(rows.try_next()).await {
                Some(row) => break row?.expect("there is a row").get::<i64>("x")?,
                None => dropped += 1,
            }
            if dropped % 5 == 0 {
                // Wait for the next row.
                rows.peek().await?;
            }
        };
        assert_eq!(row, number);
    }
    assert!(rows.try_next().await?.is_none());
    assert!(
        dropped > 50,
        "{dropped} futures were dropped: this test proves nothing"
    );
    Ok(())
}

async fn a_dropped_commit_that_was_sent_is_carried_out(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    let mark = world.unique_name();
    let mut session = driver.session().build();
    for round in 1..=20 {
        let mut tx = session.begin_transaction().await?;
        tx.run(CREATE).param("run", &mark).await?;
        relay.hold();
        let committed = polled_once(tx.commit()).await;
        assert!(committed.is_none());
        relay.release();
        // Over the same connection, so after the commit.
        assert_eq!(count(&driver, "Scenario", &mark).await?, round);
    }
    assert_at_rest(&driver);
    assert_eq!(relay.traffic().connections, 1);
    Ok(())
}

async fn a_commit_dropped_before_it_is_sent_is_a_rollback(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(1))?;
    let mark = world.unique_name();
    let mut session = driver.session().build();
    for _ in 0..20 {
        let mut tx = session.begin_transaction().await?;
        tx.run(CREATE).param("run", &mark).await?;
        drop(tx.commit());
        assert_eq!(count(&driver, "Scenario", &mark).await?, 0);
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn a_dropped_rollback_rolls_back(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(1))?;
    let mark = world.unique_name();
    let mut session = driver.session().build();
    for round in 0..20 {
        let mut tx = session.begin_transaction().await?;
        tx.run(CREATE).param("run", &mark).await?;
        if round % 2 == 0 {
            drop(tx.rollback());
        } else {
            polled_once(tx.rollback()).await;
        }
        assert_eq!(count(&driver, "Scenario", &mark).await?, 0);
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn a_dropped_begin_begins_nothing(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(1))?;
    let mut session = driver.session().build();
    for round in 0..20_i64 {
        polled_once(session.begin_transaction().eager(true).into_future()).await;
        let found = driver
            .execute_query("RETURN $round AS round")
            .param("round", round)
            .await?;
        assert_eq!(found.records[0].get::<i64>("round")?, round);
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn a_dropped_wait_for_a_connection_leaves_the_queue(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(1))?;
    let mut holder = driver.session().build();
    let tx = holder.begin_transaction().await?;
    let (mut first, mut second) = (driver.session().build(), driver.session().build());
    {
        let mut gone = pin!(first.begin_transaction().into_future());
        assert!(poll_fn(|cx| Poll::Ready(gone.as_mut().poll(cx).is_pending())).await);
        assert_eq!(driver.pool_counts().waiting, 1);
    }
    assert_eq!(driver.pool_counts().waiting, 0);
    // It was given the connection, but dropped before it noticed.
    let mut gone = Box::pin(first.begin_transaction().into_future());
    let mut next = pin!(second.begin_transaction().into_future());
    assert!(
        poll_fn(|cx| Poll::Ready(gone.as_mut().poll(cx).is_pending() && next.as_mut().poll(cx).is_pending()))
            .await
    );
    drop(tx);
    drop(gone);
    let tx = next.await?;
    drop(tx);
    assert_none_in_use(&driver);
    Ok(())
}

async fn a_dropped_query_frees_its_locks_after_one_round_trip(world: World) -> Outcome {
    let lock = Lock::new(&world, Duration::from_millis(100)).await?;
    let text = format!("{} WITH n {ENDLESS}", locks::TAKE);
    let query = lock.far.execute_query(text).param("run", &lock.node);
    let mut query = Box::pin(query.into_future());
    wait_for(query.as_mut(), Duration::from_millis(300)).await;
    let waiting = waited_for(&world, &lock, query.as_mut()).await?;
    let dropped = Instant::now();
    drop(query);
    lock.assert_soon(dropped, waiting.await?);
    Ok(())
}

async fn a_dropped_auto_commit_query_frees_its_locks_after_one_round_trip(world: World) -> Outcome {
    let lock = Lock::new(&world, Duration::from_millis(100)).await?;
    let mut session = lock.far.session().build();
    let text = format!("{} WITH n {ENDLESS}", locks::TAKE);
    let query = async {
        let rows = session.run(text).param("run", &lock.node).await?;
        rows.collect().await
    };
    let mut query = Box::pin(query);
    wait_for(query.as_mut(), Duration::from_millis(300)).await;
    let waiting = waited_for(&world, &lock, query.as_mut()).await?;
    let dropped = Instant::now();
    drop(query);
    lock.assert_soon(dropped, waiting.await?);
    Ok(())
}

async fn a_dropped_query_of_a_transaction_frees_its_locks_after_one_round_trip(world: World) -> Outcome {
    let lock = Lock::new(&world, Duration::from_millis(100)).await?;
    let mut session = lock.far.session().build();
    let query = async {
        let mut tx = session.begin_transaction().await?;
        tx.run(locks::TAKE).param("run", &lock.node).await?;
        tx.run(ENDLESS).await?.consume().await
    };
    let mut query = Box::pin(query);
    wait_for(query.as_mut(), Duration::from_millis(500)).await;
    let waiting = waited_for(&world, &lock, query.as_mut()).await?;
    let dropped = Instant::now();
    drop(query);
    lock.assert_soon(dropped, waiting.await?);
    Ok(())
}

/// Starts a waiter for the lock that the query holds; the query continues meanwhile.
async fn waited_for<T>(
    world: &World,
    lock: &Lock,
    mut query: impl Future<Output = T> + Unpin,
) -> Result<BoxFuture<'static, Result<Instant, Error>>, Error> {
    let mut waiting = pin!(lock.start_waiter(world));
    let waiting = poll_fn(|cx| {
        assert!(query_is_pending(&mut query, cx), "the endless query has ended");
        waiting.as_mut().poll(cx)
    })
    .await?;
    Ok(Box::pin(waiting))
}

fn query_is_pending<T>(query: &mut (impl Future<Output = T> + Unpin), cx: &mut Context<'_>) -> bool {
    Pin::new(query).poll(cx).is_pending()
}

/// Polls an endless future for this time.
async fn wait_for<T>(mut query: impl Future<Output = T> + Unpin, time: Duration) {
    let mut timer = pin!(Timer::after(time));
    poll_fn(|cx| {
        assert!(query_is_pending(&mut query, cx), "the endless query has ended");
        timer.as_mut().poll(cx).map(drop)
    })
    .await;
}

/// Polls a future once and drops it. Returns `None` if it was not ready.
async fn polled_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}
