//! The job without an async runtime: `run_async` with threads in the place of tasks, and `call()` in that of `await`.

use std::panic;
use std::thread;
use std::time::Instant;

use adapter_blocking::{Driver, driver_with};
use bolt_client::{Access, EagerResult, Error, Query};

use crate::chapters::{self, Stage};
use crate::failure::Failure;
use crate::job::Job;
use crate::load::{Load, Tally};
use crate::report::{Figures, Narrator};
use crate::target::Target;

/// Does the job, and deletes what it has created even if it fails.
pub(crate) fn run(target: &Target, job: &Job, narrator: Narrator) -> Result<Figures, Failure> {
    let driver = &driver_with(target.config(job.connections)?).map_err(Failure::Configuration)?;
    let figures = match driver.server_info() {
        Ok(server) => {
            narrator.introduce(job, &server);
            let figures = Stage::before(&server)
                .map_err(Failure::Start)
                .and_then(|stage| work(driver, &stage, target, job, narrator));
            let cleaned = clean_up(driver, job);
            // The first failure is the one to report.
            figures.and_then(|figures| cleaned.map(|()| figures))
        }
        Err(error) => Err(Failure::Connect(error)),
    };
    driver.close();
    figures
}

fn work(
    driver: &Driver,
    stage: &Stage,
    target: &Target,
    job: &Job,
    narrator: Narrator,
) -> Result<Figures, Failure> {
    for step in &job.steps {
        job.begin(step, narrator)?;
        let answer = ask(driver, &step.query, step.access, job.database.as_deref());
        job.finish(step, answer, narrator)?;
    }
    let config = target.config_through(&stage.uri(), job.connections)?;
    let relayed = driver_with(config).map_err(Failure::Configuration)?;
    narrator.announce_chapters(chapters::BLOCKING);
    let shown = chapters::blocking::play(&relayed, stage, job, narrator)?;
    relayed.close();

    narrator.announce_load(job);
    let begun = Instant::now();
    let tally = ask_at_once(driver, &job.load, job);
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
pub(crate) fn ask_at_once(driver: &Driver, load: &Load, job: &Job) -> Tally {
    load.begin();
    let tally = thread::scope(|scope| {
        let workers: Vec<_> = (0..job.concurrency)
            .map(|_| scope.spawn(|| worker(driver, load, job)))
            .collect();
        let mut tally = Tally::default();
        for worker in workers {
            tally.add(worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        tally
    });
    load.end();
    tally
}

fn worker(driver: &Driver, load: &Load, job: &Job) -> Tally {
    let mut tally = Tally::default();
    while let Some(probe) = load.next() {
        let begun = Instant::now();
        let answer = ask(driver, &probe.query, Access::Read, job.database.as_deref());
        load.judge(probe, begun, answer, &mut tally);
    }
    tally
}

pub(crate) fn ask(
    driver: &Driver,
    query: &Query,
    access: Access,
    database: Option<&str>,
) -> Result<EagerResult, Error> {
    driver
        .execute_query(query)
        .routing(access)
        .database(database)
        .call()
}

fn clean_up(driver: &Driver, job: &Job) -> Result<(), Failure> {
    for query in job.clean_up() {
        ask(driver, &query, Access::Write, job.database.as_deref())
            .map_err(|error| job.not_cleaned_up(error))?;
    }
    Ok(())
}
