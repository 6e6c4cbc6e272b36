//! A connection on loan.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use crate::connect::fallout::Others;
use crate::connect::link::Link;
use crate::deadline::Deadline;

use super::{Pool, Pooled};

/// A connection on loan. Dropping it, at any point, gives the connection back in order.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(super) pool: Arc<Pool>,
    /// Empty only while it is being dropped.
    pooled: Option<Box<Pooled>>,
    reused: bool,
    /// Since when it had been idle when this lease began; if it was not, when this began.
    idle_since: Instant,
}

impl Lease {
    /// A connection that served an earlier lease, and is ready again.
    pub(super) fn reused(pool: &Arc<Pool>, mut pooled: Box<Pooled>, idle_since: Instant) -> Self {
        pooled.late_since = None;
        pooled.link.begin_lease();
        Self {
            pool: Arc::clone(pool),
            pooled: Some(pooled),
            reused: true,
            idle_since,
        }
    }

    /// A connection on which a session reads the end of what it had left.
    pub(super) fn resumed(pool: &Arc<Pool>, pooled: Box<Pooled>, idle_since: Instant) -> Self {
        Self {
            pool: Arc::clone(pool),
            pooled: Some(pooled),
            reused: true,
            idle_since,
        }
    }

    /// A connection that has just been opened. If an earlier call began that (`inherited`), it may have been half open
    /// for long, and dead since.
    pub(super) fn opened(pool: &Arc<Pool>, pooled: Box<Pooled>, inherited: bool, now: Instant) -> Self {
        Self {
            pool: Arc::clone(pool),
            pooled: Some(pooled),
            reused: inherited,
            idle_since: now,
        }
    }

    /// Reports what has become of this connection, for what that says of others.
    pub(crate) fn report(&self, others: Others) {
        match others {
            Others::Unaffected => {}
            Others::MayBeDead => self.report_dead(),
            Others::MayBeForgotten => self.report_silent(),
        }
    }

    /// Reports that this connection was lost. Whatever killed it (a server that went away, a firewall that forgot) may have
    /// killed others to the same address: those that have been idle at least as long as this one had been when this lease
    /// began are asked before they are used.
    pub(crate) fn report_dead(&self) {
        let now = self.pool.runtime.now();
        self.pool.decide(|slots| slots.suspect(self.idle_since, now));
    }

    /// Reports that nothing was heard on this connection for the whole of a call's deadline. It may be the server that is
    /// slow; but a connection that a firewall has forgotten looks the same, so this has the consequences of
    /// [`report_dead`](Self::report_dead): one round trip for each that is well.
    ///
    /// Not for a connection on which something arrived in this lease: that one is alive.
    pub(crate) fn report_silent(&self) {
        self.report_dead();
    }

    /// The login of this connection has become worthless, and so has that of all others that are as old: none of them
    /// serves anybody else.
    pub(crate) fn invalidate_logins(&self) {
        let now = self.pool.now();
        let login_generation = self.pooled.as_deref().map(Pooled::login_generation);
        self.pool.decide(|slots| {
            if login_generation == Some(slots.login_generation()) {
                slots.begin_login_generation(now);
            }
        });
    }

    /// The runtime's time.
    pub(crate) fn now(&self) -> Instant {
        self.pool.now()
    }

    /// The instant by which what is left on the wire should be dealt with.
    pub(crate) fn teardown(&self) -> Deadline {
        Deadline::after(self.pool.runtime.now(), self.pool.config.teardown_timeout)
    }

    /// Whether the connection served, or was opened for, an earlier call, so that its socket may have died since.
    pub(crate) const fn is_reused(&self) -> bool {
        self.reused
    }
}

// The link is there from `new` until `drop` takes it, and nothing else does.
#[expect(clippy::expect_used, reason = "a lease holds its link until it is dropped")]
impl Deref for Lease {
    type Target = Link;

    fn deref(&self) -> &Link {
        let pooled = self.pooled.as_deref();
        &pooled.expect("a lease holds its link until it is dropped").link
    }
}

#[expect(clippy::expect_used, reason = "a lease holds its link until it is dropped")]
impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Link {
        let pooled = self.pooled.as_deref_mut();
        &mut pooled.expect("a lease holds its link until it is dropped").link
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            pooled.give_back(&self.pool, None);
        }
    }
}
