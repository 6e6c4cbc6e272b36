//! When to try again: a pure decider.

use std::time::{Duration, Instant};

use crate::error::Error;

/// The pause before the second attempt. Each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Decides how long to wait between the attempts of one call, as Neo4j's own drivers do: 1 s, 2 s, 4 s …, each a fifth
/// shorter or longer by chance, so that calls that failed together do not return together.
///
/// The budget begins with the first failure. Unlike there, no attempt begins after its end, and the last pause is cut
/// to what is left.
#[derive(Debug)]
pub(crate) struct Retry {
    budget: Duration,
    pause: Duration,
    /// When the first attempt failed.
    since: Option<Instant>,
    /// How many attempts have failed.
    failed: u32,
}

impl Retry {
    pub(crate) const fn new(budget: Duration) -> Self {
        Self {
            budget,
            pause: FIRST_PAUSE,
            since: None,
            failed: 0,
        }
    }

    /// Whether something has failed, and the budget is spent.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now >= self.end(since))
    }

    /// An attempt failed at `now`. Returns when the next one begins; `None` if there is to be no other. `draw` is random.
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
        let pause = jittered(self.pause, draw);
        self.pause = self.pause.saturating_mul(2);
        Some(now.checked_add(pause).map_or(end, |at| at.min(end)))
    }

    /// The error of the last attempt, with what went before it.
    pub(crate) fn explain(&self, error: Error, now: Instant) -> Error {
        match self.since {
            Some(since) if self.failed > 1 => {
                error.after_attempts(self.failed, now.saturating_duration_since(since))
            }
            _ => error,
        }
    }

    /// When the budget ends. One that ends after all time does not end.
    fn end(&self, since: Instant) -> Instant {
        since.checked_add(self.budget).unwrap_or(since + FAR)
    }
}

/// Long enough for any call.
const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Between four and six fifths of `pause`.
fn jittered(pause: Duration, draw: u64) -> Duration {
    let thousandths = 800 + u32::try_from(draw % 401).unwrap_or_default();
    (pause / 1000).saturating_mul(thousandths)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_and_the_last_is_cut_to_what_is_left() {
        let start = Instant::now();
        let mut retry = Retry::new(10 * SECOND);
        let mut at = start;
        let mut pauses = Vec::new();
        while let Some(next) = retry.next(at, 200) {
            pauses.push((next - at).as_secs());
            at = next;
        }
        assert_eq!(pauses, [1, 2, 4, 3]);
        assert_eq!(at, start + 10 * SECOND);
    }

    #[test]
    fn the_budget_begins_with_the_first_failure_and_none_means_no_second_attempt() {
        let start = Instant::now();
        let mut retry = Retry::new(2 * SECOND);
        assert!(retry.next(start + 100 * SECOND, 0).is_some());
        assert!(Retry::new(Duration::ZERO).next(start, 0).is_none());
        assert!(Retry::new(Duration::MAX).next(start, 0).is_some());
    }

    proptest! {
        #[test]
        fn no_attempt_begins_after_the_budget(
            budget in 0..100_000_u64,
            steps in prop::collection::vec((0..50_000_u64, any::<u64>()), 1..30),
        ) {
            let start = Instant::now();
            let budget = Duration::from_millis(budget);
            let mut retry = Retry::new(budget);
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
