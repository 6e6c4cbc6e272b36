//! The rest of a write that no session reads, and that its server cannot send.

use std::future::poll_fn;
use std::mem;
use std::sync::Arc;

use crate::connect::login::Credentials;
use crate::deadline::Deadline;
use crate::error::{Error, Waiting};

use super::{Acquiring, BoxedPooled, Idle, Lease, Pool, Slots};

/// A call that has found a connection on which the rest of a write is unread, and reads that before anything else.
///
/// A server that cannot send the rest does not commit, and keeps the write's locks. The call itself may be about to wait for
/// one of them, on another connection; without it nothing would read here as long as other connections are ready. Dropped, it
/// gives the connection back as far as it got.
pub(crate) struct Tending {
    lease: Lease,
    /// What another connection logs in with.
    credentials: Credentials,
    _counted: Counted,
}

/// A place among the calls that do so: while the pool closes, it waits for them. Dropped after the connection.
struct Counted(Arc<Pool>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decide(Slots::end_tending);
    }
}

impl Tending {
    /// Takes an idle connection that the pool has counted as [tended](Slots::take_unread).
    pub(super) fn new(pool: &Arc<Pool>, idle: Idle<BoxedPooled>, credentials: &Credentials) -> Self {
        Self {
            lease: Lease::resumed(pool, idle.link, idle.since),
            credentials: credentials.clone(),
            _counted: Counted(Arc::clone(pool)),
        }
    }

    /// Reads the rest, and then uses the connection. If nothing of the rest comes for as long as the caller's patience, the
    /// server is still at work; or half of the caller's time may pass before all is there. Then the connection is left to
    /// later callers, and this one takes another.
    pub(super) async fn end(self, by: Deadline) -> Result<Acquiring, Error> {
        let Self {
            mut lease,
            credentials,
            _counted,
        } = self;
        let pool = Arc::clone(&lease.pool);
        let runtime = Arc::clone(&pool.runtime);
        let begun = pool.now();
        let latest = by.share(begun, 1).earlier(by);
        let (mut now, mut arrived) = (begun, lease.settled_so_far());
        let settled = loop {
            let limit = Deadline::after(now, pool.patience()).earlier(latest);
            // A failure shows in the disposition of the connection.
            let settled = limit
                .race(&*runtime, poll_fn(|cx| lease.poll_settled(cx, limit)))
                .await;
            now = pool.now();
            let before = mem::replace(&mut arrived, lease.settled_so_far());
            let is_over = latest.has_passed(now) || runtime.is_cancelled() || pool.is_closed();
            if settled.is_some() || is_over || arrived == before {
                break settled;
            }
        };
        let lease = match settled {
            Some(_) => lease.renewed(now),
            None => {
                lease.put_off(now);
                None
            }
        };
        match lease {
            _ if pool.is_closed() => Err(Error::closed()),
            Some(lease) => Ok(Acquiring::Done(lease)),
            None if by.has_passed(now) || runtime.is_cancelled() => {
                let waiting = Waiting::Settling(pool.counts());
                let address = pool.address.to_string();
                Err(Error::out_of_time(&*runtime, address, waiting, by))
            }
            None => pool.begin_acquiring_ready(&credentials, now),
        }
    }
}
