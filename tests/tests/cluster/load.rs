//! Callers that write all the time, and what they learned of each write.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adapter_blocking::{Error, ErrorKind};

use crate::rig::{MEMBERS, Rig};

/// How long a caller rests after each write, so that the machine has time for servers that start.
pub(crate) const REST: Duration = Duration::from_millis(50);

pub(crate) const CREATE: &str = "CREATE (:Cluster {by: $by, id: $id})";

/// One write, and what its caller learned of it. Times are those of the system's clock, in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) id: i64,
    pub(crate) caller: i64,
    pub(crate) started: f64,
    pub(crate) ended: f64,
    pub(crate) learned: Learned,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Learned {
    /// It was carried out by the server with this address.
    Committed(String),
    Unknown,
    Failed(String),
}

impl Learned {
    fn of(result: Result<String, Error>) -> Self {
        match result {
            Ok(address) => Self::Committed(address),
            Err(error) if error.kind() == ErrorKind::UnknownCommit => Self::Unknown,
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

/// A load by one adapter.
pub(crate) struct Load {
    /// The property that marks its nodes.
    pub(crate) by: &'static str,
    pub(crate) callers: Range<i64>,
    pub(crate) ended: Arc<AtomicBool>,
}

/// The time of the system's clock, which other processes share.
pub(crate) fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// Returns the ids of a caller's writes: no two callers have one in common.
fn ids(caller: i64) -> impl Iterator<Item = i64> {
    (0..).map(move |number| caller * 1_000_000 + number)
}

impl Load {
    /// Writes by tasks of tokio until the load ends.
    pub(crate) fn by_tasks(&self, driver: &adapter_tokio::Driver) -> Vec<Write> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let tasks: Vec<_> = self
                .callers
                .clone()
                .map(|caller| {
                    tokio::spawn(write_by_task(
                        driver.clone(),
                        self.by,
                        caller,
                        Arc::clone(&self.ended),
                    ))
                })
                .collect();
            let mut writes = Vec::new();
            for task in tasks {
                writes.extend(task.await.unwrap());
            }
            writes
        })
    }

    /// The same by threads.
    pub(crate) fn by_threads(&self, driver: &adapter_blocking::Driver) -> Vec<Write> {
        thread::scope(|scope| {
            let threads: Vec<_> = self
                .callers
                .clone()
                .map(|caller| scope.spawn(move || write_by_thread(driver, self.by, caller, &self.ended)))
                .collect();
            let writes = threads.into_iter().flat_map(|thread| thread.join().unwrap());
            writes.collect()
        })
    }
}

async fn write_by_task(
    driver: adapter_tokio::Driver,
    by: &'static str,
    caller: i64,
    ended: Arc<AtomicBool>,
) -> Vec<Write> {
    let mut writes = Vec::new();
    for id in ids(caller) {
        if ended.load(Ordering::SeqCst) {
            break;
        }
        let started = now();
        let written = if id % 2 == 0 {
            // The servers are no real cluster: none knows the bookmarks of another.
            let query = driver.execute_query(CREATE).param("by", by).param("id", id);
            let result = query.bookmark_manager(None).await;
            result.map(|result| result.summary.server().address().to_string())
        } else {
            let mut session = driver.session().build();
            let work = session.execute_write(move |mut tx| async move {
                let summary = tx
                    .run(CREATE)
                    .param("by", by)
                    .param("id", id)
                    .await?
                    .consume()
                    .await?;
                Ok(summary.server().address().to_string())
            });
            work.await
        };
        writes.push(Write {
            id,
            caller,
            started,
            ended: now(),
            learned: Learned::of(written),
        });
        tokio::time::sleep(REST).await;
    }
    writes
}

fn write_by_thread(
    driver: &adapter_blocking::Driver,
    by: &'static str,
    caller: i64,
    ended: &AtomicBool,
) -> Vec<Write> {
    let mut writes = Vec::new();
    for id in ids(caller) {
        if ended.load(Ordering::SeqCst) {
            break;
        }
        let started = now();
        let written = if id % 2 == 0 {
            let query = driver.execute_query(CREATE).param("by", by).param("id", id);
            let result = query.bookmark_manager(None).call();
            result.map(|result| result.summary.server().address().to_string())
        } else {
            let mut session = driver.session().build();
            let work = session.execute_write(|tx| {
                let summary = tx.run(CREATE).param("by", by).param("id", id).call()?.consume()?;
                Ok(summary.server().address().to_string())
            });
            work.call()
        };
        writes.push(Write {
            id,
            caller,
            started,
            ended: now(),
            learned: Learned::of(written),
        });
        thread::sleep(REST);
    }
    writes
}

/// How many writes had which end.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) committed: usize,
    pub(crate) unknown: usize,
    pub(crate) failed: usize,
    /// How many of the unknown writes are found.
    pub(crate) found: usize,
}

/// Compares what callers learned with what the servers have.
///
/// # Panics
/// If a write is missing, is found twice or at another server, or is found although it was reported as failed.
pub(crate) fn judge(rig: &Rig, by: &str, writes: &[Write]) -> Tally {
    let found = rig.found(by);
    let mut tally = Tally::default();
    let mut wrong = Vec::new();
    for write in writes {
        let places = found.get(&write.id).copied().unwrap_or_default();
        let times: u64 = places.iter().sum();
        let fits = match &write.learned {
            Learned::Committed(address) => {
                tally.committed += 1;
                let place = rig.proxy.server_at(address);
                times == 1 && place.is_some_and(|server| places[server] == 1)
            }
            Learned::Unknown => {
                tally.unknown += 1;
                tally.found += usize::from(times == 1);
                times <= 1
            }
            Learned::Failed(_) => {
                tally.failed += 1;
                times == 0
            }
        };
        if !fits {
            wrong.push(format!("{write:?} was found {places:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} writes are wrong: {}",
        wrong.len(),
        wrong.join("\n")
    );
    let known: BTreeMap<i64, ()> = writes.iter().map(|write| (write.id, ())).collect();
    assert!(
        found.keys().all(|id| known.contains_key(id)),
        "no other writes are found"
    );
    assert!(found.values().all(|places| places.len() == MEMBERS));
    tally
}
