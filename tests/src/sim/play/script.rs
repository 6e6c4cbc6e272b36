//! The operations inside a transaction, explicit or managed.

use std::collections::BTreeSet;
use std::time::Duration;

use bolt_client::{
    Cursor, CursorHost, Error, ManagedTransaction, Query as Text, Transaction, TransactionRun,
};

use super::cursor::{Held, Used};
use super::observed::Observed;
use super::reading::End;
use super::{Outcome, Player, text};
use crate::sim::causality::Floor;
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Op, Query, Reading, Use};

/// What explicit and managed transactions have in common.
pub(super) trait Transacting: CursorHost {
    fn run(&mut self, query: Text) -> TransactionRun<'_>;
    fn queue(&mut self, query: Text) -> Result<Cursor, Error>;
}

/// A transaction in progress, and its outcome so far.
pub(super) struct Script<'p> {
    player: &'p Player,
    /// The template for calls of the transaction.
    pub(super) call: Call,
    attempt: u64,
    /// Rows per page; `None` for all.
    page: Option<u64>,
    floor: &'p Floor,
    /// Whether it continues after an error.
    continues_after_errors: bool,
    held: Vec<Held>,
    /// What was observed of results without a cursor.
    observed: Vec<Observed>,
    /// The queries that take effect if the transaction commits.
    pub(super) accepted: BTreeSet<u64>,
    /// The errors of its calls.
    pub(super) errors: Vec<Error>,
}

impl<'p> Script<'p> {
    pub(super) fn new(
        player: &'p Player,
        call: Call,
        attempt: u64,
        page: Option<u64>,
        floor: &'p Floor,
    ) -> Self {
        Self {
            player,
            call,
            attempt,
            page,
            floor,
            continues_after_errors: true,
            held: Vec::new(),
            observed: Vec::new(),
            accepted: BTreeSet::new(),
            errors: Vec::new(),
        }
    }

    pub(super) const fn continues_after_errors(mut self, continues_after_errors: bool) -> Self {
        self.continues_after_errors = continues_after_errors;
        self
    }

    /// Performs all operations, or those before the first error. `stale`: cursors of ended transactions.
    pub(super) async fn perform(&mut self, tx: &mut impl Transacting, ops: &[Op], stale: &mut [Cursor]) {
        for op in ops {
            if !self.continues_after_errors && !self.errors.is_empty() {
                break;
            }
            match op {
                Op::Run(query, reading) => self.run(tx, query, reading).await,
                Op::Open(query) => self.open(tx, query).await,
                Op::Queue(query) => self.queue(tx, query).await,
                Op::Use(which, how, cancel) => self.use_one(tx, *which, *how, *cancel).await,
                Op::Misuse => {
                    if let Some(cursor) = stale.last_mut() {
                        self.player.misuse(tx, cursor).await;
                    }
                }
                Op::Think(time) => self.player.think(*time).await,
            }
        }
    }

    /// Notes that the commit was reported to the caller.
    pub(super) fn committed(&self) {
        for observed in self
            .observed
            .iter()
            .chain(self.held.iter().map(|held| &held.observed))
        {
            self.player.check_committed(observed);
        }
    }

    /// Returns the cursors that still exist.
    pub(super) fn into_cursors(self) -> impl Iterator<Item = Cursor> {
        self.held.into_iter().map(|held| held.cursor)
    }

    async fn run(&mut self, tx: &mut impl Transacting, query: &Query, reading: &Reading) {
        let player = self.player;
        let mut run = tx.run(text(&query.statement, self.attempt));
        if let Some(deadline) = query.limits.deadline {
            run = run.deadline(Duration::from_nanos(deadline));
        }
        let call = self.expect(query, self.page);
        let outcome = player.call(&call, query.limits.cancel, run).await;
        let Some(rows) = self.accept(query, outcome) else {
            return;
        };
        let mut observed = Observed::new(&query.statement, self.attempt, self.floor);
        let end = player.read(&mut observed, reading, rows, &call).await;
        self.observed.push(observed);
        self.spoil(Some(end));
    }

    async fn open(&mut self, tx: &mut impl Transacting, query: &Query) {
        let player = self.player;
        let mut open = tx.run(text(&query.statement, self.attempt));
        if let Some(deadline) = query.limits.deadline {
            open = open.deadline(Duration::from_nanos(deadline));
        }
        let call = self.expect(query, self.page);
        let outcome = player.call(&call, query.limits.cancel, open.cursor()).await;
        if let Some(cursor) = self.accept(query, outcome) {
            self.hold(cursor, query, call);
        }
    }

    async fn queue(&mut self, tx: &mut impl Transacting, query: &Query) {
        let mut call = self.expect(query, None);
        // A queued query has the limits of its transaction.
        call.deadline = self.call.deadline;
        let text = text(&query.statement, self.attempt);
        let outcome = self
            .player
            .call(&call, Cancel::default(), async { tx.queue(text) })
            .await;
        if let Some(cursor) = self.accept(query, outcome) {
            self.hold(cursor, query, call);
        }
    }

    /// Uses one of the cursors.
    async fn use_one(&mut self, tx: &mut impl Transacting, which: u64, how: Use, cancel: Cancel) {
        if self.held.is_empty() {
            return;
        }
        let at = (which % self.held.len() as u64) as usize;
        let mut held = self.held.remove(at);
        held.call.spoiled |= self.call.spoiled;
        held.call.loss_reported |= self.call.loss_reported;
        let Used { held, observed, end } = self.player.use_cursor(tx, held, how, cancel).await;
        match held {
            Some(held) => self.held.insert(at, held),
            None => self.observed.push(observed),
        }
        self.spoil(end);
    }

    /// A call for a query that is read with this page size.
    fn expect(&self, query: &Query, page: Option<u64>) -> Call {
        let id = query.statement.id;
        let own = query.limits.deadline.map(|limit| self.player.now() + limit);
        let mut call = self.call.clone();
        call.what = format!("{}, query {id}", call.what);
        call.deadline = [call.deadline, own].into_iter().flatten().min();
        self.player
            .sim
            .with(|state| state.history.note_reader(id, self.attempt, page));
        call
    }

    fn accept<T>(&mut self, query: &Query, outcome: Outcome<T>) -> Option<T> {
        match outcome {
            Outcome::Done(value) => {
                self.accepted.insert(query.statement.id);
                Some(value)
            }
            Outcome::Failed(error) => {
                self.spoil(Some(End::Failed(error)));
                None
            }
            Outcome::Cancelled => {
                self.spoil(Some(End::Cancelled));
                None
            }
        }
    }

    fn hold(&mut self, cursor: Cursor, query: &Query, call: Call) {
        let observed = Observed::new(&query.statement, self.attempt, self.floor);
        self.held.push(Held {
            cursor,
            observed,
            call,
        });
    }

    /// Notes which errors later calls may report.
    fn spoil(&mut self, end: Option<End>) {
        match end {
            Some(End::Failed(error)) => {
                self.call.spoil(Some(&error));
                self.errors.push(error);
            }
            Some(End::Cancelled) => self.call.spoil(None),
            Some(End::Complete | End::Dropped) | None => {}
        }
    }
}

impl Transacting for Transaction<'_> {
    fn run(&mut self, query: Text) -> TransactionRun<'_> {
        self.run(query)
    }

    fn queue(&mut self, query: Text) -> Result<Cursor, Error> {
        self.queue(query)
    }
}

impl Transacting for ManagedTransaction {
    fn run(&mut self, query: Text) -> TransactionRun<'_> {
        self.run(query)
    }

    fn queue(&mut self, query: Text) -> Result<Cursor, Error> {
        self.queue(query)
    }
}
