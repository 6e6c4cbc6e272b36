//! How far it is: a bar on a terminal, a few lines in a log.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::report::Narrator;

/// How many lines a log gets.
const LOG_STEPS: u64 = 4;

/// Counts from nothing to a total.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: Shown,
    total: u64,
    narrator: Narrator,
}

#[derive(Debug)]
enum Shown {
    Bar(ProgressBar),
    Lines(AtomicU64),
    Nothing,
}

impl Progress {
    /// Shows nothing yet.
    pub(crate) fn new(total: u64, narrator: Narrator) -> Self {
        let shown = if io::stderr().is_terminal() {
            Shown::Bar(
                ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden()).with_style(style()),
            )
        } else {
            Shown::Lines(AtomicU64::new(0))
        };
        Self {
            shown,
            total,
            narrator,
        }
    }

    /// Counts without showing it.
    pub(crate) fn hidden(total: u64, narrator: Narrator) -> Self {
        Self {
            shown: Shown::Nothing,
            total,
            narrator,
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn begin(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.reset();
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(100));
        }
    }

    /// One more.
    pub(crate) fn advance(&self) {
        match &self.shown {
            Shown::Bar(bar) => bar.inc(1),
            Shown::Lines(done) => {
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                if is_worth_a_line(done, self.total) {
                    self.narrator.say(&format!("  {done} of {} queries", self.total));
                }
            }
            Shown::Nothing => {}
        }
    }

    /// The bar leaves the screen: the figures follow.
    pub(crate) fn end(&self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn is_worth_a_line(done: u64, total: u64) -> bool {
    (1..=LOG_STEPS).any(|step| done == total.saturating_mul(step).div_ceil(LOG_STEPS))
}

fn style() -> ProgressStyle {
    // The template is a constant: were it wrong, the plain bar would do.
    ProgressStyle::with_template("  {bar:40} {pos} of {len} queries, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gets_four_lines_and_the_last_one_is_the_end() {
        let lines: Vec<u64> = (1..=1_000).filter(|done| is_worth_a_line(*done, 1_000)).collect();
        assert_eq!(lines, [250, 500, 750, 1_000]);
        let lines: Vec<u64> = (1..=2).filter(|done| is_worth_a_line(*done, 2)).collect();
        assert_eq!(lines, [1, 2]);
    }
}
