//! One search for a routing table, which belongs to the router and not to a caller.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future as _, poll_fn};
use std::mem;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bolt_proto::{Access, Auth, ServerError};

use crate::address::Address;
use crate::bookmarks::Bookmarks;
use crate::connect::fallout;
use crate::connect::pool::Pool;
use crate::deadline::{Alarm, Deadline};
use crate::error::Error;
use crate::runtime::Runtime;

use super::ask::{Asked, Unread};
use super::home::HomeKey;
use super::order::Search;

/// How long others wait for the caller that has the turn if nothing shows that it is polled. The limit matters only if
/// the caller is never polled.
const TURN_LIMIT: Duration = Duration::from_secs(5);
/// After this time without any caller, a search begins again from its first server.
const FORGET_AFTER: Duration = Duration::from_secs(10);

/// The search for the routing table of one database, for all callers that wait for that table.
///
/// One caller at a time has the *turn*, and asks the servers. The others wait. A caller that is dropped, or runs out of time,
/// leaves the search as far as it got, and the next one carries on: with the same server, and even with the same request.
/// No timer is kept here, since timers belong to callers.
#[derive(Debug)]
pub(super) struct Refresh {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What is left of the search while no caller has the turn.
    rest: Option<Box<Progress>>,
    /// The number of the present turn.
    turn: u64,
    /// When the caller that has the turn was last polled.
    seen: Instant,
    waiting: BTreeMap<u64, Waker>,
    next: u64,
    /// How many callers wait, whether or not they have just been woken.
    callers: usize,
    outcome: Option<Outcome>,
    /// A caller waits that needs a writer.
    needs_writer: bool,
}

/// How far a search has got.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) search: Search<Error>,
    pub(super) present: Option<Present>,
    /// The request that is on its way to that server.
    pub(super) asked: Option<Asked>,
    /// The same, if no caller was left for its answer.
    pub(super) unread: Option<Unread>,
}

/// The server that is being asked.
#[derive(Debug, Clone)]
pub(super) struct Present {
    pub(super) router: Arc<Address>,
    pub(super) since: Instant,
    /// Leads to one of the addresses of its name only, after another was asked.
    pub(super) only: Option<Arc<Pool>>,
    /// The other addresses of its name that have not been asked, once they are known.
    pub(super) others: Option<VecDeque<SocketAddr>>,
}

/// The end of a search, for all callers that wait for it.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    Found(Found),
    Failed(Failure),
    Closed,
}

/// Why there is no table: for the asker, and within the time of the caller that had the turn.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) asker: Asker,
    pub(super) by: Deadline,
}

/// The caller that has sent a request, as servers know it. Another one may read the answer.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    pub(super) user: HomeKey,
    pub(super) login: Auth,
    pub(super) bookmarks: Bookmarks,
}

impl Asker {
    /// Returns whether servers may answer otherwise to this caller than to another, which they answered with this.
    pub(super) fn may_differ_from(&self, other: &Self, answer: &ServerError) -> bool {
        if planted!(FailureOfAnotherLogin) {
            return false;
        }
        let has_same_bookmarks = || self.bookmarks == other.bookmarks;
        self.user != other.user
            || self.login != other.login
            || (fallout::is_about_bookmarks(answer) && !has_same_bookmarks())
    }
}

/// A routing table that has just arrived, and is kept.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The database that the server reported; that of the request if it reports none.
    pub(super) database: Option<Arc<str>>,
    /// The server that sent it. A connection to it is ready.
    pub(super) router: Arc<Address>,
}

/// What a caller does next.
pub(super) enum Next {
    /// It has the turn.
    Turn(Turn),
    Over(Outcome),
}

impl Progress {
    pub(super) fn new(search: Search<Error>) -> Box<Self> {
        Box::new(Self {
            search,
            present: None,
            asked: None,
            unread: None,
        })
    }

    /// The server that was asked has answered, or cannot.
    pub(super) fn server_is_done(&mut self) {
        self.present = None;
        self.asked = None;
    }

    /// Takes the request that is on its way to the present server, unless that is [late](Asked::resumed) by this limit.
    pub(super) fn resume(&mut self, limit: Duration) {
        let unread = self.unread.take();
        let asked = self.asked.take().or_else(|| unread?.reclaim());
        self.asked = asked.and_then(|asked| asked.resumed(limit));
    }
}

impl Present {
    pub(super) const fn new(router: Arc<Address>, now: Instant) -> Self {
        Self {
            router,
            since: now,
            only: None,
            others: None,
        }
    }
}

impl State {
    /// Takes the request that no caller is left to read the answer to: its connection would be in use for nothing.
    fn take_unread(&mut self) -> Option<Asked> {
        self.rest
            .as_mut()
            .filter(|_| self.callers == 0)
            .and_then(|rest| rest.asked.take())
    }
}

impl Refresh {
    /// Leaves the request to the pool that no caller is left to read the answer to.
    fn leave_unread(&self, turn: u64, asked: Asked) {
        let unread = asked.leave();
        let mut state = self.lock();
        // Another caller may have come meanwhile, and have asked again.
        let is_present = state.turn == turn;
        let late = match state.rest.as_mut().filter(|_| is_present) {
            Some(rest) => mem::replace(&mut rest.unread, unread),
            None => unread,
        };
        drop(state);
        drop(late);
    }
}

impl Refresh {
    pub(super) const fn new(progress: Box<Progress>, now: Instant) -> Self {
        Self {
            state: Mutex::new(State {
                rest: Some(progress),
                turn: 0,
                seen: now,
                waiting: BTreeMap::new(),
                next: 0,
                callers: 0,
                outcome: None,
                needs_writer: false,
            }),
        }
    }

    /// Waits for the outcome, or for the turn. `None` if the time is up. `again` begins the search from its first server:
    /// the caller that had the turn is never polled. Cancel-safe.
    pub(super) async fn next(
        self: &Arc<Self>,
        runtime: &dyn Runtime,
        access: Access,
        by: Deadline,
        again: impl Fn() -> Box<Progress>,
    ) -> Result<Option<Next>, Error> {
        let place = self.join(access);
        loop {
            let patience = Deadline::after(self.lock().seen, TURN_LIMIT);
            let next = poll_fn(|cx| match place.poll(cx, runtime.now()) {
                Poll::Ready(next) => Poll::Ready(Ok(next)),
                Poll::Pending => {
                    runtime.can_wait()?;
                    Poll::Pending
                }
            });
            if let Some(next) = by.earlier(patience).race(runtime, next).await {
                return next.map(Some);
            }
            if by.has_passed(runtime.now()) || runtime.is_cancelled() {
                return Ok(None);
            }
            if let Some(turn) = self.take_over(runtime.now(), &again) {
                return Ok(Some(Next::Turn(turn)));
            }
        }
    }

    /// Returns whether no caller has the turn, and none waits.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.lock();
        state.rest.is_some() && state.waiting.is_empty()
    }

    /// Returns whether that has been so for long.
    pub(super) fn is_forgotten(&self, now: Instant) -> bool {
        self.is_idle() && now.saturating_duration_since(self.lock().seen) >= FORGET_AFTER
    }

    /// Ends the search for all callers that wait: the driver is closed.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.outcome.get_or_insert(Outcome::Closed);
        let waiting = mem::take(&mut state.waiting);
        let rest = state.rest.take();
        drop(state);
        waiting.into_values().for_each(Waker::wake);
        drop(rest);
    }

    fn join(self: &Arc<Self>, access: Access) -> Place {
        let mut state = self.lock();
        state.needs_writer |= access == Access::Write;
        let number = state.next;
        state.next += 1;
        state.callers += 1;
        Place {
            refresh: Arc::clone(self),
            number,
        }
    }

    /// Takes the turn from a caller that is never polled.
    fn take_over(self: &Arc<Self>, now: Instant, again: impl Fn() -> Box<Progress>) -> Option<Turn> {
        let mut state = self.lock();
        if now.saturating_duration_since(state.seen) < TURN_LIMIT || state.outcome.is_some() {
            return None;
        }
        let rest = state.rest.take();
        Some(self.begin_turn(&mut state, now, rest.unwrap_or_else(again)))
    }

    fn begin_turn(self: &Arc<Self>, state: &mut State, now: Instant, mut progress: Box<Progress>) -> Turn {
        if state.needs_writer {
            progress.search.joined(Access::Write);
        }
        // The time without a caller is not the server's.
        let idle = now.saturating_duration_since(state.seen);
        if let Some(present) = &mut progress.present {
            present.since = present.since.checked_add(idle).unwrap_or(now).min(now);
        }
        state.turn += 1;
        state.seen = now;
        Turn {
            refresh: Arc::clone(self),
            number: state.turn,
            progress: Some(progress),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a caller among those that wait.
struct Place {
    refresh: Arc<Refresh>,
    number: u64,
}

impl Place {
    fn poll(&self, cx: &Context<'_>, now: Instant) -> Poll<Next> {
        let waker = cx.waker().clone();
        let mut state = self.refresh.lock();
        if let Some(outcome) = &state.outcome {
            return Poll::Ready(Next::Over(outcome.clone()));
        }
        if let Some(rest) = state.rest.take() {
            return Poll::Ready(Next::Turn(self.refresh.begin_turn(&mut state, now, rest)));
        }
        let stale = state.waiting.insert(self.number, waker);
        drop(state);
        drop(stale);
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.refresh.lock();
        state.callers -= 1;
        let waker = state.waiting.remove(&self.number);
        let (turn, unread) = (state.turn, state.take_unread());
        drop(state);
        drop(waker);
        if let Some(asked) = unread {
            self.refresh.leave_unread(turn, asked);
        }
    }
}

/// The turn of a caller, which asks the servers. Dropped before the end, it leaves the search to the next one.
pub(super) struct Turn {
    refresh: Arc<Refresh>,
    number: u64,
    /// Taken when the turn ends.
    progress: Option<Box<Progress>>,
}

impl Turn {
    pub(super) fn progress(&mut self) -> Option<&mut Progress> {
        self.progress.as_deref_mut()
    }

    /// Returns whether a caller waits that needs a writer.
    pub(super) fn needs_writer(&self) -> bool {
        self.refresh.lock().needs_writer
    }

    /// Runs a part of the turn, and notes whenever the caller is polled, which is often enough for the others to see that
    /// it waits for a slow server.
    pub(super) async fn attended<T>(
        &mut self,
        runtime: &dyn Runtime,
        part: impl AsyncFnOnce(&mut Self) -> T,
    ) -> T {
        let (refresh, number) = (Arc::clone(&self.refresh), self.number);
        let mut part = pin!(part(self));
        let mut alarm = Alarm::default();
        let mut next = Deadline::NONE;
        poll_fn(|cx| {
            {
                let mut state = refresh.lock();
                if state.turn == number {
                    state.seen = runtime.now();
                }
            }
            if let Poll::Ready(output) = part.as_mut().poll(cx) {
                return Poll::Ready(output);
            }
            if next == Deadline::NONE || next.has_passed(runtime.now()) {
                next = Deadline::after(runtime.now(), TURN_LIMIT / 2);
            }
            // Ready only if the call is cancelled, which the part sees, too.
            let _cancelled = alarm.poll(cx, runtime, next);
            Poll::Pending
        })
        .await
    }

    /// Ends the search.
    pub(super) fn end(mut self, outcome: Outcome) {
        let progress = self.progress.take();
        let mut state = self.refresh.lock();
        state.outcome.get_or_insert(outcome);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
        drop(progress);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(mut progress) = self.progress.take() else {
            return;
        };
        if planted!(SearchLostWithItsCaller) {
            return;
        }
        if let Some(asked) = &mut progress.asked {
            let seen = self.refresh.lock().seen;
            asked.pause(seen);
        }
        let mut state = self.refresh.lock();
        if state.turn != self.number {
            // Another caller has begun again.
            drop(state);
            return;
        }
        state.rest = Some(progress);
        let unread = state.take_unread();
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
        if let Some(asked) = unread {
            self.refresh.leave_unread(self.number, asked);
        }
    }
}
