//! Workers that share a queue of jobs, which is in the database.
//!
//! * A worker claims a job in a transaction function: it runs again after deadlocks and lost connections.
//! * A job that takes too long is cancelled: its future is dropped, and the server stops the query.
//! * Bookmarks travel with the work: in a cluster the workers see what the producer wrote, and the report sees what the
//!   workers wrote.
//!
//! `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD` name the server. Nodes of the label `ExampleJob` are deleted.

use std::time::Duration;

use bolt::{Bookmarks, Config, Driver, Error, ManagedTransaction};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::timeout;

#[derive(Debug, Serialize, Deserialize)]
struct Job {
    id: i64,
    /// The number of rows that the job makes the server count.
    rows: i64,
    attempts: i64,
}

/// Writes the jobs, and returns the bookmarks from which they can be seen.
async fn produce(driver: &Driver, jobs: &[Job]) -> Result<Bookmarks, Error> {
    let mut session = driver.session().build();
    session.run("MATCH (j:ExampleJob) DELETE j").consume().await?;
    session
        .run("UNWIND $jobs AS job CREATE (j:ExampleJob {state: 'ready'}) SET j += job")
        .param("jobs", bolt::Serde(jobs))
        .consume()
        .await?;
    session.last_bookmarks().await
}

/// Claims the next job. The first query locks a job; the second sees whether another worker was faster.
async fn claim(mut tx: ManagedTransaction) -> Result<Option<Job>, Error> {
    loop {
        let candidate = tx
            .run(
                "MATCH (j:ExampleJob {state: 'ready'}) WITH j ORDER BY j.attempts, j.id LIMIT 1
                 SET j.locked = true RETURN j.id",
            )
            .single_optional()
            .await?;
        let Some(candidate) = candidate else {
            return Ok(None);
        };
        let claimed = tx
            .run(
                "MATCH (j:ExampleJob {id: $id, state: 'ready'}) SET j.state = 'taken', j.attempts = j.attempts + 1
                 RETURN j.id AS id, j.rows AS rows, j.attempts AS attempts",
            )
            .param("id", candidate.get::<i64>(0)?)
            .single_optional()
            .await?;
        if let Some(job) = claimed {
            return Ok(Some(job.to()?));
        }
    }
}

/// Does jobs until there are none, and returns the bookmarks of what it wrote.
async fn work(driver: Driver, worker: usize, seen: Bookmarks) -> Result<Bookmarks, Error> {
    let mut session = driver.session().bookmarks(seen).build();
    while let Some(job) = session.execute_write(claim).await? {
        let count = session
            .run("UNWIND range(1, $rows) AS n RETURN count(n)")
            .param("rows", job.rows)
            .single();
        let state = match timeout(Duration::from_millis(500), count).await {
            Ok(row) => {
                println!("worker {worker}: job {} counted {}", job.id, row?.get::<i64>(0)?);
                "done"
            }
            // The future was dropped: the session can go on at once.
            Err(_) if job.attempts < 2 => "ready",
            Err(_) => "failed",
        };
        session
            .execute_write(async |mut tx: ManagedTransaction| {
                tx.run("MATCH (j:ExampleJob {id: $id}) SET j.state = $state")
                    .param("id", job.id)
                    .param("state", state)
                    .consume()
                    .await
            })
            .await?;
    }
    session.last_bookmarks().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let driver = bolt::driver_with(Config::from_env()?)?;
    driver.verify_connectivity().await?;
    let mut jobs: Vec<Job> = (0..20)
        .map(|id| Job {
            id,
            rows: 1000 * id,
            attempts: 0,
        })
        .collect();
    jobs[7].rows = i64::MAX; // the one that never ends

    let written = produce(&driver, &jobs).await?;
    let mut workers = JoinSet::new();
    for worker in 0..4 {
        workers.spawn(work(driver.clone(), worker, written.clone()));
    }
    let mut seen = Bookmarks::new();
    while let Some(worker) = workers.join_next().await {
        seen += worker??;
    }

    let mut session = driver.session().bookmarks(seen).build();
    let states: Vec<(String, i64)> = session
        .run("MATCH (j:ExampleJob) RETURN j.state, count(j)")
        .collect_as()
        .await?;
    println!("{states:?}");
    session.run("MATCH (j:ExampleJob) DELETE j").consume().await?;
    driver.close().await;
    Ok(())
}
