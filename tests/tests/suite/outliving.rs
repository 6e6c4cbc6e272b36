//! Drivers that outlive the runtime, or the thread, on which they were used.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bolt_client::{Config, Error, ErrorKind};
use libtest_mimic::Trial;
use tokio::runtime::{Builder, Runtime};

use crate::scenario::{Outcome, trial};
use crate::server::Server;

type Run = fn(&Server) -> Outcome;

/// Returns a trial of each scenario for each server.
pub(crate) fn trials(servers: &[Arc<Server>]) -> Vec<Trial> {
    let scenarios: [(&str, Run); 4] = [
        (
            "tokio::a_driver_in_a_static_outlives_its_runtime",
            a_driver_in_a_static_outlives_its_runtime,
        ),
        (
            "tokio::a_call_in_progress_may_lose_its_runtime",
            a_call_in_progress_may_lose_its_runtime,
        ),
        ("tokio::two_runtimes_share_a_driver", two_runtimes_share_a_driver),
        (
            "blocking::a_driver_in_a_static_outlives_its_threads",
            a_blocking_driver_outlives_its_threads,
        ),
    ];
    let of_server = |server: &Arc<Server>| {
        let server = Arc::clone(server);
        scenarios.map(move |(name, run)| {
            let server = Arc::clone(&server);
            trial(&format!("{}::{name}", server.name), move || run(&server))
        })
    };
    servers.iter().flat_map(of_server).collect()
}

/// The equivalent of a static for each server: a value that is never dropped.
fn forever<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn config(server: &Server) -> Result<Config, Error> {
    server.config(server.auth())
}

fn a_driver_in_a_static_outlives_its_runtime(server: &Server) -> Outcome {
    let driver = forever(adapter_tokio::driver_with(config(server)?)?);
    for number in 0..4 {
        let runtime = if number % 2 == 0 {
            multi_thread()?
        } else {
            current_thread()?
        };
        runtime.block_on(async {
            for _ in 0..3 {
                driver.execute_query("RETURN 1").await?;
            }
            Ok::<(), Error>(())
        })?;
    }
    Ok(())
}

fn a_call_in_progress_may_lose_its_runtime(server: &Server) -> Outcome {
    let driver = forever(adapter_tokio::driver_with(
        config(server)?.max_connection_pool_size(2),
    )?);
    for _ in 0..3 {
        let runtime = multi_thread()?;
        for _ in 0..8 {
            runtime.spawn(async {
                loop {
                    if driver
                        .execute_query("UNWIND range(1, 1000) AS x RETURN x")
                        .await
                        .is_err()
                    {
                        break;
                    }
                }
            });
        }
        thread::sleep(Duration::from_millis(100));
        runtime.shutdown_timeout(Duration::from_secs(10));
    }
    let found = multi_thread()?.block_on(async { driver.execute_query("RETURN 1 AS one").await })?;
    assert_eq!(found.records.len(), 1);
    // A connection that a lost call was opening may still be half open.
    let counts = driver.pool_counts();
    assert_eq!((counts.in_use, counts.waiting), (0, 0), "{counts:?}");
    Ok(())
}

/// While both runtimes exist, connections move between them.
fn two_runtimes_share_a_driver(server: &Server) -> Outcome {
    let driver = forever(adapter_tokio::driver_with(
        config(server)?.max_connection_pool_size(2),
    )?);
    let threads: Vec<_> = (0..2)
        .map(|_| {
            thread::spawn(move || {
                multi_thread()?.block_on(async {
                    for _ in 0..50 {
                        match driver.execute_query("RETURN 1").await {
                            // The other runtime may end first and take a connection with it.
                            Err(error) if error.kind() == ErrorKind::ConnectionLost => {}
                            result => drop(result?),
                        }
                    }
                    Outcome::Ok(())
                })
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| "a thread panicked")??;
    }
    Ok(())
}

fn a_blocking_driver_outlives_its_threads(server: &Server) -> Outcome {
    let driver = forever(adapter_blocking::driver_with(config(server)?)?);
    for _ in 0..3 {
        let thread = thread::spawn(move || driver.execute_query("RETURN 1").call().map(drop));
        thread.join().map_err(|_| "the thread panicked")??;
    }
    assert_eq!(driver.pool_counts().idle, 1);
    Ok(())
}

fn multi_thread() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

fn current_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
