//! Deadlines of sessions and transactions: from the first wait to the last row, or to the commit.

use std::time::Instant;

use bolt_client::{Access, ErrorKind};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_timeout_names_what_the_call_waited_for,
        a_deadline_lasts_until_the_last_row,
        the_deadline_of_a_session_applies_to_each_of_its_calls,
        the_deadline_of_a_transaction_lasts_until_its_commit,
        a_timed_out_write_is_unknown_and_a_read_is_not,
        short_deadlines_of_sessions_do_not_affect_other_callers,
    ]
}

const LIMIT: Duration = Duration::from_millis(300);

async fn a_timeout_names_what_the_call_waited_for(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    let mut session = driver.session().default_access_mode(Access::Read).build();

    relay.hold();
    let opening = go!(session.run("RETURN 1").deadline(LIMIT))
        .map(drop)
        .unwrap_err();
    assert_says(&opening, &["timed out", "new connection"]);
    relay.release();
    go!(driver.execute_query("RETURN 1"))?;

    relay.hold();
    let run = go!(session.run("RETURN 1").deadline(LIMIT))
        .map(drop)
        .unwrap_err();
    assert_says(&run, &["timed out", "answer to RUN"]);
    relay.release();
    go!(driver.execute_query("RETURN 1"))?;

    relay.hold();
    let eager = go!(session.begin_transaction().eager(true).deadline(LIMIT))
        .map(drop)
        .unwrap_err();
    assert_says(&eager, &["timed out", "answer to BEGIN"]);
    relay.release();
    go!(driver.execute_query("RETURN 1"))?;

    let mut tx = go!(session.begin_transaction().deadline(2 * LIMIT))?;
    wait!(go!(tx.run("RETURN 1"))?.consume())?;
    relay.hold();
    let commit = wait!(tx.commit()).unwrap_err();
    assert_says(&commit, &["timed out", "answer to COMMIT"]);
    relay.release();
    go!(driver.execute_query("RETURN 1"))?;

    let mut other = driver.session().build();
    let tx = go!(other.begin_transaction())?;
    let pool = go!(session.begin_transaction().deadline(LIMIT))
        .map(drop)
        .unwrap_err();
    assert_says(&pool, &["timed out", "1 in use"]);
    drop(tx);

    for error in [opening, run, eager, commit, pool] {
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_says(&error, &[&relay.address().to_string()]);
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn a_deadline_lasts_until_the_last_row(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    go!(driver.execute_query("RETURN 1"))?;
    let mut session = driver
        .session()
        .default_access_mode(Access::Read)
        .fetch_size(100)
        .build();
    let started = Instant::now();
    let mut rows = go!(session.run("UNWIND range(1, 5000) AS x RETURN x").deadline(LIMIT))?;
    assert!(wait!(rows.try_next())?.is_some());
    relay.hold();
    let error = loop {
        match wait!(rows.try_next()) {
            Ok(row) => assert!(row.is_some(), "the whole result arrived"),
            Err(error) => break error,
        }
    };
    let took = started.elapsed();
    relay.release();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_says(&error, &["rows"]);
    assert!(took >= LIMIT && took < 10 * LIMIT, "{took:?}");
    drop(rows);
    let found = go!(driver.execute_query("RETURN 7 AS seven"))?;
    assert_eq!(only(&found).get::<i64>("seven")?, 7);
    assert_at_rest(&driver);
    Ok(())
}

async fn the_deadline_of_a_session_applies_to_each_of_its_calls(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    go!(driver.execute_query("RETURN 1"))?;
    let mut session = driver
        .session()
        .default_access_mode(Access::Read)
        .deadline(LIMIT)
        .build();
    // It restarts with each call.
    for _ in 0..3 {
        wait!(go!(session.run("RETURN 1"))?.consume())?;
        sleep(LIMIT / 2).await;
    }
    let mut other = driver.session().deadline(10 * LIMIT).build();
    let mut tx = go!(other.begin_transaction())?;
    wait!(go!(tx.run("RETURN 1"))?.consume())?;
    relay.hold();
    let started = Instant::now();
    let query = go!(tx.run("RETURN 1").deadline(LIMIT)).map(drop).unwrap_err();
    let run = go!(session.run("RETURN 1")).map(drop).unwrap_err();
    let took = started.elapsed();
    drop(tx);
    relay.release();
    for error in [run, query] {
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    }
    assert!(took >= 2 * LIMIT && took < 9 * LIMIT, "{took:?}");
    Ok(())
}

async fn the_deadline_of_a_transaction_lasts_until_its_commit(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    go!(driver.execute_query("RETURN 1"))?;
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction().deadline(LIMIT))?;
    go!(tx.run("CREATE (:Scenario {run: $run})").param("run", &run))?;
    sleep(LIMIT).await;
    let error = go!(tx.run("RETURN 1")).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let error = wait!(tx.commit()).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::UnknownCommit, "{error}");
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_timed_out_write_is_unknown_and_a_read_is_not(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    for (access, kind) in [
        (Access::Write, ErrorKind::UnknownCommit),
        (Access::Read, ErrorKind::Timeout),
    ] {
        go!(driver.execute_query("RETURN 1"))?;
        let mut session = driver.session().default_access_mode(access).build();
        relay.hold();
        let error = go!(session.run("RETURN 1").deadline(LIMIT))
            .map(drop)
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        relay.release();
    }
    Ok(())
}

/// Half of the callers have short deadlines, with sessions and transactions that may time out at any moment.
async fn short_deadlines_of_sessions_do_not_affect_other_callers(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(3))?;
    let callers: Vec<_> = (0..12_u64)
        .map(|caller| {
            let driver = driver.clone();
            world.spawn(async move {
                let hurried = caller % 2 == 0;
                for round in 0..40_u64 {
                    let number = i64::try_from(caller * 1000 + round).unwrap_or_default();
                    let limit = if hurried {
                        Duration::from_micros(300 * (round % 20))
                    } else {
                        Duration::from_secs(60)
                    };
                    if let Err(error) = transaction_and_rows(&driver, number, limit).await {
                        let expected = matches!(error.kind(), ErrorKind::Timeout | ErrorKind::UnknownCommit);
                        assert!(hurried && expected, "caller {caller}, round {round}: {error}");
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await;
    }
    assert_none_in_use(&driver);
    transaction_and_rows(&driver, 7, Duration::from_secs(60)).await?;
    Ok(())
}

/// Runs a transaction of two queries, and an auto-commit query of which half is read.
async fn transaction_and_rows(driver: &Driver, number: i64, limit: Duration) -> Result<(), Error> {
    let mut session = driver.session().fetch_size(20).deadline(limit).build();
    let mut tx = go!(session.begin_transaction())?;
    for _ in 0..2 {
        let mut rows = go!(tx.run("RETURN $number AS number").param("number", number))?;
        let row = wait!(rows.try_next())?.expect("there is a row");
        assert_eq!(row.get::<i64>("number")?, number, "another call's row");
    }
    wait!(tx.commit())?;
    let query = session.run("UNWIND range(1, 100) AS x RETURN $number AS number");
    let mut rows = go!(query.param("number", number))?;
    for _ in 0..50 {
        let row = wait!(rows.try_next())?.expect("there is a row");
        assert_eq!(row.get::<i64>("number")?, number, "another call's row");
    }
    Ok(())
}
