//! Explicit transactions.

use std::future::IntoFuture;
use std::time::Duration;

use bolt_client::Transaction as Open;
use bolt_proto::Api;

use super::script::Script;
use super::session::SessionPlayer;
use super::{Outcome, Player, promised_by};
use crate::sim::history::Promise;
use crate::sim::oracle::Call;
use crate::sim::program::{End, Transaction};
use crate::sim::server::TAG_BASE;
use crate::sim::statement::Statement;

impl SessionPlayer<'_> {
    pub(super) async fn transaction(&mut self, work: &Transaction) {
        let player = self.player;
        let floor = self.begin(work.tag, Api::ExplicitTransaction);
        let call = Call {
            what: format!("transaction {}", work.tag),
            expected_failures: [work.tag]
                .into_iter()
                .chain(work.statements().map(|statement| statement.id))
                .collect(),
            deadline: work.limits.deadline.map(|limit| player.now() + limit),
            // Queued queries are not moved to another connection.
            begun: (!work.queues()).then(|| player.now()),
            ..Call::default()
        };
        // If the world ends before the transaction does, nothing is committed.
        player.promise_all(work.statements(), |_| Promise::Never);
        let starting = self.starting(&call);
        let mut begin = self
            .session
            .begin_transaction()
            .timeout(Duration::from_millis(TAG_BASE + work.tag))
            .eager(work.eager);
        if let Some(deadline) = work.limits.deadline {
            begin = begin.deadline(Duration::from_nanos(deadline));
        }
        let begun = player
            .call(&starting, work.limits.cancel, begin.into_future())
            .await;
        player.check_given_up(work.tag, &begun);
        let Outcome::Done(tx) = begun else {
            return player.note_begin_failed(self.number, &mut self.held);
        };
        let mut script = Script::new(player, call, 0, self.page, &floor);
        player.work_in(tx, work, &mut script, &mut self.stale).await;
        self.stale.extend(script.into_cursors());
    }
}

impl Player {
    async fn work_in(
        &self,
        mut tx: Open<'_>,
        work: &Transaction,
        script: &mut Script<'_>,
        stale: &mut [bolt_client::Cursor],
    ) {
        script.perform(&mut tx, &work.script, stale).await;
        let committed = match work.end {
            End::Commit => {
                script.call.commits = Some(work.tag);
                match self.call(&script.call, work.cancel, tx.commit()).await {
                    Outcome::Done(()) => {
                        script.committed();
                        let accepted = work
                            .statements()
                            .filter(|statement| script.accepted.contains(&statement.id));
                        self.report_commit(work.tag, accepted);
                        Promise::Once
                    }
                    Outcome::Failed(error) => promised_by(&error),
                    Outcome::Cancelled => Promise::AtMostOnce,
                }
            }
            End::Rollback => {
                script.call.resets = true;
                let outcome = self.call(&script.call, work.cancel, tx.rollback()).await;
                self.check_given_up(work.tag, &outcome);
                Promise::Never
            }
            End::Drop => {
                drop(tx);
                self.sim.with(|state| state.give_up(work.tag));
                Promise::Never
            }
        };
        // A query that was not accepted can be committed only if nothing of it was sent; then it was not carried out.
        self.promise_all(work.statements(), |id| {
            if script.accepted.contains(&id) {
                committed
            } else {
                Promise::Never
            }
        });
    }

    pub(super) fn promise_all<'q>(
        &self,
        statements: impl Iterator<Item = &'q Statement>,
        promise: impl Fn(u64) -> Promise,
    ) {
        for statement in statements {
            self.promise(statement, promise(statement.id));
        }
    }
}
