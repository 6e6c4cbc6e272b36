//! Transactions of several queries, and how they end.

use std::time::{Duration, Instant};

use bolt_client::ErrorKind;

use super::locks::{self, Lock};
use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_committed_transaction_is_visible_and_a_rolled_back_one_is_not,
        a_transaction_sees_what_it_has_written,
        a_dropped_transaction_is_rolled_back,
        a_query_with_a_dropped_result_is_carried_out_in_its_transaction,
        a_failed_query_ends_its_transaction_and_the_next_one_is_fine,
        an_unread_failure_fails_the_commit,
        a_timed_out_run_poisons_its_transaction,
        an_eager_transaction_reports_errors_of_its_begin needs Direct,
        a_broken_idle_connection_is_replaced_by_the_first_query,
        a_connection_that_breaks_later_ends_the_transaction,
        a_commit_with_a_lost_answer_is_unknown,
        the_locks_of_a_dropped_transaction_are_free_after_one_round_trip needs ShowTransactions,
    ]
}

const CREATE: &str = "CREATE (:Scenario {run: $run})";

async fn a_committed_transaction_is_visible_and_a_rolled_back_one_is_not(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    for commit in [true, false, true, false] {
        let mut tx = go!(session.begin_transaction())?;
        for _ in 0..3 {
            go!(tx.run(CREATE).param("run", &run))?;
        }
        if commit {
            wait!(tx.commit())?;
        } else {
            wait!(tx.rollback())?;
        }
        assert_at_rest(&driver);
    }
    assert_eq!(count(&driver, "Scenario", &run).await?, 6);
    assert_eq!(driver.pool_counts().idle, 1);
    Ok(())
}

async fn a_transaction_sees_what_it_has_written(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run(CREATE).param("run", &run))?;
    let mut rows = go!(tx
        .run("MATCH (n:Scenario {run: $run}) RETURN count(n) AS count")
        .param("run", &run))?;
    assert_eq!(wait!(rows.try_next())?.expect("a row").get::<i64>("count")?, 1);
    drop(rows);
    wait!(tx.rollback())?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    Ok(())
}

/// Unused, after a first query, with unread rows, after a failure.
async fn a_dropped_transaction_is_rolled_back(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    go!(driver.execute_query("RETURN 1"))?;
    for round in 0..20_i64 {
        let before = relay.traffic();
        drop(go!(session.begin_transaction())?);
        assert_eq!(relay.traffic(), before, "an unused transaction sends something");

        let mut tx = go!(session.begin_transaction())?;
        go!(tx.run(CREATE).param("run", &run))?;
        drop(tx);

        let mut tx = go!(session.begin_transaction())?;
        go!(tx.run(CREATE).param("run", &run))?;
        let mut rows = go!(tx.run("UNWIND range(1, 5000) AS x RETURN x"))?;
        assert!(wait!(rows.try_next())?.is_some());
        drop(rows);
        drop(tx);

        let mut tx = go!(session.begin_transaction())?;
        go!(tx.run(CREATE).param("run", &run))?;
        go!(tx.run("RETRUN 1")).map(drop).unwrap_err();
        drop(tx);

        let found = go!(driver
            .execute_query("RETURN $round AS round")
            .param("round", round))?;
        assert_eq!(only(&found).get::<i64>("round")?, round);
    }
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    assert_at_rest(&driver);
    assert_eq!(relay.traffic().connections, 1);
    Ok(())
}

async fn a_query_with_a_dropped_result_is_carried_out_in_its_transaction(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let create = "UNWIND range(1, 2500) AS x CREATE (n:Scenario {run: $run}) RETURN x";
    for read in [0, 1, 1200] {
        let mut session = driver.session().build();
        let mut tx = go!(session.begin_transaction())?;
        let mut rows = go!(tx.run(create).param("run", &run))?;
        for _ in 0..read {
            assert!(wait!(rows.try_next())?.is_some());
        }
        drop(rows);
        // The transaction still works.
        let mut rows = go!(tx.run("RETURN 7 AS seven"))?;
        assert_eq!(wait!(rows.try_next())?.expect("a row").get::<i64>("seven")?, 7);
        drop(rows);
        wait!(tx.commit())?;
    }
    // Also right before the commit.
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    drop(go!(tx.run(create).param("run", &run))?);
    wait!(tx.commit())?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 4 * 2500);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_failed_query_ends_its_transaction_and_the_next_one_is_fine(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    for end in 0..3 {
        let mut tx = go!(session.begin_transaction())?;
        go!(tx.run(CREATE).param("run", &run))?;
        for _ in 0..2 {
            // A repeated call repeats the error.
            let error = go!(tx.run("RETRUN 1")).map(drop).unwrap_err();
            let code = error.server().map(|server| server.code());
            assert_eq!(code, Some("Neo.ClientError.Statement.SyntaxError"), "{error}");
        }
        match end {
            0 => drop(tx),
            1 => wait!(tx.rollback())?,
            _ => assert_eq!(wait!(tx.commit()).unwrap_err().kind(), ErrorKind::Server),
        }
        let mut tx = go!(session.begin_transaction())?;
        wait!(go!(tx.run("RETURN 1"))?.consume())?;
        wait!(tx.commit())?;
    }
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    assert_eq!(relay.traffic().connections, 1);
    Ok(())
}

async fn an_unread_failure_fails_the_commit(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().fetch_size(10).build();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run(CREATE).param("run", &run))?;
    // A server may not even compute a read-only query when its rows are discarded.
    let failing = "UNWIND range(1, 1500) AS x CREATE (:Scenario {run: $run, y: 1 / (1200 - x)}) RETURN x";
    let accepted = go!(tx.run(failing).param("run", &run)).map(drop);
    let committed = wait!(tx.commit());
    // A server may compute everything before it sends anything.
    if let Err(error) = accepted {
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    }
    let error = committed.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_timed_out_run_poisons_its_transaction(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run(CREATE).param("run", &run))?;
    relay.hold();
    let abandoned = "CREATE (:Scenario {run: $run, late: true})";
    let limit = Duration::from_millis(50);
    let error = go!(tx.run(abandoned).param("run", &run).deadline(limit))
        .map(drop)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    relay.release();
    for _ in 0..2 {
        let error = go!(tx.run("RETURN 1")).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert_says(&error, &["timed out", "rolled back"]);
    }
    wait!(tx.rollback())?;
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run(CREATE).param("run", &run))?;
    wait!(tx.commit())?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 1);
    Ok(())
}

async fn an_eager_transaction_reports_errors_of_its_begin(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().database("nosuchdatabase").build();
    let eager = go!(session.begin_transaction().eager(true)).map(drop);
    let mut lazy = go!(session.begin_transaction())?;
    let first = go!(lazy.run("RETURN 1")).map(drop);
    drop(lazy);
    // The engine has one database, under any name.
    if !world.server.is_engine() {
        for error in [eager.unwrap_err(), first.unwrap_err()] {
            let code = error.server().map(|server| server.code());
            assert_eq!(code, Some("Neo.ClientError.Database.DatabaseNotFound"), "{error}");
        }
    }
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction().eager(true))?;
    go!(tx.run("RETURN 1"))?;
    wait!(tx.commit())?;
    assert_at_rest(&driver);
    Ok(())
}

async fn a_broken_idle_connection_is_replaced_by_the_first_query(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    go!(driver.execute_query("RETURN 1"))?;
    let mut tx = go!(session.begin_transaction())?;
    relay.cut();
    go!(tx.run(CREATE).param("run", &run))?;
    wait!(tx.commit())?;

    let tx = go!(session.begin_transaction())?;
    relay.cut();
    wait!(tx.commit())?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 1);
    assert_eq!(relay.traffic().connections, 3);
    Ok(())
}

async fn a_connection_that_breaks_later_ends_the_transaction(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run(CREATE).param("run", &run))?;
    relay.cut();
    let error = go!(tx.run(CREATE).param("run", &run)).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(error.is_retryable());
    // A transaction that has already ended can be rolled back without an error, but not committed.
    let result = wait!(tx.commit());
    assert!(
        !matches!(&result, Err(error) if error.kind() == ErrorKind::UnknownCommit),
        "COMMIT was never sent: {result:?}"
    );
    result.unwrap_err();
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    assert_none_in_use(&driver);
    Ok(())
}

async fn a_commit_with_a_lost_answer_is_unknown(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run(CREATE).param("run", &run))?;
    relay.cut_at_answer_to_flight(1);
    let error = wait!(tx.commit()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{error}");
    assert!(!error.is_retryable());

    let mut tx = go!(session.begin_transaction().deadline(Duration::from_millis(700)))?;
    go!(tx.run(CREATE).param("run", &run))?;
    relay.hold();
    let error = wait!(tx.commit()).unwrap_err();
    relay.release();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{error}");
    assert_says(&error, &["COMMIT"]);

    // Both were carried out.
    let counter = world.driver()?;
    for _ in 0..100 {
        if count(&counter, "Scenario", &run).await? == 2 {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("a commit that reached the server was not carried out");
}

/// The second caller waits for the first one's lock. The first one's line is slow.
async fn the_locks_of_a_dropped_transaction_are_free_after_one_round_trip(world: World) -> Outcome {
    let lock = Lock::new(&world, Duration::from_millis(100)).await?;
    let mut session = lock.far.session().build();
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run(locks::TAKE).param("run", &lock.node))?;
    let waiting = lock.start_waiter(&world).await?;
    let dropped = Instant::now();
    drop(tx);
    lock.assert_soon(dropped, waiting.await?);
    Ok(())
}
