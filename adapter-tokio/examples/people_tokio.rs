//! Creates a few people, finds them again, changes them in a transaction, and removes them.
//!
//! `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD` name the server. `cargo run -p servers -- neo4j-2026` starts one and
//! prints them.

use std::error::Error as StdError;
use std::process::ExitCode;
use std::time::Duration;

// The name that the dependency line of the README gives to the adapter.
use adapter_tokio as bolt;
use bolt::{Access, Config, Driver, EagerResult};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn StdError>> {
    let driver = connect().await?;

    let created = driver
        .execute_query("UNWIND $names AS name CREATE (p:ExamplePerson {name: name, born: $born})")
        .param("names", ["Ada", "Grace", "Barbara"])
        .param("born", 1900)
        .await?;
    println!("created: {}", created.summary.counters().nodes_created);

    let EagerResult { records, .. } = driver
        .execute_query("MATCH (p:ExamplePerson) RETURN p.name AS name, p.born AS born ORDER BY name")
        .routing(Access::Read)
        .await?;
    for record in &records {
        println!(
            "{}, born in {}",
            record.get::<&str>("name")?,
            record.get::<i64>("born")?
        );
    }

    // Two queries that are carried out together, or not at all.
    let mut tx = driver.begin_transaction().await?;
    tx.run("MATCH (p:ExamplePerson {name: $name}) SET p.born = $born")
        .param("name", "Ada")
        .param("born", 1815)
        .await?;
    tx.run("MATCH (a:ExamplePerson {name: 'Ada'}), (g:ExamplePerson {name: 'Grace'}) CREATE (a)-[:INSPIRED]->(g)")
        .await?;
    tx.commit().await?;

    // Row by row, as they arrive. The bookmarks make the session see what was written above, in a cluster, too.
    let mut session = driver
        .session()
        .bookmark_manager(driver.execute_query_bookmark_manager())
        .build();
    let mut people = session
        .run("MATCH (p:ExamplePerson) RETURN p.name AS name, p.born AS born ORDER BY born")
        .await?;
    while let Some(person) = people.next_ref().await? {
        println!(
            "{}, born in {}",
            person.get::<&str>("name")?,
            person.get::<i64>("born")?
        );
    }
    let summary = people.consume().await?;
    println!("read from {}", summary.server().agent());

    driver
        .execute_query("MATCH (p:ExamplePerson) DETACH DELETE p")
        .await?;
    driver.close().await;
    Ok(())
}

/// Connects to the server that the environment names, and says what to start if there is none.
async fn connect() -> Result<Driver, Box<dyn StdError>> {
    let config = Config::from_env().map_err(|error| format!("{error}\n{HINT}"))?;
    // A server that is not there is no reason to wait for long.
    let driver = bolt::driver_with(config.connection_timeout(Duration::from_secs(3)))?;
    match driver.verify_connectivity().await {
        Ok(()) => Ok(driver),
        Err(error) => Err(format!("{error}\n{HINT}").into()),
    }
}

const HINT: &str = "\
Start a server for this example: cargo run -p servers -- neo4j-2026
It prints NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD, which this example reads. Set them to use a server of your own.";
