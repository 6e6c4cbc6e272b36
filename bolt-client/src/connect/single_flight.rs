//! Calls that many callers wait for, and that are made once.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::deadline::Deadline;
use crate::exclusive::Exclusive;
use crate::runtime::{BoxFuture, NoRuntime, Runtime};

/// A call that is made once for all callers that want its result at the same time.
///
/// The call belongs to none of them. Whichever waits polls it, with no lock held. If that caller is dropped, another one
/// polls; if there is no other, the call waits for the next caller, until it expires. Each caller that waited gets the
/// result, and no later one does.
pub(crate) struct SingleFlight<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    /// The call that is being made.
    flight: Option<Flight<T>>,
    next_number: u64,
}

struct Flight<T> {
    number: u64,
    /// `None` while a caller polls it.
    call: Option<Exclusive<BoxFuture<'static, T>>>,
    /// When it is dropped if it has no callers.
    expires: Deadline,
    /// The callers, with their wakers once they have polled.
    waiters: BTreeMap<u64, Option<Waker>>,
    outcome: Outcome<T>,
}

/// The result, for all callers of one call.
type Outcome<T> = Arc<Mutex<Option<T>>>;

impl<T: Clone> SingleFlight<T> {
    pub(crate) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                flight: None,
                next_number: 0,
            }),
        }
    }

    /// Joins the call that is being made, or begins one, and waits for its result. `None` if the deadline passes before.
    /// A call that begins here may wait without callers until `expires`. Cancel-safe.
    ///
    /// `begin` is called under the lock: the future that it returns does nothing before it is polled.
    pub(crate) async fn join(
        &self,
        runtime: &dyn Runtime,
        by: Deadline,
        expires: Deadline,
        begin: impl Fn() -> BoxFuture<'static, T>,
    ) -> Result<Option<T>, NoRuntime> {
        if planted!(RefreshHerd) {
            return Ok(by.race(runtime, begin()).await);
        }
        loop {
            let mut waiter = self.enter(runtime, expires, &begin);
            let landed = poll_fn(|cx| match waiter.poll(cx) {
                Poll::Ready(landed) => Poll::Ready(Ok(landed)),
                // Only a timer or another caller may end this wait.
                Poll::Pending => match runtime.can_wait() {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(error)),
                },
            });
            match by.race(runtime, landed).await {
                None => return Ok(None),
                Some(Ok(Some(result))) => return Ok(Some(result)),
                // The call panicked while another caller polled it.
                Some(Ok(None)) => {}
                Some(Err(error)) => return Err(error),
            }
        }
    }

    /// Takes a place at the call that is being made, or at one that begins now.
    fn enter(
        &self,
        runtime: &dyn Runtime,
        expires: Deadline,
        begin: &impl Fn() -> BoxFuture<'static, T>,
    ) -> Waiter<'_, T> {
        let now = runtime.now();
        let mut state = self.lock();
        let is_over = |flight: &Flight<T>| flight.waiters.is_empty() && flight.expires.has_passed(now);
        let expired = if state.flight.as_ref().is_some_and(is_over) {
            state.flight.take()
        } else {
            None
        };
        let (number, next) = (state.next_number, state.next_number + 1);
        state.next_number = next;
        let flight = state.flight.get_or_insert_with(|| Flight {
            number,
            call: Some(Exclusive::new(begin())),
            expires,
            waiters: BTreeMap::new(),
            outcome: Arc::default(),
        });
        flight.waiters.insert(number, None);
        let waiter = Waiter {
            shared: self,
            flight: flight.number,
            number,
            outcome: Arc::clone(&flight.outcome),
        };
        drop(state);
        // The application's future may run code when it is dropped.
        drop(expired);
        waiter
    }
}

impl<T> SingleFlight<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the present flight, if it is this one.
    fn land(&self, number: u64) -> Option<Flight<T>> {
        if planted!(OldResultOfManager) {
            return None;
        }
        let mut state = self.lock();
        let is_this = |flight: &Flight<T>| flight.number == number;
        state.flight.take_if(|flight| is_this(flight))
    }
}

/// A caller's place at a call. Dropped, it lets another caller poll.
struct Waiter<'s, T> {
    shared: &'s SingleFlight<T>,
    flight: u64,
    number: u64,
    outcome: Outcome<T>,
}

impl<T: Clone> Waiter<'_, T> {
    /// Returns the result once it is there; `None` if the call has ended without one.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(result) = self.result() {
            return Poll::Ready(Some(result));
        }
        // Cloning and dropping a waker runs its owner's code, which must not run under the lock.
        let waker = cx.waker().clone();
        let mut state = self.shared.lock();
        let flight = state
            .flight
            .as_mut()
            .filter(|flight| flight.number == self.flight);
        let Some(flight) = flight else {
            drop(state);
            return Poll::Ready(self.result());
        };
        let stale = flight.waiters.insert(self.number, Some(waker));
        let call = flight.call.take();
        drop(state);
        drop(stale);
        match call {
            Some(call) => self.poll_call(call, cx),
            None => Poll::Pending,
        }
    }

    fn poll_call(&self, mut call: Exclusive<BoxFuture<'static, T>>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // If this poll panics, the call is over for all.
        let mut polling = Polling {
            waiter: self,
            ends: true,
        };
        match call.get_mut().as_mut().poll(cx) {
            Poll::Ready(result) => {
                *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.clone());
                drop(polling);
                Poll::Ready(Some(result))
            }
            Poll::Pending => {
                polling.ends = false;
                let mut state = self.shared.lock();
                if let Some(flight) = &mut state.flight {
                    flight.call = Some(call);
                }
                Poll::Pending
            }
        }
    }
}

impl<T> Waiter<'_, T> {
    fn result(&self) -> Option<T>
    where
        T: Clone,
    {
        let outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.clone()
    }

    /// Ends the call, and wakes all that wait for it.
    fn end(&self) {
        if let Some(flight) = self.shared.land(self.flight) {
            flight.waiters.into_values().flatten().for_each(Waker::wake);
        }
    }
}

/// A poll of the call. Dropped, it ends the call, unless the call is pending.
struct Polling<'w, 's, T> {
    waiter: &'w Waiter<'s, T>,
    ends: bool,
}

impl<T> Drop for Polling<'_, '_, T> {
    fn drop(&mut self) {
        if self.ends {
            self.waiter.end();
        }
    }
}

impl<T> Drop for Waiter<'_, T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let flight = state
            .flight
            .as_mut()
            .filter(|flight| flight.number == self.flight);
        let Some(flight) = flight else { return };
        let own = flight.waiters.remove(&self.number);
        // The call may have kept the waker of this caller, so another one has to poll it.
        let next = flight.waiters.values_mut().find_map(Option::take);
        drop(state);
        drop(own);
        next.into_iter().for_each(Waker::wake);
    }
}

impl<T> fmt::Debug for SingleFlight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.lock().flight.as_ref().map(|flight| flight.waiters.len());
        f.debug_struct("SingleFlight").field("waiting", &waiting).finish()
    }
}
