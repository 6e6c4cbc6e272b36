//! The chapters on an async runtime.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolt_client::{Access, Driver, Error, ManagedTransaction, Query, Session};
use smol::Timer;
use smol::future::{or, zip};

use crate::chapters::meeting::{Meeting, PAUSE};
use crate::chapters::memory::peak_of;
use crate::chapters::shown::{Attempts, Cut, Dropped, Shown, Stream, Streamed, Trips};
use crate::chapters::{self, ANSWER_AFTER, Chapter, DROPPED_AFTER, QUEUED, Queries, Stage};
use crate::failure::Failure;
use crate::job::Job;
use crate::report::Narrator;
use crate::run_async::{Spawn, ask, ask_at_once};

/// Plays all of them. `driver` connects through `stage`.
pub(crate) async fn play(
    driver: &Driver,
    spawn: Spawn,
    stage: &Stage,
    job: &Job,
    narrator: Narrator,
) -> Result<Shown, Failure> {
    let scene = Scene {
        driver,
        stage,
        job,
        narrator,
    };
    Ok(Shown {
        trips: scene
            .show(
                &chapters::ROUND_TRIPS,
                round_trips(&scene),
                Trips::lines,
                Trips::check,
            )
            .await?,
        attempts: scene
            .show(
                &chapters::DEADLOCK,
                deadlock(&scene),
                Attempts::lines,
                Attempts::check,
            )
            .await?,
        stream: scene
            .show(&chapters::STREAM, stream(&scene), Stream::lines, Stream::check)
            .await?,
        dropped: scene
            .show(
                &chapters::DROPPED,
                dropped(&scene),
                Dropped::lines,
                Dropped::check,
            )
            .await?,
        cut: scene
            .show(&chapters::CUT, cut(&scene, spawn), Cut::lines, Cut::check)
            .await?,
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
    async fn show<T>(
        &self,
        chapter: &Chapter,
        play: impl Future<Output = Result<T, Error>>,
        lines: fn(&T) -> Vec<String>,
        check: fn(&T) -> Result<(), String>,
    ) -> Result<T, Failure> {
        self.job.open(chapter, self.narrator)?;
        let shown = play.await;
        self.job.close(chapter, shown, lines, check, self.narrator)
    }

    fn queries(&self) -> &Queries {
        &self.job.queries
    }

    fn database(&self) -> Option<&str> {
        self.job.database.as_deref()
    }

    /// A number, by one round trip.
    async fn number(&self, query: Query) -> Result<i64, Error> {
        let answer = ask(self.driver, &query, Access::Read, self.database()).await?;
        answer.single()?.get(0)
    }

    async fn write(&self, query: Query) -> Result<(), Error> {
        ask(self.driver, &query, Access::Write, self.database())
            .await
            .map(drop)
    }

    fn session(&self) -> Session {
        self.driver.session().database(self.database()).build()
    }
}

async fn round_trips(scene: &Scene<'_>) -> Result<Trips, Error> {
    let queries = scene.queries();
    // A connection, and the home database, are there from now on.
    scene.number(queries.count("left")).await?;
    let counted = |before| (scene.stage.traffic() - before).flights;

    let before = scene.stage.traffic();
    scene.number(queries.count("left")).await?;
    let read = counted(before);

    let before = scene.stage.traffic();
    scene.write(queries.create("left", 100)).await?;
    let write = counted(before);

    let before = scene.stage.traffic();
    scene
        .driver
        .execute_query(queries.create("pipelined", 100))
        .database(scene.database())
        .pipeline_commit(true)
        .await?;
    let pipelined = counted(before);

    let before = scene.stage.traffic();
    let mut session = scene.session();
    session.run(queries.create("right", 100)).await?.consume().await?;
    let auto_commit = counted(before);

    let before = scene.stage.traffic();
    let mut tx = session.begin_transaction().await?;
    for number in 0..QUEUED {
        tx.queue(queries.create("queued", number))?;
    }
    tx.commit().await?;
    let queued = counted(before);
    Ok(Trips {
        read,
        write,
        pipelined,
        auto_commit,
        queued,
    })
}

async fn deadlock(scene: &Scene<'_>) -> Result<Attempts, Error> {
    let meeting = &Meeting::default();
    let begun = Instant::now();
    let transfer = async |from: &str, to: &str, amount: i64| {
        let mut session = scene.session();
        let work = |tx| async move {
            meeting.begin();
            meeting.note(move_money(tx, scene.queries(), meeting, (from, to), amount).await)
        };
        session.execute_write(work).await
    };
    let (one, other) = zip(transfer("left", "right", 30), transfer("right", "left", 10)).await;
    one.and(other)?;
    Ok(Attempts {
        attempts: meeting.attempts(),
        failures: meeting.failures(),
        took: begun.elapsed(),
        balances: [
            scene.number(scene.queries().balance("left")).await?,
            scene.number(scene.queries().balance("right")).await?,
        ],
    })
}

/// Takes two locks, in the order that the other one does not.
async fn move_money(
    mut tx: ManagedTransaction,
    queries: &Queries,
    meeting: &Meeting,
    (from, to): (&str, &str),
    amount: i64,
) -> Result<(), Error> {
    tx.run(queries.add(from, -amount)).await?.consume().await?;
    let until = meeting.arrive();
    while !meeting.is_over() && Instant::now() < until {
        Timer::after(PAUSE).await;
    }
    tx.run(queries.add(to, amount)).await?.consume().await?;
    Ok(())
}

async fn stream(scene: &Scene<'_>) -> Result<Stream, Error> {
    let rows = scene.job.rows;
    Ok(Stream {
        short: read(scene, rows.div_ceil(10)).await?,
        long: read(scene, rows).await?,
    })
}

async fn read(scene: &Scene<'_>, rows: u64) -> Result<Streamed, Error> {
    let (before, begun) = (scene.stage.traffic(), Instant::now());
    let (read, peak) = peak_of(async {
        let mut session = scene.session();
        let mut result = session.run(scene.queries().rows(rows)).await?;
        let mut read = 0;
        while let Some(row) = result.next_ref().await? {
            let _text: &str = row.get("text")?;
            read += 1;
        }
        Ok::<_, Error>(read)
    })
    .await;
    Ok(Streamed {
        rows: read?,
        bytes: (scene.stage.traffic() - before).received,
        peak,
        took: begun.elapsed(),
    })
}

async fn dropped(scene: &Scene<'_>) -> Result<Dropped, Error> {
    let before = scene.stage.traffic().connections;
    let mut session = scene.session();
    let work = session.execute_write(|tx| async {
        let mut tx = tx;
        tx.run(scene.queries().create("dropped", 0))
            .await?
            .consume()
            .await?;
        scene.stage.delay_answers(ANSWER_AFTER);
        tx.run(scene.queries().add("dropped", 1)).await?.consume().await
    });
    let timer = async {
        Timer::after(DROPPED_AFTER).await;
        None
    };
    // The first that is ready: the other is dropped.
    if let Some(outcome) = or(async { Some(work.await) }, timer).await {
        outcome?;
    }
    scene.stage.delay_answers(Duration::ZERO);

    let begun = Instant::now();
    scene.write(scene.queries().create("next", 0)).await?;
    Ok(Dropped {
        next_write: begun.elapsed(),
        nodes: scene.number(scene.queries().count("dropped")).await?,
        connections: scene.stage.traffic().connections - before,
    })
}

async fn cut(scene: &Scene<'_>, spawn: Spawn) -> Result<Cut, Error> {
    let load = &scene.job.cut_load;
    let begun = Instant::now();
    let cutter = scene.stage.cut_during(load);
    let tally = ask_at_once(scene.driver, spawn, Arc::clone(load), scene.job).await;
    Ok(Cut::new(tally, cutter.stop(), begun.elapsed()))
}
