//! Deadlines: each call ends at its own, and affects no other call.

use std::time::{Duration, Instant};

use bolt_client::{Access, ErrorKind};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        a_call_ends_at_its_deadline_when_the_server_is_silent,
        a_call_that_missed_its_deadline_leaves_a_working_driver,
        deadlines_shorter_than_a_handshake_fill_the_pool_eventually,
        sessions_with_deadlines_shorter_than_a_handshake_fill_the_pool_eventually,
        missed_deadlines_do_not_affect_other_callers,
        the_server_ends_a_query_that_exceeds_its_timeout needs Interruption,
        a_deadline_stops_the_work_on_the_server needs ShowTransactions,
    ]
}

/// Works for minutes, in any server.
const ENDLESS: &str = "UNWIND range(1, 1000000000) AS x WITH x WHERE x % 7 = 8 RETURN count(x) AS n";

async fn a_call_ends_at_its_deadline_when_the_server_is_silent(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    go!(driver.execute_query("RETURN 1"))?;
    relay.hold();
    let started = Instant::now();
    let error = go!(driver
        .execute_query("RETURN 1")
        .deadline(Duration::from_millis(300)))
    .unwrap_err();
    let took = started.elapsed();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(
        took >= Duration::from_millis(300) && took < Duration::from_secs(3),
        "{took:?}"
    );
    assert_at_rest(&driver);
    Ok(())
}

async fn a_call_that_missed_its_deadline_leaves_a_working_driver(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    go!(driver.execute_query("RETURN 0"))?;
    for number in 0..5_i64 {
        relay.hold();
        go!(driver
            .execute_query("RETURN 'late'")
            .deadline(Duration::from_millis(50)))
        .unwrap_err();
        relay.release();
        let found = go!(driver
            .execute_query("RETURN $number AS number")
            .param("number", number))?;
        assert_eq!(only(&found).get::<i64>("number")?, number);
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn deadlines_shorter_than_a_handshake_fill_the_pool_eventually(world: World) -> Outcome {
    fill_the_pool(world, Way::Driver).await
}

async fn sessions_with_deadlines_shorter_than_a_handshake_fill_the_pool_eventually(world: World) -> Outcome {
    fill_the_pool(world, Way::Session).await
}

/// How a read is made.
#[derive(Debug, Clone, Copy)]
enum Way {
    Driver,
    Session,
}

impl Way {
    async fn read(self, driver: &Driver, limit: Duration) -> Result<(), Error> {
        let text = "RETURN 1";
        match self {
            Self::Driver => {
                go!(driver.execute_query(text).routing(Access::Read).deadline(limit))?;
            }
            Self::Session => {
                let mut session = driver.session().default_access_mode(Access::Read).build();
                wait!(go!(session.run(text).deadline(limit))?.consume())?;
            }
        }
        Ok(())
    }
}

async fn fill_the_pool(world: World, way: Way) -> Outcome {
    let relay = world.relay()?;
    // Opening a connection takes two answers, or three, which exceeds a call's deadline; a query takes one.
    let delay = Duration::from_millis(400);
    relay.delay_answers(delay);
    let answers = u32::try_from(world.server.round_trips_to_open())?;
    let limit = delay * answers - Duration::from_millis(20);
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(4))?;
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let driver = driver.clone();
            world.spawn(async move {
                let mut missed = 0;
                loop {
                    match way.read(&driver, limit).await {
                        Ok(()) => return Ok(missed),
                        Err(error) if error.kind() == ErrorKind::Timeout && missed < 50 => missed += 1,
                        Err(error) => return Err(error),
                    }
                }
            })
        })
        .collect();
    let mut missed = 0;
    for caller in callers {
        missed += caller.await?;
    }
    assert!(
        missed > 0,
        "no deadline was missed: the relay is too fast for this test to prove anything"
    );
    assert_none_in_use(&driver);
    assert!(driver.pool_counts().idle >= 1);
    // Openings were finished by later calls, not begun again for each call.
    assert!(
        relay.traffic().connections <= 8,
        "{:?} after {missed} misses",
        relay.traffic()
    );
    Ok(())
}

async fn missed_deadlines_do_not_affect_other_callers(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(3))?;
    let run = world.unique_name();
    let callers: Vec<_> = (0..12_u64)
        .map(|caller| {
            let (driver, run) = (driver.clone(), run.clone());
            world.spawn(async move {
                for round in 0..40_u64 {
                    let number = i64::try_from(caller * 1000 + round).unwrap_or_default();
                    let query = driver
                        .execute_query("MERGE (n:Deadline {run: $run, caller: $caller}) SET n.last = $number RETURN $number AS number")
                        .param("run", &run)
                        .param("caller", i64::try_from(caller).unwrap_or_default())
                        .param("number", number);
                    // Half of the callers have short deadlines.
                    let hurried = caller % 2 == 0;
                    let limit = if hurried { Duration::from_micros(300 * (round % 20)) } else { Duration::from_secs(60) };
                    match go!(query.deadline(limit)) {
                        Ok(found) => assert_eq!(only(&found).get::<i64>("number")?, number),
                        Err(error) => {
                            let expected = matches!(error.kind(), ErrorKind::Timeout | ErrorKind::UnknownCommit);
                            assert!(hurried && expected, "caller {caller}, round {round}: {error}");
                        }
                    }
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    assert_none_in_use(&driver);
    go!(driver.execute_query("RETURN 1"))?;
    Ok(())
}

async fn the_server_ends_a_query_that_exceeds_its_timeout(world: World) -> Outcome {
    let driver = world.driver()?;
    let error = go!(driver.execute_query(ENDLESS).timeout(Duration::from_millis(500))).unwrap_err();
    let server = error.server().expect("the server's error");
    assert_eq!(
        server.code(),
        "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration"
    );
    go!(driver.execute_query("RETURN 1"))?;
    assert_at_rest(&driver);
    Ok(())
}

async fn a_deadline_stops_the_work_on_the_server(world: World) -> Outcome {
    let driver = world.driver()?;
    let mark = world.unique_name();
    let text = format!("/* {mark} */ {ENDLESS}");
    let error = go!(driver.execute_query(text).deadline(Duration::from_millis(500))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");

    assert_no_transaction_says(&driver, &mark).await
}
