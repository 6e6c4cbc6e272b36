//! The job on an async runtime: the same code for three of them, as the driver is the same on all.

use std::panic;
use std::sync::Arc;
use std::time::Instant;

use bolt_client::runtime::BoxFuture;
use bolt_client::{Access, Config, Driver, EagerResult, Error, Query};

use crate::chapters::{self, Stage};
use crate::failure::Failure;
use crate::job::Job;
use crate::load::{Load, Tally};
use crate::report::{Figures, Narrator};
use crate::target::Target;

/// What differs between the runtimes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct On {
    driver: fn(Config) -> Result<Driver, Error>,
    spawn: Spawn,
}

pub(crate) const TOKIO: On = On {
    driver: adapter_tokio::driver_with,
    spawn: on_tokio,
};

pub(crate) const ASYNC_STD: On = On {
    driver: adapter_async_std::driver_with,
    spawn: on_async_std,
};

pub(crate) const SMOL: On = On {
    driver: adapter_smol::driver_with,
    spawn: on_smol,
};

/// Starts a task. What it returns waits for the task's end.
pub(crate) type Spawn = fn(BoxFuture<'static, Tally>) -> BoxFuture<'static, Tally>;

fn on_tokio(task: BoxFuture<'static, Tally>) -> BoxFuture<'static, Tally> {
    let task = tokio::spawn(task);
    Box::pin(async {
        // No task is aborted, so it can only have panicked.
        task.await
            .unwrap_or_else(|error| panic::resume_unwind(error.into_panic()))
    })
}

fn on_async_std(task: BoxFuture<'static, Tally>) -> BoxFuture<'static, Tally> {
    Box::pin(async_std::task::spawn(task))
}

fn on_smol(task: BoxFuture<'static, Tally>) -> BoxFuture<'static, Tally> {
    Box::pin(smol::spawn(task))
}

/// Does the job, and deletes what it has created even if it fails.
pub(crate) async fn run(on: On, target: &Target, job: &Job, narrator: Narrator) -> Result<Figures, Failure> {
    let driver = (on.driver)(target.config(job.connections)?).map_err(Failure::Configuration)?;
    let figures = match driver.server_info().await {
        Ok(server) => {
            narrator.introduce(job, &server);
            let figures = match Stage::before(&server).map_err(Failure::Start) {
                Ok(stage) => work(&driver, &stage, on, target, job, narrator).await,
                Err(failure) => Err(failure),
            };
            let cleaned = clean_up(&driver, job).await;
            // The first failure is the one to report.
            figures.and_then(|figures| cleaned.map(|()| figures))
        }
        Err(error) => Err(Failure::Connect(error)),
    };
    driver.close().await;
    figures
}

async fn work(
    driver: &Driver,
    stage: &Stage,
    on: On,
    target: &Target,
    job: &Job,
    narrator: Narrator,
) -> Result<Figures, Failure> {
    for step in &job.steps {
        job.begin(step, narrator)?;
        let answer = ask(driver, &step.query, step.access, job.database.as_deref()).await;
        job.finish(step, answer, narrator)?;
    }
    let config = target.config_through(&stage.uri(), job.connections)?;
    let relayed = (on.driver)(config).map_err(Failure::Configuration)?;
    narrator.announce_chapters(chapters::ASYNCHRONOUS);
    let shown = chapters::asynchronous::play(&relayed, on.spawn, stage, job, narrator).await?;
    relayed.close().await;

    narrator.announce_load(job);
    let begun = Instant::now();
    let tally = ask_at_once(driver, on.spawn, Arc::clone(&job.load), job).await;
    job.check_interrupt()?;
    Ok(Figures::new(
        job,
        shown,
        tally,
        begun.elapsed(),
        driver.pool_counts(),
    ))
}

/// Runs the queries of `load`, as many at once as the user wants.
pub(crate) async fn ask_at_once(driver: &Driver, spawn: Spawn, load: Arc<Load>, job: &Job) -> Tally {
    load.begin();
    let start = |_| {
        let worker = worker(driver.clone(), Arc::clone(&load), job.database.clone());
        spawn(Box::pin(worker))
    };
    let workers: Vec<_> = (0..job.concurrency).map(start).collect();
    let mut tally = Tally::default();
    for worker in workers {
        tally.add(worker.await);
    }
    load.end();
    tally
}

async fn worker(driver: Driver, load: Arc<Load>, database: Option<String>) -> Tally {
    let mut tally = Tally::default();
    while let Some(probe) = load.next() {
        let begun = Instant::now();
        let answer = ask(&driver, &probe.query, Access::Read, database.as_deref()).await;
        load.judge(probe, begun, answer, &mut tally);
    }
    tally
}

pub(crate) async fn ask(
    driver: &Driver,
    query: &Query,
    access: Access,
    database: Option<&str>,
) -> Result<EagerResult, Error> {
    driver
        .execute_query(query)
        .routing(access)
        .database(database)
        .await
}

async fn clean_up(driver: &Driver, job: &Job) -> Result<(), Failure> {
    for query in job.clean_up() {
        ask(driver, &query, Access::Write, job.database.as_deref())
            .await
            .map_err(|error| job.not_cleaned_up(error))?;
    }
    Ok(())
}
