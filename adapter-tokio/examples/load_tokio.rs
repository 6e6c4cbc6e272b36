//! Loads the people of a file, a line each: `cargo run -p adapter-tokio --example load_tokio -- people.txt`.
//!
//! * Rows are read as they are needed, so the file may have any length.
//! * If the load fails, the rows that are committed are known, and the next attempt begins after them.
//!
//! `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD` name the server. Without a file, 10,000 people are loaded, and deleted.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use adapter_tokio as bolt;
use bolt::{Config, Error, Session};
use serde::Serialize;

const QUERY: &str = "UNWIND $rows AS row CREATE (:LoadedPerson {line: row.line, name: row.name})";
const ATTEMPTS: usize = 3;

#[derive(Serialize)]
struct Person {
    line: usize,
    name: String,
}

/// The people of a file, or of no file.
fn people(file: Option<&str>) -> io::Result<Box<dyn Iterator<Item = io::Result<Person>> + Send>> {
    let person = |(line, name): (usize, io::Result<String>)| name.map(|name| Person { line, name });
    Ok(match file {
        Some(file) => Box::new(BufReader::new(File::open(file)?).lines().enumerate().map(person)),
        None => Box::new(
            (0..10_000)
                .map(|line| Ok(format!("person {line}")))
                .enumerate()
                .map(person),
        ),
    })
}

/// Loads all people. Returns how many these were.
async fn load(session: &mut Session, file: Option<&str>) -> Result<usize, Box<dyn std::error::Error>> {
    let mut done = 0;
    for _ in 0..ATTEMPTS {
        let rows = people(file)?.skip(done);
        let load = session
            .try_load(QUERY, rows)
            .batch_rows(2_000)
            .progress(|loaded| println!("{loaded}"));
        let error = match load.await {
            Ok(loaded) => return Ok(done + loaded.rows),
            Err(error) => error,
        };
        match error.loaded() {
            Some(loaded) if loaded.rows > 0 && loaded.uncertain_rows == 0 => done += loaded.rows,
            _ => return Err(error.into()),
        }
        eprintln!("{error}; going on after {done} people");
    }
    Err(format!("no end after {ATTEMPTS} attempts").into())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let driver = bolt::driver_with(Config::from_env()?)?;
    let file = std::env::args().nth(1);
    let mut session = driver.session().build();
    println!("{} people", load(&mut session, file.as_deref()).await?);
    if file.is_none() {
        show(&mut session).await?;
    }
    driver.close().await;
    Ok(())
}

/// Shows some of the people column by column, and deletes all of them.
async fn show(session: &mut Session) -> Result<(), Error> {
    let query = "MATCH (p:LoadedPerson) RETURN p.line, p.name ORDER BY p.line LIMIT 3";
    let (lines, names): (Vec<usize>, Vec<String>) = session.run(query).collect_columns().await?;
    println!("{lines:?} {names:?}");
    session
        .run("MATCH (p:LoadedPerson) DELETE p")
        .consume()
        .await
        .map(drop)
}
