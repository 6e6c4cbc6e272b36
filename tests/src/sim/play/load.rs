//! Loads of rows in batches.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bolt_client::{Error, ErrorKind, Load as Running, Loaded, Query as Text};
use bolt_proto::Api;
use futures_core::Stream;

use super::session::SessionPlayer;
use super::{Outcome, Player, promised_by};
use crate::sim::causality::{Floor, Numbers};
use crate::sim::cluster::Target;
use crate::sim::history::Promise;
use crate::sim::loads::{LoadQuery, Loading};
use crate::sim::logins::Wanted;
use crate::sim::oracle::Call;
use crate::sim::program::{Flaw, Load, Source};
use crate::sim::runtime::Alarm;
use crate::sim::server::{Cause, TAG_BASE};
use crate::sim::state::Sim;
use crate::sim::statement::Statement;

/// A row, as it is loaded: its number, and its padding.
type Row = (u64, String);

/// The error of a source of rows.
#[derive(Debug)]
struct Broken(u64);

/// The rows of a load.
struct Rows {
    sim: Sim,
    query: LoadQuery,
    source: Source,
    /// The number of the next one.
    next: u64,
    /// The wait before it.
    wait: Option<Alarm>,
}

/// The rows of a source that does not fail.
struct Sound(Rows);

/// A load, and what it reports.
struct Reports<'p> {
    player: &'p Player,
    work: &'p Load,
    /// The query of each batch.
    batches: Vec<Statement>,
    /// The session's number in the causality judge, and its login.
    session: usize,
    wanted: Option<Wanted>,
}

impl SessionPlayer<'_> {
    pub(super) async fn load(&mut self, work: &Load) {
        let player = self.player;
        self.begin(work.id(), api(work));
        let call = self.starting(&call(work));
        let reports = player.expect_load(work, self.number, self.wanted);
        let (text, rows) = rows(work, &player.sim);
        let session = &mut self.session;
        let load = match (work.source.streams, work.source.fallible) {
            (false, false) => session.load(text, Sound(rows)),
            (false, true) => session.try_load(text, rows),
            (true, false) => session.load_stream(text, Sound(rows)),
            (true, true) => session.try_load_stream(text, rows),
        };
        if !reports.judge(call, load).await {
            player.note_begin_failed(self.number, &mut self.held);
        }
    }
}

impl Player {
    /// Loads rows by the driver itself, in a session of its own.
    pub(super) async fn load(&self, work: &Load) {
        let id = work.id();
        let home = self.home(Target::default(), None, None);
        let number = self.sim.with(|state| {
            state.history.note_api(id, api(work).code());
            state.note_began(id);
            state.want(id, None);
            state.want_home(id, home);
            let causality = &mut state.history.causality;
            let session = causality.add_session(Some(0), Numbers::new(), Floor::new());
            causality.begin(session, id);
            session
        });
        let reports = self.expect_load(work, number, None);
        let (text, rows) = rows(work, &self.sim);
        reports
            .judge(call(work), self.driver.load(text, Sound(rows)))
            .await;
    }

    /// Notes what a load may do.
    fn expect_load<'p>(&'p self, work: &'p Load, session: usize, wanted: Option<Wanted>) -> Reports<'p> {
        let batches = work.statements();
        // If the world ends before the load does, nothing more is committed than was reported.
        self.promise_all(batches.iter(), |_| Promise::Never);
        self.sim.with(|state| {
            let loading = Loading::new(work.batches(), state.clock.now());
            state.history.loads.insert(work.id(), loading);
        });
        Reports {
            player: self,
            work,
            batches,
            session,
            wanted,
        }
    }
}

/// Returns how a load presents itself to the server.
const fn api(work: &Load) -> Api {
    if work.auto_commit {
        Api::AutoCommit
    } else {
        Api::ManagedTransaction
    }
}

fn call(work: &Load) -> Call {
    let id = work.id();
    let ids = work.statements().into_iter().map(|batch| batch.id);
    Call {
        what: format!("load {id}"),
        expected_failures: [id].into_iter().chain(ids).collect(),
        commits: Some(id),
        ..Call::default()
    }
}

/// Returns the query of a load, and its rows.
fn rows(work: &Load, sim: &Sim) -> (Text, Rows) {
    let by = work.query.statement.by();
    let text = Text::new(work.query().to_string()).param("by", by);
    let text = text.param("attempt", 0_i64);
    let rows = Rows {
        sim: sim.clone(),
        query: work.query(),
        source: work.source.clone(),
        next: 0,
        wait: None,
    };
    (text, rows)
}

/// Sets the options of a load.
fn with_options<'s>(work: &Load, mut load: Running<'s>) -> Running<'s> {
    if let Some(rows) = work.batches.rows {
        load = load.batch_rows(rows as usize);
    }
    if let Some(bytes) = work.batches.bytes {
        load = load.batch_bytes(bytes as usize);
    }
    if let Some(deadline) = work.query.limits.deadline {
        load = load.deadline(Duration::from_nanos(deadline));
    }
    load.auto_commit(work.auto_commit)
        .timeout(Duration::from_millis(TAG_BASE + work.id()))
}

impl Reports<'_> {
    /// Has the load carried out, and judges it. Returns whether it has begun.
    async fn judge<'s>(&'s self, call: Call, load: Running<'s>) -> bool {
        let load = with_options(self.work, load).progress(|loaded| self.report(loaded));
        let outcome = self.player.drive(self.work.query.limits.cancel, load).await;
        let has_begun = self.conclude(call, &outcome);
        self.player.check_given_up(self.work.id(), &outcome);
        has_begun
    }

    /// Judges the report of a batch, and notes that the next one begins.
    fn report(&self, loaded: &Loaded) {
        let (player, id) = (self.player, self.work.id());
        let index = player.sim.with(|state| {
            state.note(|| format!("load {id}: {loaded}"));
            state.report_batch(id, loaded)
        });
        if let Some(batch) = index.and_then(|index| self.batches.get(index)) {
            player.promise(batch, Promise::Once);
            player.report_commit(id, [batch].into_iter());
        }
        player.sim.with(|state| {
            state.note_began(id);
            state.want(id, self.wanted);
            state.history.causality.begin(self.session, id);
        });
    }

    /// Judges the outcome. Returns whether the load has begun.
    fn conclude(&self, mut call: Call, outcome: &Outcome<Loaded>) -> bool {
        let (player, id) = (self.player, self.work.id());
        let loading = player.sim.with(|state| state.history.loads.get(&id).cloned());
        let Some(loading) = loading else { return false };
        let next = loading.reported();
        let began = loading.began();
        let limit = self.work.query.limits.deadline;
        call.deadline = began.zip(limit).map(|(began, limit)| began + limit);
        // What is left of open cursors may have been on connections that were lost long ago.
        call.begun = began.filter(|_| loading.has_begun());
        if self.is_own(outcome, next) {
            player
                .sim
                .with(|state| state.note(|| format!("load {id}: returns the error of its source")));
        } else {
            player.judge(&call, began.unwrap_or_else(|| loading.since()), outcome);
        }
        let promise = match outcome {
            Outcome::Done(loaded) => {
                self.check_whole(next);
                self.check(loaded, next, 0);
                Promise::Never
            }
            Outcome::Failed(error) => {
                self.check_failure(error, next);
                promised_by(error)
            }
            Outcome::Cancelled => Promise::AtMostOnce,
        };
        if let Some(batch) = self.batches.get(next) {
            player.promise(batch, promise);
        }
        loading.has_begun()
    }

    /// Whether a load failed with the error of its source, or because of a row that cannot be sent.
    fn is_own(&self, outcome: &Outcome<Loaded>, next: usize) -> bool {
        let (Outcome::Failed(error), Some(flaw)) = (outcome, self.work.source.flaw) else {
            return false;
        };
        let kind = match flaw {
            Flaw::Fails(_) => ErrorKind::Abort,
            Flaw::CannotBeSent(_) => ErrorKind::Parameter,
        };
        let at = self.work.batches().of_row(flaw.row());
        let names_it = match flaw {
            Flaw::Fails(row) => error
                .downcast_abort::<Broken>()
                .is_some_and(|broken| broken.0 == row),
            Flaw::CannotBeSent(row) => error.to_string().contains(&format!("item {row}")),
        };
        error.kind() == kind && names_it && next == at
    }

    /// Checks that a load that succeeds has loaded everything.
    fn check_whole(&self, next: usize) {
        let (id, all) = (self.work.id(), self.batches.len());
        if next < all || self.work.source.flaw.is_some() {
            let flaw = self.work.source.flaw;
            self.player.violation(format!(
                "load {id} succeeds with {next} batches of {all}, and the flaw {flaw:?}"
            ));
        }
    }

    /// Checks how far a load that failed says that it got.
    fn check_failure(&self, error: &Error, next: usize) {
        let Some(loaded) = error.loaded() else {
            let id = self.work.id();
            return self
                .player
                .violation(format!("load {id}: the error says nothing about rows: {error}"));
        };
        let batch = self.batches.get(next);
        // Inner transactions of an auto-commit query are committed one by one, though not by this server.
        let failed = |batch: &Statement| error.server().map(Cause::of) == Some(Cause::Query(batch.id));
        let partly = self.work.auto_commit && batch.is_some_and(failed);
        let unknown = error.kind() == ErrorKind::UnknownCommit;
        let uncertain = batch.filter(|_| unknown || partly);
        self.check(loaded, next, uncertain.map_or(0, |batch| batch.rows));
    }

    fn check(&self, loaded: &Loaded, batches: usize, uncertain: u64) {
        let before = self.batches.iter().take(batches);
        let rows = before.map(|batch| batch.rows).sum();
        self.player
            .sim
            .with(|state| state.check_loaded(self.work.id(), loaded, rows, batches, uncertain));
    }
}

impl Rows {
    /// Returns the next row.
    fn next_row(&mut self) -> Option<Result<Row, Broken>> {
        let number = self.next;
        self.sim
            .with(|state| state.ask_for_row(self.query.statement.id, number));
        self.next += 1;
        let padding = "x".repeat(self.query.padding(number) as usize);
        match self.source.flaw {
            Some(Flaw::Fails(row)) if row == number => Some(Err(Broken(row))),
            Some(Flaw::CannotBeSent(row)) if row == number => Some(Ok((u64::MAX, padding))),
            _ => (number < self.query.statement.rows).then_some(Ok((number, padding))),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_row()
    }
}

impl Stream for Rows {
    type Item = Result<Row, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (id, next) = (self.query.statement.id, self.next);
        self.sim.with(|state| state.wait_for_row(id));
        if let Some(time) = self.source.waits.remove(&next) {
            self.wait = Some(Alarm::after(&self.sim, time));
        }
        if let Some(wait) = &mut self.wait {
            ready!(Pin::new(wait).poll(cx));
            self.wait = None;
        }
        Poll::Ready(self.next_row())
    }
}

impl Iterator for Sound {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.0.next_row()?.ok()
    }
}

impl Stream for Sound {
    type Item = Row;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Row>> {
        let row = ready!(Pin::new(&mut self.0).poll_next(cx));
        Poll::Ready(row.and_then(Result::ok))
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "simulated: row {} cannot be read", self.0)
    }
}

impl std::error::Error for Broken {}
