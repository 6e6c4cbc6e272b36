//! What an opening and the caller that waits for it report to each other about time.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::deadline::Deadline;
use crate::runtime::Runtime;

/// State shared by an opening and its flow. Clones share the same state.
#[derive(Debug, Clone)]
pub(super) struct Timing(Arc<Mutex<Limits>>);

#[derive(Debug)]
struct Limits {
    /// Until when resolving and connecting may block. They cannot be interrupted without losing their progress.
    limit: Deadline,
    /// For how long a read may block. An interrupted read continues where it was.
    read_for: Duration,
    /// The deadline of the present attempt: a look-up, an address, the login.
    attempt: Deadline,
    /// The address that is being tried.
    address: Option<(Address, SocketAddr)>,
    advance: Advance,
}

/// What the flow has achieved since the last check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advance {
    /// The flow still waits for the same thing.
    None,
    /// The flow has given up one address and tries another.
    NextAddress,
    /// Something has arrived that the flow waited for.
    Step,
}

impl Timing {
    /// Returns until when resolving and connecting may block.
    pub(super) fn limit(&self) -> Option<Instant> {
        let limits = self.lock();
        limits.limit.earlier(limits.attempt).at()
    }

    /// Returns until when a read that begins now may block. The caller gives a length of time, not an instant,
    /// because what precedes the read may block for longer.
    pub(super) fn read_until(&self, now: Instant) -> Deadline {
        let limits = self.lock();
        let limit = limits.limit.earlier(limits.attempt);
        limit.earlier(Deadline::after(now, limits.read_for))
    }

    /// Returns when the flow must be polled again, whether or not anything has happened.
    pub(super) fn attempt_deadline(&self) -> Deadline {
        self.lock().attempt
    }

    pub(super) fn set(&self, limit: Deadline, read_for: Duration) {
        let mut limits = self.lock();
        limits.limit = limit;
        limits.read_for = read_for;
    }

    /// Returns the address that is being tried.
    pub(super) fn address(&self) -> Option<(Address, SocketAddr)> {
        self.lock().address.clone()
    }

    /// Notes that the flow begins with this address.
    pub(super) fn begin_address(&self, target: &Address, socket: SocketAddr) {
        let mut limits = self.lock();
        limits.address = Some((target.clone(), socket));
        limits.advance = Advance::NextAddress;
    }

    /// Notes that something has arrived that the flow waited for.
    pub(super) fn note_progress(&self) {
        self.lock().advance = Advance::Step;
    }

    /// Returns what the flow has achieved since the last call of this method.
    pub(super) fn take_advance(&self) -> Advance {
        std::mem::replace(&mut self.lock().advance, Advance::None)
    }

    /// Waits for an attempt, at most until `end`; `None` if that came first, even if the attempt never pauses for
    /// longer than a turn. The caller that waits for the flow polls it at that instant.
    pub(super) async fn within<F: Future>(
        &self,
        end: Deadline,
        runtime: &dyn Runtime,
        attempt: F,
    ) -> Option<F::Output> {
        let whole = self.begin_attempt(end);
        let mut attempt = pin!(attempt);
        let outcome = poll_fn(|cx| match attempt.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if end.has_passed(runtime.now()) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        self.lock().attempt = whole;
        outcome
    }

    /// Begins an attempt, which may be a part of another one. Returns the deadline of that.
    fn begin_attempt(&self, end: Deadline) -> Deadline {
        let mut limits = self.lock();
        let whole = limits.attempt;
        limits.attempt = end.earlier(whole);
        whole
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
