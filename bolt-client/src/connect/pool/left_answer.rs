//! An answer that is left on its way, on a connection of the pool.

use std::sync::Arc;

use crate::connect::link::{Claim, Unfinished};

use super::{Lease, Pool};

/// An answer that the next caller waits for that needs it. Until then its connection is in the pool. Another caller that needs a
/// connection may take that one, and cancels the request first. Dropped, it leaves that to the pool.
#[derive(Debug)]
pub(crate) struct LeftAnswer {
    pool: Arc<Pool>,
    claim: Claim,
}

impl Lease {
    /// Gives the connection back, with a request on its way that is not cancelled. `late`: a caller has waited for the answer in
    /// vain, so that others prefer a new connection.
    pub(crate) fn leave_answer(mut self, late: bool) -> LeftAnswer {
        let claim = self.claim();
        let pool = Arc::clone(&self.pool);
        self.set_unfinished(Unfinished::Leave);
        if late {
            self.put_off(pool.now());
        } else {
            drop(self);
        }
        LeftAnswer { pool, claim }
    }
}

impl LeftAnswer {
    /// Takes the connection, to wait for the answer. `None` if another caller has taken it, or the connection has ended.
    pub(crate) fn reclaim(self) -> Option<Lease> {
        let mut lease = self.pool.reclaim(&self.claim)?;
        lease.resume().then_some(lease)
    }
}
