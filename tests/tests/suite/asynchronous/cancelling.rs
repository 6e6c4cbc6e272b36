//! Calls that are dropped at any await, which only futures can be.

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use async_io::Timer;
use bolt_client::{Access, Auth, Config};

use super::scenarios::{World, assert_nobody_uses, only, scenarios};
use super::{Driver, Error, run, sleep};
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
    let written = Arc::new(Mutex::new(HashSet::new()));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (driver, run, written) = (driver.clone(), run.clone(), Arc::clone(&written));
            world.spawn(async move {
                let mut dice = Dice::new(task);
                for call in 0..CALLS {
                    let number = task * CALLS + call;
                    let done = one_call(&driver, &run, number, &mut dice).await?;
                    if done == Some(Kind::Write) {
                        written
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .insert(number);
                    }
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await?;
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

    // Each write that was reported happened once; each that was cancelled, at most once.
    let find = "MATCH (n:Cancelled {run: $run}) RETURN n.number AS number";
    let found = driver
        .execute_query(find)
        .param("run", &run)
        .routing(Access::Read)
        .await?;
    let mut numbers = HashSet::new();
    for row in &found.records {
        let number: i64 = row.get("number")?;
        assert!(numbers.insert(number), "write {number} happened twice");
    }
    let written = written.lock().unwrap_or_else(PoisonError::into_inner);
    let lost: Vec<_> = written.difference(&numbers).collect();
    assert!(
        lost.is_empty(),
        "these were reported as done, and are not there: {lost:?}"
    );
    assert!(
        !written.is_empty(),
        "every single write was cancelled: this test says nothing"
    );
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    LongRead,
    Failing,
}

/// One call, which ends with its own answer or is dropped. `None`: it was dropped.
async fn one_call(driver: &Driver, run: &str, number: i64, dice: &mut Dice) -> Result<Option<Kind>, Error> {
    let kind = [Kind::Read, Kind::Read, Kind::Write, Kind::LongRead, Kind::Failing][dice.below(5)];
    let query = match kind {
        Kind::Read => driver
            .execute_query("RETURN $number AS number")
            .routing(Access::Read),
        Kind::Write => driver
            .execute_query("CREATE (n:Cancelled {run: $run, number: $number}) RETURN n.number AS number"),
        Kind::LongRead => driver
            .execute_query("UNWIND range(1, 3000) AS x RETURN $number AS number, x")
            .routing(Access::Read),
        Kind::Failing => driver
            .execute_query("RETURN 1 / ($number - $number) AS number")
            .routing(Access::Read),
    };
    let call = query.param("number", number).param("run", run).into_future();
    let answer = if dice.below(3) == 0 {
        Some(call.await)
    } else {
        cancelled(call, dice).await
    };
    match answer {
        None => return Ok(None),
        Some(Ok(found)) => {
            let expected = if kind == Kind::LongRead { 3000 } else { 1 };
            assert_eq!(found.records.len(), expected, "{kind:?} {number}");
            for row in &found.records {
                assert_eq!(
                    row.get::<i64>("number")?,
                    number,
                    "{kind:?}: somebody else's answer"
                );
            }
        }
        Some(Err(error)) => {
            let code = error.server().map(|server| server.code());
            let own = kind == Kind::Failing && code == Some("Neo.ClientError.Statement.ArithmeticError");
            assert!(own, "{kind:?} {number} fails with somebody else's error: {error}");
        }
    }
    Ok(Some(kind))
}

/// Drops the call when it has waited so many times, or so long. `None` if that came before its end.
async fn cancelled<T>(call: impl Future<Output = T>, dice: &mut Dice) -> Option<T> {
    let mut waits = dice.below(6);
    let micros = u64::try_from(dice.below(6000)).unwrap_or_default();
    let mut call = pin!(call);
    let mut timer = pin!(Timer::after(Duration::from_micros(micros)));
    poll_fn(|cx| {
        if let Poll::Ready(answer) = call.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        if waits == 0 || timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        waits -= 1;
        Poll::Pending
    })
    .await
}

/// The same throws for the same seed. (The schedule is not ours, so that runs differ all the same.)
struct Dice(u64);

impl Dice {
    fn new(seed: i64) -> Self {
        Self(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed.unsigned_abs() + 1))
    }

    /// From 0 to `sides` - 1.
    fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }
}
