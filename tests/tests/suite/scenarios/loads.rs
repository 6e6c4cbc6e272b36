//! Many rows, loaded in batches.

use std::collections::BTreeSet;
use std::sync::Mutex;

use bolt_client::{AsValue, ErrorKind, Loaded, query};
use serde::Serialize;

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        rows_are_loaded_in_batches,
        rows_of_many_types_are_loaded,
        a_load_that_failed_goes_on_where_it_stopped,
        a_load_survives_lost_connections,
        a_load_in_inner_transactions_is_auto_committed needs Counters,
        a_load_that_is_too_slow_for_its_deadline_commits_whole_batches,
        two_loads_run_side_by_side,
    ]
}

const CREATE: &str = "UNWIND $rows AS row CREATE (:Load {run: $run, id: row.id, name: row.name})";

#[derive(Serialize)]
struct Row {
    id: i64,
    name: String,
}

fn rows(ids: std::ops::Range<i64>) -> impl Iterator<Item = Row> + Send {
    let name = |id| format!("row {id}");
    ids.map(move |id| Row { id, name: name(id) })
}

/// Returns the ids of the loaded rows. Fails if one was loaded twice.
async fn ids(driver: &Driver, run: &str) -> Result<BTreeSet<i64>, Error> {
    let text = "MATCH (n:Load {run: $run}) RETURN n.id AS id";
    let found = go!(driver.execute_query(text).param("run", run).routing(Access::Read))?;
    let ids: BTreeSet<i64> = found.column("id")?.into_iter().collect();
    assert_eq!(ids.len(), found.len(), "no row was loaded twice");
    Ok(ids)
}

async fn rows_are_loaded_in_batches(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let reported = Mutex::new(Vec::new());
    let mut session = driver.session().build();
    let load = session
        .load(query(CREATE).param("run", &*run), rows(0..2_500))
        .batch_rows(1_000)
        .progress(|loaded| reported.lock().unwrap().push(loaded.rows));
    let loaded = go!(load)?;
    assert_eq!(
        (loaded.rows, loaded.batches, loaded.uncertain_rows),
        (2_500, 3, 0)
    );
    assert_eq!(*reported.lock().unwrap(), [1_000, 2_000, 2_500]);
    assert_eq!(ids(&driver, &run).await?, (0..2_500).collect());
    if world.server.lacks(Feature::Counters).is_none() {
        assert_eq!(loaded.counters.nodes_created, 2_500);
    }
    // By bytes: a row takes about 25.
    let load = session.load(query(CREATE).param("run", &*run), rows(2_500..3_500));
    let loaded = go!(load.batch_bytes(5_000))?;
    assert!((4..8).contains(&loaded.batches), "{loaded}");
    assert_eq!(ids(&driver, &run).await?, (0..3_500).collect());
    let nothing = go!(driver.load(CREATE, rows(0..0)))?;
    assert_eq!(nothing, Loaded::default());
    assert_at_rest(&driver);
    Ok(())
}

async fn rows_of_many_types_are_loaded(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let create = |text: &str| {
        query(format!(
            "UNWIND $rows AS row CREATE (:Load {{run: $run, id: {text}}})"
        ))
        .param("run", &*run)
    };
    go!(driver.load(create("row"), [1, 2]))?;
    go!(driver.load(create("row[0]"), vec![(3, "x"), (4, "y")]))?;
    go!(driver.load(create("row.id"), &[bolt_client::map! { "id": 5 }]))?;
    go!(driver.load(create("row"), [AsValue(6_u8), AsValue(7)]))?;
    let mut session = driver.session().build();
    go!(session.try_load(create("row"), ["8", "9"].map(str::parse::<i64>)))?;
    // The rows of a result, each a map of its columns.
    let found = go!(driver.execute_query("UNWIND [10, 11] AS id RETURN id"))?;
    go!(driver.load(create("row.id"), &found))?;
    assert_eq!(ids(&driver, &run).await?, (1..=11).collect());
    Ok(())
}

async fn a_load_that_failed_goes_on_where_it_stopped(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let divide = "UNWIND $rows AS row CREATE (:Load {run: $run, id: 1000 / row})";
    let mut session = driver.session().build();
    let divisors = [1, 2, 4, 5, 0, 8, 10, 20];
    let load = session
        .load(query(divide).param("run", &*run), divisors)
        .batch_rows(3);
    let error = go!(load).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    let loaded = *error.loaded().unwrap();
    assert_eq!((loaded.rows, loaded.batches, loaded.uncertain_rows), (3, 1, 0));
    assert_says(&error, &["(after 3 rows in 1 batch were committed)"]);
    assert_eq!(ids(&driver, &run).await?, [1000, 500, 250].into());
    let rest = divisors.into_iter().skip(loaded.rows).filter(|&row| row != 0);
    go!(session
        .load(query(divide).param("run", &*run), rest)
        .batch_rows(3))?;
    assert_eq!(
        ids(&driver, &run).await?,
        divisors
            .into_iter()
            .filter(|&row| row != 0)
            .map(|row| 1000 / row)
            .collect()
    );
    assert_at_rest(&driver);
    Ok(())
}

async fn a_load_survives_lost_connections(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    // The connection ends between two batches: the next one finds it dead, with more to write than a socket takes at once.
    let long = "x".repeat(4_000);
    let create = "UNWIND $rows AS row CREATE (:Load {run: $run, id: row[0]})";
    let load = session
        .load(query(create).param("run", &*run), (0..300).map(|id| (id, &*long)))
        .batch_rows(100)
        .progress(|loaded| {
            if loaded.batches == 1 {
                relay.cut();
            }
        });
    let loaded = go!(load)?;
    assert_eq!((loaded.rows, loaded.batches), (300, 3));
    assert_eq!(ids(&driver, &run).await?, (0..300).collect());
    Ok(())
}

async fn a_load_in_inner_transactions_is_auto_committed(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let text = "UNWIND $rows AS row
                CALL (row) { CREATE (:Load {run: $run, id: 1000 / row}) } IN TRANSACTIONS OF 2 ROWS";
    let mut session = driver.session().build();
    let load = session
        .load(query(text).param("run", &*run), 1..=10)
        .batch_rows(4);
    let loaded = go!(load.auto_commit(true))?;
    assert_eq!(
        (loaded.rows, loaded.batches, loaded.counters.nodes_created),
        (10, 3, 10)
    );
    // In a transaction of the driver the server refuses such a query.
    let refused = go!(session.load(query(text).param("run", &*run), [1])).unwrap_err();
    assert_eq!(refused.loaded(), Some(&Loaded::default()), "{refused}");
    // The first inner transactions of a batch that fails are committed, which only the database knows.
    let load = session.load(query(text).param("run", &*run), [20, 25, 40, 0]);
    let error = go!(load.auto_commit(true)).unwrap_err();
    assert_eq!(
        (error.kind(), error.loaded().unwrap().uncertain_rows),
        (ErrorKind::Server, 4)
    );
    let found = ids(&driver, &run).await?;
    assert!(found.contains(&50) && !found.contains(&25), "{found:?}");
    Ok(())
}

async fn a_load_that_is_too_slow_for_its_deadline_commits_whole_batches(world: World) -> Outcome {
    let relay = world.relay()?;
    let driver = world.driver_with(world.config_through(&relay)?)?;
    let run = world.unique_name();
    let mut session = driver.session().build();
    let load = session
        .load(query(CREATE).param("run", &*run), rows(0..400))
        .batch_rows(100)
        .progress(|loaded| {
            if loaded.batches == 2 {
                relay.hold();
            }
        });
    let error = go!(load.deadline(Duration::from_millis(700))).unwrap_err();
    let loaded = *error.loaded().unwrap();
    assert_eq!(
        (error.is_timeout(), loaded.rows, loaded.uncertain_rows),
        (true, 200, 0)
    );
    relay.release();
    go!(session.load(query(CREATE).param("run", &*run), rows(200..400)))?;
    assert_eq!(ids(&driver, &run).await?, (0..400).collect());
    Ok(())
}

async fn two_loads_run_side_by_side(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    let tasks = [0..600, 600..1_200].map(|ids| {
        let (driver, run) = (driver.clone(), run.clone());
        world.spawn(async move {
            let mut session = driver.session().build();
            let load = session
                .load(query(CREATE).param("run", &*run), rows(ids))
                .batch_rows(50);
            go!(load)
        })
    });
    for task in tasks {
        assert_eq!(task.await?.batches, 12);
    }
    assert_eq!(ids(&driver, &run).await?, (0..1_200).collect());
    Ok(())
}
