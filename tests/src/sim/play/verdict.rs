//! Judges the outcome of a transaction function.

use bolt_client::{Cursor, ErrorKind};

use super::function::{Attempts, Ended, How, is_loss};
use super::{Outcome, Player, promised_by};
use crate::sim::clock::Nanos;
use crate::sim::history::Promise;
use crate::sim::oracle::Call;
use crate::sim::program::Function;

impl Player {
    /// Judges the outcome. Returns the cursors that are left.
    pub(super) fn conclude(
        &self,
        work: &Function,
        mut call: Call,
        started: Nanos,
        attempts: Attempts<'_>,
        outcome: &Outcome<u64>,
    ) -> Vec<Cursor> {
        let Attempts {
            count,
            last,
            mut stale,
            loss_reported,
            outlived,
            ..
        } = attempts;
        drop(outlived);
        let ended = last.and_then(|last| last.ended);
        let how = ended.as_ref().map(|ended| ended.how);
        let errors = ended.as_ref().map_or(&[][..], |ended| &ended.script.errors);
        if how == Some(How::Ok) {
            call.commits = Some(work.tag);
        }
        call.loss_reported |= loss_reported || errors.iter().any(is_loss);
        call.spoiled |= ended.as_ref().is_some_and(|ended| ended.script.call.spoiled);
        let own = match outcome {
            Outcome::Failed(error) => match error.kind() {
                ErrorKind::Abort => {
                    how == Some(How::Aborted) && error.to_string() == format!("attempt {count}")
                }
                ErrorKind::Config => how == Some(How::Other),
                ErrorKind::Usage if error.to_string().starts_with("the transaction outlived") => {
                    how == Some(How::Outlived)
                }
                // The call that returned the error was judged.
                _ => errors
                    .iter()
                    .any(|earlier| earlier.to_string() == error.to_string()),
            },
            Outcome::Done(number) => {
                if how != Some(How::Ok) || *number != count {
                    self.violation(format!(
                        "{}: its outcome is not that of attempt {number} of {count}, which ended as {how:?}",
                        call.what
                    ));
                }
                false
            }
            Outcome::Cancelled => false,
        };
        if own {
            self.sim
                .with(|state| state.note(|| format!("{}: returns its own result", call.what)));
        } else {
            // The function's own thinking time does not count.
            let thinking = if count > 0 { self.now() } else { started };
            let at = ended.as_ref().map_or(thinking, |ended| ended.at);
            self.judge_function(&call, started, at, outcome);
        }
        let Some(Ended { script, .. }) = ended else {
            return stale;
        };
        let committed = match outcome {
            Outcome::Done(_) => {
                script.committed();
                let accepted = work
                    .statements()
                    .filter(|statement| script.accepted.contains(&statement.id));
                self.report_commit(work.tag, accepted);
                Promise::Once
            }
            Outcome::Failed(error) => promised_by(error),
            Outcome::Cancelled if how == Some(How::Ok) => Promise::AtMostOnce,
            Outcome::Cancelled => Promise::Never,
        };
        self.promise_all(work.statements(), |id| {
            if script.accepted.contains(&id) {
                committed
            } else {
                Promise::Never
            }
        });
        stale.extend(script.into_cursors());
        stale
    }

    fn judge_function(&self, call: &Call, started: Nanos, at: Nanos, outcome: &Outcome<u64>) {
        self.sim.with(|state| {
            state.note(|| match outcome {
                Outcome::Done(_) => format!("{}: done", call.what),
                Outcome::Failed(error) => format!("{}: {error}", call.what),
                Outcome::Cancelled => format!("{}: dropped", call.what),
            });
            state.check_deadline(call, started.max(at));
            state.check_refusals(call, started);
            if let Outcome::Failed(error) = outcome {
                state.check_error(call, started, error);
            }
        });
    }
}
