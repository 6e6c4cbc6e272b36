//! What the chapters have measured, in lines for people and in JSON for programs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::load::Tally;

/// The figures of the chapters, in their order.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) trips: Trips,
    pub(crate) attempts: Attempts,
    pub(crate) stream: Stream,
    pub(crate) dropped: Dropped,
    pub(crate) cut: Cut,
}

/// Round trips of four kinds of work.
#[derive(Debug, Default)]
pub(crate) struct Trips {
    pub(crate) read: u64,
    pub(crate) write: u64,
    pub(crate) pipelined: u64,
    pub(crate) auto_commit: u64,
    pub(crate) queued: u64,
}

/// What became of two transaction functions that blocked each other.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    pub(crate) attempts: u32,
    pub(crate) failures: Vec<String>,
    pub(crate) balances: [i64; 2],
    pub(crate) took: Duration,
}

/// A short and a long result.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) short: Streamed,
    pub(crate) long: Streamed,
}

#[derive(Debug, Default)]
pub(crate) struct Streamed {
    pub(crate) rows: u64,
    /// On the wire.
    pub(crate) bytes: u64,
    /// The most memory that the driver has held.
    pub(crate) peak: u64,
    pub(crate) took: Duration,
}

/// A server after a call that was dropped.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
    /// Nodes of the dropped work.
    pub(crate) nodes: i64,
    /// How long the next write took, locks included.
    pub(crate) next_write: Duration,
    /// Connections opened since.
    pub(crate) connections: u64,
}

/// Calls that lost their connections.
#[derive(Debug, Default)]
pub(crate) struct Cut {
    pub(crate) queries: usize,
    pub(crate) connections: u64,
    pub(crate) errors: u64,
    pub(crate) wrong: u64,
    pub(crate) took: Duration,
    pub(crate) trouble: Option<String>,
}

/// How much more a long result may take than a short one, which may be shorter than a page.
const SLACK: u64 = 1024 * 1024;

impl Trips {
    pub(crate) fn lines(&self) -> Vec<String> {
        vec![
            format!("a read by execute_query                 {}", self.read),
            format!("a write by execute_query                {}", self.write),
            format!("the same with pipeline_commit            {}", self.pipelined),
            format!("a write by session.run                  {}", self.auto_commit),
            format!("100 queued writes and their commit      {}", self.queued),
        ]
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let counted = [
            self.read,
            self.write,
            self.pipelined,
            self.auto_commit,
            self.queued,
        ];
        let expected = [1, 2, 1, 1, 1];
        expect(counted == expected, || {
            format!("expected {expected:?} round trips, counted {counted:?}")
        })
    }
}

impl Attempts {
    pub(crate) fn lines(&self) -> Vec<String> {
        let what = if self.failures.is_empty() {
            "this server lets one wait for the other, and ended neither".to_owned()
        } else {
            format!("the server ended one of them: {}", self.failures.join(", "))
        };
        vec![
            what,
            format!(
                "{} attempts for 2 commits, in {:.1} s",
                self.attempts,
                self.took.as_secs_f64()
            ),
            format!(
                "the balances are {:?}, as if one had run after the other",
                self.balances
            ),
        ]
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        expect(self.balances == [80, 120], || {
            format!("the balances are {:?}", self.balances)
        })
    }
}

impl Stream {
    pub(crate) fn lines(&self) -> Vec<String> {
        [&self.short, &self.long]
            .iter()
            .map(|streamed| streamed.line())
            .collect()
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let (short, long) = (self.short.peak, self.long.peak);
        expect(long <= short + SLACK, || {
            format!("the long result took {long} bytes, the short one {short}")
        })
    }
}

impl Streamed {
    fn line(&self) -> String {
        format!(
            "{:>9} rows, {:>6.1} MB in {:>4.1} s: at most {} KiB held",
            self.rows,
            megabytes(self.bytes),
            self.took.as_secs_f64(),
            self.peak / 1024
        )
    }
}

impl Dropped {
    pub(crate) fn lines(&self) -> Vec<String> {
        vec![
            format!(
                "the next write took {:.1} ms: no lock is left",
                self.next_write.as_secs_f64() * 1e3
            ),
            format!("{} nodes of the dropped work exist", self.nodes),
            format!("{} connections were opened for that", self.connections),
        ]
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        expect(self.nodes == 0, || {
            format!("{} nodes of the dropped work exist", self.nodes)
        })
    }
}

impl Cut {
    pub(crate) fn new(tally: Tally, connections: u64, took: Duration) -> Self {
        Self {
            queries: tally.latencies.len(),
            connections,
            errors: tally.errors,
            wrong: tally.wrong,
            took,
            trouble: tally.trouble,
        }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        vec![format!(
            "{} queries, {} connections cut, {} errors, {} wrong answers, in {:.1} s",
            self.queries,
            self.connections,
            self.errors,
            self.wrong,
            self.took.as_secs_f64()
        )]
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.trouble {
            Some(trouble) => Err(trouble.clone()),
            None => Ok(()),
        }
    }
}

impl Shown {
    pub(crate) fn as_json(&self) -> Value {
        json!({
            "round_trips": {
                "execute_query_read": self.trips.read,
                "execute_query_write": self.trips.write,
                "execute_query_pipelined": self.trips.pipelined,
                "session_run_write": self.trips.auto_commit,
                "100_queued_writes": self.trips.queued,
            },
            "blocked_functions": {
                "attempts": self.attempts.attempts,
                "failures": self.attempts.failures,
            },
            "stream": [self.stream.short.as_json(), self.stream.long.as_json()],
            "dropped": {
                "nodes_left": self.dropped.nodes,
                "next_write_ms": self.dropped.next_write.as_secs_f64() * 1e3,
                "connections_opened": self.dropped.connections,
            },
            "cut": {
                "queries": self.cut.queries,
                "connections_cut": self.cut.connections,
                "errors": self.cut.errors,
                "wrong_answers": self.cut.wrong,
            },
        })
    }
}

impl Streamed {
    fn as_json(&self) -> Value {
        json!({ "rows": self.rows, "bytes": self.bytes, "peak_bytes": self.peak })
    }
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn megabytes(bytes: u64) -> f64 {
    // Exact up to 4 TB.
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) * 1024.0 / 1e6
}
