//! The chapters without an async runtime: threads in the place of tasks, and a `CancelHandle` in that of a dropped future.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use adapter_blocking::{CancelHandle, Driver, ManagedTransaction, Session};
use bolt_client::{Access, Error, ErrorKind, Query};

use crate::chapters::meeting::{Meeting, PAUSE};
use crate::chapters::memory::peak_of_call;
use crate::chapters::shown::{Attempts, Cut, Dropped, Shown, Stream, Streamed, Trips};
use crate::chapters::{self, ANSWER_AFTER, Chapter, DROPPED_AFTER, QUEUED, Queries, Stage};
use crate::failure::Failure;
use crate::job::Job;
use crate::report::Narrator;
use crate::run_blocking::{ask, ask_at_once};

/// Plays all of them. `driver` connects through `stage`.
pub(crate) fn play(driver: &Driver, stage: &Stage, job: &Job, narrator: Narrator) -> Result<Shown, Failure> {
    let scene = Scene {
        driver,
        stage,
        job,
        narrator,
    };
    Ok(Shown {
        trips: scene.show(&chapters::ROUND_TRIPS, round_trips, Trips::lines, Trips::check)?,
        attempts: scene.show(&chapters::DEADLOCK, deadlock, Attempts::lines, Attempts::check)?,
        stream: scene.show(&chapters::STREAM, stream, Stream::lines, Stream::check)?,
        dropped: scene.show(&chapters::DROPPED, dropped, Dropped::lines, Dropped::check)?,
        cut: scene.show(&chapters::CUT, cut, Cut::lines, Cut::check)?,
    })
}

struct Scene<'a> {
    driver: &'a Driver,
    stage: &'a Stage,
    job: &'a Job,
    narrator: Narrator,
}

impl Scene<'_> {
    /// Announces a chapter, plays it, and compares what it has shown with what it claims.
    fn show<T>(
        &self,
        chapter: &Chapter,
        play: fn(&Self) -> Result<T, Error>,
        lines: fn(&T) -> Vec<String>,
        check: fn(&T) -> Result<(), String>,
    ) -> Result<T, Failure> {
        self.job.open(chapter, self.narrator)?;
        let shown = play(self);
        self.job.close(chapter, shown, lines, check, self.narrator)
    }

    fn queries(&self) -> &Queries {
        &self.job.queries
    }

    fn database(&self) -> Option<&str> {
        self.job.database.as_deref()
    }

    /// A number, by one round trip.
    fn number(&self, query: Query) -> Result<i64, Error> {
        let answer = ask(self.driver, &query, Access::Read, self.database())?;
        answer.single()?.get(0)
    }

    fn write(&self, query: Query) -> Result<(), Error> {
        ask(self.driver, &query, Access::Write, self.database()).map(drop)
    }

    fn session(&self) -> Session {
        self.driver.session().database(self.database()).build()
    }
}

fn round_trips(scene: &Scene<'_>) -> Result<Trips, Error> {
    let queries = scene.queries();
    // A connection, and the home database, are there from now on.
    scene.number(queries.count("left"))?;
    let counted = |before| (scene.stage.traffic() - before).flights;

    let before = scene.stage.traffic();
    scene.number(queries.count("left"))?;
    let read = counted(before);

    let before = scene.stage.traffic();
    scene.write(queries.create("left", 100))?;
    let write = counted(before);

    let before = scene.stage.traffic();
    scene
        .driver
        .execute_query(queries.create("pipelined", 100))
        .database(scene.database())
        .pipeline_commit(true)
        .call()?;
    let pipelined = counted(before);

    let before = scene.stage.traffic();
    let mut session = scene.session();
    session.run(queries.create("right", 100)).call()?.consume()?;
    let auto_commit = counted(before);

    let before = scene.stage.traffic();
    let mut tx = session.begin_transaction().call()?;
    for number in 0..QUEUED {
        tx.queue(queries.create("queued", number))?;
    }
    tx.commit()?;
    let queued = counted(before);
    Ok(Trips {
        read,
        write,
        pipelined,
        auto_commit,
        queued,
    })
}

fn deadlock(scene: &Scene<'_>) -> Result<Attempts, Error> {
    let meeting = &Meeting::default();
    let begun = Instant::now();
    let transfer = |from: &str, to: &str, amount: i64| {
        let work = |tx: &mut ManagedTransaction| {
            meeting.begin();
            meeting.note(move_money(tx, scene.queries(), meeting, (from, to), amount))
        };
        scene.session().execute_write(work).call()
    };
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| transfer("left", "right", 30));
        let other = transfer("right", "left", 10);
        (one.join(), other)
    });
    one.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        .and(other)?;
    Ok(Attempts {
        attempts: meeting.attempts(),
        failures: meeting.failures(),
        took: begun.elapsed(),
        balances: [
            scene.number(scene.queries().balance("left"))?,
            scene.number(scene.queries().balance("right"))?,
        ],
    })
}

/// Takes two locks, in the order that the other one does not.
fn move_money(
    tx: &mut ManagedTransaction,
    queries: &Queries,
    meeting: &Meeting,
    (from, to): (&str, &str),
    amount: i64,
) -> Result<(), Error> {
    tx.run(queries.add(from, -amount)).call()?.consume()?;
    let until = meeting.arrive();
    while !meeting.is_over() && Instant::now() < until {
        thread::sleep(PAUSE);
    }
    tx.run(queries.add(to, amount)).call()?.consume()?;
    Ok(())
}

fn stream(scene: &Scene<'_>) -> Result<Stream, Error> {
    let rows = scene.job.rows;
    Ok(Stream {
        short: read(scene, rows.div_ceil(10))?,
        long: read(scene, rows)?,
    })
}

fn read(scene: &Scene<'_>, rows: u64) -> Result<Streamed, Error> {
    let (before, begun) = (scene.stage.traffic(), Instant::now());
    let mut read = Ok(0);
    let peak = peak_of_call(|| read = read_all(scene, rows));
    Ok(Streamed {
        rows: read?,
        bytes: (scene.stage.traffic() - before).received,
        peak,
        took: begun.elapsed(),
    })
}

fn read_all(scene: &Scene<'_>, rows: u64) -> Result<u64, Error> {
    let mut session = scene.session();
    let mut result = session.run(scene.queries().rows(rows)).call()?;
    let mut read = 0;
    while let Some(row) = result.next_ref()? {
        let _text: &str = row.get("text")?;
        read += 1;
    }
    Ok(read)
}

fn dropped(scene: &Scene<'_>) -> Result<Dropped, Error> {
    let before = scene.stage.traffic().connections;
    let handle = CancelHandle::new();
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(DROPPED_AFTER);
            handle.cancel();
        });
        handle.scope(|| {
            let mut session = scene.session();
            let work = session.execute_write(|tx| {
                tx.run(scene.queries().create("dropped", 0)).call()?.consume()?;
                scene.stage.delay_answers(ANSWER_AFTER);
                tx.run(scene.queries().add("dropped", 1)).call()?.consume()
            });
            work.call()
        })
    });
    if let Err(error) = outcome
        && error.kind() != ErrorKind::Cancelled
    {
        return Err(error);
    }
    scene.stage.delay_answers(Duration::ZERO);

    let begun = Instant::now();
    scene.write(scene.queries().create("next", 0))?;
    Ok(Dropped {
        next_write: begun.elapsed(),
        nodes: scene.number(scene.queries().count("dropped"))?,
        connections: scene.stage.traffic().connections - before,
    })
}

fn cut(scene: &Scene<'_>) -> Result<Cut, Error> {
    let load = &scene.job.cut_load;
    let begun = Instant::now();
    let cutter = scene.stage.cut_during(load);
    let tally = ask_at_once(scene.driver, &Arc::clone(load), scene.job);
    Ok(Cut::new(tally, cutter.stop(), begun.elapsed()))
}
