//! Features of futures alone: transaction functions that are plain `async fn`s, transactions that outlive them, and
//! streams.

use std::sync::{Arc, Mutex};

use bolt_client::{Access, ErrorKind, ManagedTransaction};
use smol::stream::StreamExt;

use super::scenarios::{World, assert_at_rest, count, scenarios};
use super::{Error, run};
use crate::scenario::{Outcome, Run, Scenario};

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        an_async_fn_is_a_transaction_function,
        a_transaction_that_outlives_its_function_is_an_error,
        records_are_a_stream,
        a_stream_ends_with_its_first_error,
    ]
}

async fn add_and_count(mut tx: ManagedTransaction) -> Result<i64, Error> {
    tx.run("CREATE (:Scenario {run: 'an async fn'})").await?;
    let people = "MATCH (n:Scenario {run: 'an async fn'}) RETURN count(n)";
    tx.run(people).await?.single().await?.get(0)
}

async fn an_async_fn_is_a_transaction_function(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    let first = session.execute_write(add_and_count).await?;
    let second = session.execute_write(add_and_count).await?;
    assert!(second > first);
    Ok(())
}

async fn a_transaction_that_outlives_its_function_is_an_error(world: World) -> Outcome {
    let driver = world.driver()?;
    let name = world.unique_name();
    let kept = Arc::new(Mutex::new(None));
    let mut session = driver.session().build();
    let error = session
        .execute_write(|mut tx| {
            let (name, kept) = (name.clone(), Arc::clone(&kept));
            async move {
                tx.run("CREATE (:Scenario {run: $run})")
                    .param("run", name)
                    .await?;
                *kept.lock().unwrap() = Some(tx);
                Ok(())
            }
        })
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert!(error.to_string().contains("outlived"), "{error}");
    // It still works, but cannot be committed any more; when dropped it is rolled back.
    let tx = kept.lock().unwrap().take();
    let mut tx = tx.ok_or("the transaction")?;
    tx.run("RETURN 1").await?;
    drop(tx);
    assert_eq!(count(&driver, "Scenario", &name).await?, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn records_are_a_stream(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(7).build();
    let rows = session.run("UNWIND range(1, 100) AS x RETURN x").await?;
    let numbers: Vec<i64> = rows
        .map(|row| row?.get("x"))
        .collect::<Vec<Result<_, Error>>>()
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;
    assert_eq!(numbers, (1..=100).collect::<Vec<_>>());

    let mut rows = session.run("UNWIND range(1, 100) AS x RETURN x").await?;
    let some = StreamExt::take(&mut rows, 10).count().await;
    assert_eq!((some, rows.collect().await?.len()), (10, 90));
    Ok(())
}

async fn a_stream_ends_with_its_first_error(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().default_access_mode(Access::Read).build();
    let mut tx = session.begin_transaction().await?;
    let cursor = tx.queue("UNWIND [1, 0] AS x RETURN 1 / x AS y")?;
    let failed = cursor.collect(&mut tx).await;
    assert!(failed.is_err());
    drop(tx);
    let mut failures = 0;
    if let Ok(mut rows) = session.run("UNWIND [4, 0, 1] AS x RETURN 1 / x AS y").await {
        while let Some(row) = StreamExt::next(&mut rows).await {
            failures += usize::from(row.is_err());
        }
        assert_eq!(failures, 1);
        assert!(StreamExt::next(&mut rows).await.is_none());
    }
    assert_at_rest(&driver);
    Ok(())
}
