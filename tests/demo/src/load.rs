//! Many queries at once: what they ask, which comes next, and what their answers were.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bolt_client::{EagerResult, Error, Query, query};

use crate::graph::{Companion, Graph};
use crate::report::Progress;

/// A number of queries for any number of workers.
#[derive(Debug)]
pub(crate) struct Load {
    probes: Vec<Probe>,
    graph: Arc<Graph>,
    next: AtomicU64,
    interrupted: Arc<AtomicBool>,
    progress: Progress,
}

impl Load {
    /// As many queries as `progress` is to count.
    pub(crate) fn new(
        graph: &Arc<Graph>,
        label: &str,
        progress: Progress,
        interrupted: &Arc<AtomicBool>,
    ) -> Self {
        Self {
            probes: probes(graph, label),
            graph: Arc::clone(graph),
            next: AtomicU64::new(0),
            interrupted: Arc::clone(interrupted),
            progress,
        }
    }

    /// The next query for a worker; `None` after the last, or once the user has pressed Ctrl-C.
    pub(crate) fn next(&self) -> Option<&Probe> {
        if self.interrupted.load(Ordering::Relaxed) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.total() {
            return None;
        }
        // Spread over the kinds of queries and over the people. Any order would do.
        let place = usize::try_from(number).unwrap_or(0).wrapping_mul(7_919);
        self.probes.get(place.checked_rem(self.probes.len())?)
    }

    /// Records an answer: whether it was right, and how long it took.
    pub(crate) fn judge(
        &self,
        probe: &Probe,
        begun: Instant,
        answer: Result<EagerResult, Error>,
        tally: &mut Tally,
    ) {
        tally.latencies.push(begun.elapsed());
        match answer.and_then(|answer| probe.is_right(&answer, &self.graph)) {
            Ok(true) => {}
            Ok(false) => tally.note_wrong(probe),
            Err(error) => tally.note_error(&error),
        }
        self.progress.advance();
    }

    /// How many queries have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.next.load(Ordering::Relaxed).min(self.total())
    }

    /// How many queries there are.
    pub(crate) fn total(&self) -> u64 {
        self.progress.total()
    }

    /// Shows that it begins.
    pub(crate) fn begin(&self) {
        self.progress.begin();
    }

    /// Shows that it has ended.
    pub(crate) fn end(&self) {
        self.progress.end();
    }
}

/// A query with a known answer.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) query: Query,
    asked: Asked,
}

#[derive(Debug)]
enum Asked {
    /// All names.
    Names,
    /// The characters that this one appears with.
    Companions(String),
    /// The number of chapters in which these two appear together.
    Together(String, String),
}

impl Probe {
    fn is_right(&self, answer: &EagerResult, graph: &Graph) -> Result<bool, Error> {
        let records = &answer.records;
        match &self.asked {
            Asked::Names => {
                let mut names = records
                    .iter()
                    .map(|record| record.get("name"))
                    .collect::<Result<Vec<String>, _>>()?;
                names.sort_unstable();
                Ok(names == graph.names())
            }
            Asked::Companions(name) => {
                let mut companions = records
                    .iter()
                    .map(|record| record.to())
                    .collect::<Result<Vec<Companion>, _>>()?;
                companions.sort_unstable();
                Ok(companions == graph.companions(name))
            }
            Asked::Together(a, b) => {
                let chapters = records
                    .iter()
                    .map(|record| record.get(0))
                    .collect::<Result<Vec<i64>, _>>()?;
                Ok(chapters == Vec::from_iter(graph.together(a, b)))
            }
        }
    }
}

/// The answers that one worker, or all of them, have had.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) errors: u64,
    pub(crate) wrong: u64,
    /// The first thing that went wrong.
    pub(crate) trouble: Option<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, mut other: Self) {
        self.latencies.append(&mut other.latencies);
        self.errors += other.errors;
        self.wrong += other.wrong;
        self.trouble = mem::take(&mut self.trouble).or(other.trouble);
    }

    fn note_error(&mut self, error: &Error) {
        self.errors += 1;
        self.trouble
            .get_or_insert_with(|| format!("a query failed: {error}"));
    }

    fn note_wrong(&mut self, probe: &Probe) {
        self.wrong += 1;
        self.trouble
            .get_or_insert_with(|| format!("a wrong answer to {:?}", probe.asked));
    }
}

/// A third of each kind: the whole list, the companions of each person, and pairs, of which most never meet.
fn probes(graph: &Graph, label: &str) -> Vec<Probe> {
    let names_of_all = query(format!("MATCH (a:{label}) RETURN a.name AS name"));
    let companions = query(format!(
        "MATCH (:{label} {{name: $name}})-[r:APPEARS_WITH]-(b:{label}) RETURN b.name AS name, r.chapters AS chapters"
    ));
    let together = query(format!(
        "MATCH (:{label} {{name: $a}})-[r:APPEARS_WITH]-(:{label} {{name: $b}}) RETURN r.chapters"
    ));
    let names = graph.names();
    let others = names.iter().cycle().skip(1);
    names
        .iter()
        .zip(others)
        .flat_map(|(name, other)| {
            [
                Probe {
                    query: names_of_all.clone(),
                    asked: Asked::Names,
                },
                Probe {
                    query: companions.clone().param("name", name),
                    asked: Asked::Companions(name.clone()),
                },
                Probe {
                    query: together.clone().param("a", name).param("b", other),
                    asked: Asked::Together(name.clone(), other.clone()),
                },
            ]
        })
        .collect()
}
