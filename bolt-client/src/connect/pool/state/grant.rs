//! What callers are given, and what it is worth to them.

use std::time::{Duration, Instant};

use crate::deadline::Deadline;

/// A connection that nobody uses: `L` if it is open, `O` if it is being opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Idle<T> {
    pub(crate) link: T,
    /// Since when nobody has used it.
    pub(crate) since: Instant,
    /// When it becomes too old to be handed out.
    pub(crate) expires: Deadline,
    /// Somebody has waited for it in vain. Until then it is handed out only where there is nothing else.
    slow_until: Option<Instant>,
    /// Somebody has to wait for its next answer: it does not lie in the pool.
    unanswered: bool,
}

/// How long a connection that somebody waited for in vain ranks behind new ones.
const SLOW_FOR: Duration = Duration::from_secs(10);

/// What a caller is given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grant<L, O> {
    /// A connection that can be used as it is.
    Ready(Idle<L>),
    /// One that has been idle for so long that it must prove itself first.
    Unproven(Idle<L>),
    /// One that somebody began to open.
    HalfOpen(Idle<O>),
    /// One on which answers are on their way that must be read first.
    Unsettled(Idle<L>),
    /// The right to open a new one.
    Slot,
}

/// What somebody has in hand, or could have. The best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Priority {
    /// A connection that is ready.
    Ready,
    /// One that will be: it is being opened, answers a probe, or what an earlier lease left on it is read.
    Soon,
    /// One that ought to be ready by now, and is not: an answer or an opening that takes longer than a caller has patience.
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

    /// Somebody has to wait for its next answer.
    pub(super) fn unanswered(mut self) -> Self {
        self.unanswered = true;
        self
    }

    /// Whether somebody has to wait for its next answer.
    pub(super) const fn is_unanswered(&self) -> bool {
        self.unanswered
    }

    /// Somebody has waited for it in vain.
    pub(crate) fn slow(mut self, now: Instant) -> Self {
        self.slow_until = now.checked_add(SLOW_FOR);
        self
    }

    /// Whether it is handed out only where there is nothing else.
    pub(crate) fn is_slow(&self, now: Instant) -> bool {
        self.slow_until.is_some_and(|until| now < until)
    }
}

impl<L, O> Grant<L, O> {
    /// Whether it is for a connection that is not open yet.
    pub(super) const fn is_opening(&self) -> bool {
        matches!(self, Self::HalfOpen(_) | Self::Slot)
    }
}
