//! Connections that are opened before a call needs them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::connect::link::Link;
use crate::connect::login::Credentials;
use crate::connect::open::Opening;
use crate::connect::side_by_side::SideBySide;
use crate::deadline::{Alarm, Deadline};
use crate::error::{Error, Waiting};
use crate::runtime::Runtime;

use super::openings::{self, HeldOpening};
use super::waiter::MAX_BLOCKING_READ;
use super::{Grant, Pool, Pooled};

/// How long one of many openings may block the thread at least, on transports that do. A poll that takes as long is repeated, so
/// on other transports nearly all must be shorter.
const LEAST_BLOCKING_READ: Duration = Duration::from_millis(5);

impl Pool {
    /// Opens connections, side by side, until as many are idle as the options want, or the pool is full. Returns the
    /// first failure once all of them are open or have failed. Cancel-safe: what was being opened stays in the pool as
    /// far as it got.
    pub(crate) async fn warm_up(
        self: &Arc<Self>,
        credentials: &Credentials,
        by: Deadline,
    ) -> Result<(), Error> {
        let mut warming = WarmUp {
            pool: self,
            credentials,
            refused: None,
            openings: SideBySide::default(),
        };
        while warming.take() {}
        let mut failure = warming.refused.take();
        while !warming.openings.is_empty() {
            match by.race(&*self.runtime, poll_fn(|cx| warming.poll(cx, by))).await {
                None => return Err(failure.unwrap_or_else(|| self.opening_timeout(by))),
                Some((held, Ok(link))) => warming.opened(&held, link),
                Some((held, Err(error))) => {
                    let now = self.now();
                    self.decide(|slots| slots.spare_failed(now));
                    if by.has_passed(now) || self.runtime.is_cancelled() {
                        // A transport that blocks ends its own wait when the time is up.
                        return Err(failure.unwrap_or_else(|| self.opening_timeout(by)));
                    }
                    // An opening that an earlier call began may fail for reasons of that call, as with a login of its own.
                    let is_own = held.inherited.is_none() || !error.is_failed_login();
                    if held.inherited.is_none() || (!warming.take() && is_own) {
                        failure.get_or_insert(error);
                    }
                }
            }
        }
        match failure {
            Some(error) => Err(error),
            None if self.is_closed() => Err(Error::closed()),
            None => Ok(()),
        }
    }

    fn opening_timeout(&self, by: Deadline) -> Error {
        let waiting = Waiting::Opening(self.counts());
        Error::out_of_time(&*self.runtime, self.address.to_string(), waiting, by)
    }
}

/// Connections that are being opened ahead of any caller. Dropped, it leaves them to the pool.
struct WarmUp<'p> {
    pool: &'p Arc<Pool>,
    /// What new connections log in with.
    credentials: &'p Credentials,
    /// Why no more connections can be opened.
    refused: Option<Error>,
    openings: SideBySide<SpareOpening>,
}

/// One of them.
struct SpareOpening {
    held: HeldOpening,
    /// For the opening, which has none of its own.
    alarm: Alarm,
}

impl WarmUp<'_> {
    /// Takes one more connection to open, if one is wanted.
    fn take(&mut self) -> bool {
        let now = self.pool.now();
        match self.pool.decide(|slots| slots.spare(now)) {
            Some(Grant::HalfOpen(idle)) => {
                self.add(HeldOpening::new(idle.link, Some(idle.since), now));
                true
            }
            Some(_) => match self.pool.begin_opening(self.credentials) {
                Ok(opening) => {
                    self.add(HeldOpening::new(Box::new(opening), None, now));
                    true
                }
                Err(error) => {
                    self.pool.decide(|slots| slots.spare_failed(now));
                    self.refused = Some(error);
                    false
                }
            },
            None => false,
        }
    }

    fn add(&mut self, held: HeldOpening) {
        self.openings.add(SpareOpening {
            held,
            alarm: Alarm::default(),
        });
    }

    /// Polls those that were woken, until one is complete or has failed, which is removed.
    fn poll(&mut self, cx: &Context<'_>, by: Deadline) -> Poll<(HeldOpening, Result<Link, Error>)> {
        let runtime = &*self.pool.runtime;
        let openings = u32::try_from(self.openings.len().max(1)).unwrap_or(u32::MAX);
        let read_for = (MAX_BLOCKING_READ / openings).max(LEAST_BLOCKING_READ);
        let polled = self.openings.poll(cx, |spare, cx| {
            let read_until = Deadline::after(runtime.now(), read_for);
            let polled = spare.poll(cx, by, read_for, runtime);
            // Past the instant that it was given, a transport that blocks does not ask to be polled again.
            if polled.is_pending() && read_until.has_passed(runtime.now()) {
                cx.waker().wake_by_ref();
            }
            polled
        });
        polled.map(|(spare, opened)| (spare.held, opened))
    }

    fn opened(&self, held: &HeldOpening, link: Link) {
        let pool = self.pool;
        let expires = pool.config.end_of_life(pool.now());
        let longest = held.opening.longest_wait();
        pool.decide_with_patience(|slots, patience| {
            patience.succeeded(longest);
            slots.spare_opened();
        });
        Pooled::new(link, held.opening.begun(), expires).give_back(pool, held.inherited);
    }
}

impl SpareOpening {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        by: Deadline,
        read_for: Duration,
        runtime: &dyn Runtime,
    ) -> Poll<Result<Link, Error>> {
        let opening: &mut Opening = &mut self.held.opening;
        loop {
            if let Poll::Ready(opened) = opening.poll(cx, by, read_for, runtime) {
                return Poll::Ready(opened);
            }
            let next = opening.attempt_deadline();
            ready!(self.alarm.poll(cx, runtime, next));
            if !next.has_passed(runtime.now()) {
                // The call is cancelled, which its caller sees, too.
                return Poll::Pending;
            }
        }
    }
}

impl Drop for WarmUp<'_> {
    fn drop(&mut self) {
        let pool = self.pool;
        let now = pool.now();
        let held = self.openings.take().map(|spare| spare.held);
        let (half_open, over) = openings::release(held, pool.patience(), now);
        pool.decide(|slots| {
            for idle in half_open {
                slots.give_back_spare(idle, now);
            }
            (0..over).for_each(|_| slots.spare_failed(now));
        });
    }
}
