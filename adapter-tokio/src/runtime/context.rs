//! Checks whether the calling thread is in a tokio runtime, and whether that runtime can wait.
//!
//! Tokio panics if a runtime, or a part of it, is missing. These functions return errors instead: what belongs to the
//! pool (an opening, for example) must survive the mistake of one caller.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Handle, Id};
use tokio::time::sleep;

use super::NoRuntime;

/// Returns the runtime of this thread.
pub(super) fn current() -> Result<Handle, NoRuntime> {
    Handle::try_current().map_err(|_| {
        NoRuntime::new(
            "this thread is not in a tokio runtime: await the driver in a task, in `Runtime::block_on`, or \
             under `Handle::enter`",
        )
    })
}

/// Returns the runtime of this thread if its timers work. Tokio reports missing timers only by a panic.
pub(super) fn with_timers() -> Result<Handle, NoRuntime> {
    let here = current()?;
    caught(|| {
        // A runtime that was shut down panics only when the sleep is polled.
        let probe = pin!(sleep(Duration::from_secs(3600)));
        let _pending = probe.poll(&mut Context::from_waker(Waker::noop()));
    })?;
    Ok(here)
}

/// Turns tokio's panic about a missing runtime, or a missing part of one, into an error.
pub(super) fn caught<T>(what: impl FnOnce() -> T) -> Result<T, NoRuntime> {
    // `AssertUnwindSafe`: the panic drops what was begun, so no partial state remains visible.
    catch_unwind(AssertUnwindSafe(what)).map_err(|panic| match text(&*panic) {
        Some(text) if text.contains("Tokio 1.x") => NoRuntime::new(text.to_owned()),
        _ => resume_unwind(panic),
    })
}

fn text(panic: &(dyn Any + Send)) -> Option<&str> {
    let owned = panic.downcast_ref().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied())
}

/// Awaits the future that `begin` makes, in the runtime that polls it. Calls `begin` again if the caller moves to
/// another runtime in the meantime: the first one may never be driven again.
pub(super) async fn here<T, F: Future<Output = io::Result<T>>>(begin: impl Fn() -> F) -> io::Result<T> {
    let mut begun: Option<(Id, Pin<Box<F>>)> = None;
    poll_fn(|cx| {
        let here = with_timers()?.id();
        if begun.as_ref().is_none_or(|(home, _)| *home != here) {
            begun = Some((here, Box::pin(begin())));
        }
        match &mut begun {
            Some((_, future)) => caught(|| future.as_mut().poll(cx))?,
            None => Poll::Pending,
        }
    })
    .await
}
