//! Many sessions at a time: the time of the processor that a small query costs the client, by the number of sessions.
//!
//! Unlike instructions, this depends on the machine and on what else runs there: compare lines of one run only.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use adapter_tokio::{Access, Auth, Driver, Error};
use benches::limit::{Limit, Requests};
use benches::{Workload, replay};

use crate::measured::Adapter;

/// The numbers of sessions. The pool has 100 connections.
const SESSIONS: [usize; 4] = [1, 64, 256, 1000];

/// How long each client runs.
const TIME: Duration = Duration::from_secs(2);

/// Prints a line for each adapter and number of sessions.
pub(crate) fn run(words: &[&str], server: SocketAddr) {
    println!(
        "| | sessions | queries a second | microseconds of processor time a query |\n|---|---:|---:|---:|"
    );
    let wanted = |adapter: &Adapter| words.is_empty() || words.contains(&adapter.name());
    for adapter in Adapter::ALL.into_iter().filter(wanted) {
        for sessions in SESSIONS {
            let client = Command::new(env::current_exe().expect("this program has a path"))
                .args([
                    "many-client",
                    adapter.name(),
                    &server.to_string(),
                    &sessions.to_string(),
                ])
                .output()
                .expect("the client can be run");
            assert!(
                client.status.success(),
                "{}",
                String::from_utf8_lossy(&client.stderr)
            );
            print!(
                "| {} | {sessions} | {}",
                adapter.name(),
                String::from_utf8_lossy(&client.stdout)
            );
        }
    }
}

/// Makes queries in many sessions, and prints their rate and cost.
pub(crate) fn client(adapter: Adapter, server: SocketAddr, sessions: usize) {
    let count = Arc::new(AtomicU64::new(0));
    let (start, before) = (Instant::now(), processor_time());
    let end = start + TIME;
    let query = replay::query(Workload::Ints, 1);
    match adapter {
        Adapter::Limit => limits(server, sessions, &query, &count, end),
        Adapter::Tokio => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let driver = adapter_tokio::driver(&format!("bolt://{server}"), Auth::none());
            let driver = driver.expect("a valid address");
            runtime.expect("a runtime").block_on(async {
                let tasks: Vec<_> = (0..sessions)
                    .map(|_| tokio::spawn(session(driver.clone(), query.clone(), Arc::clone(&count), end)))
                    .collect();
                for task in tasks {
                    task.await.expect("no panic").expect("no error");
                }
            });
        }
        Adapter::AsyncStd => {
            let driver = adapter_async_std::driver(&format!("bolt://{server}"), Auth::none());
            let driver = driver.expect("a valid address");
            let tasks: Vec<_> = (0..sessions)
                .map(|_| {
                    async_std::task::spawn(session(driver.clone(), query.clone(), Arc::clone(&count), end))
                })
                .collect();
            for task in tasks {
                async_std::task::block_on(task).expect("no error");
            }
        }
        Adapter::Smol => {
            let driver = adapter_smol::driver(&format!("bolt://{server}"), Auth::none());
            let driver = driver.expect("a valid address");
            let tasks: Vec<_> = (0..sessions)
                .map(|_| smol::spawn(session(driver.clone(), query.clone(), Arc::clone(&count), end)))
                .collect();
            for task in tasks {
                smol::block_on(task).expect("no error");
            }
        }
        Adapter::Blocking => {
            let driver = adapter_blocking::driver(&format!("bolt://{server}"), Auth::none());
            let driver = driver.expect("a valid address");
            thread::scope(|scope| {
                for _ in 0..sessions {
                    scope.spawn(|| {
                        while Instant::now() < end {
                            let mut session = driver.session().default_access_mode(Access::Read).build();
                            session.run(&query).param("n", 1).single().expect("no error");
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
            });
        }
    }
    let queries = count.load(Ordering::Relaxed);
    let cost = (processor_time() - before).as_secs_f64() * 1e6 / queries as f64;
    let rate = queries as f64 / start.elapsed().as_secs_f64();
    println!("{rate:.0} | {cost:.1} |");
}

async fn session(driver: Driver, query: String, count: Arc<AtomicU64>, end: Instant) -> Result<(), Error> {
    while Instant::now() < end {
        let mut session = driver.session().default_access_mode(Access::Read).build();
        session.run(&query).param("n", 1).single().await?;
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Threads without a driver, which share 100 connections.
fn limits(server: SocketAddr, sessions: usize, query: &str, count: &AtomicU64, end: Instant) {
    let connections = (0..sessions.min(100)).map(|_| Limit::connect(server).expect("the server is there"));
    let pool = Mutex::new(connections.collect::<Vec<_>>());
    let taken = || pool.lock().unwrap_or_else(PoisonError::into_inner);
    let requests = Requests::default().run(query, Some(1)).pull(1000);
    thread::scope(|scope| {
        for _ in 0..sessions.min(100) {
            scope.spawn(|| {
                let mut connection = taken().pop().expect("one for each thread");
                while Instant::now() < end {
                    connection.exchange(&requests, 2).expect("an answer");
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
}

/// Returns how long this process has used the processor, in steps of 10 ms.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux has it");
    // The name of the program may contain spaces, and ends with a parenthesis.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11..13]
        .iter()
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}
