//! A timer that moves to the runtime that polls it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::runtime::{Handle, Id};
use tokio::time::{Sleep, sleep_until};

use super::Timer;
use super::context::caught;

/// An instant, and the tokio sleep for it, which the first pending poll creates.
///
/// In a context without timers the poll wakes nothing. Calls detect that before they wait: see
/// [`can_wait`](super::Runtime::can_wait).
///
/// A [`Sleep`] panics if it is polled after its runtime has ended. So a sleep of another runtime is never polled, but
/// replaced.
#[derive(Debug)]
pub(super) struct Delay {
    at: tokio::time::Instant,
    sleep: Option<(Id, Pin<Box<Sleep>>)>,
}

impl Delay {
    pub(super) fn new(at: Instant) -> Self {
        Self {
            at: at.into(),
            sleep: None,
        }
    }
}

impl Timer for Delay {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        // Only the next poll resets the sleep: its runtime may have ended by now.
        self.at = at.into();
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let at = self.at;
        if tokio::time::Instant::now() >= at {
            return Poll::Ready(());
        }
        let Ok(here) = Handle::try_current() else {
            return Poll::Pending;
        };
        if self.sleep.as_ref().is_none_or(|(home, _)| *home != here.id()) {
            self.sleep = caught(|| (here.id(), Box::pin(sleep_until(at)))).ok();
        }
        let Some((_, sleep)) = &mut self.sleep else {
            return Poll::Pending;
        };
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        caught(|| sleep.as_mut().poll(cx)).unwrap_or(Poll::Pending)
    }
}
