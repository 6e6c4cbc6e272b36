//! Transaction functions: what is retried, and what is not.

use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use bolt_client::ErrorKind;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_transaction_function_commits_its_work_and_returns_its_value,
        an_error_of_the_function_rolls_back_and_is_returned,
        an_abort_carries_an_application_error,
        a_syntax_error_is_final_whatever_the_function_returns,
        deadlocked_transactions_succeed_eventually needs Deadlocks,
        a_connection_that_is_lost_before_the_commit_costs_a_second_attempt,
        a_connection_that_died_in_the_pool_costs_no_pause,
        a_commit_with_a_lost_answer_is_never_retried,
        a_read_with_a_lost_commit_is_retried,
        results_in_a_transaction_function_need_not_be_read,
        a_function_may_read_one_result_and_write_for_each_row,
    ]
}

const CREATE: &str = "CREATE (:Scenario {run: $run})";

/// Counts how often something happened.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<AtomicUsize>);

impl Tally {
    /// Counts once more. Returns the previous count.
    pub(super) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

async fn a_transaction_function_commits_its_work_and_returns_its_value(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let created: i64 = go!(session.execute_write(work!(|tx, run| {
        go!(tx.run(CREATE).param("run", run))?;
        let query = "MATCH (n:Scenario {run: $run}) RETURN count(n)";
        let rows = go!(tx.run(query).param("run", run))?;
        wait!(rows.single())?.get(0)
    })))?;
    assert_eq!(created, 1);
    let names: Vec<String> = go!(session.execute_read(work!(|tx, run| {
        let query = "MATCH (n:Scenario {run: $run}) RETURN n.run";
        wait!(go!(tx.run(query).param("run", run))?.collect_column())
    })))?;
    assert_eq!(names, [run]);
    assert_at_rest(&driver);
    Ok(())
}

async fn an_error_of_the_function_rolls_back_and_is_returned(world: World) -> Outcome {
    let driver = world.driver()?;
    let (run, attempts) = (world.unique_name(), Tally::default());
    let mut session = driver.session().build();
    let error = go!(session.execute_write(work!(|tx, run, attempts| {
        attempts.add();
        go!(tx.run(CREATE).param("run", run))?;
        let row = wait!(go!(tx.run("RETURN 'one' AS one"))?.single())?;
        row.get::<i64>("one")
    })))
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
    assert_eq!(attempts.count(), 1);
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn an_abort_carries_an_application_error(world: World) -> Outcome {
    let driver = world.driver()?;
    let (run, attempts) = (world.unique_name(), Tally::default());
    let mut session = driver.session().build();
    let error = go!(session.execute_write(work!(|tx, run, attempts| {
        attempts.add();
        go!(tx.run(CREATE).param("run", run))?;
        let text: String = wait!(go!(tx.run("RETURN 'seven' AS text"))?.single())?.get(0)?;
        bolt_client::OrAbort::or_abort(text.parse::<i64>())
    })))
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Abort);
    let own = error.downcast_abort::<std::num::ParseIntError>();
    assert_eq!(
        own.map(|error| error.kind()),
        Some(&std::num::IntErrorKind::InvalidDigit)
    );

    // Also after a server failure that would allow a retry.
    let error = go!(session.execute_write(work!(|tx, attempts| {
        attempts.add();
        let failure = go!(tx.run("RETRUN 1")).map(drop).unwrap_err();
        Err::<(), _>(Error::abort(format!("gave up: {:?}", failure.kind())))
    })))
    .unwrap_err();
    assert_eq!(error.to_string(), "gave up: Server");
    assert_eq!(attempts.count(), 2);
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    Ok(())
}

async fn a_syntax_error_is_final_whatever_the_function_returns(world: World) -> Outcome {
    let driver = world.driver()?;
    let attempts = Tally::default();
    let mut session = driver.session().build();
    let code = "Neo.ClientError.Statement.SyntaxError";
    // The function returns `Ok`, although its transaction has failed.
    let error = go!(session.execute_write(work!(|tx, attempts| {
        attempts.add();
        go!(tx.run("RETRUN 1")).map(drop).unwrap_err();
        Ok("fine")
    })))
    .unwrap_err();
    assert_eq!(error.server().map(|error| error.code()), Some(code));
    // The function returns another error, which takes precedence.
    let error = go!(session.execute_write(work!(|tx, attempts| {
        attempts.add();
        go!(tx.run("RETRUN 1")).map(drop).unwrap_err();
        let later = go!(tx.run("RETURN 1")).map(drop).unwrap_err();
        Err::<(), _>(later)
    })))
    .unwrap_err();
    assert_eq!(error.server().map(|error| error.code()), Some(code));
    assert_eq!(attempts.count(), 2);
    assert_at_rest(&driver);
    Ok(())
}

/// Each locks one node and, when both have done so, the other one.
async fn deadlocked_transactions_succeed_eventually(world: World) -> Outcome {
    let driver = world.driver()?;
    let (run, locked, attempts) = (world.unique_name(), Tally::default(), Tally::default());
    go!(driver
        .execute_query("UNWIND [0, 1] AS number CREATE (:Lock {run: $run, number: number, by: 0})")
        .param("run", &run))?;
    let tasks: Vec<_> = [0, 1]
        .map(|first| {
            let (driver, run) = (driver.clone(), run.clone());
            let (locked, attempts) = (locked.clone(), attempts.clone());
            world.spawn(async move {
                let mut session = driver.session().build();
                go!(session.execute_write(work!(|tx, run, locked, attempts| {
                    attempts.add();
                    let take = "MATCH (n:Lock {run: $run, number: $number}) SET n.by = n.by + 1";
                    go!(tx.run(take).param("run", run).param("number", first))?;
                    locked.add();
                    while locked.count() < 2 {
                        pause!(Duration::from_millis(5));
                    }
                    go!(tx.run(take).param("run", run).param("number", 1 - first))?;
                    Ok(())
                })))
            })
        })
        .into();
    for task in tasks {
        task.await?;
    }
    assert_eq!(attempts.count(), 3, "exactly one of them was retried, once");
    let sum = "MATCH (n:Lock {run: $run}) RETURN sum(n.by) AS sum";
    let found = go!(driver.execute_query(sum).param("run", &run))?;
    assert_eq!(only(&found).get::<i64>("sum")?, 4);
    Ok(())
}

async fn a_connection_that_is_lost_before_the_commit_costs_a_second_attempt(world: World) -> Outcome {
    let relay = Arc::new(world.relay()?);
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let (run, attempts) = (world.unique_name(), Tally::default());
    let mut session = driver.session().build();
    let number = go!(session.execute_write(work!(|tx, run, attempts, relay| {
        let attempt = attempts.add();
        go!(tx.run(CREATE).param("run", run))?;
        if attempt == 0 {
            relay.cut();
        }
        go!(tx.run("RETURN 1"))?;
        Ok(attempt)
    })))?;
    assert_eq!((number, attempts.count()), (1, 2));
    assert_eq!(count(&driver, "Scenario", &run).await?, 1);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_connection_that_died_in_the_pool_costs_no_pause(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let (run, attempts) = (world.unique_name(), Tally::default());
    let mut session = driver.session().build();
    go!(session.execute_read(work!(|tx| {
        go!(tx.run("RETURN 1"))?;
        Ok(())
    })))?;
    relay.cut();
    let started = Instant::now();
    go!(session.execute_write(work!(|tx, run, attempts| {
        attempts.add();
        go!(tx.run(CREATE).param("run", run))?;
        Ok(())
    })))?;
    // The pause before a second attempt is about a second.
    assert!(
        started.elapsed() < Duration::from_millis(750),
        "{:?}",
        started.elapsed()
    );
    assert!(attempts.count() <= 2);
    assert_eq!(count(&driver, "Scenario", &run).await?, 1);
    Ok(())
}

async fn a_commit_with_a_lost_answer_is_never_retried(world: World) -> Outcome {
    let relay = Arc::new(world.relay()?);
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let (run, attempts) = (world.unique_name(), Tally::default());
    let mut session = driver.session().build();
    let error = go!(session.execute_write(work!(|tx, run, attempts, relay| {
        attempts.add();
        go!(tx.run(CREATE).param("run", run))?;
        relay.cut_at_answer_to_flight(1);
        Ok(())
    })))
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{error}");
    assert!(!error.is_retryable());
    assert_eq!(attempts.count(), 1);

    // The same for a single query.
    go!(driver.execute_query("RETURN 1").routing(Access::Read))?;
    relay.cut_at_answer_to_flight(2);
    let query = driver.execute_query(CREATE).param("run", &run);
    let error = go!(query).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit, "{error}");
    // It was carried out, although no caller learned of that.
    for _ in 0..100 {
        if count(&driver, "Scenario", &run).await? == 2 {
            return Ok(());
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("a commit that reached the server was not carried out, or was repeated");
}

async fn a_read_with_a_lost_commit_is_retried(world: World) -> Outcome {
    let relay = Arc::new(world.relay()?);
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let attempts = Tally::default();
    let mut session = driver.session().build();
    let number: i64 = go!(session.execute_read(work!(|tx, attempts, relay| {
        let attempt = attempts.add();
        let row = wait!(go!(tx.run("RETURN 7"))?.single())?;
        if attempt == 0 {
            relay.cut_at_answer_to_flight(1);
        }
        row.get(0)
    })))?;
    assert_eq!((number, attempts.count()), (7, 2));
    Ok(())
}

async fn results_in_a_transaction_function_need_not_be_read(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().fetch_size(10).build();
    go!(session.execute_write(work!(|tx, run| {
        let create = "UNWIND range(1, 100) AS x CREATE (n:Scenario {run: $run}) RETURN x";
        let mut rows = go!(tx.run(create).param("run", run))?;
        assert!(wait!(rows.try_next())?.is_some());
        drop(rows);
        wait!(tx.run("UNWIND range(1, 100) AS x RETURN x").cursor())?;
        tx.queue("RETURN 1 AS one")?;
        Ok(())
    })))?;
    assert_eq!(count(&driver, "Scenario", &run).await?, 100);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_function_may_read_one_result_and_write_for_each_row(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let mut session = driver.session().fetch_size(3).build();
    let sum = go!(session.execute_write(work!(|tx, run| {
        let mut numbers = wait!(tx.run("UNWIND range(1, 10) AS x RETURN x").cursor())?;
        let mut sum = 0;
        while let Some(row) = wait!(numbers.try_next(tx))? {
            sum += row.get::<i64>("x")?;
            go!(tx.run(CREATE).param("run", run))?;
        }
        Ok(sum)
    })))?;
    assert_eq!(sum, 55);
    assert_eq!(count(&driver, "Scenario", &run).await?, 10);
    Ok(())
}
