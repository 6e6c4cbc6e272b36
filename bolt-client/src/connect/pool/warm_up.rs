//! Connections that are opened before a call needs them.

use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::connect::link::Link;
use crate::connect::login::Credentials;
use crate::deadline::{Alarm, Deadline};
use crate::error::{Error, Waiting};

use super::openings::{HeldOpening, Openings};
use super::waiter::MAX_BLOCKING_READ;
use super::{Grant, Pool, Pooled};

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
            openings: Openings::default(),
            alarm: Alarm::default(),
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
    openings: Openings,
    /// For the openings, which have none of their own.
    alarm: Alarm,
}

impl WarmUp<'_> {
    /// Takes one more connection to open, if one is wanted.
    fn take(&mut self) -> bool {
        let now = self.pool.now();
        match self.pool.decide(|slots| slots.spare(now)) {
            Some(Grant::HalfOpen(idle)) => {
                let late = idle.is_slow(now);
                self.openings.add(idle.link, Some(idle.since), late, now);
                true
            }
            Some(_) => match self.pool.begin_opening(self.credentials) {
                Ok(opening) => {
                    self.openings.add(Box::new(opening), None, false, now);
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

    fn poll(&mut self, cx: &mut Context<'_>, by: Deadline) -> Poll<(HeldOpening, Result<Link, Error>)> {
        let runtime = &*self.pool.runtime;
        let read_until = Deadline::after(runtime.now(), MAX_BLOCKING_READ);
        let poll = self
            .openings
            .poll(cx, by, MAX_BLOCKING_READ, runtime, &mut self.alarm);
        // Past the instant that it was given, a transport that blocks does not ask to be polled again.
        if poll.is_pending() && read_until.has_passed(runtime.now()) {
            cx.waker().wake_by_ref();
        }
        poll
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

impl Drop for WarmUp<'_> {
    fn drop(&mut self) {
        let pool = self.pool;
        let now = pool.now();
        let (half_open, over) = mem::take(&mut self.openings).release_held(pool.patience(), now);
        pool.decide(|slots| {
            for idle in half_open {
                slots.give_back_spare(idle, now);
            }
            (0..over).for_each(|_| slots.spare_failed(now));
        });
    }
}
