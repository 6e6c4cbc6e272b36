//! How often the driver waits for the network, counted at the socket.

use bolt_client::Access;
use tests::relay::Traffic;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_fresh_connection_costs_at_most_two_more_flights,
        a_warm_read_is_one_flight_in_one_write,
        a_warm_write_is_two_flights_in_two_writes,
        a_write_that_returns_nothing_is_two_flights,
        a_write_whose_commit_travels_with_it_is_one_flight,
        a_large_result_is_still_one_flight,
        a_failed_query_costs_the_next_one_nothing,
        queries_in_a_row_share_one_connection,
    ]
}

async fn a_fresh_connection_costs_at_most_two_more_flights(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    go!(driver.execute_query("RETURN 1").routing(Access::Read))?;
    let traffic = relay.traffic();
    assert_eq!(traffic.connections, 1);
    assert!(
        traffic.flights <= world.server.round_trips_to_open() + 1,
        "{traffic:?}"
    );
    Ok(())
}

async fn a_warm_read_is_one_flight_in_one_write(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = warm_driver(&world, &relay).await?;
    for _ in 0..10 {
        let before = relay.traffic();
        go!(driver
            .execute_query("RETURN $x AS x")
            .param("x", 1)
            .routing(Access::Read))?;
        assert_cost(relay.traffic() - before, 1);
    }
    Ok(())
}

async fn a_warm_write_is_two_flights_in_two_writes(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = warm_driver(&world, &relay).await?;
    let run = world.unique_name();
    for _ in 0..10 {
        let before = relay.traffic();
        let create = "CREATE (n:Scenario {run: $run}) RETURN n.run AS run";
        go!(driver.execute_query(create).param("run", &run))?;
        assert_cost(relay.traffic() - before, 2);
    }
    Ok(())
}

async fn a_write_that_returns_nothing_is_two_flights(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = warm_driver(&world, &relay).await?;
    let before = relay.traffic();
    go!(driver
        .execute_query("CREATE (:Scenario {run: $run})")
        .param("run", world.unique_name()))?;
    assert_cost(relay.traffic() - before, 2);
    Ok(())
}

async fn a_write_whose_commit_travels_with_it_is_one_flight(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = warm_driver(&world, &relay).await?;
    let run = world.unique_name();
    for number in 1..=10_usize {
        let before = relay.traffic();
        let create = driver.execute_query("CREATE (n:Scenario {run: $run}) RETURN n.run AS run");
        let created = go!(create.param("run", &run).pipeline_commit(true))?;
        assert_eq!(only(&created).get::<&str>("run")?, run);
        assert_cost(relay.traffic() - before, 1);
        // Each call sees what those before it wrote.
        let count = "MATCH (n:Scenario {run: $run}) RETURN count(n) AS found";
        let found = go!(driver
            .execute_query(count)
            .param("run", &run)
            .routing(Access::Read))?;
        assert_eq!(only(&found).get::<usize>("found")?, number);
    }
    // A query that fails commits nothing, and the connection serves the next.
    let fails = "CREATE (n:Scenario {run: $run}) RETURN 1 / 0 AS never";
    let failing = driver.execute_query(fails).param("run", &run);
    go!(failing.pipeline_commit(true)).unwrap_err();
    let count = "MATCH (n:Scenario {run: $run}) RETURN count(n) AS found";
    let found = go!(driver.execute_query(count).param("run", &run))?;
    assert_eq!(only(&found).get::<usize>("found")?, 10);
    assert_eq!(relay.traffic().connections, 1);
    Ok(())
}

async fn a_large_result_is_still_one_flight(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = warm_driver(&world, &relay).await?;
    let before = relay.traffic();
    let found = go!(driver
        .execute_query("UNWIND range(1, 5000) AS x RETURN x")
        .routing(Access::Read))?;
    assert_eq!(found.records.len(), 5000);
    assert_cost(relay.traffic() - before, 1);
    Ok(())
}

async fn a_failed_query_costs_the_next_one_nothing(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = warm_driver(&world, &relay).await?;
    let before = relay.traffic();
    go!(driver.execute_query("RETRUN 1").routing(Access::Read)).unwrap_err();
    // The RESET leaves when the connection is released; by now its answer is in flight or has arrived.
    sleep(Duration::from_millis(300)).await;
    let failed = relay.traffic() - before;
    assert!(failed.flights <= 2, "{failed:?}");

    let before = relay.traffic();
    let found = go!(driver.execute_query("RETURN 1 AS one").routing(Access::Read))?;
    assert_eq!(only(&found).get::<i64>("one")?, 1);
    let next = relay.traffic() - before;
    assert_eq!((next.connections, next.flights), (0, 1), "{next:?}");
    Ok(())
}

async fn queries_in_a_row_share_one_connection(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    for number in 0..50 {
        let found = go!(driver
            .execute_query("RETURN $number AS number")
            .param("number", number))?;
        assert_eq!(only(&found).get::<i64>("number")?, number);
    }
    assert_eq!(relay.traffic().connections, 1);
    assert_eq!(driver.pool_counts().idle, 1);
    Ok(())
}

/// A driver with one connection, logged in and idle.
async fn warm_driver(world: &World, relay: &Relay) -> Result<Driver, Error> {
    let driver = world.driver_with(world.config_through(relay)?)?;
    go!(driver.execute_query("RETURN 1").routing(Access::Read))?;
    Ok(driver)
}

/// Asserts the cost of a query: so many flights, each in a single write.
#[track_caller]
fn assert_cost(traffic: Traffic, flights: u64) {
    assert_eq!(
        (traffic.connections, traffic.flights, traffic.bursts),
        (0, flights, flights),
        "{traffic:?}"
    );
}
