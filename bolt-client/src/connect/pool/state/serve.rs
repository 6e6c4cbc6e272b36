//! How the decider assigns connections.

use std::mem;
use std::time::Instant;

use crate::deadline::Deadline;

use super::grant::Priority;
use super::{Assigned, Effects, Entry, Grant, Idle, Slots, Ticket};

/// Where a grant is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Ready,
    Unproven,
    HalfOpen(usize),
    Unsettled(usize),
    Slot,
}

impl<L, O> Slots<L, O> {
    /// Discards what has expired. Then assigns to each waiter, in the order of the queue, the best grant there is, if
    /// that is better than what the waiter has. Unanswered connections that no waiter took are discarded.
    pub(super) fn serve(&mut self, now: Instant) {
        if self.is_closed() {
            return;
        }
        self.serve_queue(now);
        if self.discard_unanswered() {
            self.serve_queue(now);
        }
    }

    fn serve_queue(&mut self, now: Instant) {
        self.discard_expired(now);
        while let Some((ticket, priority, grant)) = self.next_grant(now) {
            self.assign(ticket, priority, grant);
            // What the waiter had not collected may have expired meanwhile.
            self.discard_expired(now);
        }
    }

    /// Takes the best grant there is for the first waiter that has something worse.
    fn next_grant(&mut self, now: Instant) -> Option<(Ticket, Priority, Grant<L, O>)> {
        if !self.queue.is_wanting() {
            return None;
        }
        // Its priority is the same for all waiters, although not all prefer the same of several grants that have it.
        let (best, source) = self.best(false, now)?;
        let (ticket, waiter) = self.queue.first_below(best)?;
        let source = if waiter.prefers_new {
            self.best(true, now)?.1
        } else {
            source
        };
        Some((ticket, best, self.take(source)?))
    }

    fn assign(&mut self, ticket: Ticket, priority: Priority, grant: Grant<L, O>) {
        let others_need = self.rules.opens_for_others && self.queue.waiting() > 0;
        let assigned = self
            .queue
            .update(ticket, |entry| entry.assign(priority, grant, others_need));
        let (passed_on, wakes) = assigned.unwrap_or_default();
        if let Some(worse) = passed_on {
            self.return_grant(worse);
        }
        if wakes {
            self.effects.wake.push(ticket);
        }
    }

    /// Returns the best grant that is available. Connections with leftovers of an earlier lease come late; those that
    /// a caller gave up waiting for come last.
    fn best(&self, prefers_new: bool, now: Instant) -> Option<(Priority, Source)> {
        // Nearly always so while there are waiters.
        if self.is_exhausted() {
            return None;
        }
        let soon = |source| Some((Priority::Soon, source));
        let idle = match self.ready.last() {
            Some(idle) if self.is_proven(idle, now) => return Some((Priority::Ready, Source::Ready)),
            Some(_) => soon(Source::Unproven),
            None => None,
        };
        let half_open = |proven: bool| {
            let fits =
                |idle: &Idle<O>| !idle.is_slow(now) && (!proven || self.is_proven_since(idle.since, now));
            let found = self.half_open.iter().position(fits);
            found.and_then(|at| soon(Source::HalfOpen(at)))
        };
        let unsettled = self.unsettled.iter().position(|idle| !idle.is_slow(now));
        let unsettled = unsettled.and_then(|at| soon(Source::Unsettled(at)));
        let slot = if self.has_room() { soon(Source::Slot) } else { None };
        let slow = match (self.half_open.front(), self.unsettled.front()) {
            (Some(_), _) => Some(Source::HalfOpen(0)),
            (None, Some(_)) => Some(Source::Unsettled(0)),
            (None, None) => None,
        };
        let slow = slow.map(|source| (Priority::Overdue, source));
        let best = if prefers_new {
            // A connection that must be probed is no better than the one whose probe this waiter gave up.
            let new = half_open(true).or(slot).or(idle).or(unsettled);
            new.or_else(|| half_open(false))
        } else {
            idle.or_else(|| half_open(false)).or(unsettled).or(slot)
        };
        best.or(slow)
    }

    fn take(&mut self, source: Source) -> Option<Grant<L, O>> {
        let grant = match source {
            Source::Ready => Grant::Ready(self.ready.pop()?),
            Source::Unproven => Grant::Unproven(self.ready.pop()?),
            Source::HalfOpen(at) => Grant::HalfOpen(self.half_open.remove(at)?),
            Source::Unsettled(at) => Grant::Unsettled(self.unsettled.remove(at)?),
            Source::Slot => Grant::Slot,
        };
        self.leased += 1;
        self.leased_opening += usize::from(grant.is_opening());
        Some(grant)
    }

    /// Takes back what was assigned last to a waiter, if it has not been collected. Returns whether there was anything.
    pub(super) fn take_back(&mut self, ticket: Ticket) -> bool {
        let grant = self.queue.update(ticket, Entry::take_back).flatten();
        let is_back = grant.is_some();
        if let Some(grant) = grant {
            self.return_grant(grant);
        }
        is_back
    }

    /// Puts an uncollected grant back where it came from.
    pub(super) fn return_grant(&mut self, grant: Grant<L, O>) {
        self.leased -= 1;
        self.leased_opening -= usize::from(grant.is_opening());
        match grant {
            Grant::Ready(idle) | Grant::Unproven(idle) => self.put_ready(idle),
            Grant::HalfOpen(idle) => {
                self.note_expiry(idle.expires);
                self.half_open.push_front(idle);
            }
            Grant::Unsettled(idle) => {
                self.note_expiry(idle.expires);
                self.unsettled.push_front(idle);
            }
            Grant::Slot => {}
        }
    }

    /// Keeps the last used on top. A connection that comes back unused keeps its older place.
    pub(super) fn put_ready(&mut self, idle: Idle<L>) {
        self.note_expiry(idle.expires);
        let below = self.ready.iter().rposition(|other| other.since <= idle.since);
        self.ready.insert(below.map_or(0, |at| at + 1), idle);
    }

    /// Returns whether all connections are in use, and no other may be opened.
    fn is_exhausted(&self) -> bool {
        self.ready.is_empty() && self.half_open.is_empty() && self.unsettled.is_empty() && !self.has_room()
    }

    /// Returns whether another connection may be opened.
    pub(super) fn has_room(&self) -> bool {
        if planted!(OvershootWhileConnecting) {
            return self.leased - self.leased_opening < self.rules.max;
        }
        let twice = usize::from(planted!(SlotHandedOutTwice));
        self.leased + self.ready.len() + self.half_open.len() + self.unsettled.len() < self.rules.max + twice
    }

    /// Returns whether a ready connection can be used without a probe.
    pub(super) fn is_proven(&self, idle: &Idle<L>, now: Instant) -> bool {
        self.is_proven_since(idle.since, now)
    }

    /// Returns whether a connection that was unused since this instant can be used without a probe.
    pub(crate) fn is_proven_since(&self, since: Instant, now: Instant) -> bool {
        let age = now.saturating_duration_since(since);
        let is_suspected = self.suspected.is_some_and(|suspected| since <= suspected);
        self.rules.probe_after.is_none_or(|limit| age <= limit) && !is_suspected
    }

    /// Returns whether a waiter has not yet collected a connection assigned as ready that must be probed now.
    pub(super) fn is_assigned_a_suspect(&self, ticket: Ticket) -> bool {
        match self.queue.get(ticket).map(|entry| &entry.assigned) {
            Some(Assigned::Uncollected(_, Grant::Ready(idle))) => {
                self.suspected.is_some_and(|since| idle.since <= since)
            }
            _ => false,
        }
    }

    /// Notes when something in the pool expires.
    pub(super) fn note_expiry(&mut self, expires: Deadline) {
        self.next_expiry = self.next_expiry.earlier(expires);
    }

    /// Discards the unanswered connections, for which there is no waiter. Returns whether there was one.
    fn discard_unanswered(&mut self) -> bool {
        let before = self.unsettled.len();
        while let Some(at) = self.unsettled.iter().position(Idle::is_unanswered) {
            let idle = self.unsettled.remove(at);
            self.effects.discard.extend(idle.map(|idle| idle.link));
        }
        self.unsettled.len() < before
    }

    /// Discards what has expired, and what was idle for too long. Looks at all of them only after the next expiry.
    fn discard_expired(&mut self, now: Instant) {
        if !self.next_expiry.has_passed(now) {
            return self.close_idle(now);
        }
        let mut next = Deadline::NONE;
        let Effects { discard, abandon, .. } = &mut self.effects;
        self.ready = unexpired(mem::take(&mut self.ready), discard, &mut next, now);
        self.unsettled = unexpired(mem::take(&mut self.unsettled), discard, &mut next, now);
        self.half_open = unexpired(mem::take(&mut self.half_open), abandon, &mut next, now);
        self.next_expiry = next;
        self.close_idle(now);
    }
}

/// Returns what has not expired yet; sets `next` to the first expiry among that.
fn unexpired<T, C>(parked: C, expired: &mut Vec<T>, next: &mut Deadline, now: Instant) -> C
where
    C: IntoIterator<Item = Idle<T>> + FromIterator<Idle<T>>,
{
    let keep = |idle: Idle<T>| {
        if idle.expires.has_passed(now) {
            expired.push(idle.link);
            return None;
        }
        *next = next.earlier(idle.expires);
        Some(idle)
    };
    parked.into_iter().filter_map(keep).collect()
}
