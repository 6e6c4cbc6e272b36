//! Creates a few people, finds them again, changes them in a transaction, and removes them.
//!
//! `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD` say where; the default is a local server without a password.

use std::env;

use adapter_async_std::{Access, Auth, EagerResult, Error};

fn main() -> Result<(), Error> {
    async_std::task::block_on(run())
}

async fn run() -> Result<(), Error> {
    let uri = env::var("NEO4J_URI").unwrap_or_else(|_| "bolt://localhost:7687".to_owned());
    let auth = match (env::var("NEO4J_USERNAME"), env::var("NEO4J_PASSWORD")) {
        (Ok(user), Ok(password)) => Auth::basic(user, password),
        _ => Auth::none(),
    };
    let driver = adapter_async_std::driver(&uri, auth)?;

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
    let mut session = driver.session().build();
    let mut tx = session.begin_transaction().await?;
    tx.run("MATCH (p:ExamplePerson {name: $name}) SET p.born = $born")
        .param("name", "Ada")
        .param("born", 1815)
        .await?;
    tx.run("MATCH (a:ExamplePerson {name: 'Ada'}), (g:ExamplePerson {name: 'Grace'}) CREATE (a)-[:INSPIRED]->(g)")
        .await?;
    tx.commit().await?;

    // Row by row, as they arrive.
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
    people.consume().await?;

    driver
        .execute_query("MATCH (p:ExamplePerson) DETACH DELETE p")
        .await?;
    driver.close().await;
    Ok(())
}
