//! Random points at which calls are dropped.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_io::Timer;

/// Drops the call after a number of polls or a time. Returns `None` if that came before the call's end.
pub(super) async fn cancelled<T>(call: impl Future<Output = T>, dice: &mut Dice) -> Option<T> {
    let mut waits = dice.below(12);
    let micros = u64::try_from(dice.below(6000)).unwrap_or_default();
    let mut call = pin!(call);
    let mut timer = pin!(Timer::after(Duration::from_micros(micros)));
    poll_fn(|cx| {
        if let Poll::Ready(answer) = call.as_mut().poll(cx) {
            return Poll::Ready(Some(answer));
        }
        if waits == 0 || timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        waits -= 1;
        Poll::Pending
    })
    .await
}

/// A random number generator with a fixed seed. (Runs still differ, because the schedule is not fixed.)
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: i64) -> Self {
        Self(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed.unsigned_abs() + 1))
    }

    /// Returns an independent generator.
    pub(super) fn fork(&mut self) -> Self {
        self.below(1);
        Self(self.0.rotate_left(17) | 1)
    }

    /// Returns a number from 0 to `sides` - 1.
    pub(super) fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }
}
