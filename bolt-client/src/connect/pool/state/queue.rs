//! The queue of waiters, and its books.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::Ticket;
use super::grant::{Grant, Priority};

/// The waiters in their order.
#[derive(Debug)]
pub(super) struct Queue<L, O> {
    entries: BTreeMap<Ticket, Entry<L, O>>,
    /// Those to which something better can be assigned. Without it, each connection that comes back would be offered to all
    /// that have not collected theirs yet.
    wanting: BTreeSet<Ticket>,
    /// How many have nothing in sight.
    waiting: usize,
    next_ticket: u64,
}

/// A waiter in the queue.
#[derive(Debug)]
pub(super) struct Entry<L, O> {
    /// What it is preparing.
    pub(super) holds: Priority,
    pub(super) opening: bool,
    /// What was assigned to it.
    pub(super) assigned: Assigned<L, O>,
    /// It gave up waiting for an existing connection, so a new one is better than another of that kind.
    pub(super) prefers_new: bool,
}

#[derive(Debug)]
pub(super) enum Assigned<L, O> {
    Nothing,
    /// Not collected yet.
    Uncollected(Priority, Grant<L, O>),
    /// A ready connection, which the waiter is checking.
    LookingAtReady,
}

impl<L, O> Queue<L, O> {
    pub(super) const fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            wanting: BTreeSet::new(),
            waiting: 0,
            next_ticket: 0,
        }
    }

    /// Adds a waiter at the end.
    pub(super) fn join(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiting += 1;
        self.wanting.insert(ticket);
        self.entries.insert(ticket, Entry::default());
        ticket
    }

    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Entry<L, O>> {
        let entry = self.entries.remove(&ticket)?;
        self.waiting -= usize::from(entry.priority() == Priority::Nothing);
        self.wanting.remove(&ticket);
        Some(entry)
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Entry<L, O>> {
        self.entries.get(&ticket)
    }

    /// Changes what is known of a waiter.
    pub(super) fn update<T>(
        &mut self,
        ticket: Ticket,
        change: impl FnOnce(&mut Entry<L, O>) -> T,
    ) -> Option<T> {
        let entry = self.entries.get_mut(&ticket)?;
        let before = entry.priority();
        let changed = change(entry);
        let after = entry.priority();
        self.waiting -= usize::from(before == Priority::Nothing);
        self.waiting += usize::from(after == Priority::Nothing);
        match (before, after) {
            (Priority::Ready, Priority::Ready) => {}
            (Priority::Ready, _) => {
                self.wanting.insert(ticket);
            }
            (_, Priority::Ready) => {
                self.wanting.remove(&ticket);
            }
            _ => {}
        }
        Some(changed)
    }

    /// Returns the first waiter from this ticket on to which something better can be assigned.
    pub(super) fn wanting_from(&self, ticket: Ticket) -> Option<(Ticket, &Entry<L, O>)> {
        let ticket = *self.wanting.range(ticket..).next()?;
        Some((ticket, self.entries.get(&ticket)?))
    }

    /// Returns how many waiters have nothing in sight.
    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn tickets(&self) -> Vec<Ticket> {
        self.entries.keys().copied().collect()
    }

    pub(super) fn any(&self, is_it: impl Fn(&Entry<L, O>) -> bool) -> bool {
        self.entries.values().any(is_it)
    }
}

impl<L, O> Entry<L, O> {
    /// The better of what it holds and what was assigned to it.
    pub(super) const fn priority(&self) -> Priority {
        match &self.assigned {
            Assigned::Nothing => self.holds,
            Assigned::Uncollected(priority, _) => *priority,
            Assigned::LookingAtReady => Priority::Ready,
        }
    }

    /// Collects what was assigned.
    pub(super) fn collect(&mut self) -> Option<Grant<L, O>> {
        match mem::replace(&mut self.assigned, Assigned::Nothing) {
            Assigned::Uncollected(priority, grant) => {
                if priority == Priority::Ready {
                    self.assigned = Assigned::LookingAtReady;
                } else {
                    self.holds = priority;
                    self.opening = grant.is_opening();
                }
                Some(grant)
            }
            other => {
                self.assigned = other;
                None
            }
        }
    }

    /// Takes back what was assigned and has not been collected.
    pub(super) fn take_back(&mut self) -> Option<Grant<L, O>> {
        match mem::replace(&mut self.assigned, Assigned::Nothing) {
            Assigned::Uncollected(_, grant) => Some(grant),
            other => {
                self.assigned = other;
                None
            }
        }
    }

    /// Forgets what it is preparing. Returns whether it was opening a connection.
    pub(super) fn clear_held(&mut self) -> bool {
        self.holds = Priority::Nothing;
        mem::replace(&mut self.opening, false)
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
mod tests {
    use std::time::Instant;

    use super::super::{Idle, Rules, Slots};
    use super::*;
    use crate::deadline::Deadline;

    /// Otherwise a pool with many sessions would look at all of them whenever one is done.
    #[test]
    fn a_connection_that_comes_back_is_not_offered_to_waiters_that_have_one_assigned() {
        const CONNECTIONS: u32 = 100;
        let rules = Rules {
            max: CONNECTIONS as usize,
            probe_after: None,
            max_waiting: None,
            min_idle: 0,
            max_idle: None,
        };
        let (mut slots, now) = (Slots::<u32, u32>::new(rules), Instant::now());
        for _ in 0..CONNECTIONS {
            let ticket = slots.enqueue(now);
            slots.collect(ticket);
            slots.opened(ticket, now);
        }
        let _woken = slots.effects();
        let waiters: Vec<Ticket> = (0..=CONNECTIONS).map(|_| slots.enqueue(now)).collect();
        for link in 0..CONNECTIONS {
            slots.give_back_ready(Idle::new(link, now, Deadline::NONE), now);
        }
        assert_eq!(slots.effects().wake, waiters[..waiters.len() - 1]);
        let last = waiters[waiters.len() - 1];
        assert_eq!(slots.queue.wanting_from(waiters[0]).unwrap().0, last);
        // One that rejects its connection opens another, and prefers any that is ready earlier.
        slots.collect(waiters[3]);
        slots.reject(waiters[3], now);
        assert_eq!(slots.queue.wanting_from(waiters[0]).unwrap().0, waiters[3]);
        assert_eq!(slots.queue.waiting(), 1);
        slots.leave(waiters[3], now);
        slots.leave(last, now);
        assert!(slots.queue.wanting_from(waiters[0]).is_none());
        assert_eq!(slots.queue.waiting(), 0);
    }
}
