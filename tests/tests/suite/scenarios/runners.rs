//! Functions that take a session or a transaction.

use bolt_client::query;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![one_function_runs_on_sessions_and_on_both_kinds_of_transactions]
}

/// Adds a node for each number, and returns how many nodes exist.
async fn add(on: &mut impl QueryRunner, run: &str, numbers: i64) -> Result<i64, Error> {
    let numbers = query("UNWIND range(1, $numbers) AS number RETURN number").param("numbers", numbers);
    let mut numbers = wait!(on.run_query(numbers).cursor())?;
    while let Some(number) = wait!(numbers.try_next(on))? {
        let number: i64 = number.get("number")?;
        let create = query("CREATE (:Scenario {run: $run, number: $number})").param("run", run);
        wait!(on.run_query(create.param("number", number)).consume())?;
    }
    let found = query("MATCH (n:Scenario {run: $run}) RETURN count(n)").param("run", run);
    wait!(on.run_query(found).single())?.get(0)
}

async fn one_function_runs_on_sessions_and_on_both_kinds_of_transactions(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    assert_eq!(add(&mut session, &run, 1).await?, 1);
    let mut tx = go!(session.begin_transaction())?;
    assert_eq!(add(&mut tx, &run, 2).await?, 3);
    wait!(tx.commit())?;
    // Transaction functions await differently on each adapter, so the same steps are spelled out.
    let numbers: Vec<i64> = go!(session.execute_read(work!(|tx, run| {
        let found = query("MATCH (n:Scenario {run: $run}) RETURN n.number AS number ORDER BY number");
        let found = wait!(tx.run_query(found.param("run", run)).cursor())?;
        go!(tx.run_query("RETURN 1"))?;
        wait!(found.collect_as(tx))
    })))?;
    assert_eq!(numbers, [1, 1, 2]);
    assert_at_rest(&driver);
    Ok(())
}
