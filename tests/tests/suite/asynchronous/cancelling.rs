//! Calls that are dropped at any await. Only futures can be dropped this way.

mod calls;
mod dice;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bolt_client::{Access, Auth};

use self::calls::{Call, Effect, Kind};
use self::dice::{Dice, cancelled};
use super::scenarios::{World, assert_none_in_use, only, scenarios};
use super::{Driver, run, sleep};
use crate::scenario::{Outcome, Run, Scenario};
use crate::server::Feature;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        cancelled_calls_do_not_affect_other_callers,
        cancelled_calls_leave_no_transaction_open needs ShowTransactions,
        a_call_that_is_never_polled_does_nothing,
    ]
}

const TASKS: i64 = 48;
const CALLS: i64 = 50;
const CONNECTIONS: usize = 6;

async fn cancelled_calls_do_not_affect_other_callers(world: World) -> Outcome {
    let driver = world.driver_with(world.config()?.max_connection_pool_size(CONNECTIONS))?;
    stress(&world, &driver).await
}

async fn cancelled_calls_leave_no_transaction_open(world: World) -> Outcome {
    // A separate user distinguishes this scenario's transactions from all others.
    let (user, password) = (world.unique_name(), "long-enough");
    let admin = world.driver()?;
    let create = format!("CREATE USER {user} SET PLAINTEXT PASSWORD $password CHANGE NOT REQUIRED");
    admin
        .execute_query(create)
        .param("password", password)
        .database("system")
        .await?;
    let config = world.server.config(Auth::basic(user.as_str(), password))?;
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

/// Runs thousands of calls, two thirds of which are dropped somewhere, and checks everything that other callers could
/// observe: answers, errors, the pool, and what was written.
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
    assert_none_in_use(driver);
    let counts = driver.pool_counts();
    assert!(counts.idle + counts.opening <= CONNECTIONS, "{counts:?}");

    // Every connection is available and works: twice as many callers as connections, two times.
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

/// The expected effects of the calls that were not dropped, by number.
#[derive(Debug, Default)]
struct Ended {
    written: HashSet<i64>,
    undone: HashSet<i64>,
}

impl Ended {
    fn note(&mut self, number: i64, left: Option<Effect>) {
        match left {
            Some(Effect::Node) => self.written.insert(number),
            Some(Effect::NoNode) => self.undone.insert(number),
            Some(Effect::Nothing) | None => false,
        };
    }

    /// Checks that each reported write happened once, each rolled back one never, and each dropped one at most once.
    async fn check(&self, driver: &Driver, run: &str) -> Outcome {
        assert!(
            !self.written.is_empty() && !self.undone.is_empty(),
            "every write was cancelled: this test proves nothing"
        );
        let find = "MATCH (n:Cancelled {run: $run}) RETURN n.number AS number";
        let mut lost = Vec::new();
        // A write with an unread result may still be running.
        for _ in 0..100 {
            let query = driver.execute_query(find).param("run", run);
            let found = query.routing(Access::Read).await?;
            let mut numbers = HashSet::new();
            for row in &found.records {
                let number: i64 = row.get("number")?;
                assert!(numbers.insert(number), "write {number} happened twice");
            }
            let found: Vec<_> = self.undone.intersection(&numbers).collect();
            assert!(found.is_empty(), "these were rolled back, but exist: {found:?}");
            lost = self.written.difference(&numbers).copied().collect();
            if lost.is_empty() {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("these were reported as committed, but do not exist: {lost:?}");
    }
}

/// Makes one call of any kind, which ends with its own answer or is dropped at any await. Returns `None` if it was
/// dropped.
async fn one_call(call: Call<'_>, dice: &mut Dice) -> Option<Effect> {
    let kind = Kind::ALL[dice.below(Kind::ALL.len())];
    let number = call.number;
    let mut steps = dice.fork();
    let making = call.make(kind, &mut steps);
    let outcome = if dice.below(3) == 0 {
        making.await
    } else {
        cancelled(making, dice).await?
    };
    Some(outcome.unwrap_or_else(|error| panic!("{kind:?} {number} fails with another call's error: {error}")))
}
