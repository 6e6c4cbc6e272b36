//! What a waiter gives up, and when.

use std::mem;
use std::time::Instant;

use crate::connect::link::{Claim, ReleaseOutcome};
use crate::connect::pool::openings::Verdict;
use crate::deadline::Deadline;

use super::{Preparing, Waiter};

impl Waiter {
    /// Returns when something else must be tried than what is being prepared.
    pub(super) fn limit(&self) -> Deadline {
        match &self.preparing {
            Preparing::Nothing => Deadline::NONE,
            Preparing::Settling { until, .. } => *until,
            Preparing::Opening(openings) => openings.limit(self.pool.patience()),
        }
    }

    /// The limit for what is being prepared has passed.
    pub(super) fn lose_patience(&mut self) {
        let now = self.pool.now();
        let patience = self.pool.patience();
        match &mut self.preparing {
            Preparing::Nothing => {}
            Preparing::Settling { .. } => self.set_aside(),
            Preparing::Opening(openings) => match openings.check_patience(patience, now) {
                Verdict::Continue => {}
                Verdict::OpenAnother => self.pool.decide(|slots| slots.mark_overdue(self.ticket, now)),
                Verdict::GaveUp(waited) => {
                    self.pool
                        .decide_with_patience(|_, patience| patience.gave_up(waited));
                    self.lose_opening();
                }
            },
        }
    }

    /// Leaves a connection for later whose answer does not come; closes it if it counts as dead.
    pub(super) fn set_aside(&mut self) {
        let Preparing::Settling {
            mut pooled,
            since,
            probe,
            ..
        } = mem::replace(&mut self.preparing, Preparing::Nothing)
        else {
            return;
        };
        let now = self.pool.now();
        pooled.mark_late(now);
        let is_overdue = pooled.give_up_at(&self.pool.config).has_passed(now);
        match pooled.link.release() {
            ReleaseOutcome::Ready | ReleaseOutcome::Unsettled if !is_overdue => {}
            // The server is at work, and not known to be lost.
            ReleaseOutcome::Unanswered => {
                drop(pooled);
                return self.lose();
            }
            _ => {
                drop(pooled);
                return self.lose_dead(since, false);
            }
        }
        let claim = pooled.link.claimed();
        let idle = pooled.unsettled(&self.pool.config, now);
        self.pool.decide(|slots| {
            if probe {
                slots.suspect(since, now);
                slots.probe_timed_out(self.ticket, idle, now);
            } else {
                slots.defer(self.ticket, idle, now);
            }
        });
        claim.iter().for_each(Claim::wake);
    }

    /// Drops the connection that was being prepared. The waiter keeps its turn.
    pub(super) fn lose(&mut self) {
        let now = self.pool.now();
        self.pool.decide(|slots| slots.lose(self.ticket, now));
    }

    /// Drops the connection that was being prepared, because it is dead. Others that have been idle since then may be
    /// dead, too.
    ///
    /// That a probe tells so soon is due to the server, or a firewall: then the others are probed before one is opened. But
    /// for longer than its patience no waiter begins probes.
    pub(super) fn lose_dead(&mut self, since: Instant, probe: bool) {
        let now = self.pool.now();
        let patience = self.pool.patience();
        let is_late = |begun| now.saturating_duration_since(begun) >= patience;
        let probes_next = probe && !self.probing_since.is_some_and(is_late);
        self.pool.decide(|slots| {
            slots.suspect(since, now);
            if probes_next {
                slots.lose_probed(self.ticket, now);
            } else {
                slots.lose(self.ticket, now);
            }
        });
    }

    /// One of the openings is lost.
    pub(super) fn lose_opening(&mut self) {
        if matches!(&self.preparing, Preparing::Opening(openings) if openings.is_empty()) {
            self.preparing = Preparing::Nothing;
            self.lose();
        } else {
            let now = self.pool.now();
            self.pool.decide(|slots| slots.lose_one_of_several(now));
        }
    }

    /// Gives up the right to open a connection, since none can be opened.
    pub(super) fn lose_right(&mut self) {
        if matches!(&self.preparing, Preparing::Opening(openings) if !openings.is_empty()) {
            let now = self.pool.now();
            self.pool.decide(|slots| slots.lose_one_of_several(now));
        } else {
            self.release_held();
            self.lose();
        }
    }

    /// Gives back what is being prepared.
    pub(super) fn release_held(&mut self) {
        match mem::replace(&mut self.preparing, Preparing::Nothing) {
            Preparing::Nothing => {}
            Preparing::Settling {
                pooled, since, probe, ..
            } => pooled.give_back(&self.pool, probe.then_some(since)),
            Preparing::Opening(_) if planted!(HalfOpenLeaked) => {}
            Preparing::Opening(openings) => {
                let now = self.pool.now();
                let (half_open, over) = openings.release_held(self.pool.patience(), now);
                self.pool.decide(|slots| {
                    for idle in half_open {
                        slots.give_back_half_open(idle, now);
                    }
                    (0..over).for_each(|_| slots.lose_one_of_several(now));
                });
            }
        }
    }
}
