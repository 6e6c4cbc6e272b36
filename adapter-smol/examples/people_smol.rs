//! Creates a few people, finds them again, and removes them.
//!
//! `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD` say where; the default is a local server without a password.

use std::env;

use adapter_smol::{Access, Auth, EagerResult, Error};

fn main() -> Result<(), Error> {
    smol::block_on(run())
}

async fn run() -> Result<(), Error> {
    let uri = env::var("NEO4J_URI").unwrap_or_else(|_| "bolt://localhost:7687".to_owned());
    let auth = match (env::var("NEO4J_USERNAME"), env::var("NEO4J_PASSWORD")) {
        (Ok(user), Ok(password)) => Auth::basic(user, password),
        _ => Auth::none(),
    };
    let driver = adapter_smol::driver(&uri, auth)?;

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

    driver
        .execute_query("MATCH (p:ExamplePerson) DETACH DELETE p")
        .await?;
    driver.close().await;
    Ok(())
}
