//! The tokio runtime that the caller is in, and whether it can wait there.
//!
//! Tokio panics where a runtime, or a part of it, is missing. Here these are errors, since whatever belongs to the pool
//! (an opening, for example) must survive the mistake of one caller.

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

/// The runtime that this thread is in.
pub(super) fn current() -> Result<Handle, NoRuntime> {
    Handle::try_current().map_err(|_| {
        NoRuntime::new(
            "this thread is not in a tokio runtime: await the driver in a task, in `Runtime::block_on`, or \
             under `Handle::enter`",
        )
    })
}

/// The runtime that this thread is in, if its timers work. Tokio says so only by a panic.
pub(super) fn with_timers() -> Result<Handle, NoRuntime> {
    let here = current()?;
    caught(|| {
        // Polled, since that is where a runtime that has been shut down panics.
        let probe = pin!(sleep(Duration::from_secs(3600)));
        let _pending = probe.poll(&mut Context::from_waker(Waker::noop()));
    })?;
    Ok(here)
}

/// Makes an error of tokio's panic that something is missing.
pub(super) fn caught<T>(what: impl FnOnce() -> T) -> Result<T, NoRuntime> {
    // What was begun is dropped: nothing half done is seen after the panic.
    catch_unwind(AssertUnwindSafe(what)).map_err(|panic| match text(&*panic) {
        Some(text) if text.contains("Tokio 1.x") => NoRuntime::new(text.to_owned()),
        _ => resume_unwind(panic),
    })
}

fn text(panic: &(dyn Any + Send)) -> Option<&str> {
    let owned = panic.downcast_ref().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied())
}

/// Waits for what `begin` begins in the runtime that polls it. If the caller moves to another runtime before that is done,
/// it begins once more there: the first runtime may never be driven again.
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
