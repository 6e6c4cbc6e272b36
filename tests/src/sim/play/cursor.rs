//! Cursors, one use at a time.

use bolt_client::{Cursor, CursorHost, Error, ErrorKind, Record};

use super::reading::End;
use super::told::{Checked, Told, checked};
use super::{Outcome, Player};
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Use};

/// A cursor that somebody holds.
pub(super) struct Held {
    pub(super) cursor: Cursor,
    pub(super) told: Told,
    /// For calls of it.
    pub(super) call: Call,
}

/// What a use has come to.
pub(super) struct Used {
    /// The cursor, if it is still there.
    pub(super) held: Option<Held>,
    pub(super) told: Told,
    /// What has become of the result, if that is known now.
    pub(super) end: Option<End>,
}

/// What those who want one row are told.
enum Single {
    Row(Record),
    None,
    /// More than one.
    Many,
}

impl Player {
    /// Uses a cursor.
    pub(super) async fn use_cursor(
        &self,
        host: &mut impl CursorHost,
        held: Held,
        how: Use,
        cancel: Cancel,
    ) -> Used {
        match how {
            Use::Next | Use::NextRef | Use::Peek => self.step_cursor(host, held, how, cancel).await,
            Use::Fetch(rows) => self.fetch(host, held, rows, cancel).await,
            _ => {
                let Held {
                    cursor,
                    mut told,
                    call,
                } = held;
                let end = self
                    .finish_cursor(host, cursor, &mut told, &call, how, cancel)
                    .await;
                Used {
                    held: None,
                    told,
                    end: Some(end),
                }
            }
        }
    }

    /// Looks at one row, or takes it.
    async fn step_cursor(
        &self,
        host: &mut impl CursorHost,
        mut held: Held,
        how: Use,
        cancel: Cancel,
    ) -> Used {
        let cursor = &mut held.cursor;
        let step = async {
            Ok(match how {
                Use::Peek => cursor.peek(host).await?.map(|row| checked(&row.as_ref())),
                Use::NextRef => cursor.next_ref(host).await?.map(|row| checked(&row)),
                _ => cursor.try_next(host).await?.map(|row| checked(&row.as_ref())),
            })
        };
        let outcome: Outcome<Option<Checked>> = self.call(&held.call, cancel, step).await;
        let end = match outcome {
            Outcome::Done(Some(row)) if how == Use::Peek => {
                self.check_peeked(&mut held.told, row);
                None
            }
            Outcome::Done(Some(row)) => {
                self.check_row(&mut held.told, row);
                self.took(&held.told, 1);
                None
            }
            Outcome::Done(None) => {
                self.check_complete(&held.told);
                Some(End::Complete)
            }
            Outcome::Failed(error) => Some(End::Failed(error)),
            Outcome::Cancelled => None,
        };
        Used {
            told: held.told.clone(),
            held: Some(held),
            end,
        }
    }

    async fn fetch(&self, host: &mut impl CursorHost, mut held: Held, rows: u64, cancel: Cancel) -> Used {
        // Pages are asked for as the rows are taken, before the call returns.
        self.took(&held.told, rows);
        let fetched = held.cursor.fetch(host, rows as usize);
        let end = match self.call(&held.call, cancel, fetched).await {
            Outcome::Done(fetched) => {
                self.check_rows(&mut held.told, &fetched);
                let all = (fetched.len() as u64) < rows;
                if all {
                    self.check_complete(&held.told);
                }
                all.then_some(End::Complete)
            }
            Outcome::Failed(error) => {
                held.told.lost += rows;
                Some(End::Failed(error))
            }
            Outcome::Cancelled => {
                held.told.lost += rows;
                None
            }
        };
        Used {
            told: held.told.clone(),
            held: Some(held),
            end,
        }
    }

    /// Does something behind which there is no cursor any more.
    async fn finish_cursor(
        &self,
        host: &mut impl CursorHost,
        cursor: Cursor,
        told: &mut Told,
        call: &Call,
        how: Use,
        cancel: Cancel,
    ) -> End {
        if matches!(how, Use::Collect | Use::Eager) {
            self.sim
                .with(|state| state.history.read_by(told.statement.id, told.attempt, None));
        }
        let outcome = match how {
            Use::Single | Use::SingleOptional => {
                self.took(told, 1);
                return self.single(host, cursor, told, call, how, cancel).await;
            }
            Use::Collect => self.call(call, cancel, cursor.collect(host)).await,
            Use::Eager => {
                let eager = async { Ok(cursor.into_eager_result(host).await?.records) };
                self.call(call, cancel, eager).await
            }
            Use::Consume => {
                return match self.call(call, cancel, cursor.consume(host)).await {
                    Outcome::Done(_) => End::Complete,
                    Outcome::Failed(error) => End::Failed(error),
                    Outcome::Cancelled => End::cancelled(cancel),
                };
            }
            _ => return End::Dropped,
        };
        match outcome {
            Outcome::Done(rows) => {
                self.check_rows(told, &rows);
                self.check_complete(told);
                End::Complete
            }
            Outcome::Failed(error) => End::Failed(error),
            Outcome::Cancelled => End::cancelled(cancel),
        }
    }

    async fn single(
        &self,
        host: &mut impl CursorHost,
        cursor: Cursor,
        told: &mut Told,
        call: &Call,
        how: Use,
        cancel: Cancel,
    ) -> End {
        let single = async {
            let row = match how {
                Use::Single => cursor.single(host).await.map(Some),
                _ => cursor.single_optional(host).await,
            };
            match row {
                Ok(Some(row)) => Ok(Single::Row(row)),
                Ok(None) => Ok(Single::None),
                Err(error) if error.kind() == ErrorKind::Conversion => {
                    let none = error.to_string().contains("has none");
                    Ok(if none { Single::None } else { Single::Many })
                }
                Err(error) => Err(error),
            }
        };
        let (least, most) = told.left();
        match self.call(call, cancel, single).await {
            Outcome::Done(Single::Row(row)) => {
                self.check_rows(told, &[row]);
                self.check_complete(told);
                End::Complete
            }
            Outcome::Done(Single::None) => {
                if least > 0 {
                    self.violation(format!("{}: no row, although {least} are left", call.what));
                }
                End::Complete
            }
            Outcome::Done(Single::Many) => {
                if most < 2 {
                    self.violation(format!("{}: several rows, although {most} are left", call.what));
                }
                End::Dropped
            }
            Outcome::Failed(error) => End::Failed(error),
            // Rows were taken one by one: as if the cursor had been dropped between two of them.
            Outcome::Cancelled => End::Dropped,
        }
    }

    /// Uses a cursor with something that it did not come from.
    pub(super) async fn misuse(&self, host: &mut impl CursorHost, cursor: &mut Cursor) {
        let outcome = cursor.try_next(host).await;
        let refused = |error: &Error| {
            error.kind() == ErrorKind::Usage && error.to_string().starts_with("a cursor is of use")
        };
        if !outcome.as_ref().is_err_and(refused) {
            self.violation(format!("a cursor whose transaction is over says {outcome:?}"));
        }
    }

    fn took(&self, told: &Told, rows: u64) {
        self.sim
            .with(|state| state.history.took(told.statement.id, told.attempt, rows));
    }
}
