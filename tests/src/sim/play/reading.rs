//! Reading results row by row.

use std::iter;

use bolt_client::Records;

use super::observed::{Observed, checked};
use super::{Outcome, Player};
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Finish, Reading, Take};

/// How reading a result ended.
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
    /// The end by a dropped call: a future that was never polled has only dropped its result.
    pub(super) const fn cancelled(cancel: Cancel) -> Self {
        if matches!(cancel.polls, Some(0)) {
            Self::Dropped
        } else {
            Self::Cancelled
        }
    }
}

impl Player {
    /// Reads a result as the program says.
    pub(super) async fn read(
        &self,
        observed: &mut Observed,
        reading: &Reading,
        mut rows: Records<'_>,
        call: &Call,
    ) -> End {
        let (id, attempt) = (observed.statement.id, observed.attempt);
        let named = rows.keys().len();
        if named != if observed.statement.columns { 5 } else { 0 } {
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
                        self.check_peeked(observed, row);
                    } else {
                        self.check_row(observed, row);
                        self.sim.with(|state| state.history.note_taken(id, attempt, 1));
                    }
                }
                Outcome::Done(None) => {
                    self.check_complete(observed);
                    return End::Complete;
                }
                Outcome::Failed(error) => return End::Failed(error),
                Outcome::Cancelled => {}
            }
        }
        match reading.finish {
            Finish::Collect => {
                self.sim
                    .with(|state| state.history.note_reader(id, attempt, None));
                match self.call(call, reading.cancel, rows.collect()).await {
                    Outcome::Done(rest) => {
                        self.check_rows(observed, &rest);
                        self.check_complete(observed);
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
