//! Timers that a thread of the driver's own wakes.

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

use super::Timer;

/// A timer for runtimes whose own timers cost much, or that have none.
///
/// Nearly all timers of a driver are dropped long before they are due: each limits the wait for an answer. A timer of this kind
/// is made for that, and costs a short lock when it is first polled, and another one when it is dropped; no other thread is
/// woken. One thread serves all of them in the process. It is started when the first one is polled, and sleeps until the
/// earliest is due.
///
/// ```
/// # use bolt_client as bolt;
/// use std::pin::Pin;
/// use std::time::Instant;
///
/// use bolt::runtime::{ThreadTimer, Timer};
///
/// /// For an implementation of `Runtime`.
/// fn timer(at: Instant) -> Pin<Box<dyn Timer>> {
///     Box::pin(ThreadTimer::new(at))
/// }
/// ```
///
/// While the system refuses to start the thread, a timer that is polled wakes its task at once, which polls again.
#[derive(Debug)]
pub struct ThreadTimer {
    at: Instant,
    /// Its place among those that wait.
    key: Option<Key>,
    of: &'static Waiting,
}

/// The timers that wait, for all drivers of the process.
static PROCESS: Waiting = Waiting::new();

/// When a timer is due, and its number.
type Key = (Instant, u64);

/// Timers that wait, and the thread that wakes them.
struct Waiting {
    state: Mutex<State>,
    /// Ends the sleep of the thread.
    earlier: Condvar,
}

#[derive(Debug)]
struct State {
    timers: BTreeMap<Key, Waker>,
    last: u64,
    thread: Thread,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thread {
    NotStarted,
    /// It is going to look at all timers.
    Looks,
    /// It sleeps until this instant, or for as long as there is no timer.
    Sleeps(Option<Instant>),
}

impl ThreadTimer {
    /// Creates a timer that is due at `at`. Nothing happens before it is polled.
    #[must_use]
    pub const fn new(at: Instant) -> Self {
        Self {
            at,
            key: None,
            of: &PROCESS,
        }
    }

    fn stop(&mut self) {
        if let Some(key) = self.key.take() {
            let waker = self.of.lock().timers.remove(&key);
            drop(waker);
        }
    }
}

impl Timer for ThreadTimer {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.stop();
        self.at = at;
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        let (key, at) = (self.key, self.at);
        match self.of.wait(key, at, cx.waker()) {
            Some(key) => self.key = Some(key),
            None => cx.waker().wake_by_ref(),
        }
        Poll::Pending
    }
}

impl Drop for ThreadTimer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Waiting {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                timers: BTreeMap::new(),
                last: 0,
                thread: Thread::NotStarted,
            }),
            earlier: Condvar::new(),
        }
    }

    /// Has a task woken at an instant, in place of what `key` stands for. `None` if there is no thread for that.
    fn wait(&'static self, key: Option<Key>, at: Instant, waker: &Waker) -> Option<Key> {
        // Code of other crates runs without the lock.
        let waker = waker.clone();
        let mut state = self.lock();
        let known = key.and_then(|key| Some((key, state.timers.get_mut(&key)?)));
        if let Some((key, known)) = known {
            let stale = mem::replace(known, waker);
            drop(state);
            drop(stale);
            return Some(key);
        }
        if state.thread == Thread::NotStarted {
            let thread = thread::Builder::new().name("bolt-timers".to_owned());
            thread.spawn(|| self.serve()).ok()?;
            state.thread = Thread::Looks;
        }
        state.last += 1;
        let key = (at, state.last);
        state.timers.insert(key, waker);
        let sleeps_on = match state.thread {
            Thread::Sleeps(until) => until.is_some_and(|until| until <= at),
            Thread::Looks | Thread::NotStarted => true,
        };
        if !sleeps_on {
            state.thread = Thread::Looks;
            drop(state);
            self.earlier.notify_one();
        }
        Some(key)
    }

    /// Wakes what is due, for ever.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let due = state.take_due(now);
            if !due.is_empty() {
                drop(state);
                for waker in due {
                    // Of another crate. Its panic must not end all timers.
                    let _panicked = catch_unwind(AssertUnwindSafe(|| waker.wake()));
                }
                state = self.lock();
                continue;
            }
            let first = state.timers.first_key_value().map(|((at, _), _)| *at);
            state.thread = Thread::Sleeps(first);
            state = match first {
                Some(at) => {
                    let limit = at.saturating_duration_since(now);
                    let woken = self.earlier.wait_timeout(state, limit);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.earlier.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.thread = Thread::Looks;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_due(&mut self, now: Instant) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(first) = self.timers.first_entry() {
            if first.key().0 > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Sender, channel};
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(600);

    /// Reports its number when it is woken.
    struct Reports(usize, Sender<usize>);

    impl Wake for Reports {
        fn wake(self: Arc<Self>) {
            self.1.send(self.0).unwrap();
        }
    }

    struct Panics;

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker of another crate");
        }
    }

    fn start() -> &'static Waiting {
        Box::leak(Box::new(Waiting::new()))
    }

    fn timer(of: &'static Waiting, after: Duration) -> ThreadTimer {
        ThreadTimer {
            of,
            ..ThreadTimer::new(Instant::now() + after)
        }
    }

    fn poll(timer: &mut ThreadTimer, waker: &Waker) -> Poll<()> {
        Pin::new(timer).poll(&mut Context::from_waker(waker))
    }

    #[test]
    fn timers_are_woken_when_they_are_due_in_that_order() {
        let of = start();
        let (sender, woken) = channel();
        let begun = Instant::now();
        let mut timers: Vec<_> = [60, 20, 40]
            .map(|due| (due, timer(of, MILLI * due)))
            .into_iter()
            .collect();
        for (at, (_, timer)) in timers.iter_mut().enumerate() {
            let waker = Waker::from(Arc::new(Reports(at, sender.clone())));
            assert!(poll(timer, &waker).is_pending());
        }
        for expected in [1, 2, 0] {
            assert_eq!(woken.recv_timeout(LONG), Ok(expected));
            let (due, timer) = &mut timers[expected];
            assert!(begun.elapsed() >= MILLI * *due);
            assert!(poll(timer, Waker::noop()).is_ready());
            assert!(poll(timer, Waker::noop()).is_ready(), "and at every later poll");
        }
        assert!(of.lock().timers.is_empty());
    }

    #[test]
    fn the_latest_waker_counts() {
        let of = start();
        let (sender, woken) = channel();
        let mut timer = timer(of, MILLI * 30);
        for number in 0..3 {
            let waker = Waker::from(Arc::new(Reports(number, sender.clone())));
            assert!(poll(&mut timer, &waker).is_pending());
        }
        assert_eq!(woken.recv_timeout(LONG), Ok(2));
        assert!(woken.recv_timeout(MILLI * 20).is_err());
    }

    #[test]
    fn a_timer_that_is_reset_is_due_at_the_new_instant_only() {
        let of = start();
        let (sender, woken) = channel();
        let waker = Waker::from(Arc::new(Reports(0, sender)));
        let mut timer = timer(of, LONG);
        assert!(poll(&mut timer, &waker).is_pending());
        Pin::new(&mut timer).reset(Instant::now() + MILLI * 10);
        assert!(poll(&mut timer, &waker).is_pending());
        assert_eq!(woken.recv_timeout(LONG), Ok(0), "the thread does not sleep on");
        Pin::new(&mut timer).reset(Instant::now() + LONG);
        assert!(poll(&mut timer, &waker).is_pending());
        assert_eq!(of.lock().timers.len(), 1);
        assert!(woken.recv_timeout(MILLI * 20).is_err());
    }

    #[test]
    fn nothing_is_left_of_timers_that_are_dropped() {
        let of = start();
        let woken = Arc::new(AtomicUsize::new(0));
        struct Counts(Arc<AtomicUsize>);
        impl Wake for Counts {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let waker = Waker::from(Arc::new(Counts(Arc::clone(&woken))));
        for _ in 0..1_000 {
            let mut timer = timer(of, MILLI * 20);
            assert!(poll(&mut timer, &waker).is_pending());
        }
        assert!(of.lock().timers.is_empty());
        thread::sleep(MILLI * 40);
        assert_eq!(woken.load(Ordering::Relaxed), 0);
        drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1, "no waker is kept");
    }

    #[test]
    fn a_waker_that_panics_ends_no_other_timer() {
        let of = start();
        let (sender, woken) = channel();
        let mut first = timer(of, MILLI * 10);
        assert!(poll(&mut first, &Waker::from(Arc::new(Panics))).is_pending());
        let mut second = timer(of, MILLI * 30);
        let waker = Waker::from(Arc::new(Reports(7, sender)));
        assert!(poll(&mut second, &waker).is_pending());
        assert_eq!(woken.recv_timeout(LONG), Ok(7));
    }

    #[test]
    fn many_threads_share_one() {
        let of = start();
        thread::scope(|scope| {
            for number in 0..8_u32 {
                scope.spawn(move || {
                    let (sender, woken) = channel();
                    for round in 0..50 {
                        let waker = Waker::from(Arc::new(Reports(round, sender.clone())));
                        let mut far = timer(of, LONG);
                        assert!(poll(&mut far, &waker).is_pending());
                        let mut near = timer(of, MILLI * (number % 3 + 1));
                        if poll(&mut near, &waker).is_pending() {
                            assert_eq!(woken.recv_timeout(LONG), Ok(round));
                        }
                        assert!(poll(&mut near, &waker).is_ready());
                    }
                });
            }
        });
        assert!(of.lock().timers.is_empty());
    }
}
