//! A timer of async-io, which serves all timers of the process from one thread.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use super::Timer;

#[derive(Debug)]
pub(super) struct Delay {
    at: Instant,
    timer: async_io::Timer,
}

impl Delay {
    pub(super) fn new(at: Instant) -> Self {
        Self {
            at,
            timer: async_io::Timer::at(at),
        }
    }
}

impl Timer for Delay {
    fn reset(mut self: Pin<&mut Self>, at: Instant) {
        self.at = at;
        self.timer.set_at(at);
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Compares with the clock first: async-io's timer reports ready only once, this one at every poll after its
        // instant.
        if Instant::now() >= self.at {
            return Poll::Ready(());
        }
        Pin::new(&mut self.timer).poll(cx).map(|_| ())
    }
}
