//! Which connections there are and which caller gets them: a pure decider, without clock, wakers or sockets.

mod counts;
mod effects;
mod grant;
mod queue;
mod serve;
mod spare;
mod ticket;

use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

use crate::deadline::Deadline;

pub use counts::PoolCounts;
pub(crate) use effects::Effects;
use grant::Priority;
pub(crate) use grant::{Grant, Idle};
use queue::{Assigned, Entry, Queue};
pub(crate) use ticket::{ByTicket, Ticket};

/// The limits of a pool.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// How many connections may exist at once, those being opened included.
    pub(crate) max: usize,
    /// A connection that was unused for longer must be probed; `None` for no such limit.
    pub(crate) probe_after: Option<Duration>,
    /// How many waiters may have no connection in sight; `None` for any number.
    pub(crate) max_waiting: Option<usize>,
    /// How many idle connections are kept ready.
    pub(crate) min_idle: usize,
    /// A waiter with a connection may begin to open one for the others.
    pub(crate) opens_for_others: bool,
    /// How long a connection may be idle, beyond those that are kept ready; `None` for no limit.
    pub(crate) max_idle: Option<Duration>,
}

/// The place of a new waiter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) ticket: Ticket,
    /// It has something in sight, or there are not too many that have nothing.
    pub(crate) may_wait: bool,
}

impl Place {
    /// Returns the place of a waiter that has just joined the queue.
    pub(crate) fn of<L, O>(ticket: Ticket, slots: &Slots<L, O>) -> Self {
        let may_wait = slots.may_wait(ticket);
        Self { ticket, may_wait }
    }
}

/// The connections of one address, open (`L`) and half open (`O`). At most [`Rules::max`] exist at any time, those
/// being opened included.
///
/// A ready connection is handed out at once, the last used first. A caller that finds none joins the queue, and
/// *keeps its turn* while preparing the next best thing: opening a connection, probing one that was idle for long, or
/// reading what an earlier lease left on one. What becomes available goes to the first waiter for which it is better
/// than what that waiter has. So a waiter that expects an answer on one connection takes another that is ready
/// earlier, and leaves the first, as far as it got, to the next waiter. No waiter is overtaken.
///
/// Time is an argument, and there is no randomness: connections that are too old are replaced one by one, when a
/// caller needs them, so they do not all expire together.
#[derive(Debug)]
pub(crate) struct Slots<L, O> {
    rules: Rules,
    /// The last used is on top.
    ready: Vec<Idle<L>>,
    half_open: VecDeque<Idle<O>>,
    unsettled: VecDeque<Idle<L>>,
    /// Nothing of the above expires earlier.
    next_expiry: Deadline,
    /// Connections that callers hold, in whatever state, and rights to open one.
    leased: usize,
    /// How many of these are not open yet.
    leased_opening: usize,
    /// Of these, how many are being opened ahead of any caller.
    spares: usize,
    /// How many calls read the rest of a write.
    tending: usize,
    queue: Queue<L, O>,
    /// Ready connections that have been idle since this instant, or longer, must be probed: another that had been
    /// idle no longer was dead.
    suspected: Option<Instant>,
    phase: Phase,
    effects: Effects<L, O>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing is handed out; unsettled connections that come back are still finished.
    Closing,
    Closed,
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
            spares: 0,
            tending: 0,
            queue: Queue::new(),
            suspected: None,
            phase: Phase::Open,
            effects: Effects::none(),
        }
    }

    /// Takes the effects of the decisions since the last call.
    pub(crate) fn effects(&mut self) -> Effects<L, O> {
        mem::replace(&mut self.effects, Effects::none())
    }

    /// Returns whether there are [effects](Self::effects).
    pub(crate) fn has_effects(&self) -> bool {
        !self.effects.are_none()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Returns the counts, after discarding what has expired.
    pub(crate) fn counts(&mut self, now: Instant) -> PoolCounts {
        self.serve(now);
        self.snapshot()
    }

    /// Returns how many calls use or want a connection.
    pub(crate) fn load(&self) -> usize {
        self.leased + self.half_open.len() + self.waiting()
    }

    /// Returns how many waiters have nothing in sight.
    fn waiting(&self) -> usize {
        // A closed pool has woken all that are still in its queue.
        if self.is_closed() { 0 } else { self.queue.waiting() }
    }

    /// Returns the counts, expired connections included. Changes nothing.
    pub(crate) fn snapshot(&self) -> PoolCounts {
        PoolCounts {
            in_use: self.leased - self.leased_opening,
            idle: self.ready.len() + self.unsettled.len(),
            opening: self.leased_opening + self.half_open.len(),
            waiting: self.waiting(),
        }
    }
}

/// For callers without a connection.
impl<L, O> Slots<L, O> {
    /// Returns a ready connection, if there is one: the last used of those that are preferred, or else the last used. If
    /// there is one, no waiter could use it, so none is overtaken.
    pub(crate) fn acquire(&mut self, prefers: impl Fn(&L) -> bool, now: Instant) -> Option<Idle<L>> {
        self.serve(now);
        if !self.ready.last().is_some_and(|idle| self.is_proven(idle, now)) {
            return None;
        }
        let suits = |idle: &Idle<L>| prefers(&idle.link) && self.is_proven(idle, now);
        let preferred = self.ready.iter().rposition(suits);
        self.leased += 1;
        match preferred {
            Some(at) => Some(self.ready.remove(at)),
            None => self.ready.pop(),
        }
    }

    /// Joins the queue. Something may be assigned at once.
    pub(crate) fn enqueue(&mut self, now: Instant) -> Ticket {
        let ticket = self.queue.join();
        self.serve(now);
        ticket
    }

    /// Returns whether a new waiter may stay: it has something in sight, or there are not too many that have nothing.
    pub(crate) fn may_wait(&self, ticket: Ticket) -> bool {
        let waits = |entry: &Entry<L, O>| entry.priority() == Priority::Nothing;
        let waiting = self.queue.waiting();
        let in_bounds = self.rules.max_waiting.is_none_or(|max| waiting <= max);
        in_bounds || !self.queue.get(ticket).is_some_and(waits)
    }

    /// Collects what was assigned to a waiter. What was assigned before something better comes first, and is as far as the
    /// waiter brings it when that takes its place.
    ///
    /// A ready connection is checked by the waiter, which then either [leaves](Self::leave) with it, or
    /// [rejects](Self::reject) it and continues as before. Anything else the waiter prepares, and gives back what it
    /// prepared before; but openings may be prepared side by side.
    pub(crate) fn collect(&mut self, ticket: Ticket) -> Option<Grant<L, O>> {
        self.queue.update(ticket, Entry::collect)?
    }

    /// Returns whether something better than what a waiter has collected is assigned to it.
    pub(crate) fn has_uncollected(&self, ticket: Ticket) -> bool {
        self.queue.get(ticket).is_some_and(Entry::has_uncollected)
    }

    /// The connection that was collected as ready cannot be used, and is closed.
    pub(crate) fn reject(&mut self, ticket: Ticket, now: Instant) {
        self.queue
            .update(ticket, |entry| entry.assigned = Assigned::Nothing);
        self.give_up(now);
    }

    /// Records that the connection that a waiter was preparing is lost and closed. The waiter keeps its turn, and
    /// prefers to open a connection over preparing another of that kind.
    pub(crate) fn lose(&mut self, ticket: Ticket, now: Instant) {
        self.prefer_new(ticket);
        self.lose_probed(ticket, now);
    }

    /// Records that the connection that a waiter probed is closed, since the answer was soon that it is dead. The waiter
    /// keeps its turn, and probes the next one before it opens a connection.
    pub(crate) fn lose_probed(&mut self, ticket: Ticket, now: Instant) {
        if self.clear_held(ticket) {
            self.leased_opening -= 1;
        }
        self.give_up(now);
    }

    /// Gives up one of several openings of a waiter.
    pub(crate) fn lose_one_of_several(&mut self, now: Instant) {
        self.leased_opening -= 1;
        self.give_up(now);
    }

    /// Records that the preparation of a waiter takes too long. The waiter continues until it gets something better,
    /// which now includes the right to open another connection.
    pub(crate) fn mark_overdue(&mut self, ticket: Ticket, now: Instant) {
        self.queue.update(ticket, |entry| {
            if entry.holds == Priority::Soon {
                entry.holds = Priority::Overdue;
            }
        });
        self.serve(now);
    }

    /// Returns a half-open connection that took too long before, to be watched by a waiter that opens another:
    /// the server may have been slow, and this connection is not lost.
    pub(crate) fn take_slow_half_open(&mut self, now: Instant) -> Option<Idle<O>> {
        let late = self.half_open.iter().position(|idle| idle.is_slow(now))?;
        let slow = self.half_open.remove(late)?;
        self.leased += 1;
        self.leased_opening += 1;
        Some(slow)
    }

    /// Records that the answer to a waiter's probe did not arrive in time. The connection is kept for later, unless it
    /// takes the room of a new one.
    pub(crate) fn probe_timed_out(&mut self, ticket: Ticket, idle: Idle<L>, now: Instant) {
        if self.has_room() {
            self.defer(ticket, idle, now);
        } else {
            self.effects.discard.push(idle.link);
            self.lose(ticket, now);
        }
    }

    /// Returns a connection whose answer takes too long to the pool, where it is used only if nothing else is there.
    /// The waiter keeps its turn.
    pub(crate) fn defer(&mut self, ticket: Ticket, idle: Idle<L>, now: Instant) {
        self.clear_held(ticket);
        self.prefer_new(ticket);
        self.give_back_unsettled(idle, now);
    }

    /// Records that an opening of a waiter is complete: the waiter leaves with it.
    pub(crate) fn opened(&mut self, ticket: Ticket, now: Instant) {
        self.leased_opening -= 1;
        self.leave(ticket, now);
    }

    /// An opening of a waiter is complete, but was half open for so long that it must be probed. The waiter keeps its
    /// turn, and its other openings go back.
    pub(crate) fn opened_unproven(&mut self, ticket: Ticket) {
        self.leased_opening -= 1;
        self.queue.update(ticket, |entry| {
            entry.opening = false;
            entry.holds = Priority::Soon;
        });
    }

    /// An opening of a waiter has failed: the waiter leaves without a connection.
    pub(crate) fn fail(&mut self, ticket: Ticket, now: Instant) {
        self.leased_opening -= 1;
        self.leased -= 1;
        self.leave(ticket, now);
    }

    /// The waiter leaves, with a connection or without. An uncollected grant goes to the next.
    pub(crate) fn leave(&mut self, ticket: Ticket, now: Instant) {
        let Some(mut entry) = self.queue.leave(ticket) else {
            return;
        };
        while let Some(grant) = entry.take_back() {
            self.return_grant(grant);
        }
        self.serve(now);
    }

    fn prefer_new(&mut self, ticket: Ticket) {
        self.queue.update(ticket, |entry| entry.prefers_new = true);
    }

    /// The waiter holds nothing any more. Returns whether it was opening a connection.
    fn clear_held(&mut self, ticket: Ticket) -> bool {
        self.queue.update(ticket, Entry::clear_held).unwrap_or(false)
    }
}

/// For callers with a connection.
impl<L, O> Slots<L, O> {
    /// A connection comes back ready.
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

    /// A connection comes back whose server cannot be asked to stop before its next answer. It goes to a waiter,
    /// which reads that answer; it is closed if there is none.
    pub(crate) fn give_back_unanswered(&mut self, idle: Idle<L>, now: Instant) {
        self.give_back_unsettled(idle.unanswered(), now);
    }

    /// Takes a certain connection on which answers are on their way, if it is in the pool.
    pub(crate) fn reclaim(&mut self, is_it: impl Fn(&L) -> bool, now: Instant) -> Option<Idle<L>> {
        self.serve(now);
        if self.is_closed() {
            return None;
        }
        let at = self.unsettled.iter().position(|idle| is_it(&idle.link))?;
        self.leased += 1;
        self.unsettled.remove(at)
    }

    /// Returns whether there are connections on which answers are on their way.
    pub(crate) fn has_unsettled(&self) -> bool {
        !self.unsettled.is_empty()
    }

    /// Takes a connection on which the rest of a write is unread, unless a caller has waited for it in vain. Waiters without a
    /// connection have been offered it, so none is overtaken.
    pub(crate) fn take_unread(&mut self, is_unread: impl Fn(&L) -> bool, now: Instant) -> Option<Idle<L>> {
        self.serve(now);
        if self.is_closed() {
            return None;
        }
        let suits = |idle: &Idle<L>| !idle.is_slow(now) && is_unread(&idle.link);
        let at = self.unsettled.iter().position(suits)?;
        self.leased += 1;
        self.tending += 1;
        self.unsettled.remove(at)
    }

    /// A call that has [taken](Self::take_unread) such a connection is done with that: it has given the connection back, or
    /// leases it.
    pub(crate) fn end_tending(&mut self) {
        self.tending -= 1;
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

/// Evidence of dead connections.
impl<L, O> Slots<L, O> {
    /// A connection was found dead that had been unused since `since`, or used later: all that have been idle as long
    /// must be probed before they are handed out.
    pub(crate) fn suspect(&mut self, since: Instant, now: Instant) {
        self.suspected = self.suspected.max(Some(since));
        let tickets = self.queue.tickets();
        for ticket in tickets {
            if self.is_assigned_a_suspect(ticket) {
                self.take_back(ticket);
            }
        }
        self.serve(now);
    }
}

/// The end of the pool.
impl<L, O> Slots<L, O> {
    /// Hands nothing out any more. Returns the idle connections; `None` if the pool was closed before.
    pub(crate) fn close(&mut self) -> Option<Vec<L>> {
        if self.is_closed() {
            return None;
        }
        self.phase = Phase::Closing;
        let tickets = self.queue.tickets();
        for ticket in &tickets {
            while self.take_back(*ticket) {}
        }
        tickets
            .into_iter()
            .for_each(|ticket| self.effects.wake.push(ticket));
        let half_open = self.half_open.drain(..).map(|idle| idle.link);
        self.effects.abandon.extend(half_open);
        let idle = self.ready.drain(..).chain(self.unsettled.drain(..));
        Some(idle.map(|idle| idle.link).collect())
    }

    /// Returns the connections that have come back since [`close`](Self::close) with answers on their way.
    pub(crate) fn take_unsettled(&mut self) -> Vec<L> {
        self.unsettled.drain(..).map(|idle| idle.link).collect()
    }

    /// Returns whether a call that has not noticed the end yet holds a connection with answers on their way.
    pub(crate) fn is_settling(&self) -> bool {
        let settles = |entry: &Entry<L, O>| entry.holds != Priority::Nothing && !entry.opening;
        self.tending > 0 || self.queue.any(settles)
    }

    /// Finishes nothing any more: what comes back is discarded.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Closed;
    }
}

#[cfg(test)]
mod tests;
