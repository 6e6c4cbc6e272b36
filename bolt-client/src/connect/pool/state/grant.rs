//! What is assigned to waiters, and its priority.

use std::time::{Duration, Instant};

use crate::deadline::Deadline;

/// A connection that is not in use: `L` if it is open, `O` if it is being opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Idle<T> {
    pub(crate) link: T,
    /// When it was last used.
    pub(crate) since: Instant,
    /// When it becomes too old to be handed out.
    pub(crate) expires: Deadline,
    /// A caller gave up waiting for it. Until this instant it is handed out only if there is no other.
    slow_until: Option<Instant>,
    /// A caller has to wait for its next answer: it must not stay in the pool.
    unanswered: bool,
}

/// How long a connection ranks after new ones if a caller gave up waiting for it.
const SLOW_FOR: Duration = Duration::from_secs(10);

/// What is assigned to a waiter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grant<L, O> {
    /// A connection that can be used as it is.
    Ready(Idle<L>),
    /// A connection that must be probed before its use.
    Unproven(Idle<L>),
    /// A connection whose opening an earlier call began.
    HalfOpen(Idle<O>),
    /// A connection on which answers are on their way that must be read first.
    Unsettled(Idle<L>),
    /// The right to open a new connection.
    Slot,
}

/// How good a grant is for a waiter. The best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// A connection that is ready.
    Ready,
    /// A connection that will be ready: it is being opened, answers a probe, or the leftovers of an earlier lease are
    /// read.
    Soon,
    /// A connection that should be ready by now: an answer or an opening takes longer than a caller's patience.
    Overdue,
    Nothing,
}

impl<T> Idle<T> {
    pub(crate) const fn new(link: T, since: Instant, expires: Deadline) -> Self {
        Self {
            link,
            since,
            expires,
            slow_until: None,
            unanswered: false,
        }
    }

    /// Marks a connection whose next answer a caller has to wait for.
    pub(super) fn unanswered(mut self) -> Self {
        self.unanswered = true;
        self
    }

    /// Returns whether a caller has to wait for its next answer.
    pub(super) const fn is_unanswered(&self) -> bool {
        self.unanswered
    }

    /// Marks a connection that a caller gave up waiting for.
    pub(crate) fn slow(mut self, now: Instant) -> Self {
        self.slow_until = now.checked_add(SLOW_FOR);
        self
    }

    /// Returns whether it is handed out only if there is no other.
    pub(crate) fn is_slow(&self, now: Instant) -> bool {
        self.slow_until.is_some_and(|until| now < until)
    }
}

impl<L, O> Grant<L, O> {
    /// Returns whether it is for a connection that is not open yet.
    pub(super) const fn is_opening(&self) -> bool {
        matches!(self, Self::HalfOpen(_) | Self::Slot)
    }
}
