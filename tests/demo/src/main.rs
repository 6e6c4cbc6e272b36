//! What the driver is for, shown without a server and without set-up: `cargo run --release -p demo`.
//!
//! A graph database starts in this process and speaks Bolt over TCP. A real graph of named people is loaded into it,
//! questions are asked as a program would ask them, and then thousands of queries run at once over one driver. Every
//! answer is compared with what the data say. With `NEO4J_URI` set, the same happens on that server.

mod arguments;
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

/// Does it all. `false`: it came to the end, but not every answer was right.
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

/// Hands the job to a driver. The three async adapters give the same `Driver`: they differ in who polls it.
fn run_on(runtime: Runtime, target: &Target, job: &Job, narrator: Narrator) -> Result<Figures, Failure> {
    let config = target.config(job.connections)?;
    match runtime {
        Runtime::Tokio => {
            let driver = adapter_tokio::driver_with(config).map_err(Failure::Configuration)?;
            let runtime = tokio::runtime::Runtime::new().map_err(Failure::Start)?;
            runtime.block_on(run_async::run(driver, run_async::on_tokio, job, narrator))
        }
        Runtime::AsyncStd => {
            let driver = adapter_async_std::driver_with(config).map_err(Failure::Configuration)?;
            async_std::task::block_on(run_async::run(driver, run_async::on_async_std, job, narrator))
        }
        Runtime::Smol => {
            let driver = adapter_smol::driver_with(config).map_err(Failure::Configuration)?;
            smol::block_on(run_async::run(driver, run_async::on_smol, job, narrator))
        }
        Runtime::Blocking => {
            let driver = adapter_blocking::driver_with(config).map_err(Failure::Configuration)?;
            run_blocking::run(&driver, job, narrator)
        }
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
