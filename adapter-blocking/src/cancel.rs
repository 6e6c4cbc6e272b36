//! Ending calls from another thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Ends calls from another thread.
///
/// Calls made inside of [`scope`](Self::scope) can be ended by [`cancel`](Self::cancel), on any clone of the handle and
/// from any thread. A call that is ended returns an error of kind [`Cancelled`](crate::ErrorKind::Cancelled), which
/// says what it was waiting for; if that was the answer to a commit, the kind is
/// [`UnknownCommit`](crate::ErrorKind::UnknownCommit), as after a deadline. Nothing else was committed.
///
/// ```no_run
/// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
/// use std::thread;
///
/// use adapter_blocking::{CancelHandle, ErrorKind};
///
/// let handle = CancelHandle::new();
/// let stop = handle.clone();
/// thread::spawn(move || {
///     // … when the user presses a key …
///     stop.cancel();
/// });
/// let result = handle.scope(|| driver.execute_query("MATCH (a), (b), (c) RETURN count(*)").call());
/// match result {
///     Err(error) if error.kind() == ErrorKind::Cancelled => println!("stopped"),
///     result => println!("{:?}", result?.records),
/// }
/// # Ok(()) }
/// ```
///
/// # What it does
/// * A call that waits is ended within about 10 milliseconds, whatever it waits for: an answer, a new connection, a turn
///   in the pool, a pause. A look-up of a host name goes on by itself, without the call.
/// * The work is undone as if the future of an asynchronous call had been dropped: the server is told to stop (RESET),
///   the connection goes back to the pool, and whoever uses it next notices nothing.
/// * It happens once and for all: later calls in a scope of this handle fail before anything is sent. Make a new
///   handle for new work.
///
/// # What it does not do
/// It touches no socket and no connection: the thread of the call itself notices. So a handle that comes too late, when
/// its call has ended and its connection serves somebody else, harms nobody, and neither do calls outside of the scope
/// notice anything, on whichever thread.
#[derive(Debug, Clone, Default)]
#[must_use = "a handle ends the calls that are made inside of its scope"]
pub struct CancelHandle {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// The threads that sleep in a scope.
    asleep: Mutex<Vec<Waker>>,
}

impl CancelHandle {
    /// A handle that nobody has used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `calls`; whatever they ask of a driver, on this thread, can be ended by [`cancel`](Self::cancel).
    ///
    /// Scopes nest: a call can be ended by the handle of any scope that it is in. One handle may have scopes on several
    /// threads.
    pub fn scope<T>(&self, calls: impl FnOnce() -> T) -> T {
        let _entered = Entered::new(Arc::clone(&self.shared));
        calls()
    }

    /// Ends the calls in this handle's scopes, now and later. Returns at once; the calls end on their own threads.
    /// Cancelling twice is fine.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::SeqCst);
        let asleep = std::mem::take(&mut *self.shared.asleep());
        asleep.into_iter().for_each(Waker::wake);
    }

    /// Whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled()
    }
}

impl Shared {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    fn asleep(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.asleep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The scopes that this thread is in.
    static SCOPES: RefCell<Vec<Arc<Shared>>> = const { RefCell::new(Vec::new()) };
}

/// The inside of a scope, left when this is dropped, also by a panic.
struct Entered;

impl Entered {
    fn new(handle: Arc<Shared>) -> Self {
        // The thread-local is gone while the thread's own thread-locals are dropped: nobody can wait for a call then.
        let _ = SCOPES.try_with(|scopes| scopes.borrow_mut().push(handle));
        Self
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let _ = SCOPES.try_with(|scopes| scopes.borrow_mut().pop());
    }
}

/// Whether a call on this thread may be cancelled, so that it has to look up from what it waits for.
pub(crate) fn is_possible() -> bool {
    with_scopes(|scopes| !scopes.is_empty())
}

/// Whether the calls of this thread are cancelled.
pub(crate) fn has_come() -> bool {
    with_scopes(|scopes| scopes.iter().any(|handle| handle.is_cancelled()))
}

/// Sleeps, unless the calls of this thread are cancelled. If they are cancelled meanwhile, `waker` is woken.
pub(crate) fn sleep_lightly(waker: &Waker, sleep: impl FnOnce()) {
    let scopes = with_scopes(<[_]>::to_vec);
    for handle in &scopes {
        handle.asleep().push(waker.clone());
    }
    // Whoever cancels sets the flag first, and then wakes: one of the two is seen.
    if !scopes.iter().any(|handle| handle.is_cancelled()) {
        sleep();
    }
    for handle in &scopes {
        // By its parker: equal wakers may have different tables of functions.
        handle.asleep().retain(|asleep| asleep.data() != waker.data());
    }
}

fn with_scopes<T: Default>(look: impl FnOnce(&[Arc<Shared>]) -> T) -> T {
    SCOPES
        .try_with(|scopes| look(&scopes.borrow()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::panic;
    use std::thread;

    use super::*;

    #[test]
    fn a_scope_ends_with_its_closure_even_when_that_panics() {
        let handle = CancelHandle::new();
        handle.cancel();
        assert!(!has_come());
        handle.scope(|| assert!(is_possible() && has_come()));
        let panicked = panic::catch_unwind(|| handle.scope(|| panic::resume_unwind(Box::new(()))));
        assert!(panicked.is_err());
        assert!(!is_possible() && !has_come());
    }

    #[test]
    fn a_call_obeys_the_handle_of_any_scope_that_it_is_in() {
        let (outer, inner) = (CancelHandle::new(), CancelHandle::new());
        outer.scope(|| {
            inner.scope(|| {
                assert!(!has_come());
                outer.cancel();
                assert!(has_come());
            });
            assert!(has_come());
        });
        assert!(outer.is_cancelled() && !inner.is_cancelled());
    }

    #[test]
    fn a_scope_is_that_of_its_thread_alone() {
        let handle = CancelHandle::new();
        handle
            .scope(|| thread::spawn(|| assert!(!is_possible())).join())
            .unwrap();
    }

    #[test]
    fn no_waker_is_kept_beyond_the_sleep() {
        let handle = CancelHandle::new();
        handle.scope(|| {
            let waker = Waker::noop();
            sleep_lightly(waker, || assert_eq!(handle.shared.asleep().len(), 1));
            assert!(handle.shared.asleep().is_empty());
            handle.cancel();
            sleep_lightly(waker, || panic!("it sleeps though it is cancelled"));
        });
        assert!(handle.shared.asleep().is_empty());
    }
}
