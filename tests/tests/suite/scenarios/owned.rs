//! Transactions and records that own their sessions: what a function can return, and a struct can hold.

use bolt_client::BookmarkManager;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        an_owned_transaction_commits_after_its_function_has_returned,
        an_owned_transaction_that_is_dropped_is_rolled_back,
        transactions_of_the_driver_and_execute_query_see_each_other,
        a_session_that_becomes_a_transaction_shares_its_manager,
        owned_records_are_read_after_their_function_has_returned,
        owned_records_that_are_dropped_midway_are_carried_out,
        a_query_is_run_and_read_in_one_call,
    ]
}

const CREATE: &str = "CREATE (:Owned {run: $run})";
const COUNT: &str = "MATCH (n:Owned {run: $run}) RETURN count(n) AS count";
/// More rows than a page has, after a write.
const ROWS: &str = "CREATE (n:Owned {run: $run}) WITH n UNWIND range(1, 2500) AS x RETURN x";

/// What an application makes of a transaction.
struct Work {
    tx: Transaction<'static>,
    run: String,
}

async fn begin(driver: &Driver, run: &str) -> Result<Work, Error> {
    let mut tx = go!(driver.begin_transaction())?;
    wait!(tx.run(CREATE).param("run", run).consume())?;
    Ok(Work {
        tx,
        run: run.to_owned(),
    })
}

async fn rows(driver: &Driver, run: &str) -> Result<Records<'static>, Error> {
    let session = driver.session().build();
    go!(session.into_records(ROWS).param("run", run))
}

async fn an_owned_transaction_commits_after_its_function_has_returned(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut work = begin(&driver, &run).await?;
    wait!(work.tx.run(CREATE).param("run", &work.run).consume())?;
    let count: i64 = wait!(work.tx.run(COUNT).param("run", &work.run).single())?.get("count")?;
    assert_eq!(count, 2);
    wait!(work.tx.commit())?;
    assert_eq!(count_owned(&driver, &run).await?, 2);
    assert_at_rest(&driver);
    Ok(())
}

async fn an_owned_transaction_that_is_dropped_is_rolled_back(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    drop(begin(&driver, &run).await?);
    assert_eq!(count_owned(&driver, &run).await?, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn transactions_of_the_driver_and_execute_query_see_each_other(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    for round in 0..10 {
        go!(driver.execute_query(CREATE).param("run", &run))?;
        let mut tx = go!(driver.begin_transaction())?;
        let count: i64 = wait!(tx.run(COUNT).param("run", &run).single())?.get("count")?;
        assert_eq!(count, 2 * round + 1);
        wait!(tx.run(CREATE).param("run", &run).consume())?;
        wait!(tx.commit())?;
        assert_eq!(count_owned(&driver, &run).await?, 2 * round + 2);
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn a_session_that_becomes_a_transaction_shares_its_manager(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let manager = BookmarkManager::new();
    let mut session = driver.session().bookmark_manager(&manager).build();
    drop(go!(session.run(ROWS).param("run", &run))?);
    let mut tx = go!(session.into_transaction())?;
    let count: i64 = wait!(tx.run(COUNT).param("run", &run).single())?.get("count")?;
    assert_eq!(count, 1, "what the session has written before");
    wait!(tx.run(CREATE).param("run", &run).consume())?;
    wait!(tx.commit())?;
    let mut session = driver.session().bookmark_manager(&manager).build();
    let count: i64 = wait!(session.run(COUNT).param("run", &run).single())?.get("count")?;
    assert_eq!(count, 2);
    Ok(())
}

async fn owned_records_are_read_after_their_function_has_returned(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut rows = rows(&driver, &run).await?;
    let mut last = 0;
    while let Some(row) = wait!(rows.try_next())? {
        last = row.get::<i64>("x")?;
    }
    assert_eq!(last, 2500);
    wait!(rows.consume())?;
    assert_eq!(count_owned(&driver, &run).await?, 1);
    assert_at_rest(&driver);
    Ok(())
}

async fn owned_records_that_are_dropped_midway_are_carried_out(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(1))?;
    let run = world.unique_name();
    for round in 1..=5 {
        let mut rows = rows(&driver, &run).await?;
        assert!(wait!(rows.try_next())?.is_some());
        drop(rows);
        // The only connection finishes the write before anything else.
        assert_eq!(count_owned(&driver, &run).await?, round);
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn a_query_is_run_and_read_in_one_call(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    let ten = "UNWIND range(1, 10) AS x RETURN x";
    assert_eq!(wait!(session.run(ten).collect())?.len(), 10);
    let numbers: Vec<i64> = wait!(session.run(ten).collect_as())?;
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    let column: Vec<i64> = wait!(session.run(ten).collect_column())?;
    assert_eq!(column, numbers);
    let all = wait!(session.run(ten).into_eager_result())?;
    assert_eq!((all.keys.len(), all.records.len()), (1, 10));
    assert_eq!(wait!(session.run(ten).consume())?.query(), ten);
    let one: i64 = wait!(session.run("RETURN 1 AS one").single())?.get("one")?;
    assert_eq!(one, 1);
    assert!(wait!(session.run("UNWIND [] AS x RETURN x").single_optional())?.is_none());
    let failing = "UNWIND [1, 0] AS x RETURN 1 / x AS y";
    assert!(wait!(session.run(failing).collect()).is_err());

    let mut tx = go!(session.begin_transaction())?;
    let mut cursor = wait!(tx.run(ten).cursor())?;
    assert_eq!(wait!(tx.run(ten).collect())?.len(), 10);
    let first = wait!(cursor.try_next(&mut tx))?.ok_or("a row")?;
    assert_eq!(first.get::<i64>("x")?, 1);
    assert_eq!(wait!(cursor.collect(&mut tx))?.len(), 9);
    wait!(tx.commit())?;
    assert_at_rest(&driver);
    Ok(())
}

async fn count_owned(driver: &Driver, run: &str) -> Result<i64, Error> {
    count(driver, "Owned", run).await
}
