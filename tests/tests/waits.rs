//! A line of 20 ms: on every adapter, a call takes its round trips and its processor time, and nothing else. No timer
//! ticks, no small write waits for an acknowledgement, and a reader that is slower than the line never waits for a page.
//!
//! The machine may be busy. So each call is repeated until it was as fast as it should be: what the driver adds, it adds
//! each time. If all processors are busy for long, run it alone.

use std::future::Future;
use std::thread;
use std::time::{Duration, Instant};

use bolt_client::{Access, Driver, Error};
use tests::relay::Relay;
use tests::scripted::{Script, Scripted};

/// The time from a request to its answer, which the relay adds.
const LINE: Duration = Duration::from_millis(20);

/// What processor, kernel and relay may add to a call: less than a tick of any timer.
const SLACK: Duration = Duration::from_millis(8);

/// The round trips of the first query of a driver at most, without that of TCP: handshake, login, query.
const COLD: u64 = 3;

/// The same for a new connection, for which relay and server start five threads.
const COLD_SLACK: Duration = Duration::from_millis(16);

/// How often a call is tried.
const ATTEMPTS: usize = 300;

/// The rows of a page, and the time of its reader for each: a page takes one and a half times as long as the line.
const PAGE: u64 = 20;
const PER_ROW: Duration = Duration::from_micros(1500);
const PAGES: u64 = 10;

/// A server at the other end of the line.
struct Line {
    relay: Relay,
    _server: Scripted,
}

/// What one call took.
struct Took {
    flights: u64,
    beyond: Duration,
}

impl Line {
    fn new() -> Self {
        let server = Scripted::start(Script::new()).unwrap();
        let relay = Relay::to(server.address()).unwrap();
        relay.delay_answers(LINE);
        Self {
            relay,
            _server: server,
        }
    }

    fn config(&self) -> bolt_client::Config {
        bolt_client::Config::new(&self.relay.uri(), bolt_client::Auth::none()).unwrap()
    }

    /// Begins to measure a call.
    fn begin(&self) -> impl FnOnce() -> Took + use<'_> {
        let (before, start) = (self.relay.traffic(), Instant::now());
        move || {
            let took = start.elapsed();
            let flights = (self.relay.traffic() - before).flights;
            let line = LINE * u32::try_from(flights).unwrap();
            assert!(took >= line, "{took:?} for {flights} round trips");
            Took {
                flights,
                beyond: took - line,
            }
        }
    }
}

/// Judges the attempts of one call, up to the first that is good.
struct Judge {
    what: String,
    flights: u64,
    slack: Duration,
    best: Duration,
    attempts: usize,
}

impl Judge {
    fn new(adapter: &str, what: &str, flights: u64) -> Self {
        Self {
            what: format!("{adapter}: {what}"),
            flights,
            slack: SLACK,
            best: Duration::MAX,
            attempts: 0,
        }
    }

    /// Judges the first query of a driver.
    fn cold(adapter: &str) -> Self {
        let mut judge = Self::new(adapter, "the first query of a driver", COLD);
        judge.slack = COLD_SLACK;
        judge
    }

    /// Returns whether another attempt is needed. A few are made in any case, for the figures.
    fn wants_more(&self) -> bool {
        self.attempts < 10 || (self.attempts < ATTEMPTS && self.best > self.slack)
    }

    fn note(&mut self, took: &Took) {
        assert!(
            took.flights <= self.flights,
            "{}: {} round trips",
            self.what,
            took.flights
        );
        self.attempts += 1;
        self.best = self.best.min(took.beyond);
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        println!(
            "{}: {:?} beyond {} × {LINE:?}",
            self.what, self.best, self.flights
        );
        assert!(
            self.best <= self.slack,
            "{}: {:?} more than the line",
            self.what,
            self.best
        );
    }
}

/// Measures the calls of a driver that is ready, with one connection.
async fn warm(adapter: &str, line: &Line, driver: &Driver) -> Result<(), Error> {
    let mut session = driver.session().default_access_mode(Access::Read).build();
    session.run("ROWS 1").await?.collect().await?;
    let mut judge = Judge::new(adapter, "run", 1);
    while judge.wants_more() {
        let took = line.begin();
        session.run("ROWS 1").await?.collect().await?;
        judge.note(&took());
    }
    drop(judge);
    let mut judge = Judge::new(adapter, "execute_query, read", 1);
    while judge.wants_more() {
        let took = line.begin();
        driver.execute_query("ROWS 1").routing(Access::Read).await?;
        judge.note(&took());
    }
    drop(judge);
    let mut judge = Judge::new(adapter, "execute_query, write", 2);
    while judge.wants_more() {
        let took = line.begin();
        driver.execute_query("ROWS 1").await?;
        judge.note(&took());
    }
    drop(judge);
    let mut judge = Judge::new(adapter, "a transaction", 2);
    while judge.wants_more() {
        let took = line.begin();
        let mut tx = session.begin_transaction().await?;
        tx.run("ROWS 1").collect().await?;
        tx.commit().await?;
        judge.note(&took());
    }
    Ok(())
}

/// The first query of a driver, with all that it needs before.
async fn cold(adapter: &str, line: &Line, driver: impl Fn() -> Driver) -> Result<(), Error> {
    let mut judge = Judge::cold(adapter);
    while judge.wants_more() {
        let driver = driver();
        let took = line.begin();
        driver.execute_query("ROWS 1").routing(Access::Read).await?;
        judge.note(&took());
    }
    Ok(())
}

/// Reads pages, each more slowly than the line, and returns the longest wait for a row after the first.
async fn read_slowly(driver: &Driver) -> Result<Duration, Error> {
    let mut session = driver
        .session()
        .default_access_mode(Access::Read)
        .fetch_size(PAGE)
        .build();
    let mut rows = session.run(format!("ROWS {}", PAGE * PAGES)).await?;
    rows.next_ref().await?;
    let mut longest = Duration::ZERO;
    loop {
        thread::sleep(PER_ROW);
        let start = Instant::now();
        let row = rows.next_ref().await?;
        longest = longest.max(start.elapsed());
        if row.is_none() {
            return Ok(longest);
        }
    }
}

fn judge_pages(adapter: &str, mut read: impl FnMut() -> Duration) {
    let mut best = Duration::MAX;
    for _ in 0..20 {
        best = best.min(read());
        if best <= SLACK {
            break;
        }
    }
    println!("{adapter}: a slow reader waits for {best:?} at most");
    assert!(best <= SLACK, "{adapter}: a slow reader waited for {best:?}");
}

fn tokio_block_on<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(work)
}

/// The tests of an asynchronous adapter.
macro_rules! asynchronous {
    ($name:ident $block_on:path, $driver:path) => {
        mod $name {
            use super::*;

            const NAME: &str = stringify!($name);

            #[test]
            fn a_warm_call_takes_its_round_trips() {
                let line = Line::new();
                $block_on(async { warm(NAME, &line, &$driver(line.config()).unwrap()).await }).unwrap();
            }

            #[test]
            fn a_cold_call_takes_its_round_trips() {
                let line = Line::new();
                $block_on(cold(NAME, &line, || $driver(line.config()).unwrap())).unwrap();
            }

            #[test]
            fn a_reader_that_is_slower_than_the_line_never_waits_for_a_page() {
                let line = Line::new();
                judge_pages(NAME, || {
                    $block_on(async { read_slowly(&$driver(line.config()).unwrap()).await }).unwrap()
                });
            }
        }
    };
}

asynchronous!(tokio_adapter tokio_block_on, adapter_tokio::driver_with);
asynchronous!(smol_adapter smol::block_on, adapter_smol::driver_with);
asynchronous!(async_std_adapter async_std::task::block_on, adapter_async_std::driver_with);

mod blocking_adapter {
    use adapter_blocking::Driver;

    use super::*;

    const NAME: &str = "blocking_adapter";

    fn driver(line: &Line) -> Driver {
        adapter_blocking::driver_with(line.config()).unwrap()
    }

    fn repeat(what: &str, line: &Line, flights: u64, mut call: impl FnMut() -> Result<(), Error>) {
        let mut judge = Judge::new(NAME, what, flights);
        while judge.wants_more() {
            let took = line.begin();
            call().unwrap();
            judge.note(&took());
        }
    }

    #[test]
    fn a_warm_call_takes_its_round_trips() {
        let line = Line::new();
        let driver = driver(&line);
        let mut session = driver.session().default_access_mode(Access::Read).build();
        session.run("ROWS 1").collect().unwrap();
        repeat("run", &line, 1, || session.run("ROWS 1").collect().map(drop));
        repeat("execute_query, read", &line, 1, || {
            driver
                .execute_query("ROWS 1")
                .routing(Access::Read)
                .call()
                .map(drop)
        });
        repeat("execute_query, write", &line, 2, || {
            driver.execute_query("ROWS 1").call().map(drop)
        });
        repeat("a transaction", &line, 2, || {
            let mut tx = session.begin_transaction().call()?;
            tx.run("ROWS 1").collect()?;
            tx.commit()
        });
    }

    #[test]
    fn a_cold_call_takes_its_round_trips() {
        let line = Line::new();
        let mut judge = Judge::cold(NAME);
        while judge.wants_more() {
            let driver = driver(&line);
            let took = line.begin();
            driver
                .execute_query("ROWS 1")
                .routing(Access::Read)
                .call()
                .unwrap();
            judge.note(&took());
        }
    }

    #[test]
    fn a_reader_that_is_slower_than_the_line_never_waits_for_a_page() {
        let line = Line::new();
        judge_pages(NAME, || {
            let driver = driver(&line);
            let mut session = driver
                .session()
                .default_access_mode(Access::Read)
                .fetch_size(PAGE)
                .build();
            let mut rows = session.run(format!("ROWS {}", PAGE * PAGES)).call().unwrap();
            rows.next_ref().unwrap();
            let mut longest = Duration::ZERO;
            loop {
                thread::sleep(PER_ROW);
                let start = Instant::now();
                let row = rows.next_ref().unwrap();
                longest = longest.max(start.elapsed());
                if row.is_none() {
                    return longest;
                }
            }
        });
    }
}
