//! Features of blocking calls alone: iterators, closures that keep their borrows, and destructors that wait.

use adapter_blocking::{Error, ManagedTransaction};

use super::run;
use super::scenarios::{World, assert_at_rest, count, scenarios};
use crate::scenario::{Outcome, Run, Scenario};

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        records_are_an_iterator,
        an_iterator_ends_with_its_first_error,
        a_function_is_a_transaction_function,
        a_closure_may_mutate_its_borrows,
        a_dropped_session_has_carried_out_the_queries_of_its_cursors,
    ]
}

async fn records_are_an_iterator(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(7).build();
    let mut sum = 0;
    for row in session.run("UNWIND range(1, 100) AS x RETURN x").call()? {
        sum += row?.get::<i64>("x")?;
    }
    assert_eq!(sum, 5050);
    let mut rows = session.run("UNWIND range(1, 100) AS x RETURN x").call()?;
    let some: Result<Vec<_>, Error> = rows.by_ref().take(10).collect();
    assert_eq!((some?.len(), rows.collect()?.len()), (10, 90));
    Ok(())
}

async fn an_iterator_ends_with_its_first_error(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    if let Ok(rows) = session.run("UNWIND [4, 0, 1] AS x RETURN 1 / x AS y").call() {
        let rows: Vec<_> = Iterator::collect(rows);
        assert!(rows.last().is_some_and(Result::is_err));
        assert_eq!(rows.iter().filter(|row| row.is_err()).count(), 1);
    }
    assert_at_rest(&driver);
    Ok(())
}

fn one(tx: &mut ManagedTransaction) -> Result<i64, Error> {
    tx.run("RETURN 1").call()?.single()?.get(0)
}

async fn a_function_is_a_transaction_function(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    assert_eq!(session.execute_read(one).call()?, 1);
    assert_eq!(session.execute_write(one).call()?, 1);
    Ok(())
}

/// It need not be `Send` either.
async fn a_closure_may_mutate_its_borrows(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    let seen = std::rc::Rc::new(std::cell::Cell::new(0));
    let mut rows = Vec::new();
    session
        .execute_read(|tx| {
            rows.clear();
            for row in tx.run("UNWIND range(1, 10) AS x RETURN x").call()? {
                rows.push(row?.get::<i64>("x")?);
            }
            seen.set(seen.get() + 1);
            Ok(())
        })
        .call()?;
    assert_eq!((rows.len(), seen.get()), (10, 1));
    Ok(())
}

async fn a_dropped_session_has_carried_out_the_queries_of_its_cursors(world: World) -> Outcome {
    let driver = world.driver()?;
    let other = world.driver()?;
    let name = world.unique_name();
    let create = "UNWIND range(1, 25) AS x CREATE (:Scenario {run: $run}) RETURN x";
    let mut session = driver.session().fetch_size(10).build();
    let cursor = session.run(create).param("run", &name).cursor()?;
    drop(session);
    drop(cursor);
    assert_eq!(count(&other, "Scenario", &name).await?, 25);
    assert_at_rest(&driver);
    Ok(())
}
