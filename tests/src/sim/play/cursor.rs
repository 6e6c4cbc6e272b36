//! Cursors, one use at a time.

use bolt_client::{Cursor, CursorHost, Error, ErrorKind, Record};

use super::observed::{Checked, Observed, checked};
use super::reading::End;
use super::{Outcome, Player};
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Use};

/// A cursor that the player holds.
pub(super) struct Held {
    pub(super) cursor: Cursor,
    pub(super) observed: Observed,
    /// The template for its calls.
    pub(super) call: Call,
}

/// The outcome of one use.
pub(super) struct Used {
    /// The cursor, if it still exists.
    pub(super) held: Option<Held>,
    pub(super) observed: Observed,
    /// The end of the result, if it is known now.
    pub(super) end: Option<End>,
}

/// The outcome of asking for a single row.
enum Single {
    Row(Record),
    None,
    /// More than one row.
    Many,
}

impl Player {
    /// Uses a cursor once.
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
                    mut observed,
                    call,
                } = held;
                let end = self
                    .finish_cursor(host, cursor, &mut observed, &call, how, cancel)
                    .await;
                Used {
                    held: None,
                    observed,
                    end: Some(end),
                }
            }
        }
    }

    /// Peeks at one row, or takes it.
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
                self.check_peeked(&mut held.observed, row);
                None
            }
            Outcome::Done(Some(row)) => {
                self.check_row(&mut held.observed, row);
                self.note_taken(&held.observed, 1);
                None
            }
            Outcome::Done(None) => {
                self.check_complete(&held.observed);
                Some(End::Complete)
            }
            Outcome::Failed(error) => Some(End::Failed(error)),
            Outcome::Cancelled => None,
        };
        Used {
            observed: held.observed.clone(),
            held: Some(held),
            end,
        }
    }

    async fn fetch(&self, host: &mut impl CursorHost, mut held: Held, rows: u64, cancel: Cancel) -> Used {
        // Pages are requested as the rows are taken, before the call returns.
        self.note_taken(&held.observed, rows);
        let fetched = held.cursor.fetch(host, rows as usize);
        let end = match self.call(&held.call, cancel, fetched).await {
            Outcome::Done(fetched) => {
                self.check_rows(&mut held.observed, &fetched);
                let all = (fetched.len() as u64) < rows;
                if all {
                    self.check_complete(&held.observed);
                }
                all.then_some(End::Complete)
            }
            Outcome::Failed(error) => {
                held.observed.lost += rows;
                Some(End::Failed(error))
            }
            Outcome::Cancelled => {
                held.observed.lost += rows;
                None
            }
        };
        Used {
            observed: held.observed.clone(),
            held: Some(held),
            end,
        }
    }

    /// Ends the cursor in the given way.
    async fn finish_cursor(
        &self,
        host: &mut impl CursorHost,
        cursor: Cursor,
        observed: &mut Observed,
        call: &Call,
        how: Use,
        cancel: Cancel,
    ) -> End {
        if matches!(how, Use::Collect | Use::Eager) {
            self.sim.with(|state| {
                state
                    .history
                    .note_reader(observed.statement.id, observed.attempt, None)
            });
        }
        let outcome = match how {
            Use::Single | Use::SingleOptional => {
                self.note_taken(observed, 1);
                return self.single(host, cursor, observed, call, how, cancel).await;
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
                self.check_rows(observed, &rows);
                self.check_complete(observed);
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
        observed: &mut Observed,
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
        let (least, most) = observed.left();
        match self.call(call, cancel, single).await {
            Outcome::Done(Single::Row(row)) => {
                self.check_rows(observed, &[row]);
                self.check_complete(observed);
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
            Outcome::Cancelled => End::cancelled(cancel),
        }
    }

    /// Uses a cursor with a host that it does not belong to.
    pub(super) async fn misuse(&self, host: &mut impl CursorHost, cursor: &mut Cursor) {
        let outcome = cursor.try_next(host).await;
        let refused = |error: &Error| {
            error.kind() == ErrorKind::Usage && error.to_string().starts_with("a cursor can only be used")
        };
        if !outcome.as_ref().is_err_and(refused) {
            self.violation(format!("a cursor of an ended transaction returns {outcome:?}"));
        }
    }

    fn note_taken(&self, observed: &Observed, rows: u64) {
        self.sim.with(|state| {
            state
                .history
                .note_taken(observed.statement.id, observed.attempt, rows)
        });
    }
}
