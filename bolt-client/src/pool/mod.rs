//! The connections to one address: wakers, sockets and time around the decisions of [`state`].

mod held;
mod lease;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Error, Waiting};
use crate::link::Link;
use crate::open::Opening;
use crate::runtime::Runtime;

use held::Held;
pub(crate) use lease::Lease;
pub use state::PoolCounts;
use state::{Grant, Slots, Then, Ticket};

/// The pool of one address.
pub(crate) struct Pool {
    runtime: Arc<dyn Runtime>,
    config: Arc<Config>,
    inner: Mutex<Inner>,
}

struct Inner {
    slots: Slots<Parked>,
    wakers: BTreeMap<Ticket, Waker>,
}

/// A connection that nobody uses.
#[derive(Debug)]
enum Parked {
    Link(Box<Link>),
    Opening(Box<Opening>),
}

impl Pool {
    pub(crate) fn new(runtime: Arc<dyn Runtime>, config: Arc<Config>) -> Self {
        let slots = Slots::new(config.max_connection_pool_size);
        Self {
            runtime,
            config,
            inner: Mutex::new(Inner {
                slots,
                wakers: BTreeMap::new(),
            }),
        }
    }

    /// A connection that is ready and quiet. Waits for a turn, for what an earlier lease left on the wire, or for a
    /// new connection. Cancel-safe: the place in the queue is given up, a half-open connection stays in the pool.
    pub(crate) async fn acquire(self: &Arc<Self>, by: Deadline) -> Result<Lease, Error> {
        let limit = self.config.connection_acquisition_timeout;
        let by = by.earlier(Deadline::after(self.runtime.now(), limit));
        self.turn(by).await?.prepare(by).await
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().slots.is_closed()
    }

    pub(crate) fn counts(&self) -> PoolCounts {
        self.lock().slots.counts()
    }

    /// Hands nothing out any more, finishes what dropped calls left on the wire as far as that goes within the
    /// teardown limit, and says GOODBYE. Connections in use are closed when they come back.
    pub(crate) async fn close(&self) {
        let (parked, wakers) = {
            let mut inner = self.lock();
            let (parked, waiters) = inner.slots.close();
            let wakers: Vec<_> = waiters
                .iter()
                .filter_map(|ticket| inner.wakers.remove(ticket))
                .collect();
            (parked, wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
        let by = Deadline::after(self.runtime.now(), self.config.teardown_timeout);
        for parked in parked {
            if let Parked::Link(mut link) = parked {
                // Whether it can be finished or not: it is closed next.
                let _finished = link.settle(by).await;
                link.say_goodbye();
            }
        }
    }

    /// Waits for a turn.
    async fn turn(self: &Arc<Self>, by: Deadline) -> Result<Held, Error> {
        let ticket = {
            let mut inner = self.lock();
            if inner.slots.is_closed() {
                return Err(Error::closed());
            }
            match inner.slots.acquire() {
                Some(grant) => return Ok(Held::new(self, grant)),
                None => inner.slots.enqueue(),
            }
        };
        let waiting = Place { pool: self, ticket };
        let turn = poll_fn(|cx| {
            let mut inner = self.lock();
            if let Some(grant) = inner.slots.collect(ticket) {
                return Poll::Ready(Ok(grant));
            }
            if inner.slots.is_closed() {
                return Poll::Ready(Err(Error::closed()));
            }
            inner.wakers.insert(ticket, cx.waker().clone());
            Poll::Pending
        });
        let turn = by.race(&*self.runtime, turn).await;
        let counts = self.counts();
        drop(waiting);
        match turn {
            Some(grant) => Ok(Held::new(self, grant?)),
            None => Err(Error::out_of_time(
                &*self.runtime,
                self.address(),
                Waiting::Pool(counts),
            )),
        }
    }

    /// Carries a decision out, and wakes whom it concerns once the lock is released.
    fn decide(&self, decide: impl FnOnce(&mut Slots<Parked>) -> Then<Parked>) {
        let (waker, discard) = {
            let mut inner = self.lock();
            let then = decide(&mut inner.slots);
            (
                then.wake.and_then(|ticket| inner.wakers.remove(&ticket)),
                then.discard,
            )
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        if let Some(Parked::Link(mut link)) = discard {
            link.say_goodbye();
        }
    }

    /// The address, for messages.
    fn address(&self) -> String {
        self.config.address.to_string()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The decider does not panic half-way; what a panic elsewhere left behind is consistent.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("address", &self.config.address)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// A place in the queue, given up when dropped.
struct Place<'a> {
    pool: &'a Pool,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pool.lock().wakers.remove(&self.ticket);
        self.pool.decide(|slots| slots.leave(self.ticket));
    }
}
