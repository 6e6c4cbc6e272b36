//! Mistakes of callers: a clear error, and a driver that keeps working.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bolt_client::{Access, ErrorKind, Serde, Value};
use serde::Deserialize;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_wrong_password_is_refused_by_the_server,
        an_unknown_database_is_named_in_the_error,
        a_syntax_error_is_the_servers_error_and_costs_no_connection,
        a_missing_parameter_is_named_in_the_error,
        a_write_under_read_access_is_refused,
        a_list_nested_5000_deep_is_refused_before_anything_is_sent,
        a_map_with_keys_that_are_not_strings_is_refused_before_anything_is_sent,
        an_integer_beyond_64_bits_is_refused_before_anything_is_sent,
        a_failed_conversion_names_the_column_and_both_types,
        a_missing_column_is_named_with_the_existing_ones,
        a_row_that_does_not_fit_a_struct_names_the_field,
    ]
}

async fn a_wrong_password_is_refused_by_the_server(world: World) -> Outcome {
    let wrong = Auth::basic(world.server.user.as_str(), "not-the-password");
    let driver = world.driver_with(world.server.config(wrong)?)?;
    let started = Instant::now();
    for error in [
        go!(driver.execute_query("RETURN 1")).unwrap_err(),
        wait!(driver.verify_connectivity()).unwrap_err(),
        wait!(driver.server_info()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
        assert_eq!(error.code(), Some("Neo.ClientError.Security.Unauthorized"));
        assert!(!error.is_retryable());
        let login = format!(
            "logging in to {} as {:?}",
            world.server.address, world.server.user
        );
        assert_says(&error, &[&login]);
        assert!(!format!("{error} {error:?}").contains("not-the-password"));
    }
    assert!(started.elapsed() < Duration::from_secs(20));
    let counts = driver.pool_counts();
    assert_eq!((counts.in_use, counts.idle, counts.opening), (0, 0, 0));
    Ok(())
}

async fn an_unknown_database_is_named_in_the_error(world: World) -> Outcome {
    let driver = world.driver()?;
    let error = go!(driver.execute_query("RETURN 1").database("nosuchdatabase")).unwrap_err();
    assert_eq!(server_code(&error), "Neo.ClientError.Database.DatabaseNotFound");
    assert_says(
        &error,
        &["nosuchdatabase", "Neo.ClientError.Database.DatabaseNotFound"],
    );
    still_works(&driver).await
}

async fn a_syntax_error_is_the_servers_error_and_costs_no_connection(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    for access in [Access::Read, Access::Write] {
        let error = go!(driver.execute_query("RETRUN 1 AS one").routing(access)).unwrap_err();
        assert_eq!(server_code(&error), "Neo.ClientError.Statement.SyntaxError");
        assert!(!error.is_retryable());
        still_works(&driver).await?;
    }
    assert_eq!(relay.traffic().connections, 1);
    Ok(())
}

async fn a_missing_parameter_is_named_in_the_error(world: World) -> Outcome {
    let driver = world.driver()?;
    let error = go!(driver.execute_query("RETURN $absent AS x").param("present", 1)).unwrap_err();
    assert_eq!(server_code(&error), "Neo.ClientError.Statement.ParameterMissing");
    assert_says(&error, &["absent"]);
    still_works(&driver).await
}

async fn a_write_under_read_access_is_refused(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let create = driver
        .execute_query("CREATE (:Scenario {run: $run})")
        .param("run", &run);
    let error = go!(create.routing(Access::Read)).unwrap_err();
    assert_eq!(server_code(&error), "Neo.ClientError.Statement.AccessMode");

    let count = driver
        .execute_query("MATCH (n:Scenario {run: $run}) RETURN count(n) AS count")
        .param("run", &run);
    assert_eq!(only(&go!(count)?).get::<i64>("count")?, 0);
    Ok(())
}

async fn a_list_nested_5000_deep_is_refused_before_anything_is_sent(world: World) -> Outcome {
    let nested = (0..5000).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    let driver = world.driver()?;
    let error = go!(driver.execute_query("RETURN $deep").param("deep", &nested)).unwrap_err();
    assert_refused_unsent(&driver, &error, &["deep", "512"]);
    still_works(&driver).await
}

async fn a_map_with_keys_that_are_not_strings_is_refused_before_anything_is_sent(world: World) -> Outcome {
    let driver = world.driver()?;
    let map = HashMap::from([(vec![1, 2], "one")]);
    let error = go!(driver.execute_query("RETURN $odd").param("odd", Serde(&map))).unwrap_err();
    assert_refused_unsent(&driver, &error, &["odd", "key"]);
    still_works(&driver).await
}

async fn an_integer_beyond_64_bits_is_refused_before_anything_is_sent(world: World) -> Outcome {
    let driver = world.driver()?;
    let error = go!(driver.execute_query("RETURN $big").param("big", Serde(&u64::MAX))).unwrap_err();
    assert_refused_unsent(&driver, &error, &["big", "64"]);
    still_works(&driver).await
}

async fn a_failed_conversion_names_the_column_and_both_types(world: World) -> Outcome {
    let driver = world.driver()?;
    let found = go!(driver.execute_query("RETURN 'Alice' AS name, null AS nothing, 3000000000 AS big"))?;
    let row = only(&found);
    for (error, parts) in [
        (row.get::<i64>("name").unwrap_err(), ["name", "integer", "string"]),
        (row.get::<i64>(0).unwrap_err(), ["name", "integer", "string"]),
        (
            row.get::<String>("nothing").unwrap_err(),
            ["nothing", "string", "null"],
        ),
        (
            row.get::<Vec<i64>>("big").unwrap_err(),
            ["big", "list", "integer"],
        ),
        (row.get::<i32>("big").unwrap_err(), ["big", "i32", ""]),
    ] {
        assert_eq!(error.kind(), ErrorKind::Conversion);
        assert_says(&error, &parts);
    }
    assert_eq!(row.get::<String>("name")?, "Alice");
    Ok(())
}

async fn a_missing_column_is_named_with_the_existing_ones(world: World) -> Outcome {
    let driver = world.driver()?;
    let found = go!(driver.execute_query("RETURN 1 AS first, 2 AS second"))?;
    let row = only(&found);
    let by_name = row.get::<i64>("third").unwrap_err();
    assert_eq!(by_name.kind(), ErrorKind::Conversion);
    assert_says(&by_name, &["third", "first", "second"]);
    let by_index = row.get::<i64>(2).unwrap_err();
    assert_says(&by_index, &["2"]);
    Ok(())
}

async fn a_row_that_does_not_fit_a_struct_names_the_field(world: World) -> Outcome {
    #[derive(Debug, Deserialize)]
    struct Person {
        #[expect(dead_code, reason = "only its absence is checked")]
        name: String,
        #[expect(dead_code, reason = "only its absence is checked")]
        age: i64,
    }
    let driver = world.driver()?;
    let found = go!(driver.execute_query("RETURN 'Alice' AS name, 'old' AS age"))?;
    assert_says(
        &only(&found).to::<Person>().unwrap_err(),
        &["age", "integer", "string"],
    );
    let found = go!(driver.execute_query("RETURN 'Alice' AS name"))?;
    assert_says(&only(&found).to::<Person>().unwrap_err(), &["age"]);
    Ok(())
}

fn server_code(error: &Error) -> &str {
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    error.server().map_or("", |server| server.code())
}

/// The driver was not connected before, and must not be now.
#[track_caller]
fn assert_refused_unsent(driver: &Driver, error: &Error, parts: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::Parameter, "{error}");
    assert_says(error, parts);
    let counts = driver.pool_counts();
    assert_eq!((counts.in_use, counts.idle, counts.opening), (0, 0, 0));
}

async fn still_works(driver: &Driver) -> Outcome {
    let found = go!(driver.execute_query("RETURN 'fine' AS state"))?;
    assert_eq!(only(&found).get::<String>("state")?, "fine");
    assert_at_rest(driver);
    Ok(())
}
