//! A connection on loan.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::deadline::Deadline;
use crate::link::Link;

use super::Pool;
use super::held::put_back;

/// A connection on loan. Dropping it, at any point, gives the connection back in order.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    /// Empty only while it is being dropped.
    link: Option<Box<Link>>,
    reused: bool,
}

impl Lease {
    pub(super) const fn new(pool: Arc<Pool>, link: Box<Link>, reused: bool) -> Self {
        Self {
            pool,
            link: Some(link),
            reused,
        }
    }

    /// The instant by which what is left on the wire should be dealt with.
    pub(crate) fn teardown(&self) -> Deadline {
        Deadline::after(self.pool.runtime.now(), self.pool.config.teardown_timeout)
    }

    /// Whether the connection served an earlier lease, so that its socket may have died since.
    pub(crate) const fn is_reused(&self) -> bool {
        self.reused
    }
}

// The link is there from `new` until `drop` takes it, and nothing else does.
#[expect(clippy::expect_used, reason = "a lease holds its link until it is dropped")]
impl Deref for Lease {
    type Target = Link;

    fn deref(&self) -> &Link {
        self.link
            .as_deref()
            .expect("a lease holds its link until it is dropped")
    }
}

#[expect(clippy::expect_used, reason = "a lease holds its link until it is dropped")]
impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Link {
        self.link
            .as_deref_mut()
            .expect("a lease holds its link until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            put_back(&self.pool, link);
        }
    }
}
