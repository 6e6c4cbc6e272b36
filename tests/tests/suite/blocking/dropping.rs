//! What `drop` does on a thread that may block, and results as iterators.

use std::time::{Duration, Instant};

use adapter_blocking::{CancelHandle, ErrorKind, Record};

use super::scenarios::{World, assert_at_rest, assert_none_in_use, count, scenarios};
use super::{Error, run, sleep};
use crate::scenario::{Outcome, Run, Scenario};
use crate::server::Feature;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        an_unread_write_is_committed_when_drop_returns,
        dropping_an_unread_write_ends_within_the_teardown_timeout,
        dropping_an_unread_write_does_not_wait_in_a_cancelled_scope,
        a_result_is_an_iterator,
        an_iterator_ends_after_its_error needs Interruption,
    ]
}

const WRITE: &str = "CREATE (n:Unread {run: $run}) WITH n UNWIND range(1, $rows) AS x RETURN x";
const TEARDOWN: Duration = Duration::from_millis(400);

async fn an_unread_write_is_committed_when_drop_returns(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    for (written, rows) in (1..).zip([0, 1, 999, 1000, 1001, 3000, 5000]) {
        drop(session.run(WRITE).param("run", &run).param("rows", rows).call()?);
        assert_at_rest(&driver);
        // Over another connection if one were needed.
        assert_eq!(count(&driver, "Unread", &run).await?, written, "{rows} rows");
    }
    // Nothing was left unread, and no connection was lost.
    assert_eq!(driver.pool_counts().idle, 1);
    Ok(())
}

async fn dropping_an_unread_write_ends_within_the_teardown_timeout(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.teardown_timeout(TEARDOWN))?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let rows = session.run(WRITE).param("run", &run).param("rows", 5000).call()?;
    relay.hold();
    let started = Instant::now();
    drop(rows);
    let took = started.elapsed();
    assert!(took >= TEARDOWN && took < 5 * TEARDOWN, "{took:?}");
    assert_none_in_use(&driver);
    // The write is carried out although the call did not wait for it.
    relay.release();
    assert_committed_soon(&world, &run).await
}

async fn dropping_an_unread_write_does_not_wait_in_a_cancelled_scope(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(
        world
            .config_through(&relay)?
            .teardown_timeout(Duration::from_secs(60)),
    )?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let rows = session.run(WRITE).param("run", &run).param("rows", 5000).call()?;
    let handle = CancelHandle::new();
    relay.hold();
    let started = Instant::now();
    handle.scope(|| {
        handle.cancel();
        drop(rows);
    });
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    relay.release();
    assert_committed_soon(&world, &run).await
}

async fn a_result_is_an_iterator(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(10).build();
    let mut sum = 0;
    for row in session.run("UNWIND range(1, 100) AS x RETURN x").call()? {
        sum += row?.get::<i64>("x")?;
    }
    assert_eq!(sum, 5050);
    let mut tx = session.begin_transaction().call()?;
    let mut rows = tx.run("UNWIND range(1, 100) AS x RETURN x").call()?;
    let first: Vec<Record> = rows.by_ref().take(30).collect::<Result<_, Error>>()?;
    assert_eq!(first.len(), 30);
    assert_eq!(rows.by_ref().count(), 70);
    assert!(Iterator::next(&mut rows).is_none());
    rows.consume()?;
    tx.commit()?;
    assert_at_rest(&driver);
    Ok(())
}

async fn an_iterator_ends_after_its_error(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(2).build();
    let rows = session
        .run("UNWIND [1, 2, 4, 0, 5] AS x RETURN 8 / x AS y")
        .call()?;
    let kinds: Vec<_> = rows.map(|row| row.err().map(|error| error.kind())).collect();
    assert_eq!(kinds, [None, None, None, Some(ErrorKind::Server)]);
    Ok(())
}

async fn assert_committed_soon(world: &World, run: &str) -> Outcome {
    let counter = world.driver()?;
    for _ in 0..250 {
        if count(&counter, "Unread", run).await? == 1 {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the write was not carried out");
}
