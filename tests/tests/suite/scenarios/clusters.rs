//! Clusters: three members that a proxy makes of the one server, and what a driver does when their roles change.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use bolt_client::ErrorKind;
use bolt_proto::{Version, Versions};
use tests::routing_proxy::{Roles, RoutingProxy};

use super::managed::Tally;
use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios![
        reads_and_writes_go_to_the_servers_of_their_roles needs Plaintext,
        a_writer_that_is_gone_is_replaced needs Plaintext,
        a_server_that_no_longer_leads_is_replaced needs Plaintext,
        a_cluster_without_a_writer_is_waited_for needs Plaintext,
        a_transaction_that_loses_its_server_begins_again_elsewhere needs Plaintext,
        nothing_is_lost_while_roles_change_and_connections_break needs Plaintext,
        each_database_has_its_own_table needs SystemDatabase,
        every_version_of_the_protocol_finds_its_servers needs OldVersions,
    ]
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// How long a failover may take on a busy machine. Alone it takes a few milliseconds.
const FAILOVER_LIMIT: Duration = Duration::from_secs(5);

/// A cluster of three members. The first one leads; the others carry out reads; all know the table.
fn cluster(world: &World) -> Result<RoutingProxy, AnyError> {
    let proxy = RoutingProxy::to(&[world.server.address; 3], world.server.versions())?;
    lead(&proxy, 0, 300);
    Ok(proxy)
}

/// Makes a member the leader, and the others followers.
fn lead(proxy: &RoutingProxy, leader: usize, ttl: i64) {
    let followers = (0..3).filter(|&server| server != leader);
    proxy.set_leader(leader);
    proxy.set_table(
        Roles::new()
            .ttl(ttl)
            .routers(0..3)
            .readers(followers)
            .writers([leader]),
    );
}

fn config(world: &World, proxy: &RoutingProxy) -> Result<Config, Error> {
    Config::new(&proxy.uri(), world.auth())
}

/// Writes a node by a transaction function. Returns the member that has carried it out.
async fn write(driver: &Driver, proxy: &RoutingProxy, run: &str) -> Result<Option<usize>, Error> {
    let mut session = driver.session().build();
    let address = go!(session.execute_write(work!(|tx, run| {
        let rows = go!(tx.run("CREATE (:Scenario {run: $run})").param("run", run))?;
        Ok(wait!(rows.consume())?.server().address().to_string())
    })))?;
    Ok(proxy.server_at(&address))
}

async fn reads_and_writes_go_to_the_servers_of_their_roles(world: World) -> Outcome {
    let proxy = cluster(&world)?;
    let driver = world.driver_with(config(&world, &proxy)?)?;
    let run = world.unique_name();
    for written in 1..=4 {
        assert_eq!(write(&driver, &proxy, &run).await?, Some(0));
        go!(driver
            .execute_query("CREATE (:Scenario {run: $run})")
            .param("run", run.as_str()))?;
        let mut session = driver.session().default_access_mode(Access::Read).build();
        let query = "MATCH (n:Scenario {run: $run}) RETURN count(n)";
        let rows = go!(session.run(query).param("run", run.as_str()))?;
        // All members are one server here, so reads need no bookmarks to see the writes.
        assert_eq!(wait!(rows.single())?.get::<i64>(0)?, written * 2);
        let found: i64 = go!(session.execute_read(work!(|tx, run| {
            let rows = go!(tx
                .run("MATCH (n:Scenario {run: $run}) RETURN count(n)")
                .param("run", run))?;
            wait!(rows.single())?.get(0)
        })))?;
        assert_eq!(found, written * 2);
    }
    let counts = [proxy.counts(0), proxy.counts(1), proxy.counts(2)];
    assert_eq!(counts.map(|counts| counts.writes), [8, 0, 0], "{counts:?}");
    assert_eq!(counts[0].reads, 0, "{counts:?}");
    assert_eq!(counts[1].reads + counts[2].reads, 8, "{counts:?}");
    assert!(
        counts[1].reads > 0 && counts[2].reads > 0,
        "ties are not always decided alike: {counts:?}"
    );
    assert_eq!(proxy.total().refused, 0);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_writer_that_is_gone_is_replaced(world: World) -> Outcome {
    let proxy = cluster(&world)?;
    let driver = world.driver_with(config(&world, &proxy)?)?;
    let run = world.unique_name();
    assert_eq!(write(&driver, &proxy, &run).await?, Some(0));
    proxy.refuse(0);
    lead(&proxy, 1, 300);
    let started = Instant::now();
    assert_eq!(write(&driver, &proxy, &run).await?, Some(1));
    assert!(started.elapsed() < FAILOVER_LIMIT, "{:?}", started.elapsed());
    assert!(
        driver
            .routing_table(None)
            .is_none_or(|table| table.writers().len() == 1)
    );
    // The first member returns as a follower, and reads reach it again when a table names it.
    proxy.accept(0)?;
    assert_eq!(write(&driver, &proxy, &run).await?, Some(1));
    assert_eq!(count(&driver, "Scenario", &run).await?, 3);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_server_that_no_longer_leads_is_replaced(world: World) -> Outcome {
    let proxy = cluster(&world)?;
    // Without a name, sessions below Bolt 5.8 ask for the table of the home database, and learn of the change by that.
    let driver = world.driver_with(config(&world, &proxy)?.database("neo4j"))?;
    let run = world.unique_name();
    write(&driver, &proxy, &run).await?;
    let before = proxy.total();
    lead(&proxy, 2, 300);
    let started = Instant::now();
    assert_eq!(write(&driver, &proxy, &run).await?, Some(2));
    assert!(started.elapsed() < FAILOVER_LIMIT, "{:?}", started.elapsed());
    let spent = proxy.total() - before;
    assert_eq!((spent.refused, spent.writes), (1, 1), "{spent:?}");
    assert_eq!(spent.routes, 1, "one new table: {spent:?}");
    assert_eq!(count(&driver, "Scenario", &run).await?, 2);
    Ok(())
}

async fn a_cluster_without_a_writer_is_waited_for(world: World) -> Outcome {
    let proxy = Arc::new(cluster(&world)?);
    proxy.set_table(Roles::new().ttl(300).routers(0..3).readers(0..3));
    let driver = world.driver_with(config(&world, &proxy)?)?;
    let run = world.unique_name();
    let election = world.spawn({
        let proxy = Arc::clone(&proxy);
        async move {
            sleep(Duration::from_millis(300)).await;
            lead(&proxy, 1, 300);
        }
    });
    // Reads do not wait for it.
    assert_eq!(count(&driver, "Scenario", &run).await?, 0);
    assert_eq!(write(&driver, &proxy, &run).await?, Some(1));
    election.await;
    // Without retries the error says what is missing.
    proxy.set_table(Roles::new().ttl(300).routers(0..3).readers(0..3));
    let driver = world.driver_with(once(config(&world, &proxy)?))?;
    let error = write(&driver, &proxy, &run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.is_retryable(), "{error}");
    Ok(())
}

async fn a_transaction_that_loses_its_server_begins_again_elsewhere(world: World) -> Outcome {
    let proxy = Arc::new(cluster(&world)?);
    let driver = world.driver_with(config(&world, &proxy)?)?;
    let (run, attempts) = (world.unique_name(), Tally::default());
    let mut session = driver.session().build();
    go!(session.execute_write(work!(|tx, run, attempts, proxy| {
        go!(tx.run("CREATE (:Scenario {run: $run})").param("run", run))?;
        if attempts.add() == 0 {
            proxy.refuse(0);
            lead(proxy, 2, 300);
        }
        go!(tx.run("CREATE (:Scenario {run: $run})").param("run", run))?;
        Ok(())
    })))?;
    assert_eq!(attempts.count(), 2);
    assert_eq!(proxy.counts(2).writes, 2);
    // The transaction that was lost is rolled back by its server.
    assert_eq!(count(&driver, "Scenario", &run).await?, 2);
    Ok(())
}

/// How many callers write at the same time, and how often each does.
const CALLERS: usize = 8;
const WRITES: usize = 25;

/// What a caller learned of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Learned {
    Committed,
    Unknown,
    Failed,
}

async fn nothing_is_lost_while_roles_change_and_connections_break(world: World) -> Outcome {
    // The engine has one writer at a time, and a lost connection keeps its lock for a while.
    let writes = if world.server.is_engine() {
        WRITES / 5
    } else {
        WRITES
    };
    let proxy = Arc::new(cluster(&world)?);
    lead(&proxy, 0, 1);
    let driver = world.driver_with(config(&world, &proxy)?)?;
    let run = world.unique_name();
    let ended = Arc::new(AtomicBool::new(false));
    let changes = world.spawn({
        let (proxy, ended) = (Arc::clone(&proxy), Arc::clone(&ended));
        async move {
            for change in 1.. {
                if ended.load(Ordering::SeqCst) {
                    return change;
                }
                sleep(Duration::from_millis(40)).await;
                lead(&proxy, change % 3, 1);
                if change % 4 == 0 {
                    proxy.cut((change / 4) % 3);
                }
            }
            0
        }
    });
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            world.spawn(write_many(
                driver.clone(),
                run.clone(),
                caller * writes..(caller + 1) * writes,
            ))
        })
        .collect();
    let mut learned = BTreeMap::new();
    for caller in callers {
        learned.extend(caller.await);
    }
    ended.store(true, Ordering::SeqCst);
    let changes = changes.await;
    let query = "MATCH (n:Scenario {run: $run}) RETURN n.id, count(*)";
    let found = go!(world.driver()?.execute_query(query).param("run", run.as_str()))?;
    let found: BTreeMap<usize, u64> = found.to::<(usize, u64)>()?.into_iter().collect();
    for (id, learned) in &learned {
        let times = found.get(id).copied().unwrap_or_default();
        let fits = match learned {
            Learned::Committed => times == 1,
            Learned::Unknown => times <= 1,
            Learned::Failed => times == 0,
        };
        assert!(fits, "write {id} was {learned:?}, and was found {times} times");
    }
    let committed = learned
        .values()
        .filter(|&&learned| learned == Learned::Committed)
        .count();
    println!(
        "{}: {committed} of {} writes reported as committed, {changes} changes, {:?}",
        world.adapter,
        learned.len(),
        proxy.total()
    );
    assert!(committed > learned.len() / 2);
    assert!((0..3).all(|server| proxy.counts(server).writes > 0) || changes < 6);
    Ok(())
}

/// Writes a node for each id, and reports what was learned of it.
async fn write_many(driver: Driver, run: String, ids: std::ops::Range<usize>) -> Vec<(usize, Learned)> {
    let mut learned = Vec::new();
    for id in ids {
        let run = run.as_str();
        let written = if id % 2 == 0 {
            let query = "CREATE (:Scenario {run: $run, id: $id})";
            go!(driver
                .execute_query(query)
                .param("run", run)
                .param("id", id as i64))
            .map(drop)
        } else {
            write_one(&driver, run, id as i64).await
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

async fn write_one(driver: &Driver, run: &str, id: i64) -> Result<(), Error> {
    let mut session = driver.session().build();
    let query = "CREATE (:Scenario {run: $run, id: $id})";
    go!(session.execute_write(work!(|tx, run, id| {
        go!(tx.run(query).param("run", *run).param("id", *id))?;
        Ok(())
    })))
}

async fn each_database_has_its_own_table(world: World) -> Outcome {
    let proxy = cluster(&world)?;
    proxy.set_table_of("system", Roles::new().routers(0..3).readers([0]).writers([2]));
    proxy.set_leader(None);
    let driver = world.driver_with(config(&world, &proxy)?)?;
    let run = world.unique_name();
    assert_eq!(write(&driver, &proxy, &run).await?, Some(0));
    let databases = go!(driver.execute_query("SHOW DATABASES").database("system"))?;
    assert!(!databases.records.is_empty());
    assert_eq!(databases.summary.database(), Some("system"));
    assert_eq!(
        proxy.server_at(&databases.summary.server().address().to_string()),
        Some(2)
    );
    assert_eq!(write(&driver, &proxy, &run).await?, Some(0));
    let missing = go!(driver.execute_query("RETURN 1").database("nosuchdatabase")).unwrap_err();
    assert_eq!(
        missing.code(),
        Some("Neo.ClientError.Database.DatabaseNotFound"),
        "{missing}"
    );
    assert!(!missing.is_retryable(), "{missing}");
    Ok(())
}

async fn every_version_of_the_protocol_finds_its_servers(world: World) -> Outcome {
    for version in ["4.1", "4.2", "4.3", "4.4", "5.0", "5.4", "5.7", "5.8"] {
        let (major, minor) = version.split_once('.').ok_or("a version without a dot")?;
        let version = Version::new(major.parse()?, minor.parse()?);
        let proxy = RoutingProxy::to(&[world.server.address; 3], Versions::only(version))?;
        lead(&proxy, 1, 300);
        let driver = world.driver_with(config(&world, &proxy)?)?;
        let run = world.unique_name();
        assert_eq!(write(&driver, &proxy, &run).await?, Some(1), "{version}");
        assert_eq!(count(&driver, "Scenario", &run).await?, 1, "{version}");
        let mut session = driver.session().database("neo4j").build();
        wait!(
            go!(session
                .run("CREATE (:Scenario {run: $run})")
                .param("run", run.as_str()))?
            .consume()
        )?;
        let counts = [proxy.counts(0), proxy.counts(1), proxy.counts(2)];
        assert_eq!(
            counts.map(|counts| counts.writes),
            [0, 2, 0],
            "{version}: {counts:?}"
        );
        assert_eq!(counts[0].reads + counts[2].reads, 1, "{version}: {counts:?}");
    }
    Ok(())
}
