//! Sessions: auto-commit queries and their rows.

use bolt_client::{Access, ErrorKind, FetchSize};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        rows_arrive_in_order_whatever_the_page_size,
        rows_can_be_borrowed_peeked_at_and_collected,
        a_result_without_rows_has_keys_and_a_summary,
        a_query_without_columns_is_carried_out_when_run_returns,
        a_query_that_fails_reports_it_and_the_session_continues,
        a_query_that_fails_late_returns_its_rows_first,
        a_query_that_fails_under_way_without_columns_fails_its_run,
        reading_after_the_end_of_a_result_returns_nothing,
        a_session_that_reads_refuses_writes needs Interruption,
        a_session_uses_the_database_that_it_names,
        sessions_that_work_at_the_same_time_share_the_pool,
    ]
}

async fn rows_arrive_in_order_whatever_the_page_size(world: World) -> Outcome {
    let driver = world.driver()?;
    for rows in [0, 1, 2, 999, 1000, 1001, 3500_i64] {
        for page in [None, Some(1), Some(7), Some(1000)] {
            // Thousands of pages of one row prove no more than hundreds.
            if page == Some(1) && rows > 999 {
                continue;
            }
            let size = page.map_or(FetchSize::All, FetchSize::Rows);
            let mut session = driver.session().fetch_size(size).build();
            let mut result = go!(session
                .run("UNWIND range(1, $rows) AS x RETURN x")
                .param("rows", rows))?;
            let mut next = 1;
            while let Some(row) = wait!(result.try_next())? {
                assert_eq!(row.get::<i64>("x")?, next, "{rows} rows, page of {page:?}");
                next += 1;
            }
            assert_eq!(next, rows + 1, "{rows} rows, page of {page:?}");
            wait!(result.consume())?;
            assert_at_rest(&driver);
        }
    }
    assert_eq!(driver.pool_counts().idle, 1);
    Ok(())
}

async fn rows_can_be_borrowed_peeked_at_and_collected(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(3).build();
    let mut rows = go!(session.run("UNWIND range(1, 20) AS x RETURN x, 'row ' + toString(x) AS name"))?;
    assert_eq!(rows.keys().iter().collect::<Vec<&str>>(), ["x", "name"]);
    for number in 1..=7 {
        for _ in 0..2 {
            let peeked = wait!(rows.peek())?.expect("there is a row");
            assert_eq!(peeked.get::<i64>("x")?, number);
        }
        if number % 2 == 0 {
            let row = wait!(rows.try_next())?.expect("there is a row");
            assert_eq!(row.get::<i64>("x")?, number);
        } else {
            let row = wait!(rows.next_ref())?.expect("there is a row");
            assert_eq!(row.get::<&str>("name")?, format!("row {number}"));
        }
    }
    wait!(rows.peek())?;
    let rest = wait!(rows.collect())?;
    let rest: Vec<i64> = rest.iter().map(|row| row.get("x")).collect::<Result<_, _>>()?;
    assert_eq!(rest, (8..=20).collect::<Vec<_>>());
    assert_at_rest(&driver);
    Ok(())
}

async fn a_result_without_rows_has_keys_and_a_summary(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    let text = "UNWIND [] AS one RETURN one, 2 AS two";
    let mut rows = go!(session.run(text))?;
    assert_eq!(rows.keys().iter().collect::<Vec<&str>>(), ["one", "two"]);
    assert!(wait!(rows.peek())?.is_none());
    assert!(wait!(rows.try_next())?.is_none());
    let summary = wait!(rows.consume())?;
    assert_eq!(summary.query(), text);
    assert_eq!(summary.database(), Some("neo4j"));
    Ok(())
}

async fn a_query_without_columns_is_carried_out_when_run_returns(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let rows = go!(session.run("CREATE (:Scenario {run: $run})").param("run", &run))?;
    assert!(rows.keys().is_empty());
    assert_at_rest(&driver);
    assert_eq!(count(&driver, "Scenario", &run).await?, 1);
    wait!(rows.consume())?;
    Ok(())
}

async fn a_query_that_fails_reports_it_and_the_session_continues(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    for _ in 0..3 {
        let error = go!(session.run("RETRUN 1")).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        let code = error.server().map(|server| server.code());
        assert_eq!(code, Some("Neo.ClientError.Statement.SyntaxError"));
        let mut rows = go!(session.run("RETURN 1 AS one"))?;
        let row = wait!(rows.try_next())?.expect("one row");
        assert_eq!(row.get::<i64>("one")?, 1);
    }
    // The unfinished part of the last query goes to the pool with the connection.
    drop(session);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_query_that_fails_late_returns_its_rows_first(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().fetch_size(2).build();
    let query = "UNWIND [1, 2, 4, 0, 5] AS x RETURN 8 / x AS quotient";
    let mut seen = Vec::new();
    let error = match go!(session.run(query)) {
        Ok(mut rows) => loop {
            match wait!(rows.try_next()) {
                Ok(Some(row)) => seen.push(row.get::<i64>("quotient")?),
                Ok(None) => panic!("the failure is not reported"),
                Err(error) => break error,
            }
        },
        Err(error) => error,
    };
    // The engine computes everything before it sends anything.
    if !world.server.is_engine() {
        assert_eq!(seen, [8, 4, 2]);
    }
    let code = error.server().map(|server| server.code());
    assert_eq!(code, Some("Neo.ClientError.Statement.ArithmeticError"));
    wait!(go!(session.run("RETURN 1"))?.consume())?;
    assert_at_rest(&driver);
    Ok(())
}

async fn a_query_that_fails_under_way_without_columns_fails_its_run(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let create = "UNWIND [2, 1, 0] AS x CREATE (:Scenario {run: $run, quotient: 1 / x})";
    let error = go!(session.run(create).param("run", &run)).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn reading_after_the_end_of_a_result_returns_nothing(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().build();
    let mut rows = go!(session.run("RETURN 1 AS one"))?;
    assert!(wait!(rows.try_next())?.is_some());
    for _ in 0..3 {
        assert!(wait!(rows.try_next())?.is_none());
        assert!(wait!(rows.next_ref())?.is_none());
        assert!(wait!(rows.peek())?.is_none());
    }
    assert!(wait!(rows.collect())?.is_empty());
    Ok(())
}

async fn a_session_that_reads_refuses_writes(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().default_access_mode(Access::Read).build();
    let create = "CREATE (:Scenario {run: $run})";
    let error = go!(session.run(create).param("run", &run)).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    let mut tx = go!(session.begin_transaction())?;
    let error = go!(tx.run(create).param("run", &run)).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    drop(tx);
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    Ok(())
}

async fn a_session_uses_the_database_that_it_names(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut session = driver.session().database("neo4j").build();
    let summary = wait!(go!(session.run("RETURN 1"))?.consume())?;
    assert_eq!(summary.database(), Some("neo4j"));
    let mut tx = go!(session.begin_transaction())?;
    let summary = wait!(go!(tx.run("RETURN 1"))?.consume())?;
    assert_eq!(summary.database(), Some("neo4j"));
    wait!(tx.commit())?;
    wait!(session.close())?;
    Ok(())
}

async fn sessions_that_work_at_the_same_time_share_the_pool(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(5))?;
    let callers: Vec<_> = (0..40_i64)
        .map(|caller| {
            let driver = driver.clone();
            world.spawn(async move {
                let mut session = driver.session().fetch_size(10).build();
                for round in 0..5 {
                    let number = caller * 10 + round;
                    let query = session.run("UNWIND range(1, 35) AS x RETURN $number AS number");
                    let rows = wait!(go!(query.param("number", number))?.collect())?;
                    assert_eq!(rows.len(), 35);
                    for row in &rows {
                        assert_eq!(row.get::<i64>("number")?, number, "another session's row");
                    }
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    assert!(relay.traffic().connections <= 5, "{:?}", relay.traffic());
    assert_at_rest(&driver);
    Ok(())
}
