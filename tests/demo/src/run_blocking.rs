//! The job without an async runtime: `run_async` with threads in the place of tasks, and `call()` in that of `await`.

use std::panic;
use std::thread;
use std::time::Instant;

use adapter_blocking::Driver;
use bolt_client::{Access, EagerResult, Error, Query};

use crate::failure::Failure;
use crate::job::Job;
use crate::load::Tally;
use crate::report::{Figures, Narrator};

/// Does the job, and leaves nothing behind whatever comes of it.
pub(crate) fn run(driver: &Driver, job: &Job, narrator: Narrator) -> Result<Figures, Failure> {
    let figures = match driver.server_info() {
        Ok(server) => {
            narrator.introduce(job, &server);
            let figures = work(driver, job, narrator);
            let cleaned = clean_up(driver, job);
            // What went wrong first is what there is to tell.
            figures.and_then(|figures| cleaned.map(|()| figures))
        }
        Err(error) => Err(Failure::Connect(error)),
    };
    driver.close();
    figures
}

fn work(driver: &Driver, job: &Job, narrator: Narrator) -> Result<Figures, Failure> {
    for step in &job.steps {
        job.begin(step, narrator)?;
        let answer = ask(driver, &step.query, step.access, job.database.as_deref());
        job.finish(step, answer, narrator)?;
    }
    narrator.announce_load(job);
    let begun = Instant::now();
    let tally = ask_at_once(driver, job);
    job.check_interrupt()?;
    Ok(Figures::new(job, tally, begun.elapsed(), driver.pool_counts()))
}

fn ask_at_once(driver: &Driver, job: &Job) -> Tally {
    job.load.begin();
    let tally = thread::scope(|scope| {
        let workers: Vec<_> = (0..job.concurrency)
            .map(|_| scope.spawn(|| worker(driver, job)))
            .collect();
        let mut tally = Tally::default();
        for worker in workers {
            tally.add(worker.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
        }
        tally
    });
    job.load.end();
    tally
}

fn worker(driver: &Driver, job: &Job) -> Tally {
    let mut tally = Tally::default();
    while let Some(probe) = job.load.next() {
        let begun = Instant::now();
        let answer = ask(driver, &probe.query, Access::Read, job.database.as_deref());
        job.load.judge(probe, begun, answer, &mut tally);
    }
    tally
}

fn ask(driver: &Driver, query: &Query, access: Access, database: Option<&str>) -> Result<EagerResult, Error> {
    let call = driver.execute_query(query).routing(access);
    match database {
        Some(database) => call.database(database).call(),
        None => call.call(),
    }
}

fn clean_up(driver: &Driver, job: &Job) -> Result<(), Failure> {
    if let Some((query, access)) = job.clean_up() {
        ask(driver, &query, access, job.database.as_deref()).map_err(|error| job.not_cleaned_up(error))?;
    }
    Ok(())
}
