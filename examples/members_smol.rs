//! The library `members` in a program on smol.

use bolt_smol as bolt;

use bolt::Config;
use members::{MemberId, Role};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    smol::block_on(async {
        let driver = bolt::driver_with(Config::from_env()?)?;
        let mut session = driver.session().build();
        members::set_up(&mut session).await?;
        let mut tx = session.begin_transaction().await?;
        members::add(&mut tx, MemberId(1), "Ada", Role::Editor).await?;
        println!("{:?}", members::find(&mut tx, "Ada").await?);
        tx.rollback().await?;
        println!("{:?}", members::find(&mut session, "Ada").await?);
        driver.close().await;
        Ok(())
    })
}
