//! The memory of a slow reader, for results of any length, and the memory that a hostile peer can cause.

use std::thread;
use std::time::Duration;

use adapter_blocking::{Auth, Config, Error};
use tests::hostile::{self, DEADLINE, Use};
use tests::scripted::{Script, Scripted};

/// An upper bound for a page of the rows used here.
const PAGE: u64 = 64 * 1024;

/// The driver works on this thread alone, so its memory is what this thread allocates.
#[test]
fn a_million_rows_need_the_memory_of_a_page() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = adapter_blocking::driver_with(config(&server).unwrap()).unwrap();
    driver.verify_connectivity().unwrap();
    let short = peak(|| read(&driver, 10_000).unwrap());
    let long = peak(|| read(&driver, 1_000_000).unwrap());
    println!("at most {short} bytes for 10,000 rows, {long} for 1,000,000");
    assert!(
        long <= short + PAGE,
        "{long} bytes for 1,000,000 rows, {short} for 10,000"
    );
    assert!(long <= 8 * PAGE, "{long}");
}

/// The next batch is encoded while one is on its way, and no more than that.
#[test]
fn a_million_rows_are_loaded_in_the_memory_of_three_batches() {
    const BATCH: usize = 256 * 1024;
    let server = Scripted::start(Script::new()).unwrap();
    let driver = adapter_blocking::driver_with(config(&server).unwrap()).unwrap();
    driver.verify_connectivity().unwrap();
    let load = |rows: i64| {
        let rows = (0..rows).map(|row| (row, "a text of some length"));
        let load = driver
            .load("LOAD", rows)
            .batch_rows(usize::MAX)
            .batch_bytes(BATCH);
        let loaded = load.call().unwrap();
        drop(server.take_requests());
        loaded
    };
    let short = peak(|| assert!(load(50_000).batches > 4));
    let long = peak(|| assert_eq!(load(1_000_000).rows, 1_000_000));
    println!("at most {short} bytes for 50,000 rows, {long} for 1,000,000");
    assert!(
        long <= short + PAGE,
        "{long} bytes for 1,000,000 rows, {short} for 50,000"
    );
    // Buffers grow by doubling. The two batches, and what the socket has not taken of one.
    assert!(long <= 3 * 2 * BATCH as u64 + 4 * PAGE, "{long}");
}

/// Columns need little more memory than their content.
#[test]
fn columns_need_the_memory_of_their_content() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = adapter_blocking::driver_with(config(&server).unwrap()).unwrap();
    driver.verify_connectivity().unwrap();
    let peak = peak(|| {
        let mut session = driver.session().build();
        let column: Vec<i64> = session.run("ROWS 100000").collect_columns().unwrap();
        assert_eq!(column.len(), 100_000);
    });
    println!("{} bytes a row", peak / 100_000);
    // Eight bytes each; a vector that grows has up to three times its content at once.
    assert!(peak <= 24 * 100_000 + 4 * PAGE, "{peak}");
}

/// Only the rows that the reader keeps stay allocated.
#[test]
fn kept_rows_need_little_more_memory_than_their_content() {
    let server = Scripted::start(Script::new()).unwrap();
    let driver = adapter_blocking::driver_with(config(&server).unwrap()).unwrap();
    driver.verify_connectivity().unwrap();
    let peak = peak(|| {
        let mut session = driver.session().build();
        let rows = session.run("ROWS 100000").call().unwrap().collect().unwrap();
        assert_eq!(rows.len(), 100_000);
    });
    println!("{} bytes a row", peak / 100_000);
    assert!(peak / 100_000 < 200, "{} bytes a row", peak / 100_000);
}

/// What a connection has needed for large requests and results does not stay with it in the pool.
#[test]
fn an_idle_connection_takes_at_most_six_kibibytes() {
    const CONNECTIONS: usize = 20;
    let server = Scripted::start(Script::new()).unwrap();
    let driver = adapter_blocking::driver_with(config(&server).unwrap()).unwrap();
    driver.verify_connectivity().unwrap();
    // One connection is there already.
    let mut held = 0;
    for (rows, text) in [(1, 1), (10_000, 100_000)] {
        let more = allocation_counter::measure(|| {
            let mut open: Vec<_> = (0..CONNECTIONS)
                .map(|_| driver.begin_transaction().call().unwrap())
                .collect();
            for tx in &mut open {
                let result = tx.run(format!("ROWS {rows}")).param("text", "x".repeat(text));
                assert_eq!(result.call().unwrap().collect().unwrap().len(), rows);
            }
            for tx in open {
                tx.commit().unwrap();
            }
        });
        held += more.bytes_current;
        let each = held / (CONNECTIONS as i64 - 1);
        println!("{each} bytes for an idle connection after {rows} rows");
        assert!(each <= 6 * 1024, "{each} bytes after {rows} rows");
    }
}

/// A hostile peer causes no more memory than the message limits allow.
#[test]
fn hostile_peers_cause_little_memory_use() {
    let mut wrong = Vec::new();
    for case in hostile::all() {
        let peer = case.start().unwrap();
        let config = Config::new(&peer.uri(), Auth::none()).unwrap();
        let driver =
            adapter_blocking::driver_with(config.max_transaction_retry_time(Duration::ZERO)).unwrap();
        // The suite checks the outcome.
        let peak = peak(|| drop(call(&driver, case.used)));
        if peak > case.memory {
            wrong.push(format!("{}: {peak} bytes, not {}", case.name, case.memory));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn call(driver: &adapter_blocking::Driver, how: Use) -> Result<usize, Error> {
    if let Use::Pages(size) = how {
        let mut session = driver.session().fetch_size(size).build();
        let rows = session.run("RETURN 1 AS x").deadline(DEADLINE).call()?;
        return Ok(rows.collect()?.len());
    }
    let query = driver.execute_query("RETURN 1 AS x").deadline(DEADLINE);
    Ok(query.call()?.records.len())
}

fn config(server: &Scripted) -> Result<Config, Error> {
    Config::new(&server.uri(), Auth::none())
}

/// Reads by pages of the default size, more slowly than the server sends.
fn read(driver: &adapter_blocking::Driver, rows: i64) -> Result<(), Error> {
    let mut session = driver.session().build();
    let mut result = session.run(format!("ROWS {rows}")).call()?;
    let mut number = 0;
    while let Some(row) = result.next_ref()? {
        assert_eq!(row.get::<i64>(0)?, number);
        number += 1;
        if number % 5000 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    assert_eq!(number, rows);
    Ok(())
}

/// Returns the most bytes that this thread held at once during the call.
fn peak(call: impl FnOnce()) -> u64 {
    allocation_counter::measure(call).bytes_max
}
