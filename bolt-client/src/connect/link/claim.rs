//! A session's claim to a connection on which some of its work is still to be carried out.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Waker};

/// The session's side. While it exists, the session will wait for the end of the work, so the link need not guess
/// whether rows are left.
#[derive(Clone)]
pub(crate) struct Claim(Arc<State>);

/// The link's side. Dropped when the work has ended, or the connection has.
pub(super) struct Claimed(Claim);

#[derive(Default)]
struct State {
    ended: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Claim {
    /// Returns a claim, and the link's side of it.
    pub(super) fn new() -> (Self, Claimed) {
        let claim = Self(Arc::default());
        (claim.clone(), Claimed(claim))
    }

    /// Returns whether the work has ended, or its connection has.
    pub(crate) fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    /// Registers the waker, to be woken when the work has ended or the connection is in the pool again.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        let stale = self.lock().replace(cx.waker().clone());
        drop(stale);
    }

    /// Wakes the session if it waits.
    pub(crate) fn wake(&self) {
        let waker = self.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.0.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claimed {
    /// Returns whether this is the link's side of that claim.
    pub(super) fn is_of(&self, claim: &Claim) -> bool {
        Arc::ptr_eq(&self.0.0, &claim.0)
    }

    /// Returns whether the session still exists.
    pub(super) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0.0) > 1
    }

    pub(super) const fn claim(&self) -> &Claim {
        &self.0
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        self.0.0.ended.store(true, Ordering::Release);
        self.0.wake();
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("ended", &self.has_ended()).finish()
    }
}
