//! How much memory the driver takes: it works on the thread that polls it, so this is what that thread allocates.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use allocation_counter::measure;

/// Runs `future` and returns the largest number of bytes that it held at once.
pub(crate) async fn peak_of<T>(future: impl Future<Output = T>) -> (T, u64) {
    let mut measured = Measured {
        future: pin!(future),
        held: 0,
        peak: 0,
    };
    let output = (&mut measured).await;
    (output, u64::try_from(measured.peak).unwrap_or(0))
}

/// The same for a call that blocks.
pub(crate) fn peak_of_call(call: impl FnOnce()) -> u64 {
    measure(call).bytes_max
}

struct Measured<F> {
    future: F,
    held: i64,
    peak: i64,
}

impl<F: Future + Unpin> Future for Measured<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut poll = Poll::Pending;
        let info = measure(|| poll = Pin::new(&mut self.future).poll(cx));
        let highest = i64::try_from(info.bytes_max).unwrap_or(i64::MAX);
        self.peak = self.peak.max(self.held.saturating_add(highest));
        self.held += info.bytes_current;
        poll
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_across_an_await_is_counted() {
        let ((), peak) = smol::block_on(peak_of(async {
            let first = vec![0_u8; 100_000];
            smol::future::yield_now().await;
            let second = vec![0_u8; 50_000];
            drop((first, second));
            drop(vec![0_u8; 120_000]);
        }));
        assert!((150_000..160_000).contains(&peak), "{peak}");
    }
}
