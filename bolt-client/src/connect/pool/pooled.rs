//! Connections, as the pool keeps them.

use std::time::{Duration, Instant};

use bolt_proto::Disposition;

use crate::config::Config;
use crate::connect::link::{Claim, Link, ReleaseOutcome};
use crate::deadline::Deadline;

use super::{Idle, Pool};

/// After so long without use a connection gets a look before it is handed out.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// An open connection, and what the pool knows of it.
#[derive(Debug)]
pub(super) struct Pooled {
    pub(super) link: Link,
    /// The end of its life.
    pub(super) expires: Deadline,
    /// When it logged in: see [`era`](Self::era).
    login_generation: u64,
    /// Since when somebody has waited in vain for an answer that it owes.
    pub(super) late_since: Option<Instant>,
}

impl Pooled {
    pub(super) fn new(link: Link, expires: Deadline, login_generation: u64) -> Box<Self> {
        Box::new(Self {
            link,
            expires,
            login_generation,
            late_since: None,
        })
    }

    /// The pool's [era](super::state::Slots::era) in which it logged in.
    pub(super) const fn login_generation(&self) -> u64 {
        self.login_generation
    }

    /// Whether it can be handed out, as far as can be told without asking the server.
    pub(super) fn looks_alive(&mut self, since: Instant, now: Instant) -> bool {
        if now.saturating_duration_since(since) < LOOK_AFTER {
            self.link.seems_quiet()
        } else {
            self.link.is_quiet()
        }
    }

    /// Whether nothing is left on the wire, and it is not too old to be handed out in this era.
    pub(super) fn is_usable(&self, now: Instant, login_generation: u64) -> bool {
        self.link.proto.disposition() == Disposition::Reusable
            && !self.expires.has_passed(now)
            && self.login_generation == login_generation
    }

    /// Whether it does something that was asked for, and would be undone if it were closed.
    pub(super) fn is_finishing(&self) -> bool {
        self.link.is_finishing()
    }

    /// Whether it has ended, and not because of this side.
    pub(super) fn is_dead(&self) -> bool {
        self.link.proto.disposition() == Disposition::Dead
    }

    /// Gives it back to its pool, at the end of a lease or before there was one. `idle_since`: since when it is not in
    /// use, if that is not now.
    pub(super) fn give_back(mut self: Box<Self>, pool: &Pool, idle_since: Option<Instant>) {
        let outcome = self.link.release();
        let now = pool.now();
        let since = idle_since.unwrap_or(now);
        match outcome {
            ReleaseOutcome::Ready => {
                let (expires, login_generation) = (self.expires, self.login_generation);
                let idle = Idle::new(self, since, expires);
                pool.decide(|slots| {
                    if login_generation == slots.login_generation() {
                        slots.give_back_ready(idle, now);
                    } else {
                        slots.give_back_outdated(idle.link, now);
                    }
                });
            }
            ReleaseOutcome::Unsettled => {
                let (login_generation, finishing) = (self.login_generation, self.is_finishing());
                let claim = self.link.claimed();
                let idle = self.unsettled(&pool.config, now);
                pool.decide(|slots| {
                    if login_generation == slots.login_generation() || finishing {
                        slots.give_back_unsettled(idle, now);
                    } else {
                        slots.give_back_outdated(idle.link, now);
                    }
                });
                // The session that waits for it can have it now.
                claim.iter().for_each(Claim::wake);
            }
            ReleaseOutcome::Unanswered if self.login_generation == pool.login_generation() => {
                let idle = self.unsettled(&pool.config, now);
                pool.decide(|slots| slots.give_back_unanswered(idle, now));
            }
            ReleaseOutcome::Unanswered | ReleaseOutcome::Close => {
                drop(self);
                pool.decide(|slots| slots.give_up(now));
            }
        }
    }

    /// As one on which answers are on their way.
    pub(super) fn unsettled(self: Box<Self>, config: &Config, now: Instant) -> Idle<Box<Self>> {
        let (give_up_at, late) = (self.give_up_at(config), self.late_since.is_some());
        let expires = if self.is_finishing() {
            give_up_at
        } else {
            self.expires.earlier(give_up_at)
        };
        let idle = Idle::new(self, now, expires);
        if late { idle.slow(now) } else { idle }
    }

    /// When it is as good as dead, should the answer that it owes not have come. One that does what was asked for may
    /// take as long as it takes.
    pub(super) fn give_up_at(&self, config: &Config) -> Deadline {
        match self.late_since {
            Some(since) if !self.is_finishing() => Deadline::after(since, config.connection_timeout),
            _ => Deadline::NONE,
        }
    }
}
