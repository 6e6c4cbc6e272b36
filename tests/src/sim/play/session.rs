//! Sessions and auto-commit queries.

use std::time::Duration;

use bolt_client::{Access, Bookmarks, Cursor, ErrorKind, FetchSize, Session};
use bolt_proto::Api;

use super::cursor::{Held, Used};
use super::observed::Observed;
use super::reading::End;
use super::{Outcome, Player, bookmarks, numbers, promised_by, text};
use crate::sim::causality::{FOREIGN, Floor, Numbers};
use crate::sim::cluster::{Home, Target};
use crate::sim::history::Promise;
use crate::sim::logins::Wanted;
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, InitialBookmarks, Op, Query, Reading, Use, Visit, Work};
use crate::sim::server::TAG_BASE;
use crate::sim::statement::Statement;

/// Plays one session.
pub(super) struct SessionPlayer<'p> {
    pub(super) player: &'p Player,
    pub(super) session: Session,
    /// The session's number in the causality judge.
    pub(super) number: usize,
    /// The login of its own, if it has one.
    pub(super) wanted: Option<Wanted>,
    /// The home database that it wants, unless it names one.
    home: Option<Home>,
    /// Whether its auto-commit queries may write.
    writes: bool,
    /// Rows per page; `None` for all.
    pub(super) page: Option<u64>,
    /// Cursors of auto-commit queries.
    pub(super) held: Vec<Held>,
    /// Queries that had a cursor. Closing the session reports failures of those with a dropped cursor.
    opened: Vec<u64>,
    /// Cursors of ended transactions.
    pub(super) stale: Vec<Cursor>,
}

impl Player {
    pub(super) async fn visit(&self, visit: &Visit, target: Target) {
        let mut playing = self.open_session(visit, target);
        for work in &visit.works {
            match work {
                Work::AutoCommit(query, reading) => playing.auto_commit(query, reading).await,
                Work::Open(query, uses) => {
                    playing.open(query).await;
                    playing.use_cursors(uses).await;
                }
                Work::Use(uses) => playing.use_cursors(uses).await,
                Work::Transaction(transaction) => playing.transaction(transaction).await,
                Work::Function(function) => playing.function(function).await,
                Work::Load(load) => playing.load(load).await,
                Work::LastBookmarks(cancel) => playing.last_bookmarks(*cancel).await,
            }
        }
        playing.end_session(visit.closes).await;
    }

    fn open_session(&self, visit: &Visit, target: Target) -> SessionPlayer<'_> {
        let (given, floor) = match visit.given {
            InitialBookmarks::Empty => (Bookmarks::new(), Floor::new()),
            InitialBookmarks::Foreign => (bookmarks(&Numbers::from([FOREIGN])), Floor::new()),
            InitialBookmarks::HandedOver => self.handed_over(),
        };
        let number = self.sim.with(|state| {
            let initial = numbers(&given);
            state.history.causality.add_session(visit.manager, initial, floor)
        });
        let mut builder = self
            .driver
            .session()
            .database(&target.database_name())
            .impersonated_user(&target.user_name())
            .default_access_mode(visit.access)
            .bookmarks(given);
        if let Some(manager) = visit.manager {
            builder = builder.bookmark_manager(&self.managers[manager]);
        }
        let wanted = visit.user.and_then(|user| self.own_login(user));
        builder = builder.auth(wanted.and_then(Wanted::auth));
        let home = self.home(target, visit.user, Some(number));
        let session = match visit.page {
            Some(rows) => builder.fetch_size(rows),
            None => builder.fetch_size(FetchSize::All),
        }
        .build();
        // Bolt 3 has no paging.
        let paging = self.sim.with(|state| state.weather.server.version.major() > 3);
        SessionPlayer {
            player: self,
            session,
            number,
            wanted,
            home,
            writes: visit.access == Access::Write,
            page: visit.page.filter(|_| paging),
            held: Vec::new(),
            opened: Vec::new(),
            stale: Vec::new(),
        }
    }
}

impl SessionPlayer<'_> {
    /// Notes that a call with bookmarks begins. Returns what its reader may rely on.
    pub(super) fn begin(&self, tag: u64, api: Api) -> Floor {
        self.player.sim.with(|state| {
            state.history.note_api(tag, api.code());
            state.note_began(tag);
            state.want(tag, self.wanted);
            state.want_home(tag, self.home);
            state.history.causality.begin(self.number, tag)
        })
    }

    /// Returns the call as the first of its work: the results of open cursors are finished first, and may fail.
    pub(super) fn starting(&self, call: &Call) -> Call {
        let mut call = call.clone();
        // Their connection may have been lost long ago.
        call.begun = call.begun.filter(|_| self.held.is_empty());
        for Held { observed, .. } in &self.held {
            call.expected_failures.push(observed.statement.id);
            self.player
                .sim
                .with(|state| state.history.note_reader(observed.statement.id, 0, None));
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
                    player.check_given_up(statement.id, &outcome);
                }
                player.promise(statement, promise_of(&outcome));
                return player.note_begin_failed(self.number, &mut self.held);
            }
        };
        player.note_accepted(statement);
        let mut observed = Observed::new(statement, 0, &floor);
        let end = player.read(&mut observed, reading, rows, &call).await;
        self.note_given_up(statement.id, &end);
        player.note_ended(&observed, &end);
        self.note_dropped_write(statement, &end);
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
                player.note_accepted(statement);
                let observed = Observed::new(statement, 0, &floor);
                self.held.push(Held {
                    cursor,
                    observed,
                    call,
                });
                self.opened.push(statement.id);
            }
            outcome => {
                if !self.writes {
                    player.check_given_up(statement.id, &outcome);
                }
                player.promise(statement, promise_of(&outcome));
                player.note_begin_failed(self.number, &mut self.held);
            }
        }
    }

    async fn use_cursors(&mut self, uses: &[Op]) {
        for op in uses {
            match op {
                Op::Use(which, how, cancel) => self.use_one(*which, *how, *cancel).await,
                Op::Misuse => {
                    if let Some(cursor) = self.stale.last_mut() {
                        self.player.misuse(&mut self.session, cursor).await;
                    }
                }
                Op::Think(time) => self.player.think(*time).await,
                Op::Run(..) | Op::Open(_) | Op::Queue(_) => {}
            }
        }
    }

    async fn use_one(&mut self, which: u64, how: Use, cancel: Cancel) {
        if self.held.is_empty() {
            return;
        }
        let at = (which % self.held.len() as u64) as usize;
        let held = self.held.remove(at);
        let had_failed = held.call.spoiled;
        let Used { held, observed, end } = self.player.use_cursor(&mut self.session, held, how, cancel).await;
        if let Some(end) = &end {
            self.player.note_ended(&observed, end);
            // What has failed is over, and its caller knows that its outcome is unknown.
            if held.is_none() && !had_failed {
                self.note_dropped_write(&observed.statement, end);
            }
        }
        if let Some(mut held) = held {
            if let Some(End::Failed(error)) = &end {
                held.call.spoil(Some(error));
            }
            self.held.insert(at, held);
        }
    }

    /// Notes a write with a dropped result: the session finishes it before it begins anything else.
    fn note_dropped_write(&self, statement: &Statement, end: &End) {
        // A query without rows was carried out by RUN.
        let unread = self.writes && statement.columns;
        self.player.sim.with(|state| {
            let causality = &mut state.history.causality;
            match end {
                End::Dropped if unread && state.switches.own_writes => {
                    causality.drop_write(self.number, statement.id);
                }
                End::Failed(_) | End::Cancelled => causality.forget_dropped(self.number),
                End::Dropped | End::Complete => {}
            }
        });
    }

    /// Notes that a result ended, possibly unread. A read-only query is stopped then, a write is finished. (A dropped
    /// cursor has no effect until its session is used again.)
    fn note_given_up(&self, id: u64, end: &End) {
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
            return player.note_begin_failed(self.number, &mut self.held);
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

    /// Ends the session, and with it the results of its cursors.
    async fn end_session(mut self, closes: bool) {
        let call = self.starting(&Call {
            what: "session.close".to_owned(),
            expected_failures: self.opened.clone(),
            ..Call::default()
        });
        let player = self.player;
        let held = std::mem::take(&mut self.held);
        if !closes {
            let reads = !self.writes;
            drop(self.session);
            for Held { observed, .. } in &held {
                if reads {
                    player.sim.with(|state| state.give_up(observed.statement.id));
                }
                // Even if nothing is promised about it.
                player
                    .sim
                    .with(|state| state.history.abandon(observed.statement.id));
                player.note_ended(observed, &End::Dropped);
            }
            return;
        }
        if let Outcome::Done(()) = player.call(&call, Cancel::default(), self.session.close()).await {
            return;
        }
        let mut held = held;
        player.spoil_cursors(&mut held);
    }
}

impl Player {
    /// Notes that a call could not begin in the session, which need not know the outcome of its dropped writes any
    /// more.
    pub(super) fn note_begin_failed(&self, session: usize, held: &mut [Held]) {
        self.sim
            .with(|state| state.history.causality.forget_dropped(session));
        self.spoil_cursors(held);
    }

    /// Notes that the results of these cursors may have caused the failure.
    fn spoil_cursors(&self, held: &mut [Held]) {
        for Held { observed, call, .. } in held {
            call.spoiled = true;
            call.loss_reported = true;
            if !self.is_settled(&observed.statement) {
                self.promise(&observed.statement, Promise::AtMostOnce);
                self.settle(&observed.statement);
                // It need not be read to its end any more.
                self.sim
                    .with(|state| state.history.abandon(observed.statement.id));
            }
        }
    }

    /// Notes that an auto-commit query was accepted.
    fn note_accepted(&self, statement: &Statement) {
        if statement.columns {
            // Holds if the world ends while the result is read.
            self.promise(statement, Promise::Abandoned);
        } else {
            // RUN has carried it out; the outcome of its result changes nothing.
            self.promise(statement, Promise::Once);
            self.report_commit(statement.id, [statement].into_iter());
            self.settle(statement);
        }
    }

    /// Notes how the result of an auto-commit query ended.
    fn note_ended(&self, observed: &Observed, end: &End) {
        let statement = &observed.statement;
        if self.is_settled(statement) {
            return;
        }
        let promise = match end {
            End::Complete => {
                self.check_committed(observed);
                self.report_commit(statement.id, [statement].into_iter());
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
            // The error only says that something failed before.
            End::Failed(error) if error.kind() == ErrorKind::Usage => return,
            End::Failed(error) => promised_by(error),
            End::Cancelled => Promise::AtMostOnce,
        };
        self.settle(statement);
        self.promise(statement, promise);
    }

    /// Whether the outcome of an auto-commit query is final, whatever is done with its result.
    fn is_settled(&self, statement: &Statement) -> bool {
        self.sim.with(|state| state.history.is_settled(statement.id))
    }

    fn settle(&self, statement: &Statement) {
        self.sim.with(|state| state.history.settle(statement.id));
    }

    /// Sets the page size that the reader wants.
    fn expect_pages(&self, query: &Query, page: Option<u64>) {
        self.sim
            .with(|state| state.history.note_reader(query.statement.id, 0, page));
    }
}

/// What the failed call of a query promises.
fn promise_of<T>(outcome: &Outcome<T>) -> Promise {
    match outcome {
        Outcome::Failed(error) => promised_by(error),
        _ => Promise::AtMostOnce,
    }
}
