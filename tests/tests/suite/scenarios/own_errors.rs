//! Transaction functions with application errors.

use std::fmt;

use bolt_client::{ErrorKind, OrAbort};

use super::managed::Tally;
use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_lost_connection_wrapped_in_an_abort_is_retried,
        a_deliberate_abort_is_final_even_if_the_connection_is_lost,
        a_function_may_return_an_application_error_type,
        a_lost_connection_inside_an_application_error_type_is_retried,
        after_the_retry_budget_a_lost_connection_is_returned_as_the_application_error,
    ]
}

const CREATE: &str = "CREATE (:Scenario {run: $run})";

/// An application's error type.
#[derive(Debug)]
enum Shop {
    Database(Error),
    SoldOut { item: &'static str },
}

impl From<Error> for Shop {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::SoldOut { item } => write!(f, "{item} is sold out"),
        }
    }
}

impl std::error::Error for Shop {}

async fn a_lost_connection_wrapped_in_an_abort_is_retried(world: World) -> Outcome {
    let relay = Arc::new(world.relay()?);
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let (run, attempts) = (world.unique_name(), Tally::default());
    let mut session = driver.session().build();
    go!(session.execute_write(work!(|tx, run, attempts, relay| {
        if attempts.add() == 0 {
            go!(tx.run("RETURN 1"))?;
            relay.cut();
        }
        let created = go!(tx.run(CREATE).param("run", run));
        created.map(drop).map_err(Shop::from).or_abort()
    })))?;
    assert_eq!(attempts.count(), 2);
    assert_eq!(count(&driver, "Scenario", &run).await?, 1);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_deliberate_abort_is_final_even_if_the_connection_is_lost(world: World) -> Outcome {
    let relay = Arc::new(world.relay()?);
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let attempts = Tally::default();
    let mut session = driver.session().build();
    let error = go!(session.execute_write(work!(|tx, attempts, relay| {
        attempts.add();
        go!(tx.run("RETURN 1"))?;
        relay.cut();
        go!(tx.run("RETURN 2")).map(drop).unwrap_err();
        Err::<(), _>(Error::abort("enough"))
    })))
    .unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string()),
        (ErrorKind::Abort, "enough".into())
    );
    assert_eq!(attempts.count(), 1);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_function_may_return_an_application_error_type(world: World) -> Outcome {
    let driver = world.driver()?;
    let (run, attempts) = (world.unique_name(), Tally::default());
    let mut session = driver.session().build();
    let error = go!(session.try_execute_write(work!(|tx, run, attempts| {
        attempts.add();
        go!(tx.run(CREATE).param("run", run))?;
        Err::<(), _>(Shop::SoldOut { item: "tea" })
    })))
    .unwrap_err();
    assert!(matches!(error, Shop::SoldOut { item: "tea" }), "{error}");

    let error = go!(session.try_execute_read(work!(|tx, attempts| {
        attempts.add();
        let row = wait!(go!(tx.run("RETURN 'one' AS one"))?.single())?;
        Ok::<_, Shop>(row.get::<i64>("one")?)
    })))
    .unwrap_err();
    assert!(
        matches!(&error, Shop::Database(error) if error.kind() == ErrorKind::Conversion),
        "{error}"
    );

    // The transaction has failed, whatever the function returns.
    let error = go!(session.try_execute_write(work!(|tx, attempts| {
        attempts.add();
        go!(tx.run("RETRUN 1")).map(drop).unwrap_err();
        Ok::<_, Shop>(())
    })))
    .unwrap_err();
    assert!(
        matches!(&error, Shop::Database(error) if error.kind() == ErrorKind::Server),
        "{error}"
    );
    assert_eq!(attempts.count(), 3);
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);

    let created: i64 = go!(session.try_execute_write(work!(|tx, run| {
        go!(tx.run(CREATE).param("run", run))?;
        let found = go!(tx
            .run("MATCH (n:Scenario {run: $run}) RETURN count(n)")
            .param("run", run))?;
        Ok::<_, Shop>(wait!(found.single())?.get(0)?)
    })))?;
    assert_eq!((created, count(&driver, "Scenario", &run).await?), (1, 1));
    assert_at_rest(&driver);
    Ok(())
}

async fn a_lost_connection_inside_an_application_error_type_is_retried(world: World) -> Outcome {
    let relay = Arc::new(world.relay()?);
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let (run, attempts) = (world.unique_name(), Tally::default());
    let mut session = driver.session().build();
    go!(session.try_execute_write(work!(|tx, run, attempts, relay| {
        if attempts.add() == 0 {
            go!(tx.run("RETURN 1"))?;
            relay.cut();
        }
        go!(tx.run(CREATE).param("run", run))?;
        Ok::<_, Shop>(())
    })))?;
    assert_eq!(attempts.count(), 2);
    assert_eq!(count(&driver, "Scenario", &run).await?, 1);
    assert_at_rest(&driver);
    Ok(())
}

async fn after_the_retry_budget_a_lost_connection_is_returned_as_the_application_error(
    world: World,
) -> Outcome {
    let relay = Arc::new(world.relay()?);
    let config = world.config_through(&relay)?;
    let driver = world.driver_with(config.max_transaction_retry_time(Duration::ZERO))?;
    let mut session = driver.session().build();
    let error = go!(session.try_execute_write(work!(|tx, relay| {
        go!(tx.run("RETURN 1"))?;
        relay.cut();
        go!(tx.run("RETURN 2"))?;
        Ok::<_, Shop>(())
    })))
    .unwrap_err();
    assert!(
        matches!(&error, Shop::Database(error) if error.kind() == ErrorKind::ConnectionLost),
        "{error}"
    );
    assert_at_rest(&driver);
    Ok(())
}
