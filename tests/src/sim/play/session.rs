//! Sessions, and auto-commit queries.

use std::time::Duration;

use bolt_client::{Access, Bookmarks, Cursor, ErrorKind, Session};
use bolt_proto::Api;

use super::cursor::{Held, Used};
use super::reading::End;
use super::told::Told;
use super::{Outcome, Player, bookmarks, numbers, promised_by, text};
use crate::sim::causality::{ELSEWHERE, Floor, Numbers};
use crate::sim::history::Promise;
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Deed, Given, Query, Reading, Use, Visit, Work};
use crate::sim::server::TAG_BASE;
use crate::sim::statement::Statement;

/// A session, and who works in it.
pub(super) struct Seat<'p> {
    pub(super) player: &'p Player,
    pub(super) session: Session,
    /// Its name among those whose bookmarks are judged.
    pub(super) number: usize,
    /// Whether its auto-commit queries may write.
    writes: bool,
    /// Rows per page; `None` for all.
    pub(super) page: Option<u64>,
    /// Cursors of auto-commit queries.
    pub(super) held: Vec<Held>,
    /// The queries that had one. What those failed with whose cursors were dropped, closing the session tells.
    opened: Vec<u64>,
    /// Cursors whose transactions are over.
    pub(super) stale: Vec<Cursor>,
}

impl Player {
    pub(super) async fn visit(&self, visit: &Visit) {
        let mut seat = self.sit_down(visit);
        for work in &visit.works {
            match work {
                Work::AutoCommit(query, reading) => seat.auto_commit(query, reading).await,
                Work::Open(query, uses) => {
                    seat.open(query).await;
                    seat.use_cursors(uses).await;
                }
                Work::Use(uses) => seat.use_cursors(uses).await,
                Work::Transaction(transaction) => seat.transaction(transaction).await,
                Work::Function(function) => seat.function(function).await,
                Work::LastBookmarks(cancel) => seat.last_bookmarks(*cancel).await,
            }
        }
        seat.leave(visit.closes).await;
    }

    fn sit_down(&self, visit: &Visit) -> Seat<'_> {
        let (given, floor) = match visit.given {
            Given::Nothing => (Bookmarks::new(), Floor::new()),
            Given::Elsewhere => (bookmarks(&Numbers::from([ELSEWHERE])), Floor::new()),
            Given::Handed => self.handed(),
        };
        let number = self.sim.with(|state| {
            let initial = numbers(&given);
            state.history.causality.add_session(visit.manager, initial, floor)
        });
        let mut builder = self
            .driver
            .session()
            .default_access_mode(visit.access)
            .bookmarks(given);
        if let Some(manager) = visit.manager {
            builder = builder.bookmark_manager(&self.managers[manager]);
        }
        let session = match visit.page {
            Some(rows) => builder.fetch_size(rows),
            None => builder.fetch_all(),
        }
        .build();
        // Bolt 3 knows no pages.
        let paging = self.sim.with(|state| state.weather.server.version.major() > 3);
        Seat {
            player: self,
            session,
            number,
            writes: visit.access == Access::Write,
            page: visit.page.filter(|_| paging),
            held: Vec::new(),
            opened: Vec::new(),
            stale: Vec::new(),
        }
    }
}

impl Seat<'_> {
    /// A call that carries bookmarks begins. What it may rely on.
    pub(super) fn begin(&self, tag: u64, api: Api) -> Floor {
        self.player.sim.with(|state| {
            state.history.uses(tag, api.code());
            state.history.causality.begin(self.number, tag)
        })
    }

    /// The call, if it begins in this session: what the cursors are of is carried out first, and may fail.
    pub(super) fn starting(&self, call: &Call) -> Call {
        let mut call = call.clone();
        // Their connection may have been lost long ago.
        call.begun = call.begun.filter(|_| self.held.is_empty());
        for Held { told, .. } in &self.held {
            call.blames.push(told.statement.id);
            self.player
                .sim
                .with(|state| state.history.read_by(told.statement.id, 0, None));
        }
        call
    }

    async fn auto_commit(&mut self, query: &Query, reading: &Reading) {
        let player = self.player;
        let statement = &query.statement;
        let floor = self.begin(statement.id, Api::AutoCommit);
        player.expect_pages(query, self.page);
        let call = player.call_for(query);
        let starting = self.starting(&call);
        let mut run = self
            .session
            .run(text(statement, 0))
            .timeout(Duration::from_millis(TAG_BASE + statement.id));
        if let Some(deadline) = query.limits.deadline {
            run = run.deadline(Duration::from_nanos(deadline));
        }
        let rows = match player.call(&starting, query.limits.cancel, run).await {
            Outcome::Done(rows) => rows,
            outcome => {
                if !self.writes {
                    player.given_up(statement.id, &outcome);
                }
                player.promise(statement, promise_of(&outcome));
                return player.lose_room(self.number, &mut self.held);
            }
        };
        player.run_is_through(statement);
        let mut told = Told::new(statement, 0, &floor);
        let end = player.read(&mut told, reading, rows, &call).await;
        self.gives_up(statement.id, &end);
        player.ended(&told, &end);
        self.leaves_behind(statement, &end);
    }

    async fn open(&mut self, query: &Query) {
        let player = self.player;
        let statement = &query.statement;
        let floor = self.begin(statement.id, Api::AutoCommit);
        player.expect_pages(query, self.page);
        let call = player.call_for(query);
        let starting = self.starting(&call);
        let mut open = self
            .session
            .run(text(statement, 0))
            .timeout(Duration::from_millis(TAG_BASE + statement.id));
        if let Some(deadline) = query.limits.deadline {
            open = open.deadline(Duration::from_nanos(deadline));
        }
        match player.call(&starting, query.limits.cancel, open.cursor()).await {
            Outcome::Done(cursor) => {
                player.run_is_through(statement);
                let told = Told::new(statement, 0, &floor);
                self.held.push(Held { cursor, told, call });
                self.opened.push(statement.id);
            }
            outcome => {
                if !self.writes {
                    player.given_up(statement.id, &outcome);
                }
                player.promise(statement, promise_of(&outcome));
                player.lose_room(self.number, &mut self.held);
            }
        }
    }

    async fn use_cursors(&mut self, uses: &[Deed]) {
        for deed in uses {
            match deed {
                Deed::Use(which, how, cancel) => self.use_one(*which, *how, *cancel).await,
                Deed::Misuse => {
                    if let Some(cursor) = self.stale.last_mut() {
                        self.player.misuse(&mut self.session, cursor).await;
                    }
                }
                Deed::Think(time) => self.player.think(*time).await,
                Deed::Run(..) | Deed::Open(_) | Deed::Queue(_) => {}
            }
        }
    }

    async fn use_one(&mut self, which: u64, how: Use, cancel: Cancel) {
        if self.held.is_empty() {
            return;
        }
        let at = (which % self.held.len() as u64) as usize;
        let held = self.held.remove(at);
        let Used { held, told, end } = self.player.use_cursor(&mut self.session, held, how, cancel).await;
        if let Some(end) = &end {
            self.player.ended(&told, end);
            if held.is_none() {
                self.leaves_behind(&told.statement, end);
            }
        }
        if let Some(mut held) = held {
            if let Some(End::Failed(error)) = &end {
                held.call.spoil(Some(error));
            }
            self.held.insert(at, held);
        }
    }

    /// A write is carried out although its result was dropped, by the session, before it begins anything else.
    fn leaves_behind(&self, statement: &Statement, end: &End) {
        // What returns no rows was carried out when it was run.
        let unread = self.writes && statement.columns;
        self.player.sim.with(|state| {
            let causality = &mut state.history.causality;
            match end {
                End::Dropped if unread && state.switches.own_writes => {
                    causality.leave_behind(self.number, statement.id);
                }
                End::Failed(_) | End::Cancelled => causality.lose_track(self.number),
                End::Dropped | End::Complete => {}
            }
        });
    }

    /// A result is gone, unread perhaps. What only reads is stopped then, and what may write is carried out. (A cursor
    /// that is dropped says nothing to anybody until its session is used again.)
    fn gives_up(&self, id: u64, end: &End) {
        let timed_out = |error: &bolt_client::Error| error.kind() == ErrorKind::Timeout;
        let unread = match end {
            End::Complete => false,
            End::Failed(error) => timed_out(error),
            End::Dropped | End::Cancelled => true,
        };
        if unread && !self.writes {
            self.player.sim.with(|state| state.give_up(id));
        }
    }

    async fn last_bookmarks(&mut self, cancel: Cancel) {
        let player = self.player;
        let call = self.starting(&Call {
            what: "last_bookmarks".to_owned(),
            ..Call::default()
        });
        let Outcome::Done(last) = player.call(&call, cancel, self.session.last_bookmarks()).await else {
            return player.lose_room(self.number, &mut self.held);
        };
        let (problem, floor) = player.sim.with(|state| {
            state.check_dropped(self.number, None, "last_bookmarks", &numbers(&last));
            let causality = &state.history.causality;
            let problem = causality.check_last(self.number, &numbers(&last));
            (problem, causality.own_floor(self.number))
        });
        if let Some(problem) = problem {
            player.violation(format!("session {}: {problem}", self.number));
        }
        player.hand_over(last, floor);
    }

    /// The session ends, and with it what its cursors are of.
    async fn leave(mut self, closes: bool) {
        let call = self.starting(&Call {
            what: "session.close".to_owned(),
            blames: self.opened.clone(),
            ..Call::default()
        });
        let player = self.player;
        let held = std::mem::take(&mut self.held);
        if !closes {
            let reads = !self.writes;
            drop(self.session);
            for Held { told, .. } in &held {
                if reads {
                    player.sim.with(|state| state.give_up(told.statement.id));
                }
                // Also if nothing is promised about it.
                player.sim.with(|state| state.history.abandon(told.statement.id));
                player.ended(told, &End::Dropped);
            }
            return;
        }
        if let Outcome::Done(()) = player.call(&call, Cancel::default(), self.session.close()).await {
            return;
        }
        let mut held = held;
        player.lost_room(&mut held);
    }
}

impl Player {
    /// A call could not begin in a session, which need not know any more what becomes of what it has dropped.
    pub(super) fn lose_room(&self, session: usize, held: &mut [Held]) {
        self.sim.with(|state| state.history.causality.lose_track(session));
        self.lost_room(held);
    }

    /// A call could not begin in a session: perhaps because of what its cursors are of.
    fn lost_room(&self, held: &mut [Held]) {
        for Held { told, call, .. } in held {
            call.spoiled = true;
            call.told = true;
            if !self.is_over(&told.statement) {
                self.promise(&told.statement, Promise::AtMostOnce);
                self.is_now_over(&told.statement);
                // It need not be read to its end any more.
                self.sim.with(|state| state.history.abandon(told.statement.id));
            }
        }
    }

    /// An auto-commit query was accepted.
    fn run_is_through(&self, statement: &Statement) {
        if statement.columns {
            // Should the world end while it is read, it was given up.
            self.promise(statement, Promise::Abandoned);
        } else {
            // It has been carried out; what becomes of its result changes nothing.
            self.promise(statement, Promise::Once);
            self.tell(statement.id, [statement].into_iter());
            self.is_now_over(statement);
        }
    }

    /// What has become of the result of an auto-commit query.
    fn ended(&self, told: &Told, end: &End) {
        let statement = &told.statement;
        if self.is_over(statement) {
            return;
        }
        let promise = match end {
            End::Complete => {
                self.check_committed(told);
                self.tell(statement.id, [statement].into_iter());
                Promise::Once
            }
            End::Dropped => {
                self.sim.with(|state| state.history.abandon(statement.id));
                if self.sim.with(|state| state.history.closing) {
                    Promise::AtMostOnce
                } else {
                    Promise::Abandoned
                }
            }
            // It says no more than that something went wrong before.
            End::Failed(error) if error.kind() == ErrorKind::Usage => return,
            End::Failed(error) => promised_by(error),
            End::Cancelled => Promise::AtMostOnce,
        };
        self.is_now_over(statement);
        self.promise(statement, promise);
    }

    /// Whether nothing that is done with its result changes what has become of an auto-commit query.
    fn is_over(&self, statement: &Statement) -> bool {
        self.sim.with(|state| state.history.is_over(statement.id))
    }

    fn is_now_over(&self, statement: &Statement) {
        self.sim.with(|state| state.history.over(statement.id));
    }

    /// No more rows than this are wanted at a time.
    fn expect_pages(&self, query: &Query, page: Option<u64>) {
        self.sim
            .with(|state| state.history.read_by(query.statement.id, 0, page));
    }
}

/// What a call that did not return its result says about its query.
fn promise_of<T>(outcome: &Outcome<T>) -> Promise {
    match outcome {
        Outcome::Failed(error) => promised_by(error),
        _ => Promise::AtMostOnce,
    }
}
