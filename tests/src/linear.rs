//! Whether costs are proportional to the work.

use std::fs;
use std::time::{Duration, Instant};

/// The tolerated factor beyond proportional cost for sixteen times the work. Quadratic cost would have a factor of
/// sixteen.
const TOLERANCE: u32 = 4;

/// Does work of one, four and sixteen sizes, and checks that the time of this thread is proportional.
///
/// # Panics
///
/// If it is not.
pub fn linear(what: &str, size: usize, mut work: impl FnMut(usize)) {
    // One-time work is done by this first call.
    work(size);
    // A busy machine gets further attempts.
    let mut seen = Vec::new();
    for _ in 0..3 {
        let [one, four, sixteen] = [1, 4, 16].map(|times| {
            let before = spent();
            work(size * times);
            spent().saturating_sub(before) / u32::try_from(times).unwrap()
        });
        // A few milliseconds are within the error of measurement.
        let bound = one.max(Duration::from_millis(5)) * TOLERANCE;
        if four < bound && sixteen < bound {
            return;
        }
        seen.push([one, four, sixteen]);
    }
    panic!("{what}: times for 1, 4 and 16 times {size}: {seen:?}");
}

/// Returns the CPU time of this thread.
fn spent() -> Duration {
    thread_local! {
        static BEGAN: Instant = Instant::now();
    }
    let statistics = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = statistics.and_then(|text| text.split(' ').next()?.parse().ok());
    // Without that information from the operating system, all time counts.
    nanos
        .filter(|nanos| *nanos > 0)
        .map_or_else(|| BEGAN.with(Instant::elapsed), Duration::from_nanos)
}
