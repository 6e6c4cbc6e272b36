//! How often calls of a routed driver wait for the network: the second part of `tests/round-trips.md`, and herds.

use std::fmt::Write;
use std::net::SocketAddr;

use bolt_proto::ServerError;
use bolt_proto::state::Message;
use tests::routing_proxy::Roles;
use tests::scripted::{Script, Scripted};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios_alone![
        a_thousand_callers_without_a_table_send_one_request_for_it,
        a_thousand_callers_whose_table_expires_send_one_request_for_another,
    ]
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

const HEAD: &str = "
## Clusters

The same for `neo4j://`, in a cluster of which `A` is the router and writes, and `B` reads, over Bolt 6.1 or the version that
the row names. A new connection is opened where the third column has one: its two round trips are counted, and its HELLO
and LOGON are not listed. Servers from 5.8 on forward queries, so a driver may guess a home database.

| call | round trips | new connections | writes | what travels |
|---|---|---|---|---|
";

/// Returns the part of the table about clusters.
pub(super) async fn rows(adapter: Adapter) -> Result<String, AnyError> {
    let mut text = HEAD.to_owned();
    newest(&mut text, adapter).await?;
    home_databases(&mut text, adapter).await?;
    old_versions(&mut text, adapter).await?;
    leader_switches(&mut text, adapter).await?;
    Ok(text)
}

async fn newest(text: &mut String, adapter: Adapter) -> Result<(), AnyError> {
    let mut cluster = Cluster::start(adapter, Script::new().forwards_queries())?;
    let driver = cluster.driver.clone();
    go!(driver.execute_query("WRITE"))?;
    cluster.row(text, "the first call, `execute_query` that writes")?;
    go!(driver.execute_query("WRITE"))?;
    cluster.row(text, "another that writes")?;
    let read = || driver.execute_query("ROWS 25").routing(Access::Read);
    go!(read())?;
    cluster.row(text, "the first that reads")?;
    go!(read())?;
    cluster.row(text, "another that reads")?;
    go!(driver.execute_query("WRITE").database("other"))?;
    cluster.row(text, "the first of another database, which writes")?;
    go!(driver.execute_query("WRITE").database("other"))?;
    cluster.row(text, "another of that database")?;
    let mut session = driver.session().build();
    wait!(go!(session.run("ROWS 5"))?.collect())?;
    cluster.row(text, "a new session's first `run` and `collect`, 5 rows")?;
    wait!(go!(session.run("ROWS 5"))?.collect())?;
    cluster.row(text, "another")?;
    wait!(driver.verify_connectivity())?;
    cluster.row(text, "`verify_connectivity`")?;
    cluster.name_everywhere(0);
    go!(driver.execute_query("WRITE").database("third"))?;
    cluster.row(text, "the first of a third database, with a ttl of 0")?;
    go!(driver.execute_query("WRITE").database("third"))?;
    cluster.row(text, "another of that database: the table has expired")?;
    go!(driver
        .execute_query("ROWS 5")
        .database("third")
        .routing(Access::Read))?;
    cluster.row(text, "one that reads: the table has expired")?;
    Ok(())
}

/// Before 5.8 only a server knows what a home database is, and a session asks once.
async fn home_databases(text: &mut String, adapter: Adapter) -> Result<(), AnyError> {
    let mut cluster = Cluster::start(adapter, Script::new().version(5, 7))?;
    let driver = cluster.driver.clone();
    let mut session = driver.session().build();
    go!(session.run("WRITE"))?;
    cluster.row(text, "5.7: a session's first `run`, no columns; the first call")?;
    go!(session.run("WRITE"))?;
    cluster.row(text, "5.7: another")?;
    wait!(session.close())?;
    let mut session = driver.session().build();
    go!(session.run("WRITE"))?;
    cluster.row(text, "5.7: another session's first `run`, no columns")?;
    wait!(session.close())?;
    let mut session = driver.session().database("neo4j").build();
    go!(session.run("WRITE"))?;
    cluster.row(text, "5.7: the same with `database(\"neo4j\")`")?;
    wait!(session.close())?;
    go!(driver.execute_query("WRITE"))?;
    cluster.row(text, "5.7: `execute_query` that writes")?;
    go!(driver.execute_query("WRITE").database("neo4j"))?;
    cluster.row(text, "5.7: the same with `database(\"neo4j\")`")?;
    Ok(())
}

async fn old_versions(text: &mut String, adapter: Adapter) -> Result<(), AnyError> {
    let mut cluster = Cluster::start(adapter, Script::new().version(4, 3))?;
    go!(cluster.driver.execute_query("WRITE").database("neo4j"))?;
    cluster.row(text, "4.3: the first call, `execute_query` that writes")?;
    let mut cluster = Cluster::start(adapter, Script::new().version(4, 1))?;
    go!(cluster.driver.execute_query("WRITE").database("neo4j"))?;
    cluster.row(text, "4.1: the first call, `execute_query` that writes")?;
    go!(cluster.driver.execute_query("WRITE").database("neo4j"))?;
    cluster.row(text, "4.1: another")?;
    Ok(())
}

async fn leader_switches(text: &mut String, adapter: Adapter) -> Result<(), AnyError> {
    let mut cluster = Cluster::start(adapter, Script::new().forwards_queries())?;
    let driver = cluster.driver.clone();
    go!(driver.execute_query("WRITE"))?;
    go!(driver.execute_query("ROWS 1").routing(Access::Read))?;
    cluster.forget();
    cluster.name(&[0], &[0], &[1], 300);
    cluster.servers[0].fail_next(Message::Run, not_a_leader());
    go!(driver.execute_query("WRITE"))?;
    cluster.row(text, "`execute_query` that writes, after `B` became the leader")?;
    cluster.name(&[0], &[1], &[0], 300);
    cluster.servers[1].fail_next(Message::Run, not_a_leader());
    let mut session = driver.session().build();
    go!(session.execute_write(work!(|tx| { go!(tx.run("WRITE")).map(drop) })))?;
    // No call waits for the answer to RESET.
    cluster.settle().await;
    cluster.row(
        text,
        "`execute_write`, one query, no columns, after `A` became the leader",
    )?;
    Ok(())
}

fn not_a_leader() -> ServerError {
    ServerError::new("Neo.ClientError.Cluster.NotALeader", "not here")
}

/// How many callers come at the same moment.
const HERD: usize = 1000;

async fn a_thousand_callers_without_a_table_send_one_request_for_it(adapter: Adapter) -> Outcome {
    let cluster = Cluster::start(adapter, Script::new().forwards_queries())?;
    cluster.delay();
    herd(adapter, &cluster).await?;
    assert_eq!(cluster.routes(), 1);
    Ok(())
}

async fn a_thousand_callers_whose_table_expires_send_one_request_for_another(adapter: Adapter) -> Outcome {
    let cluster = Cluster::start(adapter, Script::new().forwards_queries())?;
    cluster.name_everywhere(1);
    herd(adapter, &cluster).await?;
    let first = cluster.routes();
    cluster.name_everywhere(300);
    cluster.delay();
    // The shortest time for which a table can be valid.
    sleep(Duration::from_millis(1100)).await;
    herd(adapter, &cluster).await?;
    assert_eq!(cluster.routes(), 1, "after {first} for the first herd");
    Ok(())
}

/// Runs a query for each of many callers, half of which write.
async fn herd(adapter: Adapter, cluster: &Cluster) -> Outcome {
    let callers: Vec<_> = (0..HERD)
        .map(|caller| {
            let driver = cluster.driver.clone();
            spawn(adapter, async move {
                let access = if caller % 2 == 0 {
                    Access::Write
                } else {
                    Access::Read
                };
                let query = driver.execute_query("ROWS 1").routing(access);
                go!(query.bookmark_manager(None))
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await?.records.len(), 1);
    }
    Ok(())
}

/// Two servers, relays that count, and a driver.
struct Cluster {
    servers: [Scripted; 2],
    relays: [Relay; 2],
    driver: Driver,
    before: [tests::relay::Traffic; 2],
}

impl Cluster {
    /// The first server routes and writes, the second one reads.
    fn start(adapter: Adapter, script: Script) -> Result<Self, AnyError> {
        let servers = [Scripted::start(script.clone())?, Scripted::start(script)?];
        let relays = [Relay::to(servers[0].address())?, Relay::to(servers[1].address())?];
        let uri = format!("neo4j://{}", relays[0].address());
        let config = Config::new(&uri, Auth::none())?.max_connection_pool_size(50);
        let cluster = Self {
            before: [relays[0].traffic(), relays[1].traffic()],
            servers,
            relays,
            driver: driver_with(adapter, config)?,
        };
        cluster.name_everywhere(300);
        Ok(cluster)
    }

    /// Sets the table that both servers answer with.
    fn name(&self, routers: &[usize], readers: &[usize], writers: &[usize], ttl: i64) {
        let roles = Roles::new()
            .ttl(ttl)
            .routers(routers.iter().copied())
            .readers(readers.iter().copied())
            .writers(writers.iter().copied());
        let addresses: Vec<SocketAddr> = self.relays.iter().map(Relay::address).collect();
        for server in &self.servers {
            server.set_table(roles.clone(), &addresses);
        }
    }

    fn name_everywhere(&self, ttl: i64) {
        self.name(&[0], &[1], &[0], ttl);
    }

    /// Makes each answer take long enough for all callers of a herd to wait for it.
    fn delay(&self) {
        for relay in &self.relays {
            relay.delay_answers(Duration::from_millis(30));
        }
    }

    /// Takes what was requested so far. Returns how many of the requests were for tables.
    fn routes(&self) -> usize {
        let requests = self.servers.iter().flat_map(Scripted::take_requests);
        requests
            .filter(|request| request.message == Message::Route)
            .count()
    }

    /// Leaves what was requested so far out of the table.
    fn forget(&mut self) {
        self.before = [self.relays[0].traffic(), self.relays[1].traffic()];
        let _forgotten = self.routes();
    }

    /// Waits until nothing is on the way any more.
    async fn settle(&self) {
        let traffic = || self.relays.each_ref().map(Relay::traffic);
        let mut last = traffic();
        let mut quiet = 0;
        while quiet < 10 {
            sleep(Duration::from_millis(20)).await;
            let now = traffic();
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
        }
    }

    /// Adds a row with the cost since the last one.
    fn row(&mut self, text: &mut String, call: &str) -> Result<(), AnyError> {
        let (mut flights, mut connections, mut bursts) = (0, 0, 0);
        let mut travels = Vec::new();
        for (server, name) in ["A", "B"].into_iter().enumerate() {
            let now = self.relays[server].traffic();
            let spent = now - self.before[server];
            self.before[server] = now;
            flights += spent.flights;
            connections += spent.connections;
            bursts += spent.bursts;
            let requests = self.servers[server].take_request_texts();
            if !requests.is_empty() {
                travels.push(format!(
                    "{name}: {}",
                    requests.join(", ").replace(" WRITE", "").replace(" ROWS", "")
                ));
            }
        }
        writeln!(
            text,
            "| {call} | {flights} | {connections} | {bursts} | {} |",
            travels.join("; ")
        )?;
        Ok(())
    }
}
