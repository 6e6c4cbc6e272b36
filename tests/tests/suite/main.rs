//! One suite of scenarios for every server and every adapter.
//!
//! Each scenario is written once, as an `async fn`. Its tests are named `server::adapter::scenario`, for example
//! `neo4j-5::blocking::a_read_returns_its_records_summary_and_keys`. Scenarios with their own peers, or without any,
//! have `peers` in place of the server.
//!
//! The embedded engine is always included. `BOLT_TEST_SERVERS=neo4j-5,neo4j-2026` adds real servers, which are started
//! before the first test, shared by all, and stopped after the last. Scenarios that a server does not support are
//! listed as ignored, with the reason.
//!
//! `BOLT_TEST_TLS=1` runs the scenarios that have a server over TLS, and no others: `engine-tls::tokio::…`.
//! `BOLT_TEST_ROUTING=1` runs the same scenarios by `neo4j://`, against servers that route to themselves:
//! `engine-routed::tokio::…`. With both, they run by `neo4j+s://`.

#![expect(
    clippy::duplicate_mod,
    reason = "the scenarios are compiled for futures and for blocking calls"
)]

mod asynchronous;
mod blocking;
mod outliving;
mod reach;
mod scenario;
mod server;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};
use servers::Release;

use crate::reach::Reach;
use crate::scenario::{Adapter, Run, Scenario, trial};
use crate::server::Server;

/// The environment variable with the real servers to test against.
const SERVERS: &str = "BOLT_TEST_SERVERS";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let servers = Reach::requested().and_then(|reach| {
        let servers = servers(&requested_releases()?, reach, &arguments)?;
        Ok((servers, reach))
    });
    let (servers, reach) = match servers {
        Ok(servers) => servers,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    let conclusion = libtest_mimic::run(&arguments, trials(&servers, reach));
    // Exiting skips destructors, one of which stops a server.
    drop(servers);
    conclusion.exit_code()
}

/// Returns the releases that the environment names.
fn requested_releases() -> Result<Vec<Release>, String> {
    let names = env::var(SERVERS).unwrap_or_default();
    let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| name.parse().map_err(|error| format!("{SERVERS}: {error}")))
        .collect()
}

/// Starts the engine and the releases in parallel; returns just their names if the tests are only listed.
fn servers(releases: &[Release], reach: Reach, arguments: &Arguments) -> Result<Vec<Arc<Server>>, String> {
    if arguments.list {
        let names = releases.iter().map(|release| release.name());
        return Ok(std::iter::once("engine")
            .chain(names)
            .map(|name| Arc::new(Server::unstarted(name, reach)))
            .collect());
    }
    if releases.is_empty() {
        println!(
            "no real servers were requested: {SERVERS}={} adds them",
            Release::ALL.map(Release::name).join(",")
        );
    }
    std::thread::scope(|scope| {
        let starting: Vec<_> = releases
            .iter()
            .map(|&release| scope.spawn(move || Server::neo4j(release, reach)))
            .collect();
        let engine = Server::engine(reach);
        // Every start is awaited even after one has failed, so that every started server is stopped.
        let real: Vec<_> = starting
            .into_iter()
            .map(|start| start.join().map_err(|_| "starting a server panicked"))
            .collect();
        let mut servers = vec![Arc::new(engine?)];
        for server in real {
            servers.push(Arc::new(server??));
        }
        Ok(servers)
    })
}

fn trials(servers: &[Arc<Server>], reach: Reach) -> Vec<Trial> {
    let scenarios = |adapter| match adapter {
        Adapter::Blocking => blocking::scenarios(),
        Adapter::Tokio | Adapter::AsyncStd | Adapter::Smol => asynchronous::scenarios(),
    };
    let mut trials = outliving::trials(servers);
    for adapter in Adapter::ALL {
        for Scenario { name, needs, run } in scenarios(adapter) {
            match run {
                // Their peers are reached in their own way, which the run without variables tests.
                Run::Alone(_) if reach != Reach::default() => {}
                Run::Alone(run) => {
                    trials.push(trial(&format!("peers::{adapter}::{name}"), move || run(adapter)))
                }
                Run::With(run) => trials.extend(servers.iter().map(|server| {
                    let name = format!("{}::{adapter}::{name}", server.name);
                    let server = Arc::clone(server);
                    match needs.and_then(|feature| server.lacks(feature)) {
                        Some(reason) => scenario::impossible(name, reason),
                        None => trial(&name, move || run(server, adapter)),
                    }
                })),
            }
        }
    }
    trials
}
