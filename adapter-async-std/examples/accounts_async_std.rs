//! Moves money between accounts: a transaction function, a cursor with a query for each row, queries that share a flight,
//! and rows as structs.
//!
//! `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD` say where; the default is a local server without a password.

use std::env;

use adapter_async_std::{Auth, Error, ManagedTransaction, query};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Account {
    owner: String,
    balance: i64,
}

fn main() -> Result<(), Error> {
    async_std::task::block_on(async {
        let uri = env::var("NEO4J_URI").unwrap_or_else(|_| "bolt://localhost:7687".to_owned());
        let auth = match (env::var("NEO4J_USERNAME"), env::var("NEO4J_PASSWORD")) {
            (Ok(user), Ok(password)) => Auth::basic(user, password),
            _ => Auth::none(),
        };
        let driver = adapter_async_std::driver(&uri, auth)?;
        let mut session = driver.session().build();

        // They leave in one flight, together with the commit.
        let mut tx = session.begin_transaction().await?;
        for owner in ["Ada", "Grace", "Barbara"] {
            tx.queue(query("CREATE (:ExampleAccount {owner: $owner, balance: 100})").param("owner", owner))?;
        }
        tx.commit().await?;

        for amount in [70, 70] {
            let outcome = session.execute_write(|tx| transfer(tx, amount)).await;
            match outcome {
                Ok(left) => println!("transferred {amount}: {left} left"),
                Err(error) => println!("not transferred: {error}"),
            }
        }

        // A query for each row of another.
        let mut tx = session.begin_transaction().await?;
        let mut owners = tx
            .run("MATCH (a:ExampleAccount) RETURN a.owner AS owner")
            .cursor()
            .await?;
        while let Some(row) = owners.try_next(&mut tx).await? {
            let owner: &str = row.get("owner")?;
            tx.run("MATCH (a:ExampleAccount {owner: $owner}) SET a.interest = a.balance / 10")
                .param("owner", owner)
                .await?;
        }
        tx.commit().await?;

        let mut accounts = session
            .run("MATCH (a:ExampleAccount) RETURN a.owner AS owner, a.balance AS balance ORDER BY owner")
            .await?;
        while let Some(Account { owner, balance }) = accounts.next_as().await? {
            println!("{owner} has {balance}");
        }
        drop(accounts);

        session.run("MATCH (a:ExampleAccount) DELETE a").await?;
        session.close().await?;
        driver.close().await;
        Ok(())
    })
}

/// Runs again if the server asks for that: two transfers at the same time may deadlock, for example.
async fn transfer(mut tx: ManagedTransaction, amount: i64) -> Result<i64, Error> {
    let take =
        "MATCH (a:ExampleAccount {owner: $owner}) SET a.balance = a.balance - $amount RETURN a.balance";
    let rows = tx.run(take).param("owner", "Ada").param("amount", amount).await?;
    let left: i64 = rows.single().await?.get(0)?;
    if left < 0 {
        // Rolled back, and not tried again.
        return Err(Error::abort(format!("Ada has {} only", left + amount)));
    }
    tx.run("MATCH (a:ExampleAccount {owner: $owner}) SET a.balance = a.balance + $amount")
        .param("owner", "Grace")
        .param("amount", amount)
        .await?;
    Ok(left)
}
