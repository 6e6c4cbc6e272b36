//! A call that waits in the queue, and what it prepares meanwhile.

mod giving_up;

use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::connect::link::Link;
use crate::connect::login::Credentials;
use crate::deadline::{Alarm, Deadline};
use crate::error::{Error, Waiting};

use super::openings::{HeldOpening, Openings};
use super::{BoxedPooled, Grant, Idle, Lease, Pool, PoolCounts, Pooled, Ticket};

/// How long a transport that blocks the thread may block before its caller checks for something better. Others are
/// woken.
pub(super) const MAX_BLOCKING_READ: Duration = Duration::from_millis(50);

/// A call that waits in the queue, and what it is preparing. Dropped at any point, it leaves the queue and gives back
/// what it was preparing.
pub(crate) struct Waiter {
    pool: Arc<Pool>,
    ticket: Ticket,
    /// What a new connection logs in with.
    credentials: Credentials,
    preparing: Preparing,
    /// When it began its first probe.
    probing_since: Option<Instant>,
    /// The timer of openings, which have none of their own.
    alarm: Alarm,
}

/// What a waiter is preparing.
enum Preparing {
    Nothing,
    /// Answers are on their way: to what an earlier lease asked, or to a probe.
    Settling {
        pooled: BoxedPooled,
        /// Since when the connection has been idle.
        since: Instant,
        /// Whether a RESET asks if the connection is alive.
        probe: bool,
        /// When something else is tried.
        until: Deadline,
    },
    Opening(Openings),
}

impl Waiter {
    /// The waiter that has joined the queue with this ticket.
    pub(super) fn new(pool: &Arc<Pool>, credentials: &Credentials, ticket: Ticket) -> Self {
        Self {
            pool: Arc::clone(pool),
            ticket,
            credentials: credentials.clone(),
            preparing: Preparing::Nothing,
            probing_since: None,
            alarm: Alarm::default(),
        }
    }

    /// Waits for the first connection that is ready: the one being prepared, or one that comes back. Answers that
    /// others left on the wire are read here, before anything is queued; a connection that does not survive that is
    /// replaced silently. Cancel-safe.
    pub(super) async fn lease(&mut self, by: Deadline) -> Result<Lease, Error> {
        let runtime = Arc::clone(&self.pool.runtime);
        loop {
            let limit = by.earlier(self.limit());
            match limit.race(&*runtime, poll_fn(|cx| self.poll(cx, by))).await {
                Some(Ok(Some(lease))) => return Ok(lease),
                // Another connection is being prepared now, with a limit of its own.
                Some(Ok(None)) => {}
                Some(Err(error)) => return Err(error),
                None if self.is_over(by) => return Err(self.timeout(by)),
                None => self.lose_patience(),
            }
        }
    }

    /// Polls for a lease, or for `None` when another connection is being prepared.
    fn poll(&mut self, cx: &mut Context<'_>, by: Deadline) -> Poll<Result<Option<Lease>, Error>> {
        match self.pool.collect(self.ticket, cx)? {
            Some((grant, false)) => return Poll::Ready(self.accept(grant)),
            Some((grant, true)) => return Poll::Ready(self.advance(grant, cx, by)),
            None => {}
        }
        let read_until = Deadline::after(self.pool.now(), MAX_BLOCKING_READ);
        let poll = self.poll_preparing(cx, by, MAX_BLOCKING_READ);
        // After the instant that it was given, a transport that blocks does not ask to be polled again.
        if poll.is_pending() && read_until.has_passed(self.pool.now()) {
            cx.waker().wake_by_ref();
        }
        poll
    }

    /// Polls what is being prepared. Transports that block may take `read_for`.
    fn poll_preparing(
        &mut self,
        cx: &mut Context<'_>,
        by: Deadline,
        read_for: Duration,
    ) -> Poll<Result<Option<Lease>, Error>> {
        let poll = match &mut self.preparing {
            Preparing::Nothing => {
                self.pool.runtime.can_wait()?;
                return Poll::Pending;
            }
            Preparing::Settling { pooled, until, .. } => {
                let read_until = Deadline::after(self.pool.now(), read_for);
                let read_until = by.earlier(*until).earlier(read_until);
                // A failure shows in the disposition of the connection.
                pooled.link.poll_settled(cx, read_until).map(|_| None)
            }
            Preparing::Opening(openings) => openings
                .poll(cx, by, read_for, &*self.pool.runtime, &mut self.alarm)
                .map(Some),
        };
        match ready!(poll) {
            None => Poll::Ready(Ok(self.settled())),
            Some((held, opened)) => Poll::Ready(self.opened(held, opened, by)),
        }
    }

    /// Accepts what was assigned before something better, and brings it as far as it comes without a wait. The next caller may
    /// not be able to do even that: while many connections come back, all callers get one before they are polled.
    fn advance(&mut self, grant: Grant, cx: &mut Context<'_>, by: Deadline) -> Result<Option<Lease>, Error> {
        // There is something better than a connection that cannot be opened.
        if self.accept(grant).is_err() {
            return Ok(None);
        }
        match self.poll_preparing(cx, by, Duration::ZERO) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => Ok(None),
        }
    }

    /// Accepts what was assigned. What was being prepared goes back as far as it got; but openings are watched side
    /// by side.
    fn accept(&mut self, grant: Grant) -> Result<Option<Lease>, Error> {
        let now = self.pool.now();
        match grant {
            Grant::Ready(idle) => return Ok(self.look_at(idle, now)),
            Grant::Unproven(idle) => self.probe(idle, now),
            Grant::Unsettled(idle) => {
                // A connection that is known to be slow is assigned only when there is nothing else to try.
                let until = if idle.is_slow(now) {
                    Deadline::NONE
                } else {
                    self.patience(now)
                };
                self.release_held();
                self.settle(idle, false, until);
            }
            Grant::HalfOpen(idle) => {
                let late = idle.is_slow(now);
                let mut openings = self.take_openings();
                openings.add(idle.link, Some(idle.since), late, now);
                self.preparing = Preparing::Opening(openings);
            }
            Grant::Slot => self.open(now)?,
        }
        Ok(None)
    }

    fn look_at(&self, mut idle: Idle<BoxedPooled>, now: Instant) -> Option<Lease> {
        if idle.link.looks_alive(idle.since, now) {
            return Some(Lease::reused(&self.pool, idle.link, idle.since));
        }
        let since = idle.since;
        drop(idle);
        self.pool.decide(|slots| {
            slots.suspect(since, now);
            slots.reject(self.ticket, now);
        });
        None
    }

    /// Probes a connection that was idle for long, by RESET, which a server answers whatever it is doing.
    fn probe(&mut self, mut idle: Idle<BoxedPooled>, now: Instant) {
        self.release_held();
        self.probing_since.get_or_insert(now);
        let link = &mut idle.link.link;
        if link.is_quiet() && link.proto.reset().is_ok() {
            let until = self.probe_until(&idle.link, now);
            self.settle(idle, true, until);
        } else {
            let since = idle.since;
            drop(idle);
            self.lose_dead(since, true);
        }
    }

    /// Returns when a probe is given up. A connection whose server has promised to be heard from soon ends by itself, and
    /// what is opened beside it until then is likely to be in vain.
    fn probe_until(&self, pooled: &Pooled, now: Instant) -> Deadline {
        let patience = self.pool.patience();
        let is_soon = |promised| promised <= patience * 2;
        let ends_soon = pooled.link.silence_limit().is_some_and(is_soon);
        Deadline::after(now, if ends_soon { patience * 3 } else { patience })
    }

    fn settle(&mut self, idle: Idle<BoxedPooled>, probe: bool, until: Deadline) {
        let until = until.earlier(idle.link.give_up_at(&self.pool.config));
        self.preparing = Preparing::Settling {
            pooled: idle.link,
            since: idle.since,
            probe,
            until,
        };
    }

    /// Begins to open a connection. If it is this waiter's first opening, one that took too long before is watched
    /// with it.
    fn open(&mut self, now: Instant) -> Result<(), Error> {
        let opening = match self.pool.begin_opening(&self.credentials) {
            Ok(opening) => Box::new(opening),
            Err(error) => {
                self.lose_right();
                return Err(error);
            }
        };
        let mut openings = self.take_openings();
        if openings.is_empty() {
            let slow = self.pool.decide(|slots| slots.take_slow_half_open(now));
            if let Some(idle) = slow {
                openings.add(idle.link, Some(idle.since), true, now);
            }
        }
        openings.add(opening, None, false, now);
        self.preparing = Preparing::Opening(openings);
        Ok(())
    }

    /// Takes the openings being prepared. Anything else goes back.
    fn take_openings(&mut self) -> Openings {
        match mem::replace(&mut self.preparing, Preparing::Nothing) {
            Preparing::Opening(openings) => openings,
            other => {
                self.preparing = other;
                self.release_held();
                Openings::default()
            }
        }
    }

    /// The connection being prepared has nothing left to answer: it is ready, or cannot be used.
    fn settled(&mut self) -> Option<Lease> {
        let Preparing::Settling {
            mut pooled,
            since,
            probe,
            ..
        } = mem::replace(&mut self.preparing, Preparing::Nothing)
        else {
            return None;
        };
        let now = self.pool.now();
        if pooled.is_usable(now) {
            return Some(Lease::reused(&self.pool, pooled, now));
        }
        if pooled.is_dead() {
            self.lose_dead(since, probe);
        } else {
            pooled.link.say_goodbye();
            self.lose();
        }
        None
    }

    /// One of the openings is complete, or has failed.
    fn opened(
        &mut self,
        held: HeldOpening,
        opened: Result<Link, Error>,
        by: Deadline,
    ) -> Result<Option<Lease>, Error> {
        let now = self.pool.now();
        let HeldOpening { opening, inherited } = held;
        match opened {
            Ok(link) => {
                let longest = opening.longest_wait();
                let is_proven = self.pool.decide_with_patience(|slots, patience| {
                    patience.succeeded(longest);
                    let is_proven = inherited.is_none_or(|since| slots.is_proven_since(since, now));
                    if is_proven {
                        slots.opened(self.ticket, now);
                    } else {
                        slots.opened_unproven(self.ticket);
                    }
                    is_proven
                });
                let expires = self.pool.config.end_of_life(now);
                let pooled = Pooled::new(link, opening.begun(), expires);
                match inherited {
                    // Its answers may have arrived before the same event killed it that killed others.
                    Some(since) if !is_proven => {
                        self.probe(Idle::new(pooled, since, expires), now);
                        Ok(None)
                    }
                    _ => Ok(Some(Lease::opened(&self.pool, pooled, inherited.is_some(), now))),
                }
            }
            // The failure of an opening that an earlier call began may be due to that call alone. Nor is it one of a call that
            // need not wait for the opening any more.
            Err(_) if inherited.is_some() || self.pool.has_uncollected(self.ticket) => {
                self.lose_opening();
                Ok(None)
            }
            Err(error) => {
                // A transport that blocks ends its own wait when the time is up.
                let by = by.earlier(opening.expires());
                let error = if self.is_over(by) {
                    self.timeout_of(Waiting::Opening, by)
                } else {
                    error
                };
                self.pool.decide(|slots| slots.fail(self.ticket, now));
                Err(error)
            }
        }
    }

    fn patience(&self, now: Instant) -> Deadline {
        Deadline::after(now, self.pool.patience())
    }

    /// Returns whether the call has to end.
    fn is_over(&self, by: Deadline) -> bool {
        by.has_passed(self.pool.now()) || self.pool.runtime.is_cancelled()
    }

    /// Returns the error of a call whose time is up.
    fn timeout(&self, by: Deadline) -> Error {
        let waiting = match &self.preparing {
            Preparing::Nothing => Waiting::Pool,
            Preparing::Settling { .. } => Waiting::Settling,
            Preparing::Opening(_) => Waiting::Opening,
        };
        self.timeout_of(waiting, by)
    }

    fn timeout_of(&self, waiting: fn(PoolCounts) -> Waiting, by: Deadline) -> Error {
        let address = self.pool.address.to_string();
        Error::out_of_time(&*self.pool.runtime, address, waiting(self.pool.counts()), by)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // In this order: while the waiter is in the queue, the call that closes the pool waits for what it holds.
        self.release_held();
        self.pool.leave(self.ticket);
    }
}
