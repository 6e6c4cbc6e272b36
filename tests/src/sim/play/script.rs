//! What is done in a transaction, explicit or managed.

use std::collections::BTreeSet;
use std::time::Duration;

use bolt_client::{
    Cursor, CursorHost, Error, ManagedTransaction, Query as Text, Transaction, TransactionRun,
};

use super::cursor::{Held, Used};
use super::reading::End;
use super::told::Told;
use super::{Outcome, Player, text};
use crate::sim::causality::Floor;
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Deed, Query, Reading, Use};

/// What explicit and managed transactions have in common.
pub(super) trait Transacting: CursorHost {
    fn run(&mut self, query: Text) -> TransactionRun<'_>;
    fn queue(&mut self, query: Text) -> Result<Cursor, Error>;
}

/// A transaction that is worked in, and what has come of it.
pub(super) struct Script<'p> {
    player: &'p Player,
    /// For calls of the transaction.
    pub(super) call: Call,
    attempt: u64,
    /// Rows per page; `None` for all.
    page: Option<u64>,
    floor: &'p Floor,
    /// It goes on when something fails.
    stubborn: bool,
    held: Vec<Held>,
    /// What was told of results that nobody holds any more.
    told: Vec<Told>,
    /// The queries that will be carried out if the transaction commits.
    pub(super) accepted: BTreeSet<u64>,
    /// What its calls failed with.
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
            stubborn: true,
            held: Vec::new(),
            told: Vec::new(),
            accepted: BTreeSet::new(),
            errors: Vec::new(),
        }
    }

    pub(super) const fn stubborn(mut self, stubborn: bool) -> Self {
        self.stubborn = stubborn;
        self
    }

    /// Does all of it, or what comes before the first failure. `stale`: cursors whose transactions are over.
    pub(super) async fn perform(&mut self, tx: &mut impl Transacting, deeds: &[Deed], stale: &mut [Cursor]) {
        for deed in deeds {
            if !self.stubborn && !self.errors.is_empty() {
                break;
            }
            match deed {
                Deed::Run(query, reading) => self.run(tx, query, reading).await,
                Deed::Open(query) => self.open(tx, query).await,
                Deed::Queue(query) => self.queue(tx, query).await,
                Deed::Use(which, how, cancel) => self.use_one(tx, *which, *how, *cancel).await,
                Deed::Misuse => {
                    if let Some(cursor) = stale.last_mut() {
                        self.player.misuse(tx, cursor).await;
                    }
                }
                Deed::Think(time) => self.player.think(*time).await,
            }
        }
    }

    /// The transaction has committed, and its caller was told.
    pub(super) fn committed(&self) {
        for told in self.told.iter().chain(self.held.iter().map(|held| &held.told)) {
            self.player.check_committed(told);
        }
    }

    /// The cursors that are still there.
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
        let mut told = Told::new(&query.statement, self.attempt, self.floor);
        let end = player.read(&mut told, reading, rows, &call).await;
        self.told.push(told);
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
        // It has the limits of its transaction.
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
        held.call.told |= self.call.told;
        let Used { held, told, end } = self.player.use_cursor(tx, held, how, cancel).await;
        match held {
            Some(held) => self.held.insert(at, held),
            None => self.told.push(told),
        }
        self.spoil(end);
    }

    /// A call for a query, whose reader wants so many rows at a time.
    fn expect(&self, query: &Query, page: Option<u64>) -> Call {
        let id = query.statement.id;
        let own = query.limits.deadline.map(|limit| self.player.now() + limit);
        let mut call = self.call.clone();
        call.what = format!("{}, query {id}", call.what);
        call.deadline = [call.deadline, own].into_iter().flatten().min();
        self.player
            .sim
            .with(|state| state.history.read_by(id, self.attempt, page));
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
        let told = Told::new(&query.statement, self.attempt, self.floor);
        self.held.push(Held { cursor, told, call });
    }

    /// What later calls may be told because of that.
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
