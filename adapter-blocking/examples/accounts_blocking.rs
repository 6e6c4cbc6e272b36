//! Moves money between accounts: a transaction function, a cursor with a query for each row, queries that share a round
//! trip, and rows as structs.
//!
//! `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD` name the server. `cargo run -p servers -- neo4j-2026` starts one and
//! prints them.

use std::error::Error as StdError;
use std::process::ExitCode;
use std::time::Duration;

// The name that the dependency line of the README gives to the adapter.
use adapter_blocking as bolt;
use bolt::{Config, Driver, Error, ManagedTransaction, query};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Account {
    owner: String,
    balance: i64,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn StdError>> {
    let driver = connect()?;
    let mut session = driver.session().build();

    // Three queries and the commit: one round trip.
    let mut tx = session.begin_transaction().call()?;
    for owner in ["Ada", "Grace", "Barbara"] {
        tx.queue(query("CREATE (:ExampleAccount {owner: $owner, balance: 100})").param("owner", owner))?;
    }
    tx.commit()?;

    for amount in [70, 70] {
        let outcome = session.execute_write(|tx| transfer(tx, amount)).call();
        match outcome {
            Ok(left) => println!("transferred {amount}: {left} left"),
            Err(error) => println!("not transferred: {error}"),
        }
    }

    // A query for each row of another.
    let mut tx = session.begin_transaction().call()?;
    let mut owners = tx
        .run("MATCH (a:ExampleAccount) RETURN a.owner AS owner")
        .cursor()?;
    while let Some(row) = owners.try_next(&mut tx)? {
        let owner: &str = row.get("owner")?;
        tx.run("MATCH (a:ExampleAccount {owner: $owner}) SET a.interest = a.balance / 10")
            .param("owner", owner)
            .call()?;
    }
    tx.commit()?;

    let accounts: Vec<Account> = session
        .run("MATCH (a:ExampleAccount) RETURN a.owner AS owner, a.balance AS balance ORDER BY owner")
        .collect_as()?;
    for Account { owner, balance } in accounts {
        println!("{owner} has {balance}");
    }

    session.run("MATCH (a:ExampleAccount) DELETE a").call()?;
    session.close()?;
    driver.close();
    Ok(())
}

/// Runs again after transient errors: two transfers at the same time may deadlock, for example.
fn transfer(tx: &mut ManagedTransaction, amount: i64) -> Result<i64, Error> {
    let taken = tx
        .run("MATCH (a:ExampleAccount {owner: $owner}) SET a.balance = a.balance - $amount RETURN a.balance")
        .param("owner", "Ada")
        .param("amount", amount)
        .single()?;
    let left: i64 = taken.get(0)?;
    if left < 0 {
        // Rolled back, and not retried.
        return Err(Error::abort(format!("Ada has {} only", left + amount)));
    }
    tx.run("MATCH (a:ExampleAccount {owner: $owner}) SET a.balance = a.balance + $amount")
        .param("owner", "Grace")
        .param("amount", amount)
        .call()?;
    Ok(left)
}

/// Connects to the server that the environment names, and says what to start if there is none.
fn connect() -> Result<Driver, Box<dyn StdError>> {
    let config = Config::from_env().map_err(|error| format!("{error}\n{HINT}"))?;
    // A server that is not there is no reason to wait for long.
    let driver = bolt::driver_with(config.connection_timeout(Duration::from_secs(3)))?;
    match driver.verify_connectivity() {
        Ok(()) => Ok(driver),
        Err(error) => Err(format!("{error}\n{HINT}").into()),
    }
}

const HINT: &str = "\
Start a server for this example: cargo run -p servers -- neo4j-2026
It prints NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD, which this example reads. Set them to use a server of your own.";
