//! Runs a future on the calling thread.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use bolt_client::Error;

use crate::cancel;
use crate::timers::Timers;

/// Runs a call of the API. Fails without polling it if the calls of this thread are cancelled already.
pub(crate) fn call<T, E: From<Error>>(future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    cancel::check()?;
    block_on(future)
}

/// Polls `future` until it is ready.
///
/// Sockets of this crate block inside of the poll. A future that does not wait for a socket, but for a turn in the pool
/// or the next attempt, is pending. The thread then sleeps until it is woken, or until the first of the
/// [timers](crate::timers) that the call has polled is due. That wakes the waker that the timer was polled with, which may be
/// one of a part of the future.
///
/// Cancelling also wakes the thread. The next poll finds the runtime
/// [cancelled](bolt_client::runtime::Runtime::is_cancelled), and the driver ends the call.
///
/// Calls may nest, from within a poll. Each has its own [`Parker`], so none consumes another's wake-up.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let (parker, waker) = Parker::take();
    let mut cx = Context::from_waker(&waker);
    let mut timers = Timers::new();
    loop {
        let cancelled = cancel::is_requested();
        let scope = timers.enter();
        let poll = future.as_mut().poll(&mut cx);
        drop(scope);
        let until = timers.next();
        match poll {
            Poll::Ready(output) => {
                Parker::give_back(parker, waker);
                return output;
            }
            // The driver has seen the cancellation in this poll and still has to wait, for example to reset the
            // connection.
            Poll::Pending if cancelled => parker.park(until),
            Poll::Pending => cancel::sleep_unless_requested(&waker, || parker.park(until)),
        }
        timers.wake_due();
        // The next poll follows in any case.
        parker.reset();
    }
}

/// What a sleeping thread waits on. `thread::park` would not do: it has one token per thread, which nested calls and
/// the application's own code would consume.
#[derive(Debug, Default)]
struct Parker {
    woken: Mutex<bool>,
    wake: Condvar,
}

impl Parker {
    /// Returns the thread's spare parker, or a new one.
    fn take() -> (Arc<Self>, Waker) {
        // Thread-local destructors may run a call (they may drop a driver) when `SPARE` is gone already.
        SPARE.try_with(Cell::take).ok().flatten().unwrap_or_else(|| {
            let parker = Arc::<Self>::default();
            (Arc::clone(&parker), Waker::from(parker))
        })
    }

    /// Keeps the parker for the next call. A waker that still exists can at worst cause one spurious poll.
    fn give_back(parker: Arc<Self>, waker: Waker) {
        // `try_with` fails if the thread is ending: the parker is no longer needed then.
        let _ = SPARE.try_with(|spare| spare.set(Some((parker, waker))));
    }

    /// Sleeps until woken, or until the given instant. Returns at once if it was woken since the last
    /// [reset](Self::reset).
    fn park(&self, until: Option<Instant>) {
        let mut woken = self.woken();
        while !*woken {
            woken = match until {
                None => self.wake.wait(woken).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        break;
                    }
                    self.wake
                        .wait_timeout(woken, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    /// Forgets earlier wakes.
    fn reset(&self) {
        *self.woken() = false;
    }

    fn woken(&self) -> MutexGuard<'_, bool> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken() = true;
        self.wake.notify_one();
    }
}

thread_local! {
    static SPARE: Cell<Option<(Arc<Parker>, Waker)>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::panic;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{OnceLock, mpsc};
    use std::task::ready;
    use std::thread;
    use std::time::Duration;

    use bolt_client::runtime::Timer as _;

    use super::*;
    use crate::timers::Delay;

    /// A generous limit, so that a hanging test fails.
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_ready_future_gives_its_output() {
        assert_eq!(block_on(async { 7 }), 7);
    }

    #[test]
    fn a_wake_up_from_another_thread_ends_the_wait() {
        with_time_limit(|| {
            let mut waiting = None;
            block_on(poll_fn(|cx| match &waiting {
                None => {
                    let waker = cx.waker().clone();
                    waiting = Some(thread::spawn(move || waker.wake()));
                    Poll::Pending
                }
                Some(_) => Poll::Ready(()),
            }));
        });
    }

    #[test]
    fn the_earliest_of_several_timers_ends_the_wait() {
        with_time_limit(|| {
            let started = Instant::now();
            let soon = started + Duration::from_millis(20);
            let mut timers = [LONG * 2, soon - started, LONG * 2].map(|due| Delay::new(started + due));
            block_on(poll_fn(|cx| {
                let polls = timers.each_mut().map(|timer| Pin::new(timer).poll(cx));
                polls[1]
            }));
        });
    }

    #[test]
    fn a_wake_up_during_a_nested_call_is_not_lost() {
        with_time_limit(|| {
            let mut polls = 0;
            block_on(poll_fn(|cx| {
                polls += 1;
                if polls == 2 {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                // Sleeps although the outer call has been woken already.
                nap(Duration::from_millis(5));
                Poll::Pending
            }));
        });
    }

    #[test]
    fn a_timer_of_the_outer_call_survives_a_nested_one() {
        with_time_limit(|| {
            let soon = Instant::now() + Duration::from_millis(30);
            let mut timer = Delay::new(soon);
            block_on(poll_fn(|cx| {
                let poll = Pin::new(&mut timer).poll(cx);
                nap(Duration::from_millis(5));
                poll
            }));
        });
    }

    #[test]
    fn a_timer_of_the_outer_call_survives_a_panic_in_a_nested_one() {
        with_time_limit(|| {
            let soon = Instant::now() + Duration::from_millis(30);
            let mut timer = Delay::new(soon);
            block_on(poll_fn(|cx| {
                let poll = Pin::new(&mut timer).poll(cx);
                let nested = panic::catch_unwind(|| block_on(async { panic::resume_unwind(Box::new(())) }));
                assert!(nested.is_err());
                poll
            }));
        });
    }

    #[test]
    fn the_parker_is_kept_for_the_next_call() {
        let same = |cx: &mut Context<'_>| Poll::Ready(cx.waker().data());
        let first = block_on(poll_fn(same));
        assert_eq!(block_on(poll_fn(same)), first);
    }

    /// A part of a call that is polled only if its own waker is woken.
    #[derive(Default)]
    struct Part {
        woken: AtomicBool,
        of: OnceLock<Waker>,
    }

    impl Wake for Part {
        fn wake(self: Arc<Self>) {
            self.woken.store(true, Ordering::Relaxed);
            if let Some(waker) = self.of.get() {
                waker.wake_by_ref();
            }
        }
    }

    #[test]
    fn a_timer_wakes_the_part_of_the_call_that_waits_for_it_however_often_others_are_polled() {
        with_time_limit(|| {
            let part = Arc::<Part>::default();
            let begun = Instant::now();
            let mut slow = Delay::new(begun + Duration::from_millis(60));
            let mut fast = Delay::new(begun + Duration::from_millis(20));
            let mut polls = 0;
            block_on(poll_fn(|cx| {
                polls += 1;
                let first = polls == 1;
                let _set = part.of.set(cx.waker().clone());
                if first || part.woken.swap(false, Ordering::Relaxed) {
                    let waker = Waker::from(Arc::clone(&part));
                    ready!(Pin::new(&mut slow).poll(&mut Context::from_waker(&waker)));
                    return Poll::Ready(());
                }
                let _other = Pin::new(&mut fast).poll(cx);
                Poll::Pending
            }));
            assert!(polls <= 4, "{polls}");
        });
    }

    fn nap(length: Duration) {
        let mut timer = Delay::new(Instant::now() + length);
        block_on(poll_fn(|cx| Pin::new(&mut timer).poll(cx)));
    }

    /// Runs a test that would sleep forever if it failed.
    fn with_time_limit(test: impl FnOnce() + Send + 'static) {
        let (done, waiting) = mpsc::channel();
        thread::spawn(move || {
            test();
            done.send(()).unwrap();
        });
        waiting
            .recv_timeout(LONG)
            .expect("the test panicked, or was not woken");
    }
}
