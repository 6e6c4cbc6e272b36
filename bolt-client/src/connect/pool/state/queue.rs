//! The queue of waiters, and its books.

use std::collections::BTreeSet;
use std::mem;

use super::grant::{Grant, Priority};
use super::ticket::{ByTicket, Ticket, Tickets};

/// The waiters in their order.
#[derive(Debug)]
pub(super) struct Queue<L, O> {
    entries: ByTicket<Entry<L, O>>,
    /// Those to which something better can be assigned, by what they have. Without it, each connection that comes back would
    /// be offered to all that have theirs already, and each that can be opened to all that are opening one.
    wanting: Wanting,
    tickets: Tickets,
}

/// The waiters that do not have a ready connection, by the priority of what they have.
#[derive(Debug)]
struct Wanting {
    soon: BTreeSet<Ticket>,
    overdue: BTreeSet<Ticket>,
    nothing: BTreeSet<Ticket>,
}

/// A waiter in the queue.
#[derive(Debug)]
pub(super) struct Entry<L, O> {
    /// What it is preparing.
    pub(super) holds: Priority,
    pub(super) opening: bool,
    /// What was assigned to it.
    pub(super) assigned: Assigned<L, O>,
    /// What was assigned before that, and has not been collected either. Passed on at once, it might never be collected by any
    /// waiter while many connections come back, and so never be opened, or answer.
    superseded: Option<(Priority, Grant<L, O>)>,
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
            entries: ByTicket::new(),
            wanting: Wanting {
                soon: BTreeSet::new(),
                overdue: BTreeSet::new(),
                nothing: BTreeSet::new(),
            },
            tickets: Tickets::new(),
        }
    }

    /// Adds a waiter at the end.
    pub(super) fn join(&mut self) -> Ticket {
        let ticket = self.tickets.next();
        self.wanting.nothing.insert(ticket);
        self.entries.insert(ticket, Entry::default());
        ticket
    }

    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Entry<L, O>> {
        let entry = self.entries.remove(ticket)?;
        self.tickets.take_back(ticket);
        if let Some(present) = self.wanting.of(entry.priority()) {
            present.remove(&ticket);
        }
        Some(entry)
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Entry<L, O>> {
        self.entries.get(ticket)
    }

    /// Changes what is known of a waiter.
    pub(super) fn update<T>(
        &mut self,
        ticket: Ticket,
        change: impl FnOnce(&mut Entry<L, O>) -> T,
    ) -> Option<T> {
        let entry = self.entries.get_mut(ticket)?;
        let before = entry.priority();
        let changed = change(entry);
        let after = entry.priority();
        if before != after {
            if let Some(present) = self.wanting.of(before) {
                present.remove(&ticket);
            }
            if let Some(next) = self.wanting.of(after) {
                next.insert(ticket);
            }
        }
        Some(changed)
    }

    /// Returns whether something better can be assigned to any waiter.
    pub(super) fn is_wanting(&self) -> bool {
        self.wanting.first_below(Priority::Ready).is_some()
    }

    /// Returns the first waiter that has something worse than this, or nothing.
    pub(super) fn first_below(&self, priority: Priority) -> Option<(Ticket, &Entry<L, O>)> {
        let ticket = self.wanting.first_below(priority)?;
        Some((ticket, self.entries.get(ticket)?))
    }

    /// Returns how many waiters have nothing in sight.
    pub(super) fn waiting(&self) -> usize {
        self.wanting.nothing.len()
    }

    /// Returns all waiters in their order.
    pub(super) fn tickets(&self) -> Vec<Ticket> {
        let mut tickets: Vec<_> = self.entries.iter().map(|(ticket, _)| ticket).collect();
        tickets.sort_unstable();
        tickets
    }

    pub(super) fn any(&self, is_it: impl Fn(&Entry<L, O>) -> bool) -> bool {
        self.entries.iter().any(|(_, entry)| is_it(entry))
    }
}

impl Wanting {
    /// Returns those that have something of this priority. `None` for a ready connection: nothing is better.
    const fn of(&mut self, priority: Priority) -> Option<&mut BTreeSet<Ticket>> {
        match priority {
            Priority::Ready => None,
            Priority::Soon => Some(&mut self.soon),
            Priority::Overdue => Some(&mut self.overdue),
            Priority::Nothing => Some(&mut self.nothing),
        }
    }

    fn first_below(&self, priority: Priority) -> Option<Ticket> {
        let worse: &[_] = match priority {
            Priority::Ready => &[&self.soon, &self.overdue, &self.nothing],
            Priority::Soon => &[&self.overdue, &self.nothing],
            Priority::Overdue => &[&self.nothing],
            Priority::Nothing => &[],
        };
        worse.iter().filter_map(|waiters| waiters.first()).min().copied()
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

    /// Assigns something better. Returns what is passed on because of that, and whether the waiter must be woken. A right to
    /// open a connection is passed on unless `others_need` one.
    pub(super) fn assign(
        &mut self,
        priority: Priority,
        grant: Grant<L, O>,
        others_need: bool,
    ) -> (Option<Grant<L, O>>, bool) {
        match mem::replace(&mut self.assigned, Assigned::Uncollected(priority, grant)) {
            Assigned::Uncollected(_, Grant::Slot) if !others_need => (Some(Grant::Slot), false),
            Assigned::Uncollected(priority, worse) if self.superseded.is_none() => {
                self.superseded = Some((priority, worse));
                (None, false)
            }
            Assigned::Uncollected(_, worse) => (Some(worse), false),
            Assigned::Nothing | Assigned::LookingAtReady => (None, true),
        }
    }

    /// Collects what was assigned, the first first.
    pub(super) fn collect(&mut self) -> Option<Grant<L, O>> {
        if let Some((priority, grant)) = self.superseded.take() {
            self.prepare(priority, &grant);
            return Some(grant);
        }
        match mem::replace(&mut self.assigned, Assigned::Nothing) {
            Assigned::Uncollected(priority, grant) => {
                if priority == Priority::Ready {
                    self.assigned = Assigned::LookingAtReady;
                } else {
                    self.prepare(priority, &grant);
                }
                Some(grant)
            }
            other => {
                self.assigned = other;
                None
            }
        }
    }

    const fn prepare(&mut self, priority: Priority, grant: &Grant<L, O>) {
        self.holds = priority;
        self.opening = grant.is_opening();
    }

    /// Takes back what was assigned last and has not been collected.
    pub(super) fn take_back(&mut self) -> Option<Grant<L, O>> {
        let Assigned::Uncollected(..) = &self.assigned else {
            return None;
        };
        let before = match self.superseded.take() {
            Some((priority, grant)) => Assigned::Uncollected(priority, grant),
            None => Assigned::Nothing,
        };
        match mem::replace(&mut self.assigned, before) {
            Assigned::Uncollected(_, grant) => Some(grant),
            Assigned::Nothing | Assigned::LookingAtReady => None,
        }
    }

    /// Returns whether something is assigned that has not been collected.
    pub(super) const fn has_uncollected(&self) -> bool {
        matches!(self.assigned, Assigned::Uncollected(..))
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
            superseded: None,
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

    const RULES: Rules = Rules {
        max: 0,
        probe_after: None,
        max_waiting: None,
        min_idle: 0,
        max_idle: None,
        opens_for_others: false,
    };

    /// Otherwise a pool with many sessions would look at all of them whenever one is done.
    #[test]
    fn a_connection_that_comes_back_is_not_offered_to_waiters_that_have_one_assigned() {
        const CONNECTIONS: u32 = 100;
        let rules = Rules {
            max: CONNECTIONS as usize,
            ..RULES
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
        let woken: Vec<Ticket> = slots.effects().wake.iter().collect();
        assert_eq!(woken, waiters[..waiters.len() - 1]);
        let last = waiters[waiters.len() - 1];
        assert_eq!(first_below(&slots, Priority::Ready).unwrap(), last);
        // One that rejects its connection opens another, and prefers any that is ready earlier.
        slots.collect(waiters[3]);
        slots.reject(waiters[3], now);
        assert_eq!(first_below(&slots, Priority::Ready).unwrap(), waiters[3]);
        assert_eq!(slots.queue.waiting(), 1);
        slots.leave(waiters[3], now);
        slots.leave(last, now);
        assert!(first_below(&slots, Priority::Ready).is_none());
        assert_eq!(slots.queue.waiting(), 0);
    }

    /// Otherwise a pool with many connections would look at all that are being opened whenever another can be.
    #[test]
    fn what_can_be_opened_is_not_offered_to_waiters_that_open_a_connection() {
        const CONNECTIONS: usize = 100;
        let rules = Rules {
            max: CONNECTIONS + 1,
            ..RULES
        };
        let (mut slots, now) = (Slots::<u32, u32>::new(rules), Instant::now());
        let opening: Vec<Ticket> = (0..CONNECTIONS).map(|_| slots.enqueue(now)).collect();
        for ticket in &opening {
            assert_eq!(slots.collect(*ticket), Some(Grant::Slot));
        }
        assert!(slots.queue.first_below(Priority::Soon).is_none());
        assert_eq!(first_below(&slots, Priority::Ready), Some(opening[0]));
        slots.mark_overdue(opening[7], now);
        // The room for one more was for it.
        assert_eq!(first_below(&slots, Priority::Soon), None);
        slots.mark_overdue(opening[8], now);
        assert_eq!(first_below(&slots, Priority::Soon), Some(opening[8]));
        assert_eq!(first_below(&slots, Priority::Overdue), None);
        let last = slots.enqueue(now);
        assert_eq!(first_below(&slots, Priority::Overdue), Some(last));
        assert_eq!(slots.queue.waiting(), 1);
    }

    fn first_below(slots: &Slots<u32, u32>, priority: Priority) -> Option<Ticket> {
        slots.queue.first_below(priority).map(|(ticket, _)| ticket)
    }
}
