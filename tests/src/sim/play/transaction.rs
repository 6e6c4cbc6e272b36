//! Explicit transactions.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::time::Duration;

use bolt_client::{Session, Transaction};

use super::reading::End as Read;
use super::{Outcome, Player, promised_by, text};
use crate::sim::history::Promise;
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, End, Query, Reading, Work};
use crate::sim::server::TAG_BASE;

impl Player {
    pub(super) async fn transaction(&self, session: &mut Session, work: &Work) {
        let Work::Transaction {
            tag,
            eager,
            limits,
            queries,
            end,
            cancel,
        } = work
        else {
            return;
        };
        let mut begin = session
            .begin_transaction()
            .timeout(Duration::from_millis(TAG_BASE + tag));
        if *eager {
            begin = begin.eager();
        }
        if let Some(deadline) = limits.deadline {
            begin = begin.deadline(Duration::from_nanos(deadline));
        }
        let call = Call {
            what: format!("transaction {tag}"),
            blames: [*tag]
                .into_iter()
                .chain(queries.iter().map(|(query, _)| query.statement.id))
                .collect(),
            deadline: limits.deadline.map(|limit| self.now() + limit),
            ..Call::default()
        };
        // Should the world end before the transaction does, nothing is committed.
        self.promise_all(queries, |_| Promise::Never);
        if let Outcome::Done(tx) = self.call(&call, limits.cancel, begin.into_future()).await {
            self.work_in(tx, queries, *end, *cancel, call).await;
        }
    }

    async fn work_in(
        &self,
        mut tx: Transaction<'_>,
        queries: &[(Query, Reading)],
        end: End,
        cancel: Cancel,
        mut call: Call,
    ) {
        let mut accepted = BTreeSet::new();
        for (query, reading) in queries {
            if self.query_in(&mut tx, query, reading, &mut call).await {
                accepted.insert(query.statement.id);
            }
        }
        let committed = match end {
            End::Commit => match self.call(&call, cancel, tx.commit()).await {
                Outcome::Done(()) => Promise::Once,
                Outcome::Failed(error) => promised_by(&error),
                Outcome::Cancelled => Promise::AtMostOnce,
            },
            End::Rollback => {
                call.resets = true;
                self.call(&call, cancel, tx.rollback()).await;
                Promise::Never
            }
            End::Drop => Promise::Never,
        };
        // What was not accepted can be part of a commit only if nothing of it had left: then it was not carried out.
        self.promise_all(queries, |id| {
            if accepted.contains(&id) {
                committed
            } else {
                Promise::Never
            }
        });
    }

    fn promise_all(&self, queries: &[(Query, Reading)], promise: impl Fn(u64) -> Promise) {
        for (query, _) in queries {
            self.promise(&query.statement, promise(query.statement.id));
        }
    }

    /// Runs one query and reads its result. Whether it was accepted.
    async fn query_in(
        &self,
        tx: &mut Transaction<'_>,
        query: &Query,
        reading: &Reading,
        call: &mut Call,
    ) -> bool {
        let statement = &query.statement;
        let mut run = tx.run(text(statement));
        if let Some(deadline) = query.limits.deadline {
            run = run.deadline(Duration::from_nanos(deadline));
        }
        let own = query.limits.deadline.map(|limit| self.now() + limit);
        let mut running = call.clone();
        running.what = format!("{}, query {}", call.what, statement.id);
        running.deadline = [running.deadline, own].into_iter().flatten().min();
        match self.call(&running, query.limits.cancel, run.into_future()).await {
            Outcome::Done(rows) => {
                match self.read(statement, reading, rows, &running).await {
                    Read::Failed(error) => call.spoil(Some(&error)),
                    Read::Cancelled => call.spoil(None),
                    Read::Complete | Read::Dropped => {}
                }
                true
            }
            Outcome::Failed(error) => {
                call.spoil(Some(&error));
                false
            }
            Outcome::Cancelled => {
                call.spoil(None);
                false
            }
        }
    }
}
