//! The library `members` in a program on tokio.

use bolt::{Config, ManagedTransaction};
use members::{MemberId, Role};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let driver = bolt::driver_with(Config::from_env()?)?;
    let mut session = driver.session().build();
    members::set_up(&mut session).await?;

    // On the session: each query is a transaction.
    members::add(&mut session, MemberId(1), "Ada", Role::Editor).await?;
    println!("{:?}", members::find(&mut session, "Ada").await?);

    // In a transaction function: both members or none. The error is that of the library.
    let both = session
        .try_execute_write(async |mut tx: ManagedTransaction| {
            members::add(&mut tx, MemberId(2), "Bob", Role::Reader).await?;
            members::add(&mut tx, MemberId(3), "Ada", Role::Reader).await
        })
        .await;
    match both {
        Err(members::Error::NameTaken(name)) => println!("{name} is taken"),
        other => other?,
    }
    println!("{:?}", members::find(&mut session, "Bob").await?);

    // Functions of the library can run in a task.
    let removed = tokio::spawn(async move { members::clear(&mut session).await }).await??;
    println!("{removed} removed");
    driver.close().await;
    Ok(())
}
