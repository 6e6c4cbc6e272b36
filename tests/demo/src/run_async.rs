//! The job on an async runtime: one code for three of them, since the driver is the same on all.

use std::panic;
use std::sync::Arc;
use std::time::Instant;

use bolt_client::runtime::BoxFuture;
use bolt_client::{Access, Driver, EagerResult, Error, Query};

use crate::failure::Failure;
use crate::job::Job;
use crate::load::{Load, Tally};
use crate::report::{Figures, Narrator};

/// Starts a task. What it returns waits for the task's end.
pub(crate) type Spawn = fn(BoxFuture<'static, Tally>) -> BoxFuture<'static, Tally>;

pub(crate) fn on_tokio(task: BoxFuture<'static, Tally>) -> BoxFuture<'static, Tally> {
    let task = tokio::spawn(task);
    Box::pin(async {
        // Nobody aborts it, so it can only have panicked.
        task.await
            .unwrap_or_else(|error| panic::resume_unwind(error.into_panic()))
    })
}

pub(crate) fn on_async_std(task: BoxFuture<'static, Tally>) -> BoxFuture<'static, Tally> {
    Box::pin(async_std::task::spawn(task))
}

pub(crate) fn on_smol(task: BoxFuture<'static, Tally>) -> BoxFuture<'static, Tally> {
    Box::pin(smol::spawn(task))
}

/// Does the job, and leaves nothing behind whatever comes of it.
pub(crate) async fn run(
    driver: Driver,
    spawn: Spawn,
    job: &Job,
    narrator: Narrator,
) -> Result<Figures, Failure> {
    let figures = match driver.server_info().await {
        Ok(server) => {
            narrator.introduce(job, &server);
            let figures = work(&driver, spawn, job, narrator).await;
            let cleaned = clean_up(&driver, job).await;
            // What went wrong first is what there is to tell.
            figures.and_then(|figures| cleaned.map(|()| figures))
        }
        Err(error) => Err(Failure::Connect(error)),
    };
    driver.close().await;
    figures
}

async fn work(driver: &Driver, spawn: Spawn, job: &Job, narrator: Narrator) -> Result<Figures, Failure> {
    for step in &job.steps {
        job.begin(step, narrator)?;
        let answer = ask(driver, &step.query, step.access, job.database.as_deref()).await;
        job.finish(step, answer, narrator)?;
    }
    narrator.announce_load(job);
    let begun = Instant::now();
    let tally = ask_at_once(driver, spawn, job).await;
    job.check_interrupt()?;
    Ok(Figures::new(job, tally, begun.elapsed(), driver.pool_counts()))
}

async fn ask_at_once(driver: &Driver, spawn: Spawn, job: &Job) -> Tally {
    job.load.begin();
    let start = |_| {
        let worker = worker(driver.clone(), Arc::clone(&job.load), job.database.clone());
        spawn(Box::pin(worker))
    };
    let workers: Vec<_> = (0..job.concurrency).map(start).collect();
    let mut tally = Tally::default();
    for worker in workers {
        tally.add(worker.await);
    }
    job.load.end();
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

async fn ask(
    driver: &Driver,
    query: &Query,
    access: Access,
    database: Option<&str>,
) -> Result<EagerResult, Error> {
    let call = driver.execute_query(query).routing(access);
    match database {
        Some(database) => call.database(database).await,
        None => call.await,
    }
}

async fn clean_up(driver: &Driver, job: &Job) -> Result<(), Failure> {
    if let Some((query, access)) = job.clean_up() {
        ask(driver, &query, access, job.database.as_deref())
            .await
            .map_err(|error| job.not_cleaned_up(error))?;
    }
    Ok(())
}
