//! Connections in the pool.

use std::time::{Duration, Instant};

use bolt_proto::Disposition;

use crate::config::Config;
use crate::connect::link::{CarriedLogin, Claim, Link, ReleaseOutcome};
use crate::deadline::Deadline;

use super::{Idle, Pool};

/// A connection that was unused for this long has its socket read before it is handed out.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// An open connection, and what the pool knows about it.
#[derive(Debug)]
pub(super) struct Pooled {
    pub(super) link: Link,
    /// When its opening began.
    begun: Instant,
    /// The end of its lifetime.
    pub(super) expires: Deadline,
    /// Since when a caller has waited in vain for an answer on it.
    pub(super) late_since: Option<Instant>,
    /// When the server will have been silent for longer than it promised, during the last of these waits.
    pub(super) silent_until: Deadline,
}

impl Pooled {
    pub(super) fn new(link: Link, begun: Instant, expires: Deadline) -> Box<Self> {
        Box::new(Self {
            link,
            begun,
            expires,
            late_since: None,
            silent_until: Deadline::NONE,
        })
    }

    /// Returns when its opening began: it cannot have died before.
    pub(super) const fn begun(&self) -> Instant {
        self.begun
    }

    /// Returns whether it carries this login, and no server has declared that login invalid since.
    pub(super) fn carries(&self, login: &CarriedLogin) -> bool {
        let carried = self.link.login();
        if planted!(OldLoginKept) {
            return carried.credentials.auth.principal() == login.credentials.auth.principal();
        }
        carried.generation == login.generation && carried.credentials.auth == login.credentials.auth
    }

    /// Returns whether it can be handed out, as far as is known without asking the server.
    pub(super) fn looks_alive(&mut self, since: Instant, now: Instant) -> bool {
        if now.saturating_duration_since(since) < LOOK_AFTER {
            self.link.seems_quiet()
        } else {
            self.link.is_quiet()
        }
    }

    /// Returns whether nothing is left on the wire, and its age does not prevent its use.
    pub(super) fn is_usable(&self, now: Instant) -> bool {
        self.link.proto.disposition() == Disposition::Reusable && !self.expires.has_passed(now)
    }

    /// Returns whether it carries out work that would be undone if it were closed.
    pub(super) fn is_finishing(&self) -> bool {
        self.link.is_finishing()
    }

    /// Returns whether only the answer to RESET is missing.
    pub(super) fn is_resetting(&self) -> bool {
        self.link.proto.disposition() == Disposition::Resetting
    }

    /// Returns whether it has ended, and not because this side closed it.
    pub(super) fn is_dead(&self) -> bool {
        self.link.proto.disposition() == Disposition::Dead
    }

    /// Gives it back to its pool, at the end of a lease or while it is being prepared. `idle_since`: since when it
    /// has been unused, if not from now.
    pub(super) fn give_back(mut self: Box<Self>, pool: &Pool, idle_since: Option<Instant>) {
        let outcome = self.link.release();
        let now = pool.now();
        let since = idle_since.unwrap_or(now);
        // The server has left the cluster. What must be finished is finished.
        if pool.is_retired() && !self.is_finishing() && !self.link.is_awaited() {
            self.link.say_goodbye();
            drop(self);
            pool.decide(|slots| slots.give_up(now));
            return;
        }
        match outcome {
            ReleaseOutcome::Ready => {
                let expires = self.expires;
                let idle = Idle::new(self, since, expires);
                pool.decide(|slots| slots.give_back_ready(idle, now));
            }
            ReleaseOutcome::Unsettled => {
                let claim = self.link.claimed();
                let idle = self.unsettled(&pool.config, now);
                pool.decide(|slots| slots.give_back_unsettled(idle, now));
                // The session that waits for it can reclaim it now.
                claim.iter().for_each(Claim::wake);
            }
            ReleaseOutcome::Unanswered => {
                let idle = self.unsettled(&pool.config, now);
                pool.decide(|slots| slots.give_back_unanswered(idle, now));
            }
            ReleaseOutcome::Close => {
                drop(self);
                pool.decide(|slots| slots.give_up(now));
            }
        }
    }

    /// Returns it as a connection on which answers are on their way.
    pub(super) fn unsettled(self: Box<Self>, config: &Config, now: Instant) -> Idle<Box<Self>> {
        let (give_up_at, late) = (self.give_up_at(config), self.late_since.is_some());
        let expires = if self.is_finishing() {
            give_up_at
        } else {
            let idle = config.max_connection_idle_time;
            let idle = idle.map_or(Deadline::NONE, |limit| Deadline::after(now, limit));
            self.expires.earlier(give_up_at).earlier(idle)
        };
        let idle = Idle::new(self, now, expires);
        if late { idle.slow(now) } else { idle }
    }

    /// Notes that a caller has waited in vain for an answer.
    pub(super) fn mark_late(&mut self, now: Instant) {
        self.late_since.get_or_insert(now);
        self.silent_until = self.link.silent_until();
    }

    /// Returns when it counts as dead if the answer that it owes has not come, as soon as a caller has waited in vain: at
    /// the end of the silence that the server has promised, or of `connection_timeout`. A connection that carries out
    /// requested work has no such limit.
    pub(super) fn give_up_at(&self, config: &Config) -> Deadline {
        match self.late_since {
            Some(since) if !self.is_finishing() => {
                Deadline::after(since, config.connection_timeout).earlier(self.silent_until)
            }
            _ => Deadline::NONE,
        }
    }
}
