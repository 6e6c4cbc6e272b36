//! Results that are dropped before they are read.

use std::time::Duration;

use bolt_client::Access;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        unread_writes_are_committed_while_the_driver_lives,
        unread_writes_are_committed_when_the_driver_is_closed,
        half_read_writes_are_committed,
        an_unread_failed_write_does_not_affect_other_callers,
        unread_reads_are_cancelled_and_do_not_affect_other_callers,
        an_unread_read_stops_on_the_server needs ShowTransactions,
        closing_a_driver_finishes_writes_that_the_network_delays,
        a_session_sees_its_own_unread_writes,
        a_session_knows_the_bookmarks_of_its_unread_writes,
        unread_writes_of_a_session_cost_no_connection,
        unread_writes_of_sessions_that_end_cost_few_connections,
    ]
}

/// The numbers of rows in unread results: none, one, a page, one more, several pages.
const ROWS: [i64; 5] = [0, 1, 1000, 1001, 5000];
/// How often each is dropped: so often that a server that only happens to be fast enough is detected. The engine is
/// always slow at rows.
fn times(world: &World) -> i64 {
    if world.server.is_engine() { 40 } else { 300 }
}

const CALLERS: i64 = 4;
/// One write, and rows after it.
const WRITE: &str = "CREATE (n:Unread {run: $run}) WITH n UNWIND range(1, $rows) AS x RETURN x";

async fn unread_writes_are_committed_while_the_driver_lives(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(CONNECTIONS))?;
    let (counter, times) = (world.driver()?, times(&world));
    for rows in ROWS {
        let run = world.unique_name();
        drop_unread(&world, &driver, &run, rows, times).await?;
        // No caller waits for the last of them.
        let committed = count_until(&counter, &run, times).await?;
        assert_eq!(committed, times, "of {times} with {rows} rows");
        assert_none_in_use(&driver);
    }
    Ok(())
}

async fn unread_writes_are_committed_when_the_driver_is_closed(world: World) -> Outcome {
    const PER_DRIVER: i64 = 20;
    let (counter, times) = (world.driver()?, times(&world));
    for rows in ROWS {
        let run = world.unique_name();
        for _ in 0..times / PER_DRIVER {
            let driver = world.driver_with(world.config()?.max_connection_pool_size(CONNECTIONS))?;
            drop_unread(&world, &driver, &run, rows, PER_DRIVER).await?;
            wait!(driver.close());
        }
        let committed = count(&counter, "Unread", &run).await?;
        assert_eq!(committed, times, "of {times} with {rows} rows");
    }
    Ok(())
}

async fn half_read_writes_are_committed(world: World) -> Outcome {
    const TIMES: i64 = 40;
    let driver = world.driver_with(world.config()?.max_connection_pool_size(2))?;
    let run = world.unique_name();
    for number in 0..TIMES {
        let mut session = driver.session().fetch_size(50).build();
        let mut rows = go!(session.run(WRITE).param("run", &run).param("rows", 500))?;
        for read in 1..=number * 7 {
            let row = wait!(rows.try_next())?.expect("there is a row");
            assert_eq!(row.get::<i64>("x")?, read);
        }
    }
    assert_eq!(count_until(&driver, &run, TIMES).await?, TIMES);
    assert_none_in_use(&driver);
    Ok(())
}

async fn an_unread_failed_write_does_not_affect_other_callers(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    let run = world.unique_name();
    for round in 0..50_i64 {
        let failing =
            "CREATE (n:Unread {run: $run}) WITH n UNWIND range(1, 1500) AS x RETURN 1 / (1200 - x) AS y";
        let mut session = driver.session().build();
        // The engine computes everything before it sends anything.
        drop(go!(session.run(failing).param("run", &run)));
        let found = go!(driver
            .execute_query("RETURN $round AS round")
            .param("round", round))?;
        assert_eq!(only(&found).get::<i64>("round")?, round);
    }
    assert_eq!(count(&driver, "Unread", &run).await?, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn unread_reads_are_cancelled_and_do_not_affect_other_callers(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(1))?;
    for rows in ROWS {
        for round in 0..20_i64 {
            let mut session = driver.session().default_access_mode(Access::Read).build();
            let mut unread = go!(session
                .run("UNWIND range(1, $rows) AS x RETURN x")
                .param("rows", rows))?;
            if round % 2 == 0 && rows > 0 {
                assert!(wait!(unread.try_next())?.is_some());
            }
            drop(unread);
            let found = go!(driver
                .execute_query("RETURN $round AS round")
                .param("round", round))?;
            assert_eq!(only(&found).get::<i64>("round")?, round);
        }
    }
    // It caused no error, and did not even cost the connection.
    assert_eq!(relay.traffic().connections, 1);
    assert_at_rest(&driver);
    Ok(())
}

async fn an_unread_read_stops_on_the_server(world: World) -> Outcome {
    let driver = world.driver()?;
    let mark = world.unique_name();
    let mut session = driver.session().default_access_mode(Access::Read).build();
    let endless = format!("/* {mark} */ UNWIND range(1, 1000000000) AS x RETURN x");
    let mut rows = go!(session.run(endless))?;
    assert!(wait!(rows.try_next())?.is_some());
    drop(rows);
    assert_no_transaction_says(&driver, &mark).await
}

/// The network is slow enough that `close` begins before anything is answered.
async fn closing_a_driver_finishes_writes_that_the_network_delays(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?.max_connection_pool_size(3))?;
    let counter = world.driver()?;
    let run = world.unique_name();
    relay.delay_answers(Duration::from_millis(100));
    let mut sessions: Vec<_> = (0..3).map(|_| driver.session().build()).collect();
    for session in &mut sessions {
        drop(go!(session.run(WRITE).param("run", &run).param("rows", 5000))?);
    }
    wait!(driver.close());
    assert_eq!(count(&counter, "Unread", &run).await?, 3);
    Ok(())
}

/// More rows than a page.
const OWN: &str = "UNWIND range(1, 3000) AS x CREATE (n:Unread {run: $run}) RETURN x";

/// Another connection is ready each time, so only waiting for the first one helps.
async fn a_session_sees_its_own_unread_writes(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(8))?;
    make_connections(&driver, 4).await?;
    for round in 0..own_times(&world) {
        let run = world.unique_name();
        let mut session = driver.session().build();
        let mut rows = go!(session.run(OWN).param("run", &run))?;
        if round % 2 == 0 {
            assert!(wait!(rows.try_next())?.is_some());
        }
        drop(rows);
        let query = "MATCH (n:Unread {run: $run}) RETURN count(n) AS count";
        let found = wait!(go!(session.run(query).param("run", &run))?.collect())?;
        assert_eq!(found[0].get::<i64>("count")?, 3000, "in round {round}");
    }
    assert_none_in_use(&driver);
    Ok(())
}

async fn a_session_knows_the_bookmarks_of_its_unread_writes(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(8))?;
    make_connections(&driver, 4).await?;
    for round in 0..own_times(&world) {
        let run = world.unique_name();
        let mut session = driver.session().build();
        drop(go!(session.run(OWN).param("run", &run))?);
        let last = wait!(session.last_bookmarks())?;
        assert_eq!(last.raw_values().count(), 1, "in round {round}");
        assert_eq!(count(&driver, "Unread", &run).await?, 3000, "in round {round}");
    }
    Ok(())
}

async fn unread_writes_of_a_session_cost_no_connection(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    for _ in 0..100 {
        drop(go!(session
            .run("CREATE (n:Unread {run: $run}) RETURN n")
            .param("run", &run))?);
    }
    wait!(session.last_bookmarks())?;
    assert_eq!(relay.traffic().connections, 1);
    assert_eq!(count(&driver, "Unread", &run).await?, 100);
    Ok(())
}

/// No session is left that could wait for the end of the result. How many connections that costs depends on when answers
/// arrive: up to five on an idle machine, and more if it has much else to do. So the best of several rounds counts.
async fn unread_writes_of_sessions_that_end_cost_few_connections(world: World) -> Outcome {
    const ROUNDS: usize = 5;
    // The engine has always carried out everything when DISCARD arrives.
    let most = if world.server.is_engine() { 50 } else { 25 };
    let mut counts = Vec::new();
    for _ in 0..ROUNDS {
        let connections = connections_of_unread_sessions(&world).await?;
        if connections <= most {
            return Ok(());
        }
        counts.push(connections);
    }
    panic!("{counts:?} connections");
}

async fn connections_of_unread_sessions(
    world: &World,
) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    for _ in 0..100 {
        let mut session = driver.session().build();
        drop(go!(session
            .run("CREATE (n:Unread {run: $run}) RETURN n")
            .param("run", &run))?);
    }
    assert_eq!(count_until(&driver, &run, 100).await?, 100);
    Ok(relay.traffic().connections)
}

fn own_times(world: &World) -> usize {
    if world.server.is_engine() { 6 } else { 40 }
}

/// Opens so many connections.
async fn make_connections(driver: &Driver, connections: usize) -> Result<(), Error> {
    let mut sessions: Vec<_> = (0..connections).map(|_| driver.session().build()).collect();
    let mut open = Vec::new();
    for session in &mut sessions {
        open.push(go!(session.begin_transaction().eager(true))?);
    }
    for tx in open {
        wait!(tx.rollback())?;
    }
    assert_eq!(driver.pool_counts().idle, connections);
    Ok(())
}

const CONNECTIONS: usize = 4;

/// Runs so many writes with unread results, some concurrently.
async fn drop_unread(world: &World, driver: &Driver, run: &str, rows: i64, times: i64) -> Result<(), Error> {
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (driver, run) = (driver.clone(), run.to_owned());
            world.spawn(async move {
                let mut session = driver.session().build();
                for _ in 0..times / CALLERS {
                    drop(go!(session.run(WRITE).param("run", &run).param("rows", rows))?);
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }
    Ok(())
}

/// Returns the count once it is high enough, or after a while.
async fn count_until(driver: &Driver, run: &str, enough: i64) -> Result<i64, Error> {
    let mut counted = 0;
    for _ in 0..250 {
        counted = count(driver, "Unread", run).await?;
        if counted >= enough {
            break;
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(counted)
}
