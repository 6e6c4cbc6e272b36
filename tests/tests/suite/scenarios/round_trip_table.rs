//! How often each kind of call waits for the network: the table in `tests/round-trips.md`, the same on every adapter.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use bolt_client::query;
use tests::scripted::{Script, Scripted};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    scenarios_alone![the_table_of_round_trips_holds]
}

const HEAD: &str = "\
# Round trips

What each kind of call costs on a connection that is open, counted at the socket: how often it waits for the network, how
many writes it makes, and what they contain. The same on every adapter; a test of the suite compares it
(`the_table_of_round_trips_holds`), and rewrites it with `UPDATE=1`. A page has ten rows here; `PULL -1` requests all rows.

| call | round trips | writes | what travels |
|---|---|---|---|
";

async fn the_table_of_round_trips_holds(adapter: Adapter) -> Outcome {
    let mut table = Table::new(adapter).await?;
    opening(&mut table, adapter).await?;
    driver_calls(&mut table).await?;
    auto_commit(&mut table).await?;
    transactions(&mut table).await?;
    functions(&mut table).await?;
    table.text += &routed_round_trips::rows(adapter).await?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("round-trips.md");
    if env::var_os("UPDATE").is_some() && adapter == Adapter::Tokio {
        fs::write(&path, &table.text)?;
    }
    let committed = fs::read_to_string(&path)?;
    for (line, (ours, theirs)) in table.text.lines().zip(committed.lines()).enumerate() {
        assert_eq!(
            ours,
            theirs,
            "line {}; run with UPDATE=1 if this is intended",
            line + 1
        );
    }
    assert_eq!(table.text.lines().count(), committed.lines().count());
    Ok(())
}

async fn opening(table: &mut Table, adapter: Adapter) -> Outcome {
    let relay = Relay::to(table.server.address())?;
    let driver = driver_with(adapter, Config::new(&relay.uri(), Auth::none())?)?;
    wait!(driver.verify_connectivity())?;
    let spent = relay.traffic();
    let _login = table.server.take_request_texts();
    writeln!(
        table.text,
        "| a new connection (handshake, HELLO, LOGON) | {} | {} | |",
        spent.flights, spent.bursts
    )?;
    Ok(())
}

async fn driver_calls(table: &mut Table) -> Outcome {
    let driver = table.driver.clone();
    wait!(driver.verify_connectivity())?;
    table.row("`verify_connectivity`")?;
    let read = driver.execute_query("ROWS 25").routing(Access::Read);
    go!(read)?;
    table.row("`execute_query` that reads, 25 rows")?;
    go!(driver.execute_query("ROWS 25"))?;
    table.row("`execute_query` that writes, 25 rows")?;
    go!(driver.execute_query("WRITE"))?;
    table.row("`execute_query` that writes, no columns")?;
    go!(driver.execute_query("ROWS 25").pipeline_commit(true))?;
    table.row("`execute_query` with `pipeline_commit`, 25 rows")?;
    go!(driver.execute_query("WRITE").pipeline_commit(true))?;
    table.row("`execute_query` with `pipeline_commit`, no columns")
}

async fn auto_commit(table: &mut Table) -> Outcome {
    let mut session = table.driver.session().fetch_size(10).build();
    go!(session.run("WRITE"))?;
    table.row("`session.run`, no columns")?;
    wait!(go!(session.run("ROWS 5"))?.collect())?;
    table.row("`session.run` and `collect`, 5 rows")?;
    wait!(go!(session.run("ROWS 100"))?.collect())?;
    table.row("`session.run` and `collect`, 100 rows")?;
    wait!(go!(session.run("ROWS 100"))?.consume())?;
    table.row("`session.run` and `consume`, 100 rows")?;
    let mut rows = go!(session.run("ROWS 25"))?;
    while wait!(rows.try_next())?.is_some() {}
    drop(rows);
    table.row("`session.run` and `try_next`, 25 rows")?;
    wait!(session.last_bookmarks())?;
    wait!(session.close())?;
    table.row("`session.close`")
}

async fn transactions(table: &mut Table) -> Outcome {
    let mut session = table.driver.session().fetch_size(10).build();
    let mut tx = go!(session.begin_transaction())?;
    table.row("`begin_transaction`")?;
    go!(tx.run("WRITE"))?;
    table.row("its first `run`, no columns")?;
    wait!(go!(tx.run("ROWS 5"))?.collect())?;
    table.row("another `run` and `collect`, 5 rows")?;
    wait!(tx.commit())?;
    table.row("`commit`")?;
    let tx = go!(session.begin_transaction().eager(true))?;
    table.row("`begin_transaction().eager(true)`")?;
    wait!(tx.rollback())?;
    table.row("`rollback`")?;
    wait!(go!(session.begin_transaction())?.rollback())?;
    table.row("`rollback` of a transaction without queries")?;
    wait!(go!(session.begin_transaction())?.commit())?;
    table.row("`commit` of a transaction without queries")?;
    let mut tx = go!(session.begin_transaction())?;
    for text in ["WRITE", "ROWS 5", "WRITE"] {
        tx.queue(query(text))?;
    }
    wait!(tx.commit())?;
    table.row("three times `queue`, and `commit`")
}

async fn functions(table: &mut Table) -> Outcome {
    let mut session = table.driver.session().fetch_size(10).build();
    go!(session.execute_read(work!(|tx| { wait!(go!(tx.run("ROWS 5"))?.collect()) })))?;
    table.row("`execute_read`, one query, 5 rows")?;
    go!(session.execute_write(work!(|tx| {
        go!(tx.run("WRITE"))?;
        go!(tx.run("WRITE"))?;
        Ok(())
    })))?;
    table.row("`execute_write`, two queries, no columns")
}

/// A driver with one connection to a recording server, and the cost so far.
struct Table {
    server: Scripted,
    relay: Relay,
    driver: Driver,
    before: tests::relay::Traffic,
    text: String,
}

impl Table {
    async fn new(adapter: Adapter) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let server = Scripted::start(Script::new())?;
        let relay = Relay::to(server.address())?;
        let driver = driver_with(adapter, Config::new(&relay.uri(), Auth::none())?)?;
        wait!(driver.verify_connectivity())?;
        let before = relay.traffic();
        let _login = server.take_request_texts();
        Ok(Self {
            server,
            relay,
            driver,
            before,
            text: HEAD.to_owned(),
        })
    }

    /// Adds a row with the cost since the last one.
    fn row(&mut self, call: &str) -> Outcome {
        let now = self.relay.traffic();
        let spent = now - self.before;
        self.before = now;
        let requests = self.server.take_request_texts();
        let travels: Vec<_> = requests
            .iter()
            .map(|request| request.replace(" WRITE", "").replace(" ROWS", ""))
            .collect();
        writeln!(
            self.text,
            "| {call} | {} | {} | {} |",
            spent.flights,
            spent.bursts,
            travels.join(", ")
        )?;
        Ok(())
    }
}
