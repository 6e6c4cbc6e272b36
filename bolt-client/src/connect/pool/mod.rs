//! The connections to one address: wakers, sockets and time around the decisions of [`state`].
//!
//! A pool knows nothing of others, so a cluster is a map from addresses to pools. Each decision takes one short lock,
//! with no I/O and no await in it. Wakers are called, and GOODBYE is sent, after the lock is released.

mod closing;
mod lease;
mod left_answer;
mod openings;
mod parked;
mod patience;
mod pooled;
mod state;
mod tending;
#[cfg(test)]
mod tests;
mod waiter;
mod warm_up;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::config::Config;
use crate::connect::encryption::Encryption;
use crate::connect::link::CarriedLogin;
use crate::connect::login::{Credentials, Logins};
use crate::connect::open::{AddressOrder, Opening};
use crate::deadline::Deadline;
use crate::error::Error;
use crate::runtime::Runtime;

pub(crate) use lease::Lease;
pub(crate) use left_answer::LeftAnswer;
pub(crate) use parked::ParkedWork;
use patience::AdaptivePatience;
use pooled::Pooled;
pub use state::PoolCounts;
use state::{ByTicket, Effects, Idle, Place, Rules, Ticket};
use tending::Tending;
use waiter::Waiter;

/// The decider, for connections of this crate.
type Slots = state::Slots<BoxedPooled, Box<Opening>>;
/// An open connection. It is boxed because it moves often.
type BoxedPooled = Box<Pooled>;
type Grant = state::Grant<BoxedPooled, Box<Opening>>;

/// The pool of one address.
pub(crate) struct Pool {
    runtime: Arc<dyn Runtime>,
    config: Arc<Config>,
    encryption: Encryption,
    address: Arc<Address>,
    /// Which of its addresses answer.
    order: AddressOrder,
    /// What servers have rejected.
    logins: Arc<Logins>,
    /// How many times earlier logins have become invalid.
    login_generation: AtomicU64,
    /// The server is in no routing table.
    retired: AtomicBool,
    /// How many calls use or want a connection, after the last decision. It is beside the lock, since each call of a cluster
    /// compares servers.
    load: AtomicUsize,
    /// Whether answers are on their way on some connection, after the last decision.
    has_unsettled: AtomicBool,
    inner: Mutex<Inner>,
}

struct Inner {
    slots: Slots,
    patience: AdaptivePatience,
    wakers: ByTicket<Waker>,
    /// The waker of the call that closes the pool.
    closer: Option<Waker>,
}

/// A call that acquires a connection.
pub(crate) enum Acquiring {
    Done(Lease),
    /// It has joined the queue. Boxed, since nearly all calls get a connection at once.
    Waits(Box<Waiter>),
    /// It reads the rest of a write first.
    Tends(Box<Tending>),
}

impl Acquiring {
    /// Waits for the connection.
    pub(crate) async fn lease(self, by: Deadline) -> Result<Lease, Error> {
        let mut acquiring = self;
        loop {
            acquiring = match acquiring {
                Self::Done(lease) => return Ok(lease),
                // Boxed, since these are the largest parts of the futures of calls.
                Self::Waits(mut waiter) => return waiter.lease(by).await,
                Self::Tends(tending) => Box::pin(tending.end(by)).await?,
            };
        }
    }
}

impl Pool {
    pub(crate) fn new(
        runtime: Arc<dyn Runtime>,
        config: Arc<Config>,
        encryption: Encryption,
        logins: Arc<Logins>,
        address: Arc<Address>,
    ) -> Self {
        let rules = Rules {
            max: config.max_connection_pool_size,
            probe_after: config.liveness_check_timeout,
            max_waiting: config.max_connection_pool_waiters,
            min_idle: config.min_idle_connections,
            max_idle: config.max_connection_idle_time,
            opens_for_others: !runtime.blocks(),
        };
        let patience = AdaptivePatience::new(&config);
        Self {
            runtime,
            config,
            encryption,
            address,
            order: AddressOrder::default(),
            logins,
            login_generation: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            load: AtomicUsize::new(0),
            has_unsettled: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                slots: Slots::new(rules),
                patience,
                wakers: ByTicket::new(),
                closer: None,
            }),
        }
    }

    /// Acquires a connection that is ready, preferably one that carries this login; a new one logs in with it. Waits for a
    /// turn, for answers to what an earlier lease left, or for a new connection, whichever is ready first. Cancel-safe: a
    /// dropped call leaves the queue, and what it was preparing stays in the pool as far as it got.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        credentials: &Credentials,
        by: Deadline,
    ) -> Result<Lease, Error> {
        self.begin_acquiring(credentials, self.now())?.lease(by).await
    }

    /// Does what [`acquire`](Self::acquire) does, as far as it needs no wait.
    pub(crate) fn begin_acquiring(
        self: &Arc<Self>,
        credentials: &Credentials,
        now: Instant,
    ) -> Result<Acquiring, Error> {
        // Rare, so it is not looked for in the decision that follows.
        if self.has_unsettled.load(Ordering::Relaxed) {
            let unread = self.decide(|slots| slots.take_unread(|pooled| pooled.link.has_unread_rest(), now));
            if let Some(idle) = unread {
                return Ok(Acquiring::Tends(Box::new(Tending::new(self, idle, credentials))));
            }
        }
        self.begin_acquiring_ready(credentials, now)
    }

    /// As [`begin_acquiring`](Self::begin_acquiring), with the rest of writes after everything that is ready.
    fn begin_acquiring_ready(
        self: &Arc<Self>,
        credentials: &Credentials,
        now: Instant,
    ) -> Result<Acquiring, Error> {
        let login = self.login(credentials);
        let begun = self.decide(|slots| {
            if slots.is_closed() {
                return Err(Error::closed());
            }
            let ready = slots.acquire(|pooled| pooled.carries(&login), now);
            Ok(ready.ok_or_else(|| Place::of(slots.enqueue(now), slots)))
        })?;
        let place = match begun {
            Err(place) => place,
            Ok(mut idle) => {
                let since = idle.since;
                if idle.link.looks_alive(since, now) {
                    return Ok(Acquiring::Done(Lease::reused(self, idle.link, since)));
                }
                drop(idle);
                // The room that it leaves is this caller's, if no other waiter was there before.
                self.decide(|slots| {
                    slots.suspect(since, now);
                    let ticket = slots.enqueue(now);
                    slots.give_up(now);
                    Place::of(ticket, slots)
                })
            }
        };
        let waiter = Waiter::new(self, credentials, place.ticket);
        if place.may_wait {
            Ok(Acquiring::Waits(Box::new(waiter)))
        } else {
            drop(waiter);
            Err(Error::overloaded(self.address.to_string(), self.snapshot()))
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().slots.is_closed()
    }

    pub(crate) fn counts(&self) -> PoolCounts {
        if self.is_retired() {
            self.close_idle();
        }
        let now = self.now();
        self.decide(|slots| slots.counts(now))
    }

    /// Returns how many calls use or want a connection.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Returns whether there is no connection, and no call waits for one.
    pub(crate) fn is_unused(&self) -> bool {
        self.snapshot() == PoolCounts::default()
    }

    /// Sets whether connections are closed when they come back: their server has left the cluster.
    pub(crate) fn set_retired(&self, retired: bool) {
        self.retired.store(retired, Ordering::Relaxed);
    }

    fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// Returns a pool for one of the addresses of the name, whose connections are closed when they come back. What its
    /// openings learn about the address is known to this pool.
    pub(crate) fn only(&self, socket: SocketAddr) -> Self {
        let only = Self::new(
            Arc::clone(&self.runtime),
            Arc::clone(&self.config),
            self.encryption.clone(),
            Arc::clone(&self.logins),
            Arc::clone(&self.address),
        );
        only.set_retired(true);
        Self {
            order: self.order.only(socket),
            ..only
        }
    }

    /// Returns what is known of the addresses of the name.
    pub(crate) const fn addresses(&self) -> &AddressOrder {
        &self.order
    }

    pub(crate) const fn address(&self) -> &Arc<Address> {
        &self.address
    }

    /// Closes what is idle: the server has left the cluster.
    pub(crate) fn close_idle(&self) {
        let now = self.now();
        let unsettled = self.decide(|slots| {
            slots.close_all_idle(now);
            slots.lease_unsettled()
        });
        // All that was missing may have arrived. What must be finished and is not comes back.
        for pooled in unsettled {
            pooled.give_back(self, None);
        }
    }

    /// As [`counts`](Self::counts), without discarding what has expired.
    fn snapshot(&self) -> PoolCounts {
        self.lock().slots.snapshot()
    }

    fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// Returns a login with these credentials, made now.
    fn login(&self, credentials: &Credentials) -> CarriedLogin {
        CarriedLogin {
            credentials: credentials.clone(),
            generation: self.login_generation.load(Ordering::Acquire),
        }
    }

    /// Notes that all logins of this generation have become invalid, unless that is known.
    fn end_login_generation(&self, generation: u64) {
        let next = generation.wrapping_add(1);
        let _known =
            self.login_generation
                .compare_exchange(generation, next, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Returns what was assigned to a waiter, and whether something better is assigned already. If nothing is assigned, keeps
    /// the waker.
    fn collect(&self, ticket: Ticket, cx: &mut Context<'_>) -> Result<Option<(Grant, bool)>, Error> {
        // Cloning and dropping a waker runs its owner's code, which must not run under the lock.
        let waker = cx.waker().clone();
        let mut inner = self.lock();
        if inner.slots.is_closed() {
            return Err(Error::closed());
        }
        let grant = inner.slots.collect(ticket);
        let stale = match grant {
            Some(_) => Some(waker),
            None if planted!(LostWakeUp) && inner.wakers.get(ticket).is_some() => Some(waker),
            None => inner.wakers.insert(ticket, waker),
        };
        let is_superseded = grant.is_some() && inner.slots.has_uncollected(ticket);
        drop(inner);
        drop(stale);
        Ok(grant.map(|grant| (grant, is_superseded)))
    }

    /// Returns whether something better than what a waiter prepares is assigned to it.
    fn has_uncollected(&self, ticket: Ticket) -> bool {
        self.lock().slots.has_uncollected(ticket)
    }

    /// Removes a waiter from the queue.
    fn leave(&self, ticket: Ticket) {
        let now = self.now();
        let mut inner = self.lock();
        let waker = inner.wakers.remove(ticket);
        inner.slots.leave(ticket, now);
        self.carry_out(inner);
        drop(waker);
    }

    /// Begins to open a connection that logs in with these credentials.
    ///
    /// # Errors
    /// If a server has rejected them so often that no login is tried now.
    fn begin_opening(&self, credentials: &Credentials) -> Result<Opening, Error> {
        if let Some(error) = self.logins.remembered(credentials, self.now()) {
            return Err(error);
        }
        Ok(Opening::begin(
            &self.runtime,
            &self.config,
            &self.encryption,
            &self.address,
            &self.order,
            self.login(credentials),
            &self.logins,
        ))
    }

    /// Returns how long a caller waits for one step before it tries another way.
    fn patience(&self) -> Duration {
        self.lock().patience.patience()
    }

    /// Makes a decision, and carries out its effects after the lock is released.
    fn decide<T>(&self, decide: impl FnOnce(&mut Slots) -> T) -> T {
        self.decide_with_patience(|slots, _| decide(slots))
    }

    /// As [`decide`](Self::decide), for decisions that also teach how long the server takes.
    fn decide_with_patience<T>(&self, decide: impl FnOnce(&mut Slots, &mut AdaptivePatience) -> T) -> T {
        let mut inner = self.lock();
        let Inner { slots, patience, .. } = &mut *inner;
        let decision = decide(slots, patience);
        self.carry_out(inner);
        decision
    }

    /// Carries out the effects of decisions after the lock is released: the code that it calls may call the pool.
    fn carry_out(&self, mut inner: MutexGuard<'_, Inner>) {
        self.load.store(inner.slots.load(), Ordering::Relaxed);
        self.has_unsettled
            .store(inner.slots.has_unsettled(), Ordering::Relaxed);
        // As nearly always while no call waits.
        if !inner.slots.has_effects() && !inner.slots.is_closed() {
            return;
        }
        let Effects {
            wake,
            discard,
            abandon,
        } = inner.slots.effects();
        // Nearly always there is one at most, which needs no memory.
        let mut woken = wake.iter().filter_map(|ticket| inner.wakers.remove(ticket));
        let first = woken.next();
        let others: Vec<Waker> = woken.collect();
        let closer = if inner.slots.is_closed() {
            inner.closer.take()
        } else {
            None
        };
        drop(inner);
        first
            .into_iter()
            .chain(others)
            .chain(closer)
            .for_each(Waker::wake);
        for mut pooled in discard {
            pooled.link.say_goodbye();
        }
        drop(abandon);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The decider does not panic half-way; what a panic elsewhere left is consistent.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("address", &self.address)
            .field("counts", &self.snapshot())
            .finish_non_exhaustive()
    }
}
