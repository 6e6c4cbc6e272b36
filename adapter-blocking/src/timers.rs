//! Timers that end the sleep of the call that waits for them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bolt_client::runtime::Timer;

/// The timers of one call, which [`block_on`](crate::block_on::block_on) wakes on the thread of that call.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    #[expect(
        clippy::box_collection,
        reason = "most calls have none: then there is nothing to be moved or dropped"
    )]
    waiting: Option<Box<BTreeMap<Key, Waker>>>,
}

/// When a timer is due, and its number in the process.
type Key = (Instant, u64);

thread_local! {
    /// The timers of the call that is being polled. They are not dropped with the thread, whose other locals may run a call
    /// when they are; between two calls there are none.
    static PRESENT: ManuallyDrop<RefCell<Timers>> = const { ManuallyDrop::new(RefCell::new(Timers::new())) };
}

static LAST: AtomicU64 = AtomicU64::new(0);

impl Timers {
    pub(crate) const fn new() -> Self {
        Self { waiting: None }
    }

    /// Collects the timers that are polled until the end of the scope, as those of the call that is being polled.
    pub(crate) fn enter(&mut self) -> Scope<'_> {
        self.swap();
        Scope { own: self }
    }

    /// Returns when the first of them is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.waiting.as_ref()?.first_key_value().map(|((at, _), _)| *at)
    }

    /// Wakes those that are due.
    pub(crate) fn wake_due(&mut self) {
        let Some(waiting) = self.waiting.as_mut().filter(|waiting| !waiting.is_empty()) else {
            return;
        };
        let now = Instant::now();
        while let Some(first) = waiting.first_entry().filter(|first| first.key().0 <= now) {
            first.remove().wake();
        }
    }

    fn swap(&mut self) {
        PRESENT.with(|present| mem::swap(self, &mut present.borrow_mut()));
    }
}

/// The time of one poll. Dropped, also by a panic, it leaves the timers of the enclosing poll as they were.
#[derive(Debug)]
pub(crate) struct Scope<'t> {
    own: &'t mut Timers,
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        self.own.swap();
    }
}

/// A timer that ends the sleep of the call that polls it.
#[derive(Debug)]
pub(crate) struct Delay {
    at: Instant,
    /// Its place among those that wait.
    key: Option<Key>,
}

impl Delay {
    pub(crate) const fn new(at: Instant) -> Self {
        Self { at, key: None }
    }

    fn stop(&mut self) {
        if let Some(key) = self.key.take() {
            // In the scope of another call it is not found, and wakes its own once more.
            let waker = PRESENT.with(|present| present.borrow_mut().waiting.as_mut()?.remove(&key));
            drop(waker);
        }
    }
}

impl Timer for Delay {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.stop();
        self.at = at;
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let at = self.at;
        let key = *self
            .key
            .get_or_insert_with(|| (at, LAST.fetch_add(1, Ordering::Relaxed)));
        // Wakers are cloned and dropped without the borrow: that runs code of others.
        let waker = cx.waker().clone();
        let stale = PRESENT.with(|present| {
            present
                .borrow_mut()
                .waiting
                .get_or_insert_default()
                .insert(key, waker)
        });
        drop(stale);
        Poll::Pending
    }
}

impl Drop for Delay {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[derive(Default)]
    struct Counts(AtomicUsize);

    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn timers_that_are_due_wake_and_others_wait_on() {
        let far = Instant::now() + MILLI * 600_000;
        let mut timers = Timers::new();
        let woken = [far - MILLI * 599_980, far].map(|at| {
            let counts = Arc::<Counts>::default();
            let scope = timers.enter();
            let mut delay = ManuallyDrop::new(Delay::new(at));
            let waker = Waker::from(Arc::clone(&counts));
            assert!(
                Pin::new(&mut *delay)
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            drop(scope);
            counts
        });
        while Instant::now() < far - MILLI * 599_980 {
            timers.wake_due();
        }
        timers.wake_due();
        assert_eq!(woken.map(|counts| counts.0.load(Ordering::Relaxed)), [1, 0]);
        assert_eq!(timers.next(), Some(far));
    }

    #[test]
    fn nothing_is_left_of_timers_that_are_dropped_or_reset() {
        let far = Instant::now() + MILLI * 600_000;
        let mut timers = Timers::new();
        let scope = timers.enter();
        let mut cx = Context::from_waker(Waker::noop());
        let mut delay = Delay::new(far);
        for _ in 0..100 {
            assert!(Pin::new(&mut delay).poll(&mut cx).is_pending());
            let mut other = Delay::new(far);
            assert!(Pin::new(&mut other).poll(&mut cx).is_pending());
        }
        Pin::new(&mut delay).reset(far + MILLI);
        assert!(Pin::new(&mut delay).poll(&mut cx).is_pending());
        drop(scope);
        assert_eq!(timers.waiting.as_ref().map(|waiting| waiting.len()), Some(1));
        assert_eq!(timers.next(), Some(far + MILLI));
    }
}
