//! Many callers and few connections.

use std::time::Duration;

use bolt_client::{Access, ErrorKind};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        two_hundred_callers_share_ten_connections,
        an_acquisition_timeout_reports_the_pool_counts,
        a_broken_idle_connection_is_replaced_without_an_error,
        a_query_reports_a_broken_connection_and_the_next_one_works,
        an_unanswered_commit_is_reported_as_unknown,
        a_closed_driver_refuses_queries,
        closing_closes_the_connections,
        a_warm_up_opens_the_connections_that_calls_will_use,
    ]
}

async fn two_hundred_callers_share_ten_connections(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(10))?;
    let callers: Vec<_> = (0..200_i64)
        .map(|caller| {
            let driver = driver.clone();
            world.spawn(async move {
                for round in 0..5 {
                    let number = caller * 10 + round;
                    let query = driver
                        .execute_query("RETURN $number AS number")
                        .param("number", number);
                    let found = go!(query.routing(Access::Read))?;
                    assert_eq!(only(&found).get::<i64>("number")?, number);
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    assert!(relay.traffic().connections <= 10, "{:?}", relay.traffic());
    assert_at_rest(&driver);
    assert!(driver.pool_counts().idle <= 10);
    Ok(())
}

async fn a_warm_up_opens_the_connections_that_calls_will_use(world: World) -> Outcome {
    let relay = world.relay()?;
    let config = world.config_through(&relay)?.min_idle_connections(5);
    let driver = world.driver_with(config.max_connection_idle_time(Duration::from_millis(1)))?;
    wait!(driver.warm_up())?;
    assert_eq!(driver.pool_counts().idle, 5);
    // They stay, however long they are idle, and serve five callers at once.
    sleep(Duration::from_millis(50)).await;
    let mut sessions: Vec<_> = (0..5).map(|_| driver.session().build()).collect();
    let mut transactions = Vec::new();
    for session in &mut sessions {
        transactions.push(go!(session.begin_transaction().eager(true))?);
    }
    for tx in transactions {
        wait!(tx.rollback())?;
    }
    assert_eq!(relay.traffic().connections, 5);
    wait!(driver.close());
    let error = wait!(driver.warm_up()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    Ok(())
}

async fn an_acquisition_timeout_reports_the_pool_counts(world: World) -> Outcome {
    let relay = world.relay()?;
    let config = world.config_through(&relay)?.max_connection_pool_size(1);
    let driver = world.driver_with(config.connection_acquisition_timeout(Duration::from_millis(500)))?;
    go!(driver.execute_query("RETURN 1"))?;

    relay.hold();
    let holder = world.spawn({
        let driver = driver.clone();
        async move { go!(driver.execute_query("RETURN 1").deadline(Duration::from_secs(30))) }
    });
    while driver.pool_counts().in_use == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let error = go!(driver.execute_query("RETURN 2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_says(&error, &["1 in use", "max_connection_pool_size"]);

    relay.release();
    holder.await?;
    assert_at_rest(&driver);
    Ok(())
}

async fn a_broken_idle_connection_is_replaced_without_an_error(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    go!(driver.execute_query("RETURN 1"))?;
    relay.cut();
    // A connection that was used within the last second is not checked.
    sleep(Duration::from_millis(1200)).await;
    go!(driver.execute_query("RETURN 1"))?;
    assert_eq!(relay.traffic().connections, 2);
    assert_eq!(driver.pool_counts().idle, 1);
    Ok(())
}

async fn a_query_reports_a_broken_connection_and_the_next_one_works(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(once(world.config_through(&relay)?))?;
    // After the login, in the middle of the records.
    relay.cut_after(8000);
    let query = driver
        .execute_query("UNWIND range(1, 10000) AS x RETURN x")
        .routing(Access::Read);
    let error = go!(query).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert_says(&error, &[&relay.address().to_string()]);
    assert!(error.is_retryable());

    go!(driver.execute_query("RETURN 1"))?;
    assert_at_rest(&driver);
    Ok(())
}

async fn an_unanswered_commit_is_reported_as_unknown(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    go!(driver.execute_query("RETURN 1"))?;
    let run = world.unique_name();
    // The first flight is the query, the second its COMMIT.
    relay.cut_at_answer_to_flight(2);
    let error = go!(driver
        .execute_query("CREATE (:Scenario {run: $run})")
        .param("run", &run))
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{error}");
    assert!(!error.is_retryable());
    assert_says(&error, &[&relay.address().to_string()]);

    // The server did commit; only its answer was lost.
    let count = "MATCH (n:Scenario {run: $run}) RETURN count(n) AS count";
    let found = go!(driver.execute_query(count).param("run", &run))?;
    assert_eq!(only(&found).get::<i64>("count")?, 1);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_closed_driver_refuses_queries(world: World) -> Outcome {
    let driver = world.driver()?;
    go!(driver.execute_query("RETURN 1"))?;
    let clone = driver.clone();
    wait!(driver.close());
    for driver in [&driver, &clone] {
        let error = go!(driver.execute_query("RETURN 1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        assert_eq!(
            wait!(driver.verify_connectivity()).unwrap_err().kind(),
            ErrorKind::Closed
        );
    }
    // Closing twice has no further effect.
    wait!(driver.close());
    Ok(())
}

async fn closing_closes_the_connections(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    go!(driver.execute_query("RETURN 1"))?;
    assert_eq!(relay.open_connections(), 1);
    wait!(driver.close());
    let counts = driver.pool_counts();
    assert_eq!(
        (counts.in_use, counts.idle, counts.opening, counts.waiting),
        (0, 0, 0, 0)
    );
    for _ in 0..100 {
        if relay.open_connections() == 0 {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("the connection is still open after the driver was closed");
}
