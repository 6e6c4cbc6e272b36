//! Cancelling calls from another thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bolt_client::Error;

/// Cancels blocking calls from another thread.
///
/// Calls made inside [`scope`](Self::scope) end when [`cancel`](Self::cancel) is called, on any clone of the handle and
/// from any thread. A cancelled call returns an error of kind [`Cancelled`](crate::ErrorKind::Cancelled) that says what
/// the call was waiting for. If that was the answer to a commit, the kind is
/// [`UnknownCommit`](crate::ErrorKind::UnknownCommit), as after a deadline. In all other cases nothing was committed by
/// the call.
///
/// # Examples
///
/// ```no_run
/// # use adapter_blocking as bolt;
/// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// use std::thread;
/// use std::time::Duration;
///
/// use bolt::{CancelHandle, ErrorKind};
///
/// let handle = CancelHandle::new();
/// let stop = handle.clone();
/// thread::spawn(move || {
///     thread::sleep(Duration::from_secs(5)); // or until the user presses a key
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
/// # Behaviour
///
/// * A call ends within about 10 milliseconds, no matter what it waits for: an answer, a new connection, a turn in the
///   pool, a pause between attempts. A look-up of a host name continues in the background, without the call.
/// * The work is abandoned as if the future of an async call had been dropped. The server is asked to stop (RESET), and
///   the connection returns to the pool.
/// * Cancelling is permanent: later calls in a scope of this handle fail before anything is sent. Create a new handle
///   for new work.
/// * A handle touches no connection; the calling thread notices the cancellation itself. So cancelling after a call has
///   ended does no harm to the connection's next user. Calls outside of the scope are not affected, on any thread.
#[derive(Debug, Clone, Default)]
#[must_use = "a handle has an effect only on calls inside its scope"]
pub struct CancelHandle {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cancelled: AtomicBool,
    /// The threads that sleep in a scope of this handle.
    sleeping: Mutex<Vec<Waker>>,
}

impl CancelHandle {
    /// Creates a handle that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `calls` on this thread, such that [`cancel`](Self::cancel) ends the driver calls that they make.
    ///
    /// Scopes nest: a call ends when the handle of any enclosing scope is cancelled. One handle may have scopes on
    /// several threads.
    pub fn scope<T>(&self, calls: impl FnOnce() -> T) -> T {
        let _guard = ScopeGuard::new(Arc::clone(&self.shared));
        calls()
    }

    /// Cancels all calls in this handle's scopes, present and future.
    ///
    /// Returns at once; the calls end on their own threads. Cancelling twice has no further effect.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::SeqCst);
        let sleeping = std::mem::take(&mut *self.shared.sleeping());
        sleeping.into_iter().for_each(Waker::wake);
    }

    /// Returns whether [`cancel`](Self::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled()
    }
}

impl Shared {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }

    fn sleeping(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.sleeping.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The handles of the scopes that this thread is in.
    static SCOPES: RefCell<Vec<Arc<Shared>>> = const { RefCell::new(Vec::new()) };
}

/// A guard for the inside of a scope. Leaves the scope on drop, also during a panic.
struct ScopeGuard;

impl ScopeGuard {
    fn new(handle: Arc<Shared>) -> Self {
        // Fails if the thread's locals are being dropped: no call can wait then.
        let _ = SCOPES.try_with(|scopes| scopes.borrow_mut().push(handle));
        Self
    }
}

impl Drop for ScopeGuard {
    fn drop(&mut self) {
        let _ = SCOPES.try_with(|scopes| scopes.borrow_mut().pop());
    }
}

/// Returns whether a call on this thread can be cancelled, so that its waits must be cut into short steps.
pub(crate) fn in_scope() -> bool {
    with_scopes(|scopes| !scopes.is_empty())
}

/// Fails if the calls of this thread are cancelled.
#[inline]
pub(crate) fn check() -> Result<(), Error> {
    if is_requested() {
        return Err(Error::cancelled());
    }
    Ok(())
}

/// Returns whether the calls of this thread are cancelled.
#[inline]
pub(crate) fn is_requested() -> bool {
    with_scopes(|scopes| scopes.iter().any(|handle| handle.is_cancelled()))
}

/// Runs `sleep`, unless the calls of this thread are cancelled. A cancellation in the meantime wakes `waker`.
pub(crate) fn sleep_unless_requested(waker: &Waker, sleep: impl FnOnce()) {
    let scopes = with_scopes(<[_]>::to_vec);
    for handle in &scopes {
        handle.sleeping().push(waker.clone());
    }
    // `cancel` sets the flag first and wakes afterwards, so a cancellation is seen in one of the two ways.
    if !scopes.iter().any(|handle| handle.is_cancelled()) {
        sleep();
    }
    for handle in &scopes {
        // Compared by parker: equal wakers may have different vtables.
        handle
            .sleeping()
            .retain(|sleeping| sleeping.data() != waker.data());
    }
}

#[inline]
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
        assert!(!is_requested());
        handle.scope(|| assert!(in_scope() && is_requested()));
        let panicked = panic::catch_unwind(|| handle.scope(|| panic::resume_unwind(Box::new(()))));
        assert!(panicked.is_err());
        assert!(!in_scope() && !is_requested());
    }

    #[test]
    fn a_call_is_cancelled_by_the_handle_of_any_enclosing_scope() {
        let (outer, inner) = (CancelHandle::new(), CancelHandle::new());
        outer.scope(|| {
            inner.scope(|| {
                assert!(!is_requested());
                outer.cancel();
                assert!(is_requested());
            });
            assert!(is_requested());
        });
        assert!(outer.is_cancelled() && !inner.is_cancelled());
    }

    #[test]
    fn a_scope_does_not_affect_other_threads() {
        let handle = CancelHandle::new();
        handle
            .scope(|| thread::spawn(|| assert!(!in_scope())).join())
            .unwrap();
    }

    #[test]
    fn no_waker_is_kept_after_the_sleep() {
        let handle = CancelHandle::new();
        handle.scope(|| {
            let waker = Waker::noop();
            sleep_unless_requested(waker, || assert_eq!(handle.shared.sleeping().len(), 1));
            assert!(handle.shared.sleeping().is_empty());
            handle.cancel();
            sleep_unless_requested(waker, || panic!("slept although cancelled"));
        });
        assert!(handle.shared.sleeping().is_empty());
    }
}
