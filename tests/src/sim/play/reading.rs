//! Results, row by row.

use std::iter;

use bolt_client::Records;

use super::told::{Told, checked};
use super::{Outcome, Player};
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Finish, Reading, Take};

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
    pub(super) const fn cancelled(cancel: Cancel) -> Self {
        if matches!(cancel.polls, Some(0)) {
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
        told: &mut Told,
        reading: &Reading,
        mut rows: Records<'_>,
        call: &Call,
    ) -> End {
        let (id, attempt) = (told.statement.id, told.attempt);
        let named = rows.keys().len();
        if named != if told.statement.columns { 5 } else { 0 } {
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
                        rows.try_next()
                            .await
                            .map(|row| row.map(|row| checked(&row.as_ref())))
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
                    if matches!(take, Take::Peek) {
                        self.check_peeked(told, row);
                    } else {
                        self.check_row(told, row);
                        self.sim.with(|state| state.history.took(id, attempt, 1));
                    }
                }
                Outcome::Done(None) => {
                    self.check_complete(told);
                    return End::Complete;
                }
                Outcome::Failed(error) => return End::Failed(error),
                Outcome::Cancelled => {}
            }
        }
        match reading.finish {
            Finish::Collect => {
                self.sim.with(|state| state.history.read_by(id, attempt, None));
                match self.call(call, reading.cancel, rows.collect()).await {
                    Outcome::Done(rest) => {
                        self.check_rows(told, &rest);
                        self.check_complete(told);
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
}
