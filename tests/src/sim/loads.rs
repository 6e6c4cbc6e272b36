//! Loads of rows in batches: the query of each batch, and what is known of a load that runs.

use std::fmt;

use bolt_client::Loaded;

use super::clock::Nanos;
use super::history::History;
use super::state::State;
use super::statement::Statement;

/// The query of a load, with its text form: `load fails_in=2 add key=2 …`.
///
/// Its rows are pairs of a number, from 0, and a padding that depends on the number. Each row changes the key once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoadQuery {
    /// The query of all rows. The batches have the ids that follow.
    pub(super) statement: Statement,
    /// The batch that fails, if the query does.
    pub(super) fails_in: u64,
    /// The longest padding of a row.
    pub(super) padding: u64,
}

/// What ends a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchLimits {
    pub(super) rows: Option<u64>,
    pub(super) bytes: Option<u64>,
}

/// The batches of a load: where each ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batches {
    ends: Vec<u64>,
    /// Whether the last one has reached a limit, too.
    is_full: bool,
}

/// What is known of a load.
#[derive(Debug, Clone)]
pub(super) struct Loading {
    batches: Batches,
    /// How many batches were reported as committed.
    reported: usize,
    /// When the load began, or its last report.
    since: Nanos,
    /// When each batch was complete, of those that are.
    complete: Vec<Nanos>,
    /// Whether the load has asked for a row.
    asked: bool,
}

impl LoadQuery {
    /// Parses the text of a query.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (fails_in, rest) = text.strip_prefix("load fails_in=")?.split_once(" padding=")?;
        let (padding, rest) = rest.split_once(' ')?;
        Some(Self {
            statement: Statement::read(rest)?,
            fails_in: fails_in.parse().ok()?,
            padding: padding.parse().ok()?,
        })
    }

    /// Returns the query that a batch of so many rows is.
    pub(super) const fn batch(&self, index: usize, rows: u64) -> Statement {
        let mut statement = self.statement;
        statement.id += 1 + index as u64;
        statement.rows = rows;
        if index as u64 != self.fails_in {
            statement.fail = None;
        }
        statement
    }

    /// Returns the length of a row's padding.
    pub(super) const fn padding(&self, row: u64) -> u64 {
        (self.statement.id + row * 7) % (self.padding + 1)
    }

    /// Returns how many bytes a row takes.
    fn encoded_len(&self, row: u64) -> u64 {
        let number = match row {
            0..=0x7F => 1,
            0x80..=0x7FFF => 3,
            _ => 5,
        };
        let padding = self.padding(row);
        let header = match padding {
            0..=0xF => 1,
            0x10..=0xFF => 2,
            _ => 3,
        };
        1 + number + header + padding
    }
}

impl fmt::Display for LoadQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            statement,
            fails_in,
            padding,
        } = self;
        write!(f, "load fails_in={fails_in} padding={padding} {statement}")
    }
}

impl Batches {
    pub(super) fn of(query: &LoadQuery, limits: BatchLimits) -> Self {
        let mut ends = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        for row in 0..query.statement.rows {
            rows += 1;
            bytes += query.encoded_len(row);
            let reached = |size, limit: Option<u64>| limit.is_some_and(|limit| size >= limit);
            if reached(rows, limits.rows) || reached(bytes, limits.bytes) {
                ends.push(row + 1);
                (rows, bytes) = (0, 0);
            }
        }
        if rows > 0 {
            ends.push(query.statement.rows);
        }
        Self {
            is_full: rows == 0,
            ends,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns how many rows a batch has.
    pub(super) fn rows(&self, index: usize) -> u64 {
        self.ends[index] - self.rows_before(index)
    }

    /// Returns how many rows come before a batch.
    pub(super) fn rows_before(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// Returns the batch that a row is in. The end of the rows, which comes after the last of them, is in a batch that has
    /// reached no limit, or else after all.
    pub(super) fn of_row(&self, row: u64) -> usize {
        let index = self.ends.partition_point(|end| *end <= row);
        if index == self.len() && !self.is_full {
            return index - 1;
        }
        index
    }

    /// Returns the batch with exactly these rows.
    fn exactly(&self, first: u64, rows: u64) -> Option<usize> {
        let index = self.of_row(first);
        let is_it = index < self.len() && self.rows_before(index) == first && self.rows(index) == rows;
        is_it.then_some(index)
    }

    /// Whether a batch is complete with this row, or with the end of the rows.
    fn ends_with(&self, index: usize, row: u64) -> bool {
        let is_full = index + 1 < self.len() || self.is_full;
        self.ends.get(index) == Some(&(row + u64::from(is_full)))
    }
}

impl Loading {
    pub(super) const fn new(batches: Batches, now: Nanos) -> Self {
        Self {
            batches,
            reported: 0,
            since: now,
            complete: Vec::new(),
            asked: false,
        }
    }

    /// Returns how many batches were reported as committed.
    pub(super) const fn reported(&self) -> usize {
        self.reported
    }

    /// Whether the load has asked for a row: it has finished what the session had left to do.
    pub(super) const fn has_begun(&self) -> bool {
        self.asked
    }

    /// Returns when the present batch began, whose deadline counts from then: when it was complete, and the one before
    /// reported. `None` while the rows are waited for.
    pub(super) fn began(&self) -> Option<Nanos> {
        if !self.asked {
            return Some(self.since);
        }
        let complete = self.complete.get(self.reported)?;
        Some(self.since.max(*complete))
    }

    /// Returns when the load began, or its last report.
    pub(super) const fn since(&self) -> Nanos {
        self.since
    }

    /// Notes that the load has got a row, or the end of the rows in place of one. Returns what is wrong with that.
    fn ask(&mut self, row: u64, now: Nanos) -> Option<String> {
        self.asked = true;
        let index = self.batches.of_row(row);
        if self.batches.ends_with(index, row) {
            self.complete.push(now);
        }
        let reported = self.reported;
        (index > reported + 1).then(|| {
            format!("asks for row {row} of batch {index}, although only {reported} batches are committed")
        })
    }
}

impl History {
    /// Returns what is wrong with a batch that has arrived at the server, or else which one it is.
    pub(super) fn find_batch(&self, load: u64, first: u64, rows: u64) -> Result<usize, String> {
        let Some(loading) = self.loads.get(&load) else {
            return Err("no call has loaded it".to_owned());
        };
        let reported = loading.reported;
        match loading.batches.exactly(first, rows) {
            None => Err(format!("the {rows} rows from {first} are no batch")),
            Some(index) if index > reported => Err(format!(
                "batch {index} arrives, although only {reported} are known to be committed"
            )),
            Some(index) => Ok(index),
        }
    }
}

impl State {
    /// Notes that a load waits for a row.
    pub(super) fn wait_for_row(&mut self, load: u64) {
        if let Some(loading) = self.history.loads.get_mut(&load) {
            loading.asked = true;
        }
    }

    /// Notes that a load has got a row, or the end of the rows.
    pub(super) fn ask_for_row(&mut self, load: u64, row: u64) {
        let now = self.clock.now();
        let loading = self.history.loads.get_mut(&load);
        if let Some(problem) = loading.and_then(|loading| loading.ask(row, now)) {
            self.history.violation(format!("load {load} {problem}"));
        }
    }

    /// Notes that a load reports one more batch as committed. Returns which one, unless there is none.
    pub(super) fn report_batch(&mut self, load: u64, said: &Loaded) -> Option<usize> {
        let now = self.clock.now();
        let loading = self.history.loads.get_mut(&load)?;
        let index = loading.reported;
        (loading.reported, loading.since) = (index + 1, now);
        if index >= loading.batches.len() {
            self.history
                .violation(format!("load {load} reports {said}, which are too many"));
            return None;
        }
        let rows = loading.batches.rows_before(index + 1);
        self.check_loaded(load, said, rows, index + 1, 0);
        // What follows is about the next batch.
        self.history.commits.remove(&load);
        self.history.answered.remove(&load);
        let batch = load + 1 + index as u64;
        let committed = self.history.of(batch).any(|execution| execution.committed);
        if !committed {
            self.history.violation(format!(
                "load {load} reports {said}, although batch {index} is not committed"
            ));
        }
        Some(index)
    }

    /// Checks what a load says about how far it got.
    pub(super) fn check_loaded(
        &mut self,
        load: u64,
        said: &Loaded,
        rows: u64,
        batches: usize,
        uncertain_rows: u64,
    ) {
        let right = (rows, batches, uncertain_rows);
        let stated = (said.rows as u64, said.batches, said.uncertain_rows as u64);
        if stated != right {
            self.history.violation(format!(
                "load {load} states {stated:?} as its rows, batches and uncertain rows, and not {right:?}"
            ));
        }
        // Each row sets a property.
        let properties = said.counters.properties_set;
        if properties != rows {
            self.history.violation(format!(
                "load {load} states {properties} changes of its {rows} rows"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::statement::{FailAt, Failure, Verb};

    fn query(rows: u64, padding: u64) -> LoadQuery {
        let statement = Statement {
            id: 20,
            verb: Verb::Add,
            key: 1,
            rows,
            columns: false,
            size: 0,
            slow: 0,
            fail: Some(Failure {
                at: FailAt::Run,
                transient: true,
                times: 1,
            }),
        };
        LoadQuery {
            statement,
            fails_in: 1,
            padding,
        }
    }

    #[test]
    fn the_query_of_a_load_survives_being_written_and_parsed() {
        let query = query(5, 3);
        assert_eq!(LoadQuery::read(&query.to_string()), Some(query));
        assert_eq!(LoadQuery::read(&query.statement.to_string()), None);
    }

    #[test]
    fn batches_end_with_the_row_that_reaches_a_limit_and_only_one_of_them_fails() {
        let query = query(5, 0);
        let ends = |rows, bytes| {
            let batches = Batches::of(&query, BatchLimits { rows, bytes });
            (batches.ends, batches.is_full)
        };
        assert_eq!(ends(Some(2), None), (vec![2, 4, 5], false));
        assert_eq!(ends(Some(5), None), (vec![5], true));
        // Each row takes three bytes.
        assert_eq!(ends(None, Some(7)), (vec![3, 5], false));
        assert_eq!(ends(None, None), (vec![5], false));
        let fails = [0, 1, 2].map(|index| query.batch(index, 2).fail.is_some());
        assert_eq!(fails, [false, true, false]);
        assert_eq!((query.batch(2, 1).id, query.batch(2, 1).rows), (23, 1));
    }

    #[test]
    fn a_load_may_be_one_batch_ahead_and_its_time_counts_from_a_complete_batch() {
        let limits = BatchLimits {
            rows: Some(2),
            bytes: None,
        };
        let mut loading = Loading::new(Batches::of(&query(5, 0), limits), 10);
        assert_eq!((loading.began(), loading.has_begun()), (Some(10), false));
        assert_eq!(loading.ask(0, 20), None);
        assert_eq!(loading.began(), None);
        assert_eq!(loading.ask(1, 30), None);
        assert_eq!(loading.began(), Some(30));
        assert_eq!((loading.ask(2, 40), loading.ask(3, 50)), (None, None));
        assert!(loading.ask(4, 60).is_some());
        loading.reported = 2;
        assert_eq!(loading.began(), None);
        assert_eq!(loading.ask(5, 70), None);
        assert_eq!(loading.began(), Some(70));
    }
}
