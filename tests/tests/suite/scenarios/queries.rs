//! Queries that succeed.

use bolt_client::{Access, Query, QueryType, Value};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_read_returns_its_records_summary_and_keys,
        a_read_finds_what_the_previous_write_created,
        the_summary_counts_the_changes_of_a_write needs Counters,
        a_query_without_records_still_has_its_keys,
        the_rows_of_an_eager_result_are_iterated_by_reference_and_by_value,
        ten_thousand_records_arrive_in_order,
        a_record_larger_than_any_chunk_arrives_whole,
        a_query_can_be_run_again,
        a_database_can_be_named,
        a_driver_is_connected_and_knows_its_server,
        records_outlive_their_driver,
    ]
}

async fn a_read_returns_its_records_summary_and_keys(world: World) -> Outcome {
    let driver = world.driver()?;
    let text = "UNWIND [1, 2, 3] AS number RETURN number, 'number ' + toString(number) AS name";
    let EagerResult {
        records,
        summary,
        keys,
        ..
    } = go!(driver.execute_query(text).routing(Access::Read))?;

    assert_eq!(keys.iter().collect::<Vec<&str>>(), ["number", "name"]);
    let mut rows = Vec::new();
    for record in &records {
        rows.push((record.get::<i64>("number")?, record.get::<String>(1)?));
    }
    let name = |number: i64| (number, format!("number {number}"));
    assert_eq!(rows, [name(1), name(2), name(3)]);
    assert_eq!(summary.query(), text);
    assert_eq!(summary.query_type(), Some(QueryType::Read));
    assert_eq!(summary.database(), Some("neo4j"));
    assert!(summary.result_available_after().is_some());
    assert!(summary.result_consumed_after().is_some());
    assert_eq!(
        summary.server().address().to_string(),
        world.server.address.to_string()
    );
    Ok(())
}

async fn a_read_finds_what_the_previous_write_created(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let create = "UNWIND [1, 2, 3] AS number CREATE (n:Scenario {run: $run, number: number}) RETURN n.number AS number";
    let created = go!(driver.execute_query(create).param("run", &run))?;
    assert_eq!(created.records.len(), 3);

    let find = "MATCH (n:Scenario {run: $run}) RETURN sum(n.number) AS sum";
    let found = go!(driver
        .execute_query(find)
        .param("run", &run)
        .routing(Access::Read))?;
    assert_eq!(only(&found).get::<i64>("sum")?, 6);
    Ok(())
}

async fn the_summary_counts_the_changes_of_a_write(world: World) -> Outcome {
    let driver = world.driver()?;
    let create = "CREATE (a:Scenario {run: $run})-[:NEXT]->(b:Scenario {run: $run})";
    let created = go!(driver.execute_query(create).param("run", world.unique_name()))?;
    let counters = created.summary.counters();
    assert!(counters.contains_updates());
    assert_eq!((counters.nodes_created, counters.relationships_created), (2, 1));
    assert_eq!((counters.properties_set, counters.labels_added), (2, 2));
    assert_eq!(created.summary.query_type(), Some(QueryType::Write));

    let read = go!(driver.execute_query("RETURN 1"))?;
    assert!(!read.summary.counters().contains_updates());
    Ok(())
}

async fn the_rows_of_an_eager_result_are_iterated_by_reference_and_by_value(world: World) -> Outcome {
    let driver = world.driver()?;
    let mut query = driver.execute_query("RETURN $p0 AS x UNION ALL RETURN $p1 AS x");
    for number in 0..2 {
        query = query.param(format!("p{number}"), number);
    }
    let result = go!(query)?;
    let mut sum = 0;
    for row in &result {
        sum += row.get::<i64>("x")?;
    }
    assert_eq!(sum, 1);
    let rows: Result<Vec<i64>, _> = result.into_iter().map(|row| row.get("x")).collect();
    assert_eq!(rows?, [0, 1]);
    Ok(())
}

async fn a_query_without_records_still_has_its_keys(world: World) -> Outcome {
    let driver = world.driver()?;
    let found = go!(driver.execute_query("UNWIND [] AS one RETURN one, 2 AS two"))?;
    assert!(found.records.is_empty());
    assert_eq!(found.keys.iter().collect::<Vec<&str>>(), ["one", "two"]);

    let created = go!(driver
        .execute_query("CREATE (:Scenario {run: $run})")
        .param("run", world.unique_name()))?;
    assert!(created.records.is_empty());
    assert_eq!(created.keys.iter().count(), 0);
    Ok(())
}

async fn ten_thousand_records_arrive_in_order(world: World) -> Outcome {
    let driver = world.driver()?;
    let rows = go!(driver.execute_query("UNWIND range(1, 10000) AS x RETURN x, x % 7 AS rest"))?.records;
    assert_eq!(rows.len(), 10_000);
    for (number, row) in (1..).zip(&rows) {
        assert_eq!(
            (row.get::<i64>("x")?, row.get::<i64>("rest")?),
            (number, number % 7)
        );
    }
    Ok(())
}

async fn a_record_larger_than_any_chunk_arrives_whole(world: World) -> Outcome {
    let driver = world.driver()?;
    let text: String = ('a'..='z').cycle().take(300_000).collect();
    let found = go!(driver
        .execute_query("RETURN $text AS text, size($text) AS size")
        .param("text", &text))?;
    assert_eq!(only(&found).get::<String>("text")?, text);
    assert_eq!(only(&found).get::<i64>("size")?, 300_000);
    Ok(())
}

async fn a_query_can_be_run_again(world: World) -> Outcome {
    let driver = world.driver()?;
    let query = Query::new("RETURN $one + $two AS sum")
        .param("one", 1)
        .param("two", 2);
    for _ in 0..3 {
        let found = go!(driver.execute_query(&query))?;
        assert_eq!(only(&found).get::<i64>("sum")?, 3);
    }
    Ok(())
}

async fn a_database_can_be_named(world: World) -> Outcome {
    let driver = world.driver()?;
    let found = go!(driver.execute_query("RETURN 1 AS one").database("neo4j"))?;
    assert_eq!(found.summary.database(), Some("neo4j"));
    Ok(())
}

async fn a_driver_is_connected_and_knows_its_server(world: World) -> Outcome {
    let driver = world.driver()?;
    wait!(driver.verify_connectivity())?;
    let info = wait!(driver.server_info())?;
    assert_eq!(info.protocol_version().to_string(), world.server.bolt);
    assert!(info.agent().starts_with(world.server.agent), "{}", info.agent());
    assert_eq!(info.address().to_string(), world.server.address.to_string());
    assert_at_rest(&driver);
    assert_eq!(driver.pool_counts().idle, 1);
    Ok(())
}

async fn records_outlive_their_driver(world: World) -> Outcome {
    let driver = world.driver()?;
    let record = go!(driver.execute_query("RETURN [1, 'two', null] AS list"))?
        .records
        .remove(0);
    wait!(driver.close());
    drop(driver);
    let list: Vec<Value> = record.get("list")?;
    assert_eq!(
        list,
        [Value::Integer(1), Value::String("two".to_owned()), Value::Null]
    );
    assert_eq!(record.clone().values()?, record.values()?);
    Ok(())
}
