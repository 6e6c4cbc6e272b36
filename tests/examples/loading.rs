//! Loads a million rows, by `Session::load` and by a plain loop of batches, and prints what each costs the client.
//!
//! ```text
//! cargo build --release -p tests --example loading
//! cargo run --release -p servers -- neo4j-2026 -- target/release/examples/loading 1000000
//! ```
//!
//! Both send the same rows in batches of the same size, each in a transaction function. They take turns, three times each;
//! the database is emptied in between. CPU time is that of this process.

use std::error::Error;
use std::time::{Duration, Instant};

use adapter_blocking as blocking;
use adapter_tokio as bolt;
use bolt::{Config, Driver, ManagedTransaction, Serde};
use serde::Serialize;
use tests::cpu_time;

const CREATE: &str =
    "UNWIND $rows AS row CREATE (:Loaded {id: row.id, name: row.name, born: row.born, score: row.score})";
const BATCH: usize = 10_000;

#[derive(Serialize)]
struct Person {
    id: u64,
    name: String,
    born: Option<i32>,
    score: f64,
}

fn people(count: u64) -> impl Iterator<Item = Person> + Send {
    (0..count).map(|id| Person {
        id,
        name: format!("person number {id}"),
        born: (id % 3 > 0).then_some(1900 + (id % 100) as i32),
        score: id as f64 / 7.0,
    })
}

/// What an application writes without `load`.
async fn plain_loop(driver: &Driver, count: u64) -> Result<(), bolt::Error> {
    let mut session = driver.session().build();
    let mut people = people(count);
    loop {
        let batch: Vec<Person> = people.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(());
        }
        session
            .execute_write(async |mut tx: ManagedTransaction| {
                tx.run(CREATE).param("rows", Serde(&batch)).consume().await
            })
            .await?;
    }
}

async fn load(driver: &Driver, count: u64) -> Result<(), bolt::Error> {
    let mut session = driver.session().build();
    let load = session.load(CREATE, people(count)).batch_rows(BATCH);
    load.batch_bytes(usize::MAX).await.map(drop)
}

fn load_blocking(driver: &blocking::Driver, count: u64) -> Result<(), bolt::Error> {
    let mut session = driver.session().build();
    let load = session.load(CREATE, people(count)).batch_rows(BATCH);
    load.batch_bytes(usize::MAX).call().map(drop)
}

async fn empty(driver: &Driver) -> Result<(), bolt::Error> {
    let mut session = driver.session().build();
    let delete = "MATCH (n:Loaded) CALL (n) { DELETE n } IN TRANSACTIONS OF 50000 ROWS";
    session.run(delete).consume().await.map(drop)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |count| count.parse())?;
    let driver = bolt::driver_with(Config::from_env()?)?;
    let blocking = blocking::driver_with(Config::from_env()?)?;
    empty(&driver).await?;
    for round in 0..=3 {
        // The first round warms the server up, and is not counted.
        let count = if round == 0 { count / 10 } else { count };
        for what in ["plain loop", "load", "load, blocking"] {
            let (started, cpu) = (Instant::now(), cpu_time().unwrap_or_default());
            match what {
                "plain loop" => plain_loop(&driver, count).await?,
                "load" => load(&driver, count).await?,
                _ => load_blocking(&blocking, count)?,
            }
            if round > 0 {
                print(
                    what,
                    count,
                    started.elapsed(),
                    cpu_time().unwrap_or_default() - cpu,
                );
            }
            empty(&driver).await?;
        }
    }
    driver.close().await;
    blocking.close();
    Ok(())
}

fn print(what: &str, count: u64, wall: Duration, cpu: Duration) {
    let rate = count as f64 / wall.as_secs_f64();
    println!("{what:<15} {wall:>8.2?} {rate:>9.0} rows/s {cpu:>8.2?} CPU of the client");
}
