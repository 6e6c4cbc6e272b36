//! Work that is left on a connection of the pool, and that its session finishes before its next work.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::connect::link::Claim;
use crate::deadline::Deadline;
use crate::error::{Error, Waiting};

use super::{Lease, Pool};

/// How long a session waits while another caller holds the connection with its work. The limit matters only if that
/// caller is never polled.
const TURN_LIMIT: Duration = Duration::from_secs(30);

/// Work that is left on a connection in the pool. Another caller that needs a connection may take it, and reads the
/// end of the work first. Otherwise the session reads that end before its next work. Dropped, it leaves all that to
/// the pool.
#[derive(Debug)]
pub(crate) struct ParkedWork {
    pool: Arc<Pool>,
    claim: Claim,
    /// The connection, while the session reads.
    lease: Option<Lease>,
}

impl Lease {
    /// Gives the connection back. Work that [must be finished](crate::connect::link::Unfinished::Finish) is finished,
    /// at the latest when the session waits for it.
    pub(crate) fn park(mut self) -> ParkedWork {
        let claim = self.claim();
        let pool = Arc::clone(&self.pool);
        drop(self);
        ParkedWork {
            pool,
            claim,
            lease: None,
        }
    }
}

impl ParkedWork {
    /// Waits until the work has ended, or its connection has. No caller is left for a failure of the work.
    /// Cancel-safe.
    ///
    /// The connection may be with another caller, which may never be polled: that is waited for no longer than
    /// [`TURN_LIMIT`].
    pub(crate) async fn finish(&mut self, by: Deadline) -> Result<(), Error> {
        let patience = Deadline::after(self.pool.now(), TURN_LIMIT);
        loop {
            if self.claim.has_ended() {
                self.lease = None;
                return Ok(());
            }
            if self.lease.is_none() {
                self.lease = self.pool.reclaim(&self.claim);
            }
            let elsewhere = self.lease.is_none();
            let limit = if elsewhere { by.earlier(patience) } else { by };
            let runtime = Arc::clone(&self.pool.runtime);
            if limit
                .race(&*runtime, poll_fn(|cx| self.poll(cx, by)))
                .await
                .is_none()
            {
                if elsewhere && !by.has_passed(self.pool.now()) && !runtime.is_cancelled() {
                    return Ok(());
                }
                let waiting = Waiting::Settling(self.pool.counts());
                return Err(Error::out_of_time(
                    &*runtime,
                    self.pool.address.to_string(),
                    waiting,
                    by,
                ));
            }
        }
    }

    /// Returns `Ready` when the work has ended, or its connection has come back or gone.
    fn poll(&mut self, cx: &mut Context<'_>, by: Deadline) -> Poll<()> {
        match &mut self.lease {
            Some(lease) => {
                // A failure shows in the disposition of the connection.
                let settled = lease.poll_settled(cx, by);
                if settled.is_ready() {
                    lease.end_claim();
                }
                settled.map(drop)
            }
            None => {
                self.claim.register(cx);
                // It may have come back in between.
                if self.claim.has_ended() {
                    return Poll::Ready(());
                }
                self.lease = self.pool.reclaim(&self.claim);
                if self.lease.is_some() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            }
        }
    }
}

impl Drop for ParkedWork {
    fn drop(&mut self) {
        // The session will not come back for it, so the link has to guess whether rows are left.
        let lease = self.lease.take().or_else(|| self.pool.reclaim(&self.claim));
        if let Some(mut lease) = lease {
            lease.end_claim();
        }
    }
}

impl Pool {
    /// Takes the connection of this claim, if it is in the pool.
    pub(super) fn reclaim(self: &Arc<Self>, claim: &Claim) -> Option<Lease> {
        let now = self.now();
        let idle = self.decide(|slots| slots.reclaim(|pooled| pooled.link.is_claimed_by(claim), now))?;
        Some(Lease::resumed(self, idle.link, idle.since))
    }
}
