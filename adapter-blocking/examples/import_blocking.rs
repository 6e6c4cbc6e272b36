//! Imports people from a CSV file: `cargo run --example import_blocking -- people.csv`.
//!
//! * Rows travel as structs, a batch to a query (`UNWIND`).
//! * The line that was reached is written in the transaction of the batch. A second run goes on from there.
//! * Lines that cannot be read are reported, and skipped.
//!
//! `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD` name the server. Without a file, a short list is imported, and deleted.

use std::fs;
use std::time::Instant;

use adapter_blocking as bolt;
use bolt::{Config, Counters, Error, ManagedTransaction, Serde, Session, query};
use serde::Serialize;

const BATCH: usize = 1000;
const SHORT: &str = "1,Ada,1815\n2,Grace,1906\nthree,Alan,1912\n4,Barbara,\n5,Edsger,1930,Rotterdam\n";

#[derive(Serialize)]
struct Person<'a> {
    id: i64,
    name: &'a str,
    born: Option<i32>,
}

fn parse(line: &str) -> Result<Person<'_>, String> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [id, name, born] = fields[..] else {
        return Err(format!("expected 3 fields, found {}", fields.len()));
    };
    Ok(Person {
        id: id.parse().map_err(|e| format!("id {id:?}: {e}"))?,
        name,
        born: if born.is_empty() {
            None
        } else {
            Some(born.parse().map_err(|e| format!("born {born:?}: {e}"))?)
        },
    })
}

/// Writes a batch, and the line that is reached with it. Runs again after transient errors.
fn write(
    tx: &mut ManagedTransaction,
    file: &str,
    line: usize,
    people: &[Person<'_>],
) -> Result<Counters, Error> {
    // Queued: it shares the round trip of the query that follows.
    tx.queue(
        query("MERGE (i:Import {file: $file}) SET i.line = $line")
            .param("file", file)
            .param("line", line),
    )?;
    let summary = tx
        .run("UNWIND $people AS row MERGE (p:ImportedPerson {id: row.id}) SET p += row")
        .param("people", Serde(people))
        .consume()?;
    Ok(summary.counters())
}

fn import(session: &mut Session, file: &str, text: &str) -> Result<Counters, Error> {
    let reached = session
        .run("MATCH (i:Import {file: $file}) RETURN i.line")
        .param("file", file)
        .single_optional()?
        .map(|row| row.get(0))
        .transpose()?;
    let reached: usize = reached.unwrap_or(0);
    if reached > 0 {
        println!("resuming after line {reached}");
    }
    let lines: Vec<&str> = text.lines().collect();
    let started = Instant::now();
    let mut total = Counters::default();
    let mut line = reached;
    for batch in lines[reached..].chunks(BATCH) {
        let mut people = Vec::with_capacity(BATCH);
        for text in batch {
            line += 1;
            match parse(text) {
                Ok(person) => people.push(person),
                Err(error) => eprintln!("{file}:{line}: {error}"),
            }
        }
        total += session
            .execute_write(|tx| write(tx, file, line, &people))
            .call()?;
        println!("{line} of {} lines, {:?}", lines.len(), started.elapsed());
    }
    Ok(total)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let driver = bolt::driver_with(Config::from_env()?)?;
    driver.verify_connectivity()?;
    driver
        .execute_query(
            "CREATE CONSTRAINT imported_person IF NOT EXISTS FOR (p:ImportedPerson) REQUIRE p.id IS UNIQUE",
        )
        .call()?;
    let mut session = driver.session().build();
    match std::env::args().nth(1) {
        Some(file) => println!("{:?}", import(&mut session, &file, &fs::read_to_string(&file)?)?),
        None => {
            println!("{:?}", import(&mut session, "the short list", SHORT)?);
            println!("{:?}", import(&mut session, "the short list", SHORT)?);
            driver
                .execute_query("MATCH (n:Import|ImportedPerson) DELETE n")
                .call()?;
        }
    }
    driver.close();
    Ok(())
}
