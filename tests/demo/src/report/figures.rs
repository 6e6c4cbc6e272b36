//! The figures of a run.

use std::time::Duration;

use bolt_client::PoolCounts;
use serde_json::json;

use crate::arguments::Runtime;
use crate::chapters::Shown;
use crate::job::Job;
use crate::load::Tally;
use crate::report::Narrator;

/// The final figures.
#[derive(Debug)]
pub(crate) struct Figures {
    runtime: Runtime,
    queries: usize,
    errors: u64,
    wrong: u64,
    connections: usize,
    took: Duration,
    p50: Duration,
    p99: Duration,
    trouble: Option<String>,
    shown: Shown,
}

impl Figures {
    pub(crate) fn new(job: &Job, shown: Shown, tally: Tally, took: Duration, pool: PoolCounts) -> Self {
        let Tally {
            mut latencies,
            errors,
            wrong,
            trouble,
        } = tally;
        latencies.sort_unstable();
        Self {
            runtime: job.runtime,
            queries: latencies.len(),
            errors,
            wrong,
            // A healthy pool closes nothing while it is used: those that were used are still there.
            connections: pool.in_use + pool.idle,
            took,
            p50: percentile(&latencies, 50),
            p99: percentile(&latencies, 99),
            trouble,
            shown,
        }
    }

    /// Whether every query got an answer, and the right one.
    pub(crate) fn is_clean(&self) -> bool {
        self.errors == 0 && self.wrong == 0
    }

    /// A table of one line.
    pub(crate) fn tell(&self, narrator: Narrator) {
        let columns = [
            ("runtime", self.runtime.to_string()),
            ("queries", self.queries.to_string()),
            ("errors", self.errors.to_string()),
            ("wrong answers", self.wrong.to_string()),
            ("connections", self.connections.to_string()),
            ("queries/s", format!("{:.0}", self.per_second())),
            ("latency p50", format!("{:.2} ms", milliseconds(self.p50))),
            ("latency p99", format!("{:.2} ms", milliseconds(self.p99))),
        ];
        let width = |(title, value): &(&str, String)| title.len().max(value.len());
        let line = |cell: fn(&(&'static str, String)) -> String| {
            let cells = columns
                .iter()
                .map(|column| format!("{:>1$}", cell(column), width(column)));
            cells.collect::<Vec<_>>().join("   ")
        };
        narrator.say(&format!("\n  {}", line(|(title, _)| (*title).to_owned())));
        narrator.say(&format!("  {}", line(|(_, value)| value.clone())));
        match &self.trouble {
            None => narrator.say("\nEvery answer was compared with the data, and was right."),
            Some(trouble) => narrator.say(&format!(
                "\nNot every answer was right. The first trouble: {trouble}"
            )),
        }
    }

    /// The same for a program, in one line.
    pub(crate) fn as_json(&self) -> String {
        json!({
            "runtime": self.runtime.to_string(),
            "queries": self.queries,
            "errors": self.errors,
            "wrong_answers": self.wrong,
            "connections": self.connections,
            "seconds": self.took.as_secs_f64(),
            "queries_per_second": self.per_second(),
            "latency_p50_ms": milliseconds(self.p50),
            "latency_p99_ms": milliseconds(self.p99),
            "shown": self.shown.as_json(),
        })
        .to_string()
    }

    fn per_second(&self) -> f64 {
        let seconds = self.took.as_secs_f64();
        // Exact up to 2^32 queries, which is days of them.
        let queries = f64::from(u32::try_from(self.queries).unwrap_or(u32::MAX));
        if seconds > 0.0 { queries / seconds } else { 0.0 }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The time within which so many of a hundred were done; `sorted` is.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&times[..1], 99), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
