//! Runs a future on the calling thread.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use bolt_client::Error;

use crate::cancel;

/// Runs a call of the API. Fails without polling it if the calls of this thread are cancelled already.
pub(crate) fn call<T, E: From<Error>>(future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    cancel::check()?;
    block_on(future)
}

/// Polls `future` until it is ready.
///
/// Sockets of this crate block inside of the poll. A future that does not wait for a socket, but for a turn in the pool
/// or the next attempt, is pending. The thread then sleeps until it is woken, or until the earliest instant that a timer
/// passed to [`wake_at`] during the poll.
///
/// Cancelling also wakes the thread. The next poll finds the runtime
/// [cancelled](bolt_client::runtime::Runtime::is_cancelled), and the driver ends the call.
///
/// Calls may nest, from within a poll. Each has its own [`Parker`], so none consumes another's wake-up.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let (parker, waker) = Parker::take();
    let mut cx = Context::from_waker(&waker);
    loop {
        let cancelled = cancel::is_requested();
        let outer = Earliest::begin();
        let poll = future.as_mut().poll(&mut cx);
        let until = outer.end();
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
    }
}

/// Makes the enclosing [`block_on`] poll again at `at`, or earlier if it is woken.
pub(crate) fn wake_at(at: Instant) {
    EARLIEST.set(Some(EARLIEST.get().map_or(at, |earliest| earliest.min(at))));
}

/// The scope of the thread-local `EARLIEST` during one poll. Restores the value of the enclosing poll, even on a panic.
struct Earliest {
    outer: Option<Instant>,
}

impl Earliest {
    fn begin() -> Self {
        Self {
            outer: EARLIEST.take(),
        }
    }

    fn end(self) -> Option<Instant> {
        EARLIEST.get()
    }
}

impl Drop for Earliest {
    fn drop(&mut self) {
        EARLIEST.set(self.outer);
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

    /// Sleeps until woken, or until the given instant. Returns at once if it was woken since the last sleep.
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
        *woken = false;
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
    /// The earliest instant that a timer of the current poll waits for.
    static EARLIEST: Cell<Option<Instant>> = const { Cell::new(None) };
    static SPARE: Cell<Option<(Arc<Parker>, Waker)>> = const { Cell::new(None) };
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::panic;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

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
            block_on(poll_fn(|_| {
                wake_at(started + LONG * 2);
                wake_at(soon);
                wake_at(started + LONG * 2);
                due(soon)
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
            block_on(poll_fn(|_| {
                wake_at(soon);
                nap(Duration::from_millis(5));
                due(soon)
            }));
        });
    }

    #[test]
    fn a_timer_of_the_outer_call_survives_a_panic_in_a_nested_one() {
        with_time_limit(|| {
            let soon = Instant::now() + Duration::from_millis(30);
            block_on(poll_fn(|_| {
                wake_at(soon);
                let nested = panic::catch_unwind(|| block_on(async { panic::resume_unwind(Box::new(())) }));
                assert!(nested.is_err());
                due(soon)
            }));
        });
    }

    #[test]
    fn the_parker_is_kept_for_the_next_call() {
        let same = |cx: &mut Context<'_>| Poll::Ready(cx.waker().data());
        let first = block_on(poll_fn(same));
        assert_eq!(block_on(poll_fn(same)), first);
    }

    fn nap(length: Duration) {
        let until = Instant::now() + length;
        block_on(poll_fn(|_| {
            wake_at(until);
            due(until)
        }));
    }

    fn due(at: Instant) -> Poll<()> {
        if Instant::now() >= at {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
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
