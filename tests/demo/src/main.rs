//! What the driver is for, shown without a server and without set-up: `cargo run --release -p demo`.
//!
//! A graph database starts in this process and speaks Bolt over TCP. A real graph of named people is loaded into it and
//! questions are asked as a program would ask them. Then a chapter each shows what the driver does with round trips, locks,
//! memory, dropped calls and lost connections; at the end thousands of queries run at once. Every answer is compared with
//! what the data say. With `NEO4J_URI` set, the same happens on that server.

mod arguments;
mod chapters;
mod failure;
mod graph;
mod job;
mod load;
mod questions;
mod report;
mod run_async;
mod run_blocking;
mod target;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Runtime};
use crate::failure::Failure;
use crate::job::Job;
use crate::report::{Figures, Narrator};
use crate::target::Target;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("demo: {}", with_causes(&failure));
            ExitCode::FAILURE
        }
    }
}

/// Runs everything. `false`: it came to the end, but not every answer was right.
fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let narrator = Narrator::new(arguments.json);
    let target = Target::from_environment(narrator)?;
    let job = Job::new(arguments, &target, narrator)?;
    let figures = run_on(arguments.runtime, &target, &job, narrator)?;
    figures.tell(narrator);
    if arguments.json {
        println!("{}", figures.as_json());
    }
    Ok(figures.is_clean())
}

/// Hands the job to a runtime. The three async adapters make the same `Driver`.
fn run_on(runtime: Runtime, target: &Target, job: &Job, narrator: Narrator) -> Result<Figures, Failure> {
    match runtime {
        Runtime::Tokio => {
            let runtime = tokio::runtime::Runtime::new().map_err(Failure::Start)?;
            runtime.block_on(run_async::run(run_async::TOKIO, target, job, narrator))
        }
        Runtime::AsyncStd => {
            async_std::task::block_on(run_async::run(run_async::ASYNC_STD, target, job, narrator))
        }
        Runtime::Smol => smol::block_on(run_async::run(run_async::SMOL, target, job, narrator)),
        Runtime::Blocking => run_blocking::run(target, job, narrator),
    }
}

/// The failure and what caused it, each said once: some errors repeat their cause.
fn with_causes(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
