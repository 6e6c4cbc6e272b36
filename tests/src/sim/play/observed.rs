//! What a reader has observed of a result, and whether it is right.

use bolt_client::{Error, Record, RecordRef};

use super::Player;
use crate::sim::causality::Floor;
use crate::sim::history::ExecutionId;
use crate::sim::statement::Statement;

/// What a reader has observed of a result.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    pub(super) statement: Statement,
    /// The attempt of the transaction function that it belongs to; 0 if none.
    pub(super) attempt: u64,
    /// A lower bound of the key's value.
    floor: i64,
    /// How many rows were taken.
    pub(super) taken: u64,
    /// How many more may have been lost with a dropped call.
    pub(super) lost: u64,
    /// The execution that its rows stem from.
    execution: Option<ExecutionId>,
}

impl Observed {
    pub(super) fn new(statement: &Statement, attempt: u64, floor: &Floor) -> Self {
        Self {
            statement: *statement,
            attempt,
            floor: floor.get(&statement.key).copied().unwrap_or_default(),
            taken: 0,
            lost: 0,
            execution: None,
        }
    }

    /// Returns how many rows there are.
    pub(super) const fn all(&self) -> u64 {
        if self.statement.columns {
            self.statement.rows
        } else {
            0
        }
    }

    /// Returns how many rows are left at least, and at most.
    pub(super) const fn left(&self) -> (u64, u64) {
        let most = self.all().saturating_sub(self.taken);
        (most.saturating_sub(self.lost), most)
    }
}

/// The content of a row.
#[derive(Debug)]
pub(super) struct Row {
    id: u64,
    at: u64,
    value: i64,
    padding: u64,
    execution: ExecutionId,
}

pub(super) type Checked = Result<Row, Error>;

pub(super) fn checked(row: &RecordRef<'_>) -> Checked {
    Ok(Row {
        id: row.get::<i64>("id")? as u64,
        at: row.get::<i64>("row")? as u64,
        value: row.get("value")?,
        padding: row.get::<&str>("padding")?.len() as u64,
        execution: row.get::<i64>("execution")? as usize,
    })
}

impl Player {
    pub(super) fn check_rows(&self, observed: &mut Observed, rows: &[Record]) {
        for row in rows {
            self.check_row(observed, checked(&row.as_ref()));
        }
    }

    /// Checks a row that was taken.
    pub(super) fn check_row(&self, observed: &mut Observed, row: Checked) {
        self.check_peeked(observed, row);
        observed.taken += 1;
    }

    /// Checks that a row is the next one, of the right query and attempt, with the value of its execution.
    pub(super) fn check_peeked(&self, observed: &mut Observed, row: Checked) {
        let problem = match row {
            Ok(row) => self
                .problem(observed, &row)
                .map(|problem| format!("{row:?}: {problem}")),
            Err(error) => Some(error.to_string()),
        };
        if let Some(problem) = problem {
            self.violation(format!(
                "query {}, row {}: {problem}",
                observed.statement.id, observed.taken
            ));
        }
    }

    fn problem(&self, observed: &mut Observed, row: &Row) -> Option<&'static str> {
        let Observed {
            statement, attempt, ..
        } = observed;
        if (row.id, row.padding) != (statement.id, statement.size) {
            return Some("it belongs to another query");
        }
        if row.at < observed.taken || row.at > observed.taken + observed.lost {
            return Some("it is not the next row");
        }
        (observed.taken, observed.lost) = (row.at, observed.lost - (row.at - observed.taken));
        if *observed.execution.get_or_insert(row.execution) != row.execution {
            return Some("it is of another execution than the previous rows");
        }
        self.sim.with(|state| {
            let execution = state.history.executions.get(row.execution)?;
            if execution.statement.id != statement.id || execution.attempt != *attempt {
                Some("it is of another attempt")
            } else if execution.rows.get(row.at as usize) != Some(&row.value) {
                Some("it differs from the value of its execution")
            } else if row.value < observed.floor {
                Some("it is older than what its reader has seen")
            } else {
                None
            }
        })
    }

    /// Checks that all rows were seen.
    pub(super) fn check_complete(&self, observed: &Observed) {
        let (least, _) = observed.left();
        if least > 0 || observed.taken > observed.all() {
            let Observed { statement, taken, .. } = observed;
            self.violation(format!(
                "query {}: {taken} rows of {}",
                statement.id,
                observed.all()
            ));
        }
    }

    /// Checks that these rows are of a committed execution, after the commit was reported.
    pub(super) fn check_committed(&self, observed: &Observed) {
        let committed = |execution: ExecutionId| {
            self.sim
                .with(|state| state.history.executions[execution].committed)
        };
        if observed.execution.is_some_and(|execution| !committed(execution)) {
            let id = observed.statement.id;
            self.violation(format!("query {id}: its rows are of an uncommitted execution"));
        }
    }
}
