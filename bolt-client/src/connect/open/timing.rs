//! What an opening and the caller that waits for it tell each other of time.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::deadline::Deadline;
use crate::runtime::Runtime;

/// Shared by an opening and its flow. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Timing(Arc<Mutex<Limits>>);

#[derive(Debug)]
struct Limits {
    /// Until when resolving and connecting may block. They cannot be interrupted without being lost.
    limit: Deadline,
    /// For how long a read may block. It goes on where it was.
    read_for: Duration,
    /// Until when the present attempt may take: a look-up, an address, the login.
    attempt: Deadline,
    /// The address that is being tried.
    address: Option<(Address, SocketAddr)>,
    advance: Advance,
}

/// What the flow has achieved since it was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advance {
    /// It waits for the same thing.
    None,
    /// It has given up one address and tries another.
    NextAddress,
    /// Something has come that it waited for.
    Step,
}

impl Timing {
    /// Until when resolving and connecting may block.
    pub(super) fn limit(&self) -> Option<Instant> {
        let limits = self.lock();
        limits.limit.earlier(limits.attempt).at()
    }

    /// Until when a read that begins now may block. Not an instant that the caller has fixed: what comes before the read
    /// may block for longer than that.
    pub(super) fn read_until(&self, now: Instant) -> Deadline {
        let limits = self.lock();
        let limit = limits.limit.earlier(limits.attempt);
        limit.earlier(Deadline::after(now, limits.read_for))
    }

    /// When the flow is to be polled again, whether or not anything has happened.
    pub(super) fn attempt_deadline(&self) -> Deadline {
        self.lock().attempt
    }

    pub(super) fn set(&self, limit: Deadline, read_for: Duration) {
        let mut limits = self.lock();
        limits.limit = limit;
        limits.read_for = read_for;
    }

    /// The address that is being tried.
    pub(super) fn address(&self) -> Option<(Address, SocketAddr)> {
        self.lock().address.clone()
    }

    /// The flow turns to this address.
    pub(super) fn begin_address(&self, target: &Address, socket: SocketAddr) {
        let mut limits = self.lock();
        limits.address = Some((target.clone(), socket));
        limits.advance = Advance::NextAddress;
    }

    /// Something has come that the flow waited for.
    pub(super) fn note_progress(&self) {
        self.lock().advance = Advance::Step;
    }

    /// What the flow has achieved since this was last asked.
    pub(super) fn take_advance(&self) -> Advance {
        std::mem::replace(&mut self.lock().advance, Advance::None)
    }

    /// Waits for an attempt, at most until `end`; `None` if that came first, even if the attempt never pauses for longer
    /// than a turn. The caller that waits for the flow sees to it that it is polled then.
    pub(super) async fn within<F: Future>(
        &self,
        end: Deadline,
        runtime: &dyn Runtime,
        attempt: F,
    ) -> Option<F::Output> {
        self.lock().attempt = end;
        let mut attempt = pin!(attempt);
        let outcome = poll_fn(|cx| match attempt.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if end.has_passed(runtime.now()) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        self.lock().attempt = Deadline::NONE;
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Limits {
            limit: Deadline::NONE,
            read_for: Duration::MAX,
            attempt: Deadline::NONE,
            address: None,
            advance: Advance::None,
        })))
    }
}
