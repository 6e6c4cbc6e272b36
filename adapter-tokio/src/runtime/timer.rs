//! A timer that moves to the runtime that polls it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use pin_project_lite::pin_project;
use tokio::runtime::{Handle, Id};
use tokio::time::{Sleep, sleep_until};

use super::Timer;
use super::context::caught;

pin_project! {
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
        // The runtime of the sleep.
        home: Option<Id>,
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl Delay {
    pub(super) fn new(at: Instant) -> Self {
        Self {
            at: at.into(),
            home: None,
            sleep: None,
        }
    }
}

impl Timer for Delay {
    fn reset(self: Pin<&mut Self>, at: Instant) {
        // Only the next poll resets the sleep: its runtime may have ended by now.
        *self.project().at = at.into();
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut delay = self.project();
        let at = *delay.at;
        if tokio::time::Instant::now() >= at {
            return Poll::Ready(());
        }
        let Ok(here) = Handle::try_current() else {
            return Poll::Pending;
        };
        let here = here.id();
        caught(|| {
            if *delay.home != Some(here) {
                delay.sleep.set(Some(sleep_until(at)));
                *delay.home = Some(here);
            }
            let Some(mut sleep) = delay.sleep.as_mut().as_pin_mut() else {
                return Poll::Pending;
            };
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            sleep.poll(cx)
        })
        .unwrap_or(Poll::Pending)
    }
}
