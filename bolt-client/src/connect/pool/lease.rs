//! A connection on loan.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::connect::link::Link;
use crate::deadline::Deadline;

use super::{Pool, Pooled};

/// A connection on loan. Dropping it, at any point, gives the connection back in order.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    /// Empty only while it is being dropped.
    pooled: Option<Box<Pooled>>,
    reused: bool,
}

impl Lease {
    /// A connection that served an earlier lease, and is ready again.
    pub(super) fn reused(pool: &Arc<Pool>, mut pooled: Box<Pooled>) -> Self {
        pooled.late_since = None;
        pooled.link.engage();
        Self {
            pool: Arc::clone(pool),
            pooled: Some(pooled),
            reused: true,
        }
    }

    /// A connection that has just been opened. If an earlier call began that (`inherited`), it may have been half open
    /// for long, and dead since.
    pub(super) fn opened(pool: &Arc<Pool>, pooled: Box<Pooled>, inherited: bool) -> Self {
        Self {
            pool: Arc::clone(pool),
            pooled: Some(pooled),
            reused: inherited,
        }
    }

    /// The login of this connection has become worthless, and so has that of all others that are as old: none of them
    /// serves anybody else.
    pub(crate) fn log_in_anew(&self) {
        let now = self.pool.now();
        let era = self.pooled.as_deref().map(Pooled::era);
        self.pool.decide(|slots| {
            if era == Some(slots.era()) {
                slots.begin_era(now);
            }
        });
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
