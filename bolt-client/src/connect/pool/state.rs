//! Which connections there are and who gets them: a pure decider, without clock, wakers or sockets.

mod counts;
mod grant;
mod serve;

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::{Duration, Instant};

use crate::deadline::Deadline;

pub use counts::PoolCounts;
use grant::Priority;
pub(crate) use grant::{Grant, Idle};

/// What a pool goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// How many connections may exist at once, those being opened included.
    pub(crate) max: usize,
    /// After how long without use a connection must prove that it is alive; `None` if it need not.
    pub(crate) probe_after: Option<Duration>,
    /// How many in the queue may have nothing in sight; `None` for any number.
    pub(crate) max_waiting: Option<usize>,
}

/// A place in the queue. Whoever came later has the greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// What the asynchronous part has to carry out once a decision is made.
#[derive(Debug)]
#[must_use = "a caller that is not woken waits for ever"]
pub(crate) struct Effects<L, O> {
    /// Wake these: something has come for them, or will not come any more.
    pub(crate) wake: Vec<Ticket>,
    /// These connections are no longer wanted.
    pub(crate) discard: Vec<L>,
    /// Nor are these, which are not open yet.
    pub(crate) abandon: Vec<O>,
}

/// The connections of one address, open (`L`) and half open (`O`). At most [`Rules::max`] of them exist at any time, those being opened included.
///
/// A connection that is ready is handed out at once, the last used first. Who finds none takes a place in the queue,
/// and *keeps it* while preparing the next best thing: opening a connection, probing one that was idle for long,
/// or reading what an earlier lease left on one. What becomes available goes to the first in the queue whom it
/// improves. So one who waits for an answer on one connection takes another that is ready before, and leaves the
/// first, as far as it got, to the next in the queue. Nobody is overtaken.
///
/// Time is an argument, and there is no randomness: connections that are too old are replaced one by one, when
/// somebody needs them, so nothing has to keep them from expiring together.
#[derive(Debug)]
pub(crate) struct Slots<L, O> {
    rules: Rules,
    /// The last used is on top.
    ready: Vec<Idle<L>>,
    half_open: VecDeque<Idle<O>>,
    unsettled: VecDeque<Idle<L>>,
    /// Nothing of the above expires before.
    next_expiry: Deadline,
    /// Connections in the hands of callers, in whatever state, and rights to open one.
    leased: usize,
    /// Of these, how many are not open yet.
    leased_opening: usize,
    queue: BTreeMap<Ticket, Entry<L, O>>,
    /// How many in the queue have nothing in hand.
    waiting: usize,
    next_ticket: u64,
    /// How often what had logged in before has become worthless.
    login_generation: u64,
    /// What is ready and has been idle since this instant, or longer, must prove that it is alive: another one that had been
    /// idle no longer was dead.
    suspected: Option<Instant>,
    phase: Phase,
    effects: Effects<L, O>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing is handed out any more; what comes back unsettled is still finished.
    Closing,
    Closed,
}

/// Somebody in the queue.
#[derive(Debug)]
struct Entry<L, O> {
    /// What it is preparing.
    holds: Priority,
    opening: bool,
    /// What has come for it.
    assigned: Assigned<L, O>,
    /// It has waited in vain for a connection that was there, so a new one is better than another like it.
    prefers_new: bool,
}

#[derive(Debug)]
enum Assigned<L, O> {
    Nothing,
    /// It has not come for it yet.
    Uncollected(Priority, Grant<L, O>),
    /// A connection that is ready, if nothing is wrong with it.
    LookingAtReady,
}

impl<L, O> Slots<L, O> {
    pub(crate) const fn new(rules: Rules) -> Self {
        Self {
            rules,
            ready: Vec::new(),
            half_open: VecDeque::new(),
            unsettled: VecDeque::new(),
            next_expiry: Deadline::NONE,
            leased: 0,
            leased_opening: 0,
            queue: BTreeMap::new(),
            waiting: 0,
            next_ticket: 0,
            login_generation: 0,
            suspected: None,
            phase: Phase::Open,
            effects: Effects {
                wake: Vec::new(),
                discard: Vec::new(),
                abandon: Vec::new(),
            },
        }
    }

    /// What the decisions since the last call of this have to bring about.
    pub(crate) fn effects(&mut self) -> Effects<L, O> {
        Effects {
            wake: mem::take(&mut self.effects.wake),
            discard: mem::take(&mut self.effects.discard),
            abandon: mem::take(&mut self.effects.abandon),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Where everything stands. What has expired is let go of first.
    pub(crate) fn counts(&mut self, now: Instant) -> PoolCounts {
        self.serve(now);
        self.snapshot()
    }

    /// Where everything stands, with what may have expired. Changes nothing.
    pub(crate) fn snapshot(&self) -> PoolCounts {
        PoolCounts {
            in_use: self.leased - self.leased_opening,
            idle: self.ready.len() + self.unsettled.len(),
            opening: self.leased_opening + self.half_open.len(),
            // Whoever is still in the queue of a closed pool has been told.
            waiting: if self.is_closed() { 0 } else { self.waiting },
        }
    }
}

/// For those who come, and for those in the queue.
impl<L, O> Slots<L, O> {
    /// A connection that is ready, if there is one. Whoever is in the queue has none to wish for, so this overtakes
    /// nobody.
    pub(crate) fn acquire(&mut self, now: Instant) -> Option<Idle<L>> {
        self.serve(now);
        if !self.ready.last().is_some_and(|idle| self.is_proven(idle, now)) {
            return None;
        }
        self.leased += 1;
        self.ready.pop()
    }

    /// Joins the queue. Something may have come at once.
    pub(crate) fn enqueue(&mut self, now: Instant) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiting += 1;
        self.queue.insert(ticket, Entry::default());
        self.serve(now);
        ticket
    }

    /// Whether somebody who has just joined may stay: it has something in sight, or not too many others have nothing.
    pub(crate) fn may_wait(&self, ticket: Ticket) -> bool {
        let waits = |entry: &Entry<L, O>| entry.priority() == Priority::Nothing;
        let in_bounds = self.rules.max_waiting.is_none_or(|max| self.waiting <= max);
        in_bounds || !self.queue.get(&ticket).is_some_and(waits)
    }

    /// What has come for somebody in the queue.
    ///
    /// After anything but [`Grant::Ready`] it prepares that, and gives back what it prepared before; but it may go on with
    /// connections that it is opening if what has come is to be opened, too. A connection that is ready it looks at, and then either [leaves](Self::leave) with it, or [rejects](Self::reject) it and
    /// goes on as before.
    pub(crate) fn collect(&mut self, ticket: Ticket) -> Option<Grant<L, O>> {
        let entry = self.queue.get_mut(&ticket)?;
        match mem::replace(&mut entry.assigned, Assigned::Nothing) {
            Assigned::Uncollected(priority, grant) => {
                if priority == Priority::Ready {
                    entry.assigned = Assigned::LookingAtReady;
                } else {
                    entry.holds = priority;
                    entry.opening = grant.is_opening();
                }
                Some(grant)
            }
            other => {
                entry.assigned = other;
                None
            }
        }
    }

    /// The connection that was collected as ready is of no use, and closed.
    pub(crate) fn reject(&mut self, ticket: Ticket, now: Instant) {
        if let Some(entry) = self.queue.get_mut(&ticket) {
            entry.assigned = Assigned::Nothing;
            self.waiting += usize::from(entry.holds == Priority::Nothing);
        }
        self.give_up(now);
    }

    /// What somebody in the queue was preparing is of no use, and closed. It waits on, in its place, and would rather open
    /// a connection than prepare another like that.
    pub(crate) fn lose(&mut self, ticket: Ticket, now: Instant) {
        if self.clear_held(ticket) {
            self.leased_opening -= 1;
        }
        self.prefer_new(ticket);
        self.give_up(now);
    }

    /// One of several connections that somebody in the queue is opening is given up.
    pub(crate) fn lose_one_of_several(&mut self, now: Instant) {
        self.leased_opening -= 1;
        self.give_up(now);
    }

    /// What somebody in the queue is preparing takes too long. It goes on with that, until something better comes: the
    /// right to open another connection is better now.
    pub(crate) fn mark_overdue(&mut self, ticket: Ticket, now: Instant) {
        if let Some(entry) = self.queue.get_mut(&ticket) {
            if entry.holds == Priority::Soon {
                entry.holds = Priority::Overdue;
            }
        }
        self.serve(now);
    }

    /// A half-open connection that took too long before, for a caller to watch that opens another: it may have been the
    /// server that was slow, and not this one connection that is lost.
    pub(crate) fn take_slow_half_open(&mut self, now: Instant) -> Option<Idle<O>> {
        let late = self.half_open.iter().position(|idle| idle.is_slow(now))?;
        let slow = self.half_open.remove(late)?;
        self.leased += 1;
        self.leased_opening += 1;
        Some(slow)
    }

    /// A connection that somebody in the queue has asked whether it is alive does not answer in time. It is kept for later
    /// if that is no obstacle to opening another.
    pub(crate) fn probe_timed_out(&mut self, ticket: Ticket, idle: Idle<L>, now: Instant) {
        if self.has_room() {
            self.defer(ticket, idle, now);
        } else {
            self.effects.discard.push(idle.link);
            self.lose(ticket, now);
        }
    }

    /// What somebody in the queue was waiting for takes too long: it goes back, to be waited for when there is nothing
    /// else. Its place is kept.
    pub(crate) fn defer(&mut self, ticket: Ticket, idle: Idle<L>, now: Instant) {
        self.clear_held(ticket);
        self.prefer_new(ticket);
        self.give_back_unsettled(idle, now);
    }

    /// The connection that somebody in the queue was opening is open: it goes with that.
    pub(crate) fn opened(&mut self, ticket: Ticket, now: Instant) {
        self.leased_opening -= 1;
        self.leave(ticket, now);
    }

    /// A connection that somebody in the queue was opening is open, but has lain half open for so long that it must prove
    /// that it is alive. Its place is kept, and what else it was opening goes back.
    pub(crate) fn opened_unproven(&mut self, ticket: Ticket) {
        self.leased_opening -= 1;
        if let Some(entry) = self.queue.get_mut(&ticket) {
            entry.opening = false;
            entry.holds = Priority::Soon;
        }
    }

    /// The connection that somebody in the queue was opening cannot be opened: it goes without.
    pub(crate) fn fail(&mut self, ticket: Ticket, now: Instant) {
        self.leased_opening -= 1;
        self.leased -= 1;
        self.leave(ticket, now);
    }

    /// Goes, with a connection or without. What had come meanwhile goes to the next.
    pub(crate) fn leave(&mut self, ticket: Ticket, now: Instant) {
        let Some(entry) = self.queue.remove(&ticket) else {
            return;
        };
        self.waiting -= usize::from(entry.priority() == Priority::Nothing);
        if let Assigned::Uncollected(_, grant) = entry.assigned {
            self.return_grant(grant);
        }
        self.serve(now);
    }

    fn prefer_new(&mut self, ticket: Ticket) {
        if let Some(entry) = self.queue.get_mut(&ticket) {
            entry.prefers_new = true;
        }
    }

    /// Somebody in the queue holds nothing any more. Whether it was opening a connection.
    fn clear_held(&mut self, ticket: Ticket) -> bool {
        let Some(entry) = self.queue.get_mut(&ticket) else {
            return false;
        };
        let opening = mem::replace(&mut entry.opening, false);
        entry.holds = Priority::Nothing;
        self.waiting += usize::from(entry.priority() == Priority::Nothing);
        opening
    }
}

/// For those who have a connection.
impl<L, O> Slots<L, O> {
    /// A connection comes back, ready.
    pub(crate) fn give_back_ready(&mut self, idle: Idle<L>, now: Instant) {
        self.leased -= 1;
        if self.is_closed() {
            self.effects.discard.push(idle.link);
            return;
        }
        self.put_ready(idle);
        if !planted!(LostWaiter) {
            self.serve(now);
        }
    }

    /// A connection comes back on which answers are on their way.
    pub(crate) fn give_back_unsettled(&mut self, idle: Idle<L>, now: Instant) {
        self.leased -= 1;
        if self.phase == Phase::Closed {
            self.effects.discard.push(idle.link);
            return;
        }
        self.note_expiry(idle.expires);
        self.unsettled.push_back(idle);
        self.serve(now);
    }

    /// A connection comes back whose server cannot be told to stop what it does before its next answer is there. It
    /// goes to somebody who waits, and who reads that answer; it is closed if nobody does.
    pub(crate) fn give_back_unanswered(&mut self, idle: Idle<L>, now: Instant) {
        self.give_back_unsettled(idle.unanswered(), now);
    }

    /// Takes a certain connection on which answers are on their way, if it lies here.
    pub(crate) fn reclaim(&mut self, is_it: impl Fn(&L) -> bool, now: Instant) -> Option<Idle<L>> {
        self.serve(now);
        if self.is_closed() {
            return None;
        }
        let at = self.unsettled.iter().position(|idle| is_it(&idle.link))?;
        self.leased += 1;
        self.unsettled.remove(at)
    }

    /// A connection comes back that logged in before this [era](Self::era).
    pub(crate) fn give_back_outdated(&mut self, link: L, now: Instant) {
        self.effects.discard.push(link);
        self.give_up(now);
    }

    /// A connection comes back that is not open yet.
    pub(crate) fn give_back_half_open(&mut self, idle: Idle<O>, now: Instant) {
        self.leased -= 1;
        self.leased_opening -= 1;
        if self.is_closed() {
            self.effects.abandon.push(idle.link);
            return;
        }
        self.note_expiry(idle.expires);
        self.half_open.push_back(idle);
        self.serve(now);
    }

    /// A connection is closed.
    pub(crate) fn give_up(&mut self, now: Instant) {
        self.leased -= 1;
        self.serve(now);
    }
}

/// Evidence.
impl<L, O> Slots<L, O> {
    /// A connection was dead that had been idle since `since`, or used since: whatever has been idle as long must prove
    /// that it is alive before it is handed out.
    pub(crate) fn suspect(&mut self, since: Instant, now: Instant) {
        self.suspected = self.suspected.max(Some(since));
        let tickets: Vec<Ticket> = self.queue.keys().copied().collect();
        for ticket in tickets {
            if self.is_assigned_a_suspect(ticket) {
                self.take_back(ticket);
            }
        }
        self.serve(now);
    }
}

/// Eras: what logged in before this one is not handed out any more.
impl<L, O> Slots<L, O> {
    /// The present one.
    pub(crate) const fn login_generation(&self) -> u64 {
        self.login_generation
    }

    /// Begins another. Connections that are ready are let go of, those included that are on their way to somebody. What
    /// answers are on their way to is finished first, and what is in use comes back [outdated](Self::give_back_outdated):
    /// whoever has them compares the eras.
    pub(crate) fn begin_login_generation(&mut self, now: Instant) {
        self.login_generation += 1;
        let tickets: Vec<Ticket> = self.queue.keys().copied().collect();
        for ticket in tickets {
            self.take_back(ticket);
        }
        let ready = self.ready.drain(..).map(|idle| idle.link);
        self.effects.discard.extend(ready);
        self.serve(now);
    }
}

/// The end.
impl<L, O> Slots<L, O> {
    /// Nothing is handed out any more. Returns what is idle; `None` if the pool was closed before.
    pub(crate) fn close(&mut self) -> Option<Vec<L>> {
        if self.is_closed() {
            return None;
        }
        self.phase = Phase::Closing;
        let tickets: Vec<Ticket> = self.queue.keys().copied().collect();
        for ticket in &tickets {
            self.take_back(*ticket);
        }
        self.effects.wake.extend(tickets);
        let half_open = self.half_open.drain(..).map(|idle| idle.link);
        self.effects.abandon.extend(half_open);
        let idle = self.ready.drain(..).chain(self.unsettled.drain(..));
        Some(idle.map(|idle| idle.link).collect())
    }

    /// What has come back since [`close`](Self::close) with answers on their way.
    pub(crate) fn take_unsettled(&mut self) -> Vec<L> {
        self.unsettled.drain(..).map(|idle| idle.link).collect()
    }

    /// Whether somebody who has not noticed the end yet holds a connection with answers on their way.
    pub(crate) fn is_settling(&self) -> bool {
        let settles = |entry: &Entry<L, O>| entry.holds != Priority::Nothing && !entry.opening;
        self.queue.values().any(settles)
    }

    /// From now on nothing is finished any more: what comes back is discarded.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Closed;
    }
}

impl<L, O> Entry<L, O> {
    /// The best of what it holds and what has come for it.
    const fn priority(&self) -> Priority {
        match &self.assigned {
            Assigned::Nothing => self.holds,
            Assigned::Uncollected(priority, _) => *priority,
            Assigned::LookingAtReady => Priority::Ready,
        }
    }
}

impl<L, O> Default for Entry<L, O> {
    fn default() -> Self {
        Self {
            holds: Priority::Nothing,
            opening: false,
            assigned: Assigned::Nothing,
            prefers_new: false,
        }
    }
}

#[cfg(test)]
mod tests;
