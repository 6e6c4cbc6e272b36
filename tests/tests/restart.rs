//! Real servers that restart under load: callers learn the truth about their commits, and no work is written twice.
//!
//! Servers that shut down answer COMMIT with a failure that looks transient, although the commit took effect.

use std::collections::BTreeMap;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use adapter_tokio::{Auth, Config, Driver, Error, ErrorKind};
use servers::{Neo4j, Release};

/// How many callers write at the same time.
const CALLERS: usize = 16;

/// The reported outcome of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Learned {
    Committed,
    Unknown,
    Failed,
}

#[test]
fn no_commit_is_lost_or_repeated_when_a_server_restarts_under_load() {
    let asked = env::var("BOLT_TEST_SERVERS").unwrap_or_default();
    let mut tested = 0;
    for name in asked.split(',').filter(|name| !name.is_empty()) {
        let release: Release = name.trim().parse().unwrap();
        let mut server = Neo4j::start(release).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        runtime.unwrap().block_on(restart_under_load(&mut server));
        tested += 1;
    }
    println!("{tested} servers restarted (BOLT_TEST_SERVERS={asked:?})");
}

async fn restart_under_load(server: &mut Neo4j) {
    let auth = Auth::basic(server.username(), server.password());
    let config = Config::new(&server.uri(), auth).unwrap();
    let driver = adapter_tokio::driver_with(config).unwrap();
    let (ends, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(write(driver.clone(), Arc::clone(&ends), Arc::clone(&next))))
        .collect();
    // The first queries of a new server are slow.
    tokio::time::sleep(Duration::from_secs(5)).await;
    tokio::task::block_in_place(|| server.restart()).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    ends.store(true, Ordering::Relaxed);

    let mut learned = BTreeMap::new();
    for caller in callers {
        learned.extend(caller.await.unwrap());
    }
    let found = driver
        .execute_query("MATCH (n:Restart) RETURN n.id, count(*)")
        .await
        .unwrap();
    let found: BTreeMap<u64, u64> = found.to::<(u64, u64)>().unwrap().into_iter().collect();
    let count = |what| learned.values().filter(|learned| **learned == what).count();
    println!(
        "{}: {} committed, {} unknown, {} failed, {} found",
        server.release(),
        count(Learned::Committed),
        count(Learned::Unknown),
        count(Learned::Failed),
        found.len()
    );
    for (id, learned) in &learned {
        let times = found.get(id).copied().unwrap_or_default();
        let fits = match learned {
            Learned::Committed => times == 1,
            Learned::Unknown => times <= 1,
            Learned::Failed => times == 0,
        };
        assert!(fits, "write {id} was {learned:?}, and was found {times} times");
    }
    assert!(count(Learned::Committed) > 0);
}

/// Writes one node after another, each through another part of the API, until `ends` is set.
async fn write(driver: Driver, ends: Arc<AtomicBool>, next: Arc<AtomicU64>) -> Vec<(u64, Learned)> {
    let mut learned = Vec::new();
    while !ends.load(Ordering::Relaxed) {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let written = match id % 3 {
            0 => by_function(&driver, id).await,
            1 => driver.execute_query(CREATE).param("id", id).await.map(drop),
            _ => by_session(&driver, id).await,
        };
        learned.push((
            id,
            match written {
                Ok(()) => Learned::Committed,
                Err(error) if error.kind() == ErrorKind::UnknownCommit => Learned::Unknown,
                Err(_) => Learned::Failed,
            },
        ));
    }
    learned
}

const CREATE: &str = "CREATE (:Restart {id: $id})";

async fn by_function(driver: &Driver, id: u64) -> Result<(), Error> {
    let mut session = driver.session().build();
    session
        .execute_write(|mut tx| async move { tx.run(CREATE).param("id", id).await.map(drop) })
        .await
}

async fn by_session(driver: &Driver, id: u64) -> Result<(), Error> {
    let mut session = driver.session().build();
    session
        .run(CREATE)
        .param("id", id)
        .await?
        .consume()
        .await
        .map(drop)
}
