//! Opening a connection: DNS, TCP, handshake, login.

mod address_order;
mod flow;
mod timing;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::config::Config;
use crate::connect::encryption::Encryption;
use crate::connect::link::{CarriedLogin, Link};
use crate::connect::login::Logins;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exclusive::Exclusive;
use crate::runtime::{BoxFuture, Runtime};

pub(crate) use address_order::AddressOrder;
use flow::Flow;
use timing::{Advance, Timing};

/// A connection that is being opened.
///
/// It does not belong to the call that began it: a call whose time is up leaves the opening in the pool, and the next
/// call continues it. Otherwise callers with limits shorter than a handshake would never get a connection.
pub(crate) struct Opening {
    /// Empty while it is being polled, and forever after a panic in that poll: a future must not be polled again
    /// then.
    flow: Option<Exclusive<BoxFuture<'static, Result<Link, Error>>>>,
    begun: Instant,
    was_polled: bool,
    timing: Timing,
    order: AddressOrder,
    /// The instant after which the opening is given up.
    expires: Deadline,
    wait: Wait,
}

/// How long callers have waited for the present step: a look-up, a connect, an answer. The time that an opening
/// spends in the pool does not count: nothing is read then.
#[derive(Debug)]
struct Wait {
    /// By earlier callers.
    before: Duration,
    /// When the present caller began to wait, or the present step began, whichever was later.
    since: Instant,
    /// The longest wait for an earlier step.
    longest: Duration,
}

impl Opening {
    pub(crate) fn begin(
        runtime: &Arc<dyn Runtime>,
        config: &Arc<Config>,
        encryption: &Encryption,
        address: &Address,
        order: &AddressOrder,
        login: CarriedLogin,
        logins: &Arc<Logins>,
    ) -> Self {
        let now = runtime.now();
        let timing = Timing::default();
        let expires = Deadline::set_by("connection_timeout", now, config.connection_timeout);
        let flow = Flow {
            runtime: Arc::clone(runtime),
            config: Arc::clone(config),
            encryption: encryption.clone(),
            address: address.clone(),
            order: order.clone(),
            timing: timing.clone(),
            expires,
            begun: now,
            login,
            logins: Arc::clone(logins),
        };
        Self {
            flow: Some(Exclusive::new(Box::pin(flow.run()))),
            begun: now,
            was_polled: false,
            timing,
            order: order.clone(),
            expires,
            wait: Wait {
                before: Duration::ZERO,
                since: now,
                longest: Duration::ZERO,
            },
        }
    }

    /// Returns when it began.
    pub(crate) const fn begun(&self) -> Instant {
        self.begun
    }

    /// Returns the instant after which the opening is given up.
    pub(crate) const fn expires(&self) -> Deadline {
        self.expires
    }

    /// Returns when the opening must be polled again, whether or not anything has happened: to try the next address.
    pub(crate) fn attempt_deadline(&self) -> Deadline {
        self.timing.attempt_deadline()
    }

    /// Continues the opening, without a timer, which the waiting caller has. Transports that block connect until
    /// `limit` at the latest, and read for as long as `read_for`, so that the caller can check for something better
    /// now and then.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        limit: Deadline,
        read_for: Duration,
        runtime: &dyn Runtime,
    ) -> Poll<Result<Link, Error>> {
        self.timing.set(limit.earlier(self.expires), read_for);
        let Some(mut flow) = self.flow.take() else {
            return Poll::Ready(Err(Error::misuse(
                "an earlier poll of the opening of this connection panicked",
            )));
        };
        self.was_polled = true;
        let poll = flow.get_mut().as_mut().poll(cx);
        if poll.is_pending() {
            self.flow = Some(flow);
        }
        match self.timing.take_advance() {
            Advance::None => {}
            advance => self.wait.step(advance, runtime.now()),
        }
        poll
    }

    /// Whether the opening can be continued: it was polled, is not complete, and no poll of it has panicked (user
    /// code runs in it).
    pub(crate) const fn is_under_way(&self) -> bool {
        self.was_polled && self.flow.is_some()
    }

    /// A caller begins to wait for it.
    pub(crate) const fn begin_wait(&mut self, now: Instant) {
        self.wait.since = now;
    }

    /// The caller leaves it to the next one.
    pub(crate) fn end_wait(&mut self, now: Instant) {
        self.wait.before = self.waited(now);
        self.wait.since = now;
    }

    /// Returns how long callers have waited for the present step.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        let present = now.saturating_duration_since(self.wait.since);
        self.wait.before.saturating_add(present)
    }

    /// Returns when callers will have waited so long for the present step.
    pub(crate) fn has_waited_at(&self, patience: Duration) -> Deadline {
        Deadline::after(self.wait.since, patience.saturating_sub(self.wait.before))
    }

    /// Returns when the present caller will have waited so long for the present step.
    pub(crate) fn caller_has_waited_at(&self, patience: Duration) -> Deadline {
        Deadline::after(self.wait.since, patience)
    }

    /// Returns the longest wait for one step.
    pub(crate) const fn longest_wait(&self) -> Duration {
        self.wait.longest
    }

    /// Notes that the opening takes too long: the next one tries another address first, if there is one.
    pub(crate) fn try_its_address_last(&self, now: Instant) {
        if let Some((target, socket)) = self.timing.address() {
            self.order.note_failure(&target, socket, now);
        }
    }
}

impl Wait {
    fn step(&mut self, advance: Advance, now: Instant) {
        let waited = self
            .before
            .saturating_add(now.saturating_duration_since(self.since));
        if advance == Advance::Step {
            self.longest = self.longest.max(waited);
        }
        self.before = Duration::ZERO;
        self.since = now;
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening")
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
