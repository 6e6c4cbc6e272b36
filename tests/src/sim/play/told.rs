//! What a reader has been told of a result, and whether that is right.

use bolt_client::{Error, Record, RecordRef};

use super::Player;
use crate::sim::causality::Floor;
use crate::sim::history::ExecutionId;
use crate::sim::statement::Statement;

/// What a reader has been told of a result.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) statement: Statement,
    /// Which attempt of a transaction function it belongs to; 0 if none.
    pub(super) attempt: u64,
    /// What the key has at least.
    floor: i64,
    /// How many rows were taken.
    pub(super) taken: u64,
    /// How many more may have been lost with a call that was dropped.
    pub(super) lost: u64,
    /// The execution whose rows they are.
    execution: Option<ExecutionId>,
}

impl Told {
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

    /// How many rows there are in all.
    pub(super) const fn all(&self) -> u64 {
        if self.statement.columns {
            self.statement.rows
        } else {
            0
        }
    }

    /// How many rows are left at least, and at most.
    pub(super) const fn left(&self) -> (u64, u64) {
        let most = self.all().saturating_sub(self.taken);
        (most.saturating_sub(self.lost), most)
    }
}

/// What a row says.
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
    pub(super) fn check_rows(&self, told: &mut Told, rows: &[Record]) {
        for row in rows {
            self.check_row(told, checked(&row.as_ref()));
        }
    }

    /// A row is taken.
    pub(super) fn check_row(&self, told: &mut Told, row: Checked) {
        self.check_peeked(told, row);
        told.taken += 1;
    }

    /// A row is the one that comes next, of the right query, of this attempt, and with the value that it had there.
    pub(super) fn check_peeked(&self, told: &mut Told, row: Checked) {
        let problem = match row {
            Ok(row) => self
                .problem(told, &row)
                .map(|problem| format!("{row:?}: {problem}")),
            Err(error) => Some(error.to_string()),
        };
        if let Some(problem) = problem {
            self.violation(format!(
                "query {}, row {}: {problem}",
                told.statement.id, told.taken
            ));
        }
    }

    fn problem(&self, told: &mut Told, row: &Row) -> Option<&'static str> {
        let Told {
            statement, attempt, ..
        } = told;
        if (row.id, row.padding) != (statement.id, statement.size) {
            return Some("another query's");
        }
        if row.at < told.taken || row.at > told.taken + told.lost {
            return Some("another row");
        }
        (told.taken, told.lost) = (row.at, told.lost - (row.at - told.taken));
        if *told.execution.get_or_insert(row.execution) != row.execution {
            return Some("of another execution than those before it");
        }
        self.sim.with(|state| {
            let execution = state.history.executions.get(row.execution)?;
            if execution.statement.id != statement.id || execution.attempt != *attempt {
                Some("of another attempt")
            } else if execution.rows.get(row.at as usize) != Some(&row.value) {
                Some("another value")
            } else if row.value < told.floor {
                Some("from before what its reader knows")
            } else {
                None
            }
        })
    }

    /// All rows were told.
    pub(super) fn check_complete(&self, told: &Told) {
        let (least, _) = told.left();
        if least > 0 || told.taken > told.all() {
            let Told { statement, taken, .. } = told;
            self.violation(format!("query {}: {taken} rows of {}", statement.id, told.all()));
        }
    }

    /// The caller was told that what these rows are of has committed.
    pub(super) fn check_committed(&self, told: &Told) {
        let committed = |execution: ExecutionId| {
            self.sim
                .with(|state| state.history.executions[execution].committed)
        };
        if told.execution.is_some_and(|execution| !committed(execution)) {
            let id = told.statement.id;
            self.violation(format!(
                "query {id}: its rows are of an execution that has not committed"
            ));
        }
    }
}
