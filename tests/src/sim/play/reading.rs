//! Results, row by row.

use std::iter;

use bolt_client::{ConversionError, Record, RecordRef, Records};

use super::{Outcome, Player};
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Finish, Reading, Take};
use crate::sim::statement::Statement;

/// How the reading of a result ended.
pub(super) enum End {
    /// Everything was read, or skipped by the driver.
    Complete,
    /// The rest was dropped.
    Dropped,
    Failed(bolt_client::Error),
    /// The future that read the rest was dropped.
    Cancelled,
}

impl End {
    /// A future that was never polled has only dropped what it was given.
    fn cancelled(cancel: Cancel) -> Self {
        if cancel.polls == Some(0) {
            Self::Dropped
        } else {
            Self::Cancelled
        }
    }
}

impl Player {
    /// Reads a result as a program says.
    pub(super) async fn read(
        &self,
        statement: &Statement,
        reading: &Reading,
        mut rows: Records<'_>,
        call: &Call,
    ) -> End {
        let mut taken = 0;
        let named = rows.keys().len();
        if named != if statement.columns { 4 } else { 0 } {
            self.violation(format!("{}: its result has {named} columns", call.what));
        }
        let rest = if reading.finish == Finish::Exhaust {
            usize::MAX
        } else {
            0
        };
        let exhaust = iter::repeat_n((Take::Next, Cancel::default()), rest);
        for (take, cancel) in reading.takes.iter().copied().chain(exhaust) {
            let outcome = match take {
                Take::Think(time) => {
                    self.think(time).await;
                    continue;
                }
                Take::Peek => {
                    self.call(call, cancel, async {
                        rows.peek().await.map(|row| row.map(|row| checked(&row.as_ref())))
                    })
                    .await
                }
                Take::Next => {
                    self.call(call, cancel, async {
                        rows.next().await.map(|row| row.map(|row| checked(&row.as_ref())))
                    })
                    .await
                }
                Take::NextRef => {
                    self.call(call, cancel, async {
                        rows.next_ref().await.map(|row| row.map(|row| checked(&row)))
                    })
                    .await
                }
            };
            match outcome {
                Outcome::Done(Some(row)) => {
                    self.check_row(statement, taken, row);
                    if !matches!(take, Take::Peek) {
                        taken += 1;
                        self.sim.with(|state| state.history.took(statement.id));
                    }
                }
                Outcome::Done(None) => {
                    self.check_complete(statement, taken);
                    return End::Complete;
                }
                Outcome::Failed(error) => return End::Failed(error),
                Outcome::Cancelled => {}
            }
        }
        match reading.finish {
            Finish::Collect => {
                self.sim.with(|state| state.history.read_by(statement.id, None));
                match self.call(call, reading.cancel, rows.collect()).await {
                    Outcome::Done(rest) => {
                        self.check_rows(statement, taken, &rest);
                        self.check_complete(statement, taken + rest.len() as u64);
                        End::Complete
                    }
                    Outcome::Failed(error) => End::Failed(error),
                    Outcome::Cancelled => End::cancelled(reading.cancel),
                }
            }
            Finish::Consume => match self.call(call, reading.cancel, rows.consume()).await {
                Outcome::Done(_) => End::Complete,
                Outcome::Failed(error) => End::Failed(error),
                Outcome::Cancelled => End::cancelled(reading.cancel),
            },
            Finish::Exhaust | Finish::Drop => End::Dropped,
        }
    }

    pub(super) fn check_rows(&self, statement: &Statement, first: u64, rows: &[Record]) {
        for (row, at) in rows.iter().zip(first..) {
            self.check_row(statement, at, checked(&row.as_ref()));
        }
    }

    /// A row is the one that comes next, of the right query, and with a value that it had there.
    fn check_row(&self, statement: &Statement, at: u64, row: Result<Row, ConversionError>) {
        let problem = match row {
            Ok(row) => self.sim.with(|state| {
                let value = |values: &[i64]| values.get(at as usize) == Some(&row.value);
                let known = state
                    .history
                    .of(statement.id)
                    .any(|execution| value(&execution.rows));
                let expected = (statement.id, at, statement.size);
                (!known || (row.id, row.at, row.padding) != expected).then(|| format!("row {at} is {row:?}"))
            }),
            Err(error) => Some(error.to_string()),
        };
        if let Some(problem) = problem {
            self.violation(format!("query {}: {problem}", statement.id));
        }
    }

    /// All rows were told.
    pub(super) fn check_complete(&self, statement: &Statement, rows: u64) {
        let expected = if statement.columns { statement.rows } else { 0 };
        if rows != expected {
            self.violation(format!("query {}: {rows} rows of {expected}", statement.id));
        }
    }
}

/// What a row says.
#[derive(Debug)]
pub(super) struct Row {
    id: u64,
    at: u64,
    value: i64,
    padding: u64,
}

fn checked(row: &RecordRef<'_>) -> Result<Row, ConversionError> {
    Ok(Row {
        id: row.get::<i64>("id")? as u64,
        at: row.get::<i64>("row")? as u64,
        value: row.get("value")?,
        padding: row.get::<&str>("padding")?.len() as u64,
    })
}
