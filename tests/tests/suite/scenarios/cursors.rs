//! Results that do not borrow their transaction, and queued queries.

use bolt_client::{ErrorKind, query};
use tests::relay::Traffic;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        several_results_are_read_in_any_order,
        a_query_runs_for_each_row_of_another,
        a_cursor_reads_everything_that_records_can_read,
        a_cursor_is_refused_by_another_host,
        a_dropped_cursor_skips_only_its_own_rows,
        a_session_keeps_the_rest_of_a_cursor_while_another_query_runs,
        a_rest_that_is_too_long_to_be_kept_is_a_clear_error,
        closing_a_session_carries_out_the_queries_of_its_cursors,
        queued_queries_and_their_commit_are_one_flight,
        results_of_queued_queries_are_read_in_any_order,
        after_a_failed_queued_query_later_ones_are_not_carried_out,
        queued_queries_without_a_reader_are_carried_out_by_the_commit,
        a_queued_query_that_cannot_be_sent_is_refused_without_affecting_others,
    ]
}

const CREATE: &str = "CREATE (:Scenario {run: $run})";

async fn several_results_are_read_in_any_order(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(2).build();
    let mut tx = go!(session.begin_transaction())?;
    let mut first = wait!(tx.run("UNWIND range(1, 9) AS x RETURN x").cursor())?;
    let mut second = wait!(tx.run("UNWIND range(101, 109) AS y RETURN y").cursor())?;
    let third = wait!(tx.run("UNWIND range(201, 209) AS z RETURN z").cursor())?;
    let (mut xs, mut ys) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        for _ in 0..2 {
            let row = wait!(second.try_next(&mut tx))?.ok_or("a row")?;
            ys.push(row.get::<i64>("y")?);
        }
        let next = wait!(first.peek(&mut tx))?.ok_or("a row")?.get::<i64>("x")?;
        let row = wait!(first.next_ref(&mut tx))?.ok_or("a row")?;
        assert_eq!(row.get::<i64>("x")?, next);
        xs.push(next);
    }
    assert_eq!(xs, [1, 2, 3, 4]);
    assert_eq!(ys, (101..=108).collect::<Vec<_>>());
    assert_eq!(
        third.keys(&mut tx).map(|keys| keys.iter().collect()),
        Some(vec!["z"])
    );
    assert_eq!(wait!(third.collect(&mut tx))?.len(), 9);
    // Also with a query of the other kind in between.
    assert_eq!(wait!(go!(tx.run("RETURN 1"))?.collect())?.len(), 1);
    assert_eq!(wait!(first.collect(&mut tx))?.len(), 5);
    wait!(second.consume(&mut tx))?;
    wait!(tx.commit())?;
    assert_at_rest(&driver);
    Ok(())
}

async fn a_query_runs_for_each_row_of_another(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().fetch_size(10).build();
    let mut tx = go!(session.begin_transaction())?;
    let mut numbers = wait!(tx.run("UNWIND range(1, 100) AS x RETURN x").cursor())?;
    let mut sum = 0;
    while let Some(row) = wait!(numbers.try_next(&mut tx))? {
        let number: i64 = row.get("x")?;
        let create = "CREATE (n:Scenario {run: $run, number: $number}) RETURN n.number AS number";
        let rows = go!(tx.run(create).param("run", &run).param("number", number))?;
        sum += wait!(rows.single())?.get::<i64>("number")?;
    }
    assert_eq!(sum, 5050);
    wait!(tx.commit())?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 100);
    Ok(())
}

async fn a_cursor_reads_everything_that_records_can_read(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(2).build();
    let mut tx = go!(session.begin_transaction())?;
    let ten = "UNWIND range(1, 10) AS x RETURN x";

    let mut rows = wait!(tx.run(ten).cursor())?;
    assert_eq!(wait!(rows.next_as::<i64>(&mut tx))?, Some(1));
    let fetched = wait!(rows.fetch(&mut tx, 4))?;
    assert_eq!(fetched.len(), 4);
    assert_eq!(fetched[3].get::<i64>("x")?, 5);
    // A row of the wrong type is lost; later ones are not.
    let error = wait!(rows.next_as::<String>(&mut tx)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion);
    assert_eq!(wait!(rows.collect_column::<i64>(&mut tx))?, [7, 8, 9, 10]);

    let mut rows = wait!(tx.run(ten).cursor())?;
    assert_eq!(wait!(rows.fetch(&mut tx, 100))?.len(), 10);
    assert_eq!(wait!(rows.fetch(&mut tx, 100))?.len(), 0);
    assert_eq!(wait!(rows.next_as::<i64>(&mut tx))?, None);

    let one = wait!(tx.run("RETURN 1 AS one").cursor())?;
    let row = wait!(one.single_optional(&mut tx))?.ok_or("a row")?;
    assert_eq!(row.get::<i64>("one")?, 1);
    let none = wait!(tx.run("UNWIND [] AS x RETURN x").cursor())?;
    assert!(wait!(none.single_optional(&mut tx))?.is_none());
    let many = wait!(tx.run(ten).cursor())?;
    let error = wait!(many.single_optional(&mut tx)).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion);
    wait!(tx.commit())?;
    assert_at_rest(&driver);
    Ok(())
}

async fn a_cursor_is_refused_by_another_host(world: World) -> Outcome {
    let driver = world.driver()?;
    let (mut one, mut other) = (driver.session().build(), driver.session().build());
    let mut tx = go!(one.begin_transaction())?;
    let mut cursor = wait!(tx.run("RETURN 1 AS one").cursor())?;
    let mut elsewhere = go!(other.begin_transaction())?;
    go!(elsewhere.run("RETURN 2 AS two"))?;
    let refused = [
        wait!(cursor.try_next(&mut elsewhere)).map(drop).unwrap_err(),
        wait!(cursor.peek(&mut elsewhere)).map(drop).unwrap_err(),
        wait!(cursor.next_ref(&mut elsewhere)).map(drop).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert_says(&error, &["cursor", "came from"]);
    }
    assert!(cursor.keys(&mut elsewhere).is_none());
    wait!(elsewhere.commit())?;
    // The refused call lost nothing.
    assert_eq!(wait!(cursor.try_next(&mut tx))?.ok_or("a row")?.get::<i64>(0)?, 1);
    wait!(tx.commit())?;
    // Its transaction has ended.
    let error = wait!(cursor.collect(&mut one)).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");

    let cursor = wait!(one.run("RETURN 1 AS one").cursor())?;
    let mut tx = go!(other.begin_transaction())?;
    let error = wait!(cursor.single(&mut tx)).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    wait!(tx.rollback())?;
    wait!(one.close())?;
    assert_at_rest(&driver);
    Ok(())
}

async fn a_dropped_cursor_skips_only_its_own_rows(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().fetch_size(3).build();
    let mut tx = go!(session.begin_transaction())?;
    let mut kept = wait!(tx.run("UNWIND range(1, 10) AS x RETURN x").cursor())?;
    let create = "UNWIND range(1, 10) AS x CREATE (n:Scenario {run: $run}) RETURN x";
    let mut dropped = wait!(tx.run(create).param("run", &run).cursor())?;
    assert!(wait!(dropped.try_next(&mut tx))?.is_some());
    drop(dropped);
    assert!(wait!(kept.try_next(&mut tx))?.is_some());
    assert_eq!(wait!(kept.collect(&mut tx))?.len(), 9);
    wait!(tx.commit())?;
    assert_eq!(
        count(&driver, "Scenario", &run).await?,
        10,
        "the query is carried out"
    );
    Ok(())
}

async fn a_session_keeps_the_rest_of_a_cursor_while_another_query_runs(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().fetch_size(10).build();
    let mut first = wait!(session.run("UNWIND range(1, 100) AS x RETURN x").cursor())?;
    assert!(wait!(first.try_next(&mut session))?.is_some());
    go!(session.run(CREATE).param("run", &run))?;
    let second = wait!(session.run("UNWIND range(1, 50) AS x RETURN x").cursor())?;
    let mut tx = go!(session.begin_transaction())?;
    go!(tx.run(CREATE).param("run", &run))?;
    wait!(tx.commit())?;
    go!(session.execute_write(work!(|tx, run| {
        go!(tx.run(CREATE).param("run", run))?;
        Ok(())
    })))?;
    assert_at_rest(&driver);
    assert_eq!(wait!(second.collect(&mut session))?.len(), 50);
    assert_eq!(
        wait!(first.try_next(&mut session))?
            .ok_or("a row")?
            .get::<i64>("x")?,
        2
    );
    assert_eq!(wait!(first.collect(&mut session))?.len(), 98);
    assert_eq!(count(&driver, "Scenario", &run).await?, 3);
    Ok(())
}

async fn a_rest_that_is_too_long_to_be_kept_is_a_clear_error(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    let long = query("UNWIND range(1, 20000) AS x RETURN x, $text AS text").param("text", "x".repeat(1000));
    let mut cursor = wait!(session.run(&long).cursor())?;
    let error = go!(session.run("RETURN 1")).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
    assert_says(&error, &["cursor", "too long", "another session"]);
    // The cursor still works, and can be read to its end.
    let mut rows = 0;
    while wait!(cursor.next_ref(&mut session))?.is_some() {
        rows += 1;
    }
    assert_eq!(rows, 20_000);
    wait!(go!(session.run("RETURN 1"))?.consume())?;
    assert_at_rest(&driver);
    Ok(())
}

async fn closing_a_session_carries_out_the_queries_of_its_cursors(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let create = "UNWIND range(1, 25) AS x CREATE (:Scenario {run: $run}) RETURN x";
    let mut session = driver.session().fetch_size(10).build();
    let mut cursor = wait!(session.run(create).param("run", &run).cursor())?;
    assert!(wait!(cursor.try_next(&mut session))?.is_some());
    wait!(session.close())?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 25);
    // A dropped session does so as soon as the connection is used again, or at once.
    let mut session = driver.session().fetch_size(10).build();
    let cursor = wait!(session.run(create).param("run", &run).cursor())?;
    drop(session);
    drop(cursor);
    wait!(driver.close());
    let driver = world.driver()?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 50);
    Ok(())
}

async fn queued_queries_and_their_commit_are_one_flight(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    go!(driver.execute_query("RETURN 1").routing(Access::Read))?;
    let mut session = driver.session().build();
    let before = relay.traffic();
    let mut tx = go!(session.begin_transaction())?;
    for _ in 0..5 {
        tx.queue(query(CREATE).param("run", &run))?;
    }
    assert_eq!(relay.traffic(), before);
    wait!(tx.commit())?;
    assert_spent(relay.traffic() - before, 1);
    assert_eq!(count(&driver, "Scenario", &run).await?, 5);

    // The first call that waits sends them along.
    let before = relay.traffic();
    let mut tx = go!(session.begin_transaction())?;
    let queued: Vec<_> = (0..5_i64)
        .map(|number| tx.queue(query("RETURN $number AS number").param("number", number)))
        .collect::<Result<_, _>>()?;
    for (number, cursor) in (0..).zip(queued) {
        let row = wait!(cursor.single(&mut tx))?;
        assert_eq!(row.get::<i64>("number")?, number);
    }
    assert_spent(relay.traffic() - before, 1);
    wait!(tx.commit())?;
    assert_spent(relay.traffic() - before, 2);
    Ok(())
}

#[track_caller]
fn assert_spent(traffic: Traffic, flights: u64) {
    assert_eq!(
        (traffic.flights, traffic.connections),
        (flights, 0),
        "{traffic:?}"
    );
}

async fn results_of_queued_queries_are_read_in_any_order(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(2).build();
    let mut tx = go!(session.begin_transaction())?;
    let mut queued: Vec<_> = (1..=4_i64)
        .map(|end| tx.queue(query("UNWIND range(1, $end) AS x RETURN x").param("end", end)))
        .collect::<Result<_, _>>()?;
    let mut two = queued.remove(1);
    assert_eq!(wait!(queued.pop().ok_or("the last")?.collect(&mut tx))?.len(), 4);
    assert!(wait!(two.try_next(&mut tx))?.is_some());
    assert_eq!(wait!(queued.pop().ok_or("the third")?.collect(&mut tx))?.len(), 3);
    assert_eq!(wait!(queued.pop().ok_or("the first")?.collect(&mut tx))?.len(), 1);
    assert_eq!(wait!(two.collect(&mut tx))?.len(), 1);
    wait!(tx.commit())?;
    Ok(())
}

async fn after_a_failed_queued_query_later_ones_are_not_carried_out(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    let before = tx.queue(query(CREATE).param("run", &run))?;
    let failing = tx.queue("RETRUN 1")?;
    let later = tx.queue(query(CREATE).param("run", &run))?;
    let code = Some("Neo.ClientError.Statement.SyntaxError");
    for cursor in [later, failing] {
        let error = wait!(cursor.consume(&mut tx)).unwrap_err();
        assert_eq!(error.server().map(|error| error.code()), code, "{error}");
    }
    // It had been carried out by then, and is rolled back with its transaction.
    wait!(before.consume(&mut tx))?;
    wait!(tx.commit()).unwrap_err();
    let mut tx = go!(session.begin_transaction())?;
    tx.queue(query(CREATE).param("run", &run))?;
    tx.queue("RETRUN 1")?;
    let error = wait!(tx.commit()).unwrap_err();
    assert_eq!(error.server().map(|error| error.code()), code, "{error}");
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn queued_queries_without_a_reader_are_carried_out_by_the_commit(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    let create = "UNWIND range(1, 1500) AS x CREATE (n:Scenario {run: $run}) RETURN x";
    drop(tx.queue(query(create).param("run", &run))?);
    let cursor = tx.queue(query(create).param("run", &run))?;
    wait!(tx.commit())?;
    drop(cursor);
    assert_eq!(count(&driver, "Scenario", &run).await?, 3000);
    // After a rollback none of them remains.
    let mut tx = go!(session.begin_transaction())?;
    tx.queue(query(create).param("run", &run))?;
    wait!(tx.rollback())?;
    let mut tx = go!(session.begin_transaction())?;
    tx.queue(query(create).param("run", &run))?;
    drop(tx);
    assert_eq!(count(&driver, "Scenario", &run).await?, 3000);
    Ok(())
}

async fn a_queued_query_that_cannot_be_sent_is_refused_without_affecting_others(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction())?;
    tx.queue(query(CREATE).param("run", &run))?;
    let error = tx
        .queue(query("RETURN $big").param("big", u64::MAX))
        .map(drop)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameter, "{error}");
    tx.queue(query(CREATE).param("run", &run))?;
    wait!(tx.commit())?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 2);
    Ok(())
}
