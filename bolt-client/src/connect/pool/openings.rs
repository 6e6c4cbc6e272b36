//! Connections that one waiter is opening.

use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::connect::link::Link;
use crate::connect::open::Opening;
use crate::deadline::{Alarm, Deadline};
use crate::error::Error;
use crate::runtime::Runtime;

use super::Idle;

/// The connections that one waiter is opening: usually one. If that takes too long, the waiter begins another and
/// watches both, since nothing distinguishes a hung opening from a slow server. The remaining ones go back to the
/// pool.
#[derive(Default)]
pub(super) struct Openings {
    /// The newest is last.
    held: Vec<HeldOpening>,
    /// The pool knows that they take too long, and has not had anything better since.
    late: bool,
    /// How often the waiter's patience has ended.
    times_overdue: u32,
}

/// One of them.
pub(super) struct HeldOpening {
    pub(super) opening: Box<Opening>,
    /// When an earlier call, which began it, left it to the pool.
    pub(super) inherited: Option<Instant>,
}

/// What happens to openings that take too long.
pub(super) enum Verdict {
    /// Something has arrived meanwhile.
    Continue,
    /// Another opening would be better.
    OpenAnother,
    /// The only one is given up after the waiter has waited this long for it, since there is no room for another.
    GaveUp(Duration),
}

impl Openings {
    /// Adds an opening. `late`: other callers gave up waiting for it, and nothing else is available.
    pub(super) fn add(
        &mut self,
        opening: Box<Opening>,
        inherited: Option<Instant>,
        late: bool,
        now: Instant,
    ) {
        self.held.push(HeldOpening::new(opening, inherited, now));
        self.late = late;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Returns when something else must be tried; see [`check_patience`](Self::check_patience). Openings expire by
    /// themselves, with an error.
    pub(super) fn limit(&self, patience: Duration) -> Deadline {
        if planted!(NoPatienceForOpenings) {
            return Deadline::NONE;
        }
        let patience = patience.saturating_mul(1 << self.times_overdue.min(16));
        match &*self.held {
            [.., newest] if !self.late => newest.opening.has_waited_at(patience),
            // Replacing the opening loses its progress, so only this waiter's own wait counts.
            [only] if only.inherited.is_some() => only.opening.caller_has_waited_at(patience),
            _ => Deadline::NONE,
        }
    }

    /// Checks whether the [limit](Self::limit) has passed, and returns what follows.
    pub(super) fn check_patience(&mut self, patience: Duration, now: Instant) -> Verdict {
        if !self.limit(patience).has_passed(now) {
            return Verdict::Continue;
        }
        let Some(newest) = self.held.last() else {
            return Verdict::Continue;
        };
        if self.late {
            let waited = newest.opening.waited(now);
            self.held.clear();
            return Verdict::GaveUp(waited);
        }
        newest.opening.try_its_address_last(now);
        self.late = true;
        self.times_overdue += 1;
        Verdict::OpenAnother
    }

    /// Polls all of them, until one is complete or has failed, which is removed. Transports that block may take
    /// `read_for` in total.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        by: Deadline,
        read_for: Duration,
        runtime: &dyn Runtime,
        alarm: &mut Alarm,
    ) -> Poll<(HeldOpening, Result<Link, Error>)> {
        let read_for = read_for / u32::try_from(self.held.len().max(1)).unwrap_or(u32::MAX);
        loop {
            for at in 0..self.held.len() {
                let Some(held) = self.held.get_mut(at) else { break };
                if let Poll::Ready(opened) = held.opening.poll(cx, by, read_for, runtime) {
                    return Poll::Ready((self.held.remove(at), opened));
                }
            }
            let moves = self.held.iter().map(|held| held.opening.attempt_deadline());
            let next = moves.fold(Deadline::NONE, Deadline::earlier);
            ready!(alarm.poll(cx, runtime, next));
            if !next.has_passed(runtime.now()) {
                // The call is cancelled, which its caller sees, too.
                return Poll::Pending;
            }
        }
    }

    /// Returns what goes back to the pool, and the number of openings that are dropped.
    pub(super) fn release_held(self, patience: Duration, now: Instant) -> (Vec<Idle<Box<Opening>>>, usize) {
        release(self.held, patience, now)
    }
}

impl HeldOpening {
    /// Begins to wait for an opening.
    pub(super) fn new(mut opening: Box<Opening>, inherited: Option<Instant>, now: Instant) -> Self {
        opening.begin_wait(now);
        Self { opening, inherited }
    }
}

/// Returns what goes back to the pool of these, and the number of openings that are dropped.
pub(super) fn release(
    held: impl IntoIterator<Item = HeldOpening>,
    patience: Duration,
    now: Instant,
) -> (Vec<Idle<Box<Opening>>>, usize) {
    let (half_open, over): (Vec<HeldOpening>, Vec<HeldOpening>) =
        held.into_iter().partition(|held| held.opening.is_under_way());
    let idle = half_open.into_iter().map(|held| {
        let mut opening = held.opening;
        opening.end_wait(now);
        let is_late = opening.waited(now) >= patience && !planted!(NoPatienceForOpenings);
        let expires = opening.expires();
        let idle = Idle::new(opening, now, expires);
        if is_late { idle.slow(now) } else { idle }
    });
    (idle.collect(), over.len())
}
