//! When to retry: a pure decider.

use std::time::{Duration, Instant};

use crate::config::Pauses;
use crate::error::Error;

/// Decides how long to wait between the attempts of one call. By default as Neo4j's own drivers do: 1 s, 2 s, 4 s …,
/// each a fifth shorter or longer at random, so that calls that failed together are not retried together.
///
/// The budget begins with the first failure. Unlike in those drivers, no attempt begins after its end, and the last
/// pause is cut to what is left.
#[derive(Debug)]
pub(crate) struct Retry {
    budget: Duration,
    pauses: Pauses,
    pause: Duration,
    /// When the first attempt failed.
    since: Option<Instant>,
    /// How many attempts have failed.
    failed: u32,
}

impl Retry {
    pub(crate) const fn new(budget: Duration, pauses: Pauses) -> Self {
        Self {
            budget,
            pauses,
            pause: pauses.first,
            since: None,
            failed: 0,
        }
    }

    /// Returns whether something has failed, and the budget is spent.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now >= self.end(since))
    }

    /// Begins the budget, if this is the first failure. The failure is noted once it is known what follows it.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Notes that an attempt failed at `now`, and that the next one begins at once.
    pub(crate) fn note_failure(&mut self, now: Instant) {
        self.failed = self.failed.saturating_add(1);
        self.since.get_or_insert(now);
    }

    /// Notes that an attempt failed at `now`. Returns when the next one begins; `None` if there is none. `draw` is
    /// random.
    pub(crate) fn next(&mut self, now: Instant, draw: u64) -> Option<Instant> {
        self.failed = self.failed.saturating_add(1);
        let since = *self.since.get_or_insert(now);
        let end = if planted!(RetryPastTheBudget) {
            now + FAR
        } else {
            self.end(since)
        };
        if now >= end {
            return None;
        }
        let pause = self.pauses.jittered(self.pause, draw);
        self.pause = self.pauses.after(self.pause);
        Some(now.checked_add(pause).map_or(end, |at| at.min(end)))
    }

    /// Returns the error of the last attempt, with what went before it.
    pub(crate) fn explain(&self, error: Error, now: Instant) -> Error {
        match self.since {
            Some(since) if self.failed > 1 => {
                error.after_attempts(self.failed, now.saturating_duration_since(since))
            }
            _ => error,
        }
    }

    /// Returns when the budget ends. One beyond the range of `Instant` lasts for [`FAR`].
    fn end(&self, since: Instant) -> Instant {
        since.checked_add(self.budget).unwrap_or(since + FAR)
    }
}

/// Long enough for any call.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl Pauses {
    /// Returns the pause after this one, as long as any call at most.
    fn after(&self, pause: Duration) -> Duration {
        Duration::try_from_secs_f64(pause.as_secs_f64() * self.multiplier).map_or(FAR, |next| next.min(FAR))
    }

    /// Returns `pause`, longer or shorter by at most the jitter.
    fn jittered(&self, pause: Duration, draw: u64) -> Duration {
        // From -1 to 1, in steps of a two-hundredth.
        let part = f64::from(u32::try_from(draw % 401).unwrap_or_default()) / 200.0 - 1.0;
        let factor = 1.0 + part * self.jitter;
        Duration::try_from_secs_f64(pause.as_secs_f64() * factor).unwrap_or(FAR)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// The draw that leaves a pause as it is.
    const MIDDLE: u64 = 200;

    fn retry(budget: Duration) -> Retry {
        Retry::new(budget, Pauses::default())
    }

    #[test]
    fn pauses_double_and_the_last_is_cut_to_what_is_left() {
        let start = Instant::now();
        let mut retry = retry(10 * SECOND);
        let mut at = start;
        let mut pauses = Vec::new();
        while let Some(next) = retry.next(at, MIDDLE) {
            pauses.push((next - at).as_secs());
            at = next;
        }
        assert_eq!(pauses, [1, 2, 4, 3]);
        assert_eq!(at, start + 10 * SECOND);
    }

    #[test]
    fn first_pause_multiplier_and_jitter_are_options() {
        let start = Instant::now();
        let pauses = Pauses {
            first: SECOND / 10,
            multiplier: 3.0,
            jitter: 0.5,
        };
        let nth = |draw: u64, n: usize| {
            let mut retry = Retry::new(1000 * SECOND, pauses);
            let pauses = (0..n).map(|_| retry.next(start, draw).unwrap() - start);
            pauses.last().unwrap().as_millis()
        };
        assert_eq!([nth(MIDDLE, 1), nth(MIDDLE, 2), nth(MIDDLE, 3)], [100, 300, 900]);
        assert_eq!([nth(0, 1), nth(400, 1)], [50, 150]);
    }

    #[test]
    fn a_pause_does_not_outgrow_the_clock() {
        let start = Instant::now();
        let pauses = Pauses {
            first: Duration::MAX,
            multiplier: f64::MAX,
            jitter: 1.0,
        };
        let mut retry = Retry::new(Duration::MAX, pauses);
        assert!((0..5).all(|draw| retry.next(start, draw * 100).is_some()));
    }

    #[test]
    fn the_budget_begins_with_the_first_failure_and_none_means_no_second_attempt() {
        let start = Instant::now();
        let mut two = retry(2 * SECOND);
        assert!(two.next(start + 100 * SECOND, 0).is_some());
        assert!(retry(Duration::ZERO).next(start, 0).is_none());
        assert!(retry(Duration::MAX).next(start, 0).is_some());
    }

    proptest! {
        #[test]
        fn no_attempt_begins_after_the_budget(
            budget in 0..100_000_u64,
            steps in prop::collection::vec((0..50_000_u64, any::<u64>()), 1..30),
        ) {
            let start = Instant::now();
            let budget = Duration::from_millis(budget);
            let mut retry = retry(budget);
            let mut now = start;
            for (length, draw) in steps {
                let Some(next) = retry.next(now, draw) else {
                    prop_assert!(now >= start + budget);
                    break;
                };
                prop_assert!(now < next && next <= start + budget);
                prop_assert!(next - now <= Duration::from_secs(1 << 30));
                now = next + Duration::from_millis(length);
            }
        }
    }
}
