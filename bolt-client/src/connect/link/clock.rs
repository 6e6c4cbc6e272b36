//! How long the server has made no progress.

use std::time::{Duration, Instant};

use crate::deadline::Deadline;

/// The instant since which the server has made no progress during a wait. The clock starts when a wait finds the
/// socket empty (or full), and is reset whenever something arrives (or leaves): a caller that takes its time between
/// two rows never meets the limit.
#[derive(Debug, Default)]
pub(super) struct Silence(Option<Instant>);

impl Silence {
    /// Returns when the server will have been silent for this long. Starts the clock if it is not running.
    pub(super) fn until(
        &mut self,
        silence_limit: Option<Duration>,
        now: impl FnOnce() -> Instant,
    ) -> Deadline {
        match silence_limit {
            None => Deadline::NONE,
            Some(limit) => Deadline::after(*self.0.get_or_insert_with(now), limit),
        }
    }

    /// Returns when the server will have been silent for this long; never if the clock is not running.
    pub(super) fn ends(&self, silence_limit: Option<Duration>) -> Deadline {
        match (self.0, silence_limit) {
            (Some(since), Some(limit)) => Deadline::after(since, limit),
            _ => Deadline::NONE,
        }
    }

    /// Resets the clock: the server has made progress.
    pub(super) const fn reset(&mut self) {
        self.0 = None;
    }
}
