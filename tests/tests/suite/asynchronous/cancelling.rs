//! Calls that are dropped at any await, which only futures can be.

mod calls;
mod dice;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bolt_client::{Access, Auth, Config};

use self::calls::{Call, Kind, Left};
use self::dice::{Dice, cancelled};
use super::scenarios::{World, assert_nobody_uses, only, scenarios};
use super::{Driver, run, sleep};
use crate::scenario::{Outcome, Run, Scenario};
use crate::server::Feature;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        cancelled_calls_disturb_nobody,
        cancelled_calls_leave_no_transaction_open needs ShowTransactions,
        a_call_that_is_never_polled_does_nothing,
    ]
}

const TASKS: i64 = 48;
const CALLS: i64 = 50;
const CONNECTIONS: usize = 6;

async fn cancelled_calls_disturb_nobody(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(CONNECTIONS))?;
    stress(&world, &driver).await
}

async fn cancelled_calls_leave_no_transaction_open(world: World) -> Outcome {
    // A user of its own tells the transactions of this scenario from everybody else's.
    let (user, password) = (world.unique_name(), "long-enough");
    let admin = world.driver()?;
    let create = format!("CREATE USER {user} SET PLAINTEXT PASSWORD $password CHANGE NOT REQUIRED");
    admin
        .execute_query(create)
        .param("password", password)
        .database("system")
        .await?;
    let config = Config::new(
        &format!("bolt://{}", world.server.address),
        Auth::basic(user.as_str(), password),
    )?;
    let driver = world.driver_with(config.max_connection_pool_size(CONNECTIONS))?;
    stress(&world, &driver).await?;

    let list = "SHOW TRANSACTIONS YIELD username, currentQuery, status WHERE username = $user \
        RETURN currentQuery + ' ' + status AS open";
    let mut open = Vec::new();
    for _ in 0..50 {
        let found = admin
            .execute_query(list)
            .param("user", &user)
            .routing(Access::Read)
            .await?;
        open = found
            .records
            .iter()
            .map(|row| row.get::<String>("open"))
            .collect::<Result<Vec<_>, _>>()?;
        if open.is_empty() {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("5 s after the last call, these are still open: {open:#?}");
}

async fn a_call_that_is_never_polled_does_nothing(world: World) -> Outcome {
    let driver = world.driver()?;
    let run = world.unique_name();
    drop(
        driver
            .execute_query("CREATE (:Scenario {run: $run})")
            .param("run", &run),
    );
    drop(
        driver
            .execute_query("CREATE (:Scenario {run: $run})")
            .param("run", &run)
            .into_future(),
    );
    let counts = driver.pool_counts();
    assert_eq!(
        (counts.in_use, counts.idle, counts.opening, counts.waiting),
        (0, 0, 0, 0)
    );
    let count = "MATCH (n:Scenario {run: $run}) RETURN count(n) AS count";
    let found = driver.execute_query(count).param("run", &run).await?;
    assert_eq!(only(&found).get::<i64>("count")?, 0);
    Ok(())
}

/// Runs thousands of calls, two in three of which are dropped somewhere on their way, and looks at all that others
/// could notice of it: answers, errors, the pool, and what was written.
async fn stress(world: &World, driver: &Driver) -> Outcome {
    let run = world.unique_name();
    let ended = Arc::new(Mutex::new(Ended::default()));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (driver, run, ended) = (driver.clone(), run.clone(), Arc::clone(&ended));
            world.spawn(async move {
                let mut dice = Dice::new(task);
                for call in 0..CALLS {
                    let number = task * CALLS + call;
                    let call = Call {
                        driver: &driver,
                        run: &run,
                        number,
                    };
                    let left = one_call(call, &mut dice).await;
                    ended
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .note(number, left);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
    assert_nobody_uses(driver);
    let counts = driver.pool_counts();
    assert!(counts.idle + counts.opening <= CONNECTIONS, "{counts:?}");

    // Every connection can be had, and works: as many callers as there are, twice.
    let callers: Vec<_> = (0..2 * CONNECTIONS)
        .map(|_| {
            let driver = driver.clone();
            world.spawn(async move { driver.execute_query("UNWIND range(1, 1000) AS x RETURN x").await })
        })
        .collect();
    for caller in callers {
        caller.await?;
    }

    let ended = std::mem::take(&mut *ended.lock().unwrap_or_else(PoisonError::into_inner));
    ended.check(driver, &run).await
}

/// What the calls that were not dropped have left behind, by their numbers.
#[derive(Debug, Default)]
struct Ended {
    written: HashSet<i64>,
    undone: HashSet<i64>,
}

impl Ended {
    fn note(&mut self, number: i64, left: Option<Left>) {
        match left {
            Some(Left::Node) => self.written.insert(number),
            Some(Left::NoNode) => self.undone.insert(number),
            Some(Left::Nothing) | None => false,
        };
    }

    /// Each write that was reported happened once, what was rolled back never, and what was dropped at most once.
    async fn check(&self, driver: &Driver, run: &str) -> Outcome {
        assert!(
            !self.written.is_empty() && !self.undone.is_empty(),
            "every single write was cancelled: this test says nothing"
        );
        let find = "MATCH (n:Cancelled {run: $run}) RETURN n.number AS number";
        let mut lost = Vec::new();
        // A write whose result nobody read may still be on its way.
        for _ in 0..100 {
            let query = driver.execute_query(find).param("run", run);
            let found = query.routing(Access::Read).await?;
            let mut numbers = HashSet::new();
            for row in &found.records {
                let number: i64 = row.get("number")?;
                assert!(numbers.insert(number), "write {number} happened twice");
            }
            let undead: Vec<_> = self.undone.intersection(&numbers).collect();
            assert!(
                undead.is_empty(),
                "these were rolled back, and are there: {undead:?}"
            );
            lost = self.written.difference(&numbers).copied().collect();
            if lost.is_empty() {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("these were reported as done, and are not there: {lost:?}");
    }
}

/// One call of any kind, which ends with its own answer or is dropped at any of its awaits. `None`: it was dropped.
async fn one_call(call: Call<'_>, dice: &mut Dice) -> Option<Left> {
    let kind = Kind::ALL[dice.below(Kind::ALL.len())];
    let number = call.number;
    let mut steps = dice.fork();
    let making = call.make(kind, &mut steps);
    let outcome = if dice.below(3) == 0 {
        making.await
    } else {
        cancelled(making, dice).await?
    };
    Some(
        outcome.unwrap_or_else(|error| panic!("{kind:?} {number} fails with somebody else's error: {error}")),
    )
}
