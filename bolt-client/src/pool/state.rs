//! Which connections there are and who gets them: a pure decider, without clock, wakers or sockets.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Instant;

/// Names a waiter. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// What a caller is given.
#[derive(Debug)]
pub(crate) enum Grant<L> {
    /// A connection that can be used as it is, and since when it has been idle.
    Ready { link: L, idle_since: Instant },
    /// A connection on which answers are on their way that must be read first.
    Unsettled(L),
    /// A connection that somebody began to open.
    HalfOpen(L),
    /// The right to open a new one.
    Slot,
}

/// How many connections a pool has, and in what state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PoolCounts {
    /// Connections that calls are using.
    pub in_use: usize,
    /// Connections that wait for a call, ready or about to be.
    pub idle: usize,
    /// Connections that are being opened.
    pub opening: usize,
    /// Calls that wait for a connection.
    pub waiting: usize,
}

impl fmt::Display for PoolCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            in_use,
            idle,
            opening,
            waiting,
        } = self;
        write!(
            f,
            "{in_use} in use, {idle} idle, {opening} opening, {waiting} waiting"
        )
    }
}

/// The connections of one address. At most `max` of them exist at any time, those being opened included.
///
/// Whoever asks while others wait joins the queue behind them; what comes back goes straight to the first in the
/// queue, so nobody can overtake. Of the idle ones the last used is handed out first, and those that are not ready
/// last.
#[derive(Debug)]
pub(crate) struct Slots<L> {
    max: usize,
    ready: Vec<(L, Instant)>,
    unsettled: VecDeque<L>,
    half_open: VecDeque<L>,
    /// Slots in the hands of callers, whatever they hold.
    leased: usize,
    /// Of these, how many are for connections that are being opened.
    leased_opening: usize,
    waiters: VecDeque<Ticket>,
    grants: BTreeMap<Ticket, Grant<L>>,
    next_ticket: u64,
    closed: bool,
}

/// What the asynchronous part has to do about a decision.
#[derive(Debug)]
#[must_use = "a waiter that is not woken waits for ever"]
pub(crate) struct Then<L> {
    /// Wake this waiter: its grant is there.
    pub(crate) wake: Option<Ticket>,
    /// This connection is no longer wanted.
    pub(crate) discard: Option<L>,
}

impl<L> Slots<L> {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            max,
            ready: Vec::new(),
            unsettled: VecDeque::new(),
            half_open: VecDeque::new(),
            leased: 0,
            leased_opening: 0,
            waiters: VecDeque::new(),
            grants: BTreeMap::new(),
            next_ticket: 0,
            closed: false,
        }
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn counts(&self) -> PoolCounts {
        PoolCounts {
            in_use: self.leased - self.leased_opening,
            idle: self.ready.len() + self.unsettled.len(),
            opening: self.leased_opening + self.half_open.len(),
            waiting: self.waiters.len(),
        }
    }

    /// Something for a caller at once, unless others wait already or everything is in use.
    pub(crate) fn acquire(&mut self) -> Option<Grant<L>> {
        if !self.waiters.is_empty() || self.closed {
            return None;
        }
        self.take()
    }

    /// Joins the queue.
    pub(crate) fn enqueue(&mut self) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.waiters.push_back(ticket);
        ticket
    }

    /// What a waiter has been given, if its turn has come.
    pub(crate) fn collect(&mut self, ticket: Ticket) -> Option<Grant<L>> {
        self.grants.remove(&ticket)
    }

    /// A waiter goes. What it may have been given meanwhile goes to the next.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Then<L> {
        self.waiters.retain(|waiter| *waiter != ticket);
        match self.grants.remove(&ticket) {
            None => Then {
                wake: None,
                discard: None,
            },
            Some(Grant::Ready { link, idle_since }) => self.give_back_ready(link, idle_since),
            Some(Grant::Unsettled(link)) => self.give_back_unsettled(link),
            Some(Grant::HalfOpen(link)) => self.give_back_half_open(link),
            Some(Grant::Slot) => self.give_up_opening(),
        }
    }

    /// A caller returns a connection that is ready.
    pub(crate) fn give_back_ready(&mut self, link: L, idle_since: Instant) -> Then<L> {
        self.leased -= 1;
        if self.closed {
            return Then {
                wake: None,
                discard: Some(link),
            };
        }
        self.ready.push((link, idle_since));
        self.serve()
    }

    /// A caller returns a connection on which answers are on their way.
    pub(crate) fn give_back_unsettled(&mut self, link: L) -> Then<L> {
        self.leased -= 1;
        if self.closed {
            return Then {
                wake: None,
                discard: Some(link),
            };
        }
        self.unsettled.push_back(link);
        self.serve()
    }

    /// A caller leaves a connection that it began to open, or carried on opening.
    pub(crate) fn give_back_half_open(&mut self, link: L) -> Then<L> {
        self.leased -= 1;
        self.leased_opening -= 1;
        if self.closed {
            return Then {
                wake: None,
                discard: Some(link),
            };
        }
        self.half_open.push_back(link);
        self.serve()
    }

    /// A caller closes the connection that it had.
    pub(crate) fn give_up(&mut self) -> Then<L> {
        self.leased -= 1;
        self.serve()
    }

    /// A caller closes the connection that it was opening.
    pub(crate) fn give_up_opening(&mut self) -> Then<L> {
        self.leased_opening -= 1;
        self.give_up()
    }

    /// A caller's connection is open now.
    pub(crate) fn opened(&mut self) {
        self.leased_opening -= 1;
    }

    /// A caller's connection turned out to be of no use; it opens another in its place.
    pub(crate) fn reopen(&mut self) {
        self.leased_opening += 1;
    }

    /// Nothing is handed out any more. Returns what was idle, the ready ones first, and who waited.
    pub(crate) fn close(&mut self) -> (Vec<L>, Vec<Ticket>) {
        self.closed = true;
        let links = self.ready.drain(..).map(|(link, _)| link);
        let links = links
            .chain(self.unsettled.drain(..))
            .chain(self.half_open.drain(..))
            .collect();
        (links, self.waiters.drain(..).collect())
    }

    /// Gives the first waiter what there is.
    fn serve(&mut self) -> Then<L> {
        let mut then = Then {
            wake: None,
            discard: None,
        };
        if self.closed {
            return then;
        }
        if let Some(&ticket) = self.waiters.front() {
            if let Some(grant) = self.take() {
                self.waiters.pop_front();
                self.grants.insert(ticket, grant);
                then.wake = Some(ticket);
            }
        }
        then
    }

    /// The best there is: ready, or a new one, or one that has to be waited for.
    fn take(&mut self) -> Option<Grant<L>> {
        let grant = if let Some((link, idle_since)) = self.ready.pop() {
            Grant::Ready { link, idle_since }
        } else if let Some(link) = self.half_open.pop_front() {
            Grant::HalfOpen(link)
        } else if let Some(link) = self.unsettled.pop_front() {
            Grant::Unsettled(link)
        } else if self.leased < self.max {
            Grant::Slot
        } else {
            return None;
        };
        self.leased += 1;
        if matches!(grant, Grant::HalfOpen(_) | Grant::Slot) {
            self.leased_opening += 1;
        }
        Some(grant)
    }
}

#[cfg(test)]
mod tests;
