//! A caller's place in the queue, and what it prepares meanwhile.

use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::connect::link::{Fate, Link};
use crate::connect::open::Opening;
use crate::deadline::{Alarm, Deadline};
use crate::error::{Error, Waiting};

use super::{Grant, Idle, Lease, Parked, Pool, PoolCounts, Pooled, Slots, Ticket};

/// How long an answer that is due may take before something else is tried: a long round trip, and a server that takes
/// its time.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a caller whose transport blocks the thread looks whether something better has come. Others are woken.
const GLANCE: Duration = Duration::from_millis(50);

/// A place in the queue, and what is in hand. Dropped at any point it gives up the one and gives back the other.
pub(super) struct Place {
    pool: Arc<Pool>,
    ticket: Ticket,
    hand: Hand,
    /// For openings, which have none of their own.
    alarm: Alarm,
}

/// What a caller in the queue is preparing.
enum Hand {
    Empty,
    /// Answers are on their way: to what an earlier lease asked, or to a probe.
    Settling {
        pooled: Parked,
        /// If this is a probe: since when the connection has been idle.
        idle_since: Option<Instant>,
        /// When something else is tried.
        until: Deadline,
    },
    /// `inherited`: an earlier call began it.
    Opening {
        opening: Box<Opening>,
        inherited: bool,
    },
}

impl Place {
    pub(super) fn join(pool: &Arc<Pool>, join: impl FnOnce(&mut Slots) -> Ticket) -> Self {
        Self {
            pool: Arc::clone(pool),
            ticket: pool.decide(join),
            hand: Hand::Empty,
            alarm: Alarm::default(),
        }
    }

    /// Waits for the first connection that is ready, be it the one in hand or one that comes back. What others left on
    /// the wire is read here, before anything is queued; a connection that does not survive that is replaced without
    /// a word. Cancel-safe.
    pub(super) async fn lease(mut self, by: Deadline) -> Result<Lease, Error> {
        let runtime = Arc::clone(&self.pool.runtime);
        loop {
            let limit = by.earlier(self.hand.limit());
            match limit.race(&*runtime, poll_fn(|cx| self.poll(cx, limit))).await {
                Some(Ok(Some(lease))) => return Ok(lease),
                // Something else is in hand now, with a limit of its own.
                Some(Ok(None)) => {}
                Some(Err(error)) => return Err(error),
                None if self.is_over(by) || self.hand.is_own() => return Err(self.timeout()),
                None => self.lose_patience(),
            }
        }
    }

    /// Ready with a lease, or with `None` when something else is in hand.
    fn poll(&mut self, cx: &mut Context<'_>, limit: Deadline) -> Poll<Result<Option<Lease>, Error>> {
        if let Some(grant) = self.pool.collect(self.ticket, cx)? {
            return Poll::Ready(Ok(self.accept(grant)));
        }
        let glance = Deadline::after(self.pool.now(), GLANCE);
        match &mut self.hand {
            Hand::Empty => {
                self.pool.runtime.can_wait()?;
                Poll::Pending
            }
            Hand::Settling { pooled, .. } => {
                // If it failed, that shows in what has become of the connection.
                let _settled = ready!(pooled.link.poll_settled(cx, limit.earlier(glance)));
                Poll::Ready(Ok(self.settled()))
            }
            Hand::Opening { opening, .. } => loop {
                if let Poll::Ready(opened) = opening.poll(cx, limit, glance) {
                    return Poll::Ready(self.opened(opened, limit));
                }
                let moves_on = opening.moves_on();
                ready!(self.alarm.poll(cx, &*self.pool.runtime, moves_on));
                if !moves_on.has_passed(self.pool.now()) {
                    // The call is cancelled. Whoever waits sees that, too.
                    return Poll::Pending;
                }
            },
        }
    }

    /// Takes what has come. What was in hand goes back as far as it got.
    fn accept(&mut self, grant: Grant) -> Option<Lease> {
        let now = self.pool.now();
        if !matches!(grant, Grant::Ready(_)) {
            self.put_down();
        }
        match grant {
            Grant::Ready(idle) => return self.look_at(idle, now),
            Grant::Unproven(idle) => self.probe(idle, now),
            Grant::Unsettled(idle) => {
                // One that is known to be slow comes only when there is nothing else to try.
                let until = if idle.is_slow(now) {
                    Deadline::NONE
                } else {
                    patience(now)
                };
                self.settle(idle.link, None, until);
            }
            Grant::HalfOpen(idle) => {
                self.hand = Hand::Opening {
                    opening: idle.link,
                    inherited: true,
                };
            }
            Grant::Slot => {
                self.hand = Hand::Opening {
                    opening: Box::new(self.pool.begin_opening()),
                    inherited: false,
                };
            }
        }
        None
    }

    fn look_at(&self, mut idle: Idle<Parked>, now: Instant) -> Option<Lease> {
        if idle.link.looks_alive(idle.since, now) {
            return Some(Lease::reused(&self.pool, idle.link));
        }
        drop(idle);
        self.pool.decide(|slots| slots.reject(self.ticket, now));
        None
    }

    /// Asks a connection that was idle for long whether it is alive: by RESET, which a server answers whatever it does.
    fn probe(&mut self, idle: Idle<Parked>, now: Instant) {
        let mut pooled = idle.link;
        if pooled.link.is_quiet() && pooled.link.proto.reset().is_ok() {
            self.settle(pooled, Some(idle.since), patience(now));
        } else {
            drop(pooled);
            self.lose();
        }
    }

    fn settle(&mut self, pooled: Parked, idle_since: Option<Instant>, until: Deadline) {
        let until = until.earlier(pooled.doom(&self.pool.config));
        self.hand = Hand::Settling {
            pooled,
            idle_since,
            until,
        };
    }

    /// Nothing more is to be expected on the connection in hand: it is ready, or of no use.
    fn settled(&mut self) -> Option<Lease> {
        let Hand::Settling { mut pooled, .. } = mem::replace(&mut self.hand, Hand::Empty) else {
            return None;
        };
        if pooled.is_usable(self.pool.now(), self.pool.era()) {
            return Some(Lease::reused(&self.pool, pooled));
        }
        pooled.link.say_goodbye();
        self.lose();
        None
    }

    /// The connection in hand is open, or failed to be.
    fn opened(&mut self, opened: Result<Link, Error>, limit: Deadline) -> Result<Option<Lease>, Error> {
        let now = self.pool.now();
        let Hand::Opening { inherited, .. } = mem::replace(&mut self.hand, Hand::Empty) else {
            return Ok(None);
        };
        match opened {
            Ok(link) => {
                self.pool.decide(|slots| slots.opened(self.ticket, now));
                let pooled = Pooled::new(link, self.pool.config.end_of_life(now), self.pool.era());
                Ok(Some(Lease::opened(&self.pool, pooled, inherited)))
            }
            // What an earlier call began may fail for reasons that were that call's own.
            Err(_) if inherited => {
                self.lose();
                Ok(None)
            }
            Err(error) => {
                // A transport that blocks ends its own wait when the time is up.
                let error = if self.is_over(limit) {
                    self.timeout_of(Waiting::Opening)
                } else {
                    error
                };
                self.pool.decide(|slots| slots.fail(self.ticket, now));
                Err(error)
            }
        }
    }

    /// What is in hand has had its time.
    fn lose_patience(&mut self) {
        match mem::replace(&mut self.hand, Hand::Empty) {
            Hand::Settling { pooled, .. } => self.set_aside(pooled),
            // Somebody else's opening, which has had all the time there is for that.
            given_up => {
                drop(given_up);
                self.lose();
            }
        }
    }

    /// A connection whose answer does not come is left for later, unless it is as good as dead.
    fn set_aside(&mut self, mut pooled: Parked) {
        let now = self.pool.now();
        let is_doomed = pooled.doom(&self.pool.config).has_passed(now);
        if is_doomed || matches!(pooled.link.release(), Fate::Unanswered | Fate::Close) {
            drop(pooled);
            self.lose();
            return;
        }
        pooled.late_since.get_or_insert(now);
        let idle = pooled.unsettled(&self.pool.config, now);
        self.pool.decide(|slots| slots.shelve(self.ticket, idle, now));
    }

    /// What was in hand is gone. The place in the queue stays.
    fn lose(&mut self) {
        let now = self.pool.now();
        self.pool.decide(|slots| slots.lose(self.ticket, now));
    }

    /// Gives back what is in hand.
    fn put_down(&mut self) {
        match mem::replace(&mut self.hand, Hand::Empty) {
            Hand::Empty => {}
            Hand::Settling {
                pooled, idle_since, ..
            } => pooled.give_back(&self.pool, idle_since),
            Hand::Opening { .. } if planted!(HalfOpenLeaked) => {}
            Hand::Opening { opening, .. } => {
                let now = self.pool.now();
                let expires = opening.expires();
                let idle = Idle::new(opening, now, expires);
                self.pool.decide(|slots| slots.give_back_half_open(idle, now));
            }
        }
    }

    /// Whether the call shall end.
    fn is_over(&self, by: Deadline) -> bool {
        by.has_passed(self.pool.now()) || self.pool.runtime.is_cancelled()
    }

    /// The time is up.
    fn timeout(&self) -> Error {
        self.timeout_of(match &self.hand {
            Hand::Empty => Waiting::Pool,
            Hand::Settling { .. } => Waiting::Settling,
            Hand::Opening { .. } => Waiting::Opening,
        })
    }

    fn timeout_of(&self, waiting: fn(PoolCounts) -> Waiting) -> Error {
        let address = self.pool.address.to_string();
        Error::out_of_time(&*self.pool.runtime, address, waiting(self.pool.counts()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // In this order: as long as it is in the queue, whoever closes the pool waits for what it holds.
        self.put_down();
        self.pool.leave(self.ticket);
    }
}

impl Hand {
    /// When something else is to be tried.
    const fn limit(&self) -> Deadline {
        match self {
            Self::Empty => Deadline::NONE,
            Self::Settling { until, .. } => *until,
            Self::Opening { opening, .. } => opening.expires(),
        }
    }

    /// Whether it is a connection that this caller began to open.
    const fn is_own(&self) -> bool {
        matches!(self, Self::Opening { inherited: false, .. })
    }
}

fn patience(now: Instant) -> Deadline {
    Deadline::after(now, PATIENCE)
}
