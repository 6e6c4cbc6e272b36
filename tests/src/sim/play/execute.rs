//! `execute_query`, `verify_connectivity` and `warm_up`.

use std::future::IntoFuture;
use std::time::Duration;

use bolt_client::Access;
use bolt_proto::Api;

use super::observed::Observed;
use super::{Outcome, Player, promised_by, text};
use crate::sim::causality::{Floor, Numbers};
use crate::sim::cluster::Target;
use crate::sim::history::Promise;
use crate::sim::logins::{UserId, Wanted};
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Query};
use crate::sim::server::TAG_BASE;

impl Player {
    pub(in crate::sim) async fn execute(
        &self,
        query: &Query,
        access: Access,
        manager: Option<usize>,
        pipelined: bool,
        target: Target,
        user: Option<UserId>,
    ) {
        let statement = &query.statement;
        let wanted = user.and_then(|user| self.own_login(user));
        let home = self.home(target, user, None);
        let floor = self.sim.with(|state| {
            state.want(statement.id, wanted);
            state.want_home(statement.id, home);
            state.history.note_api(statement.id, Api::ExecuteQuery.code());
            state.note_began(statement.id);
            let causality = &mut state.history.causality;
            let session = causality.add_session(manager, Numbers::new(), Floor::new());
            causality.begin(session, statement.id)
        });
        let call = self.driver.execute_query(text(statement, 0)).routing(access);
        let mut call = call
            .pipeline_commit(pipelined)
            .auth(wanted.and_then(Wanted::auth))
            .database(&target.database_name())
            .impersonated_user(&target.user_name());
        call = call.timeout(Duration::from_millis(TAG_BASE + statement.id));
        if manager != Some(0) {
            call = call.bookmark_manager(manager.map(|manager| &self.managers[manager]));
        }
        if let Some(deadline) = query.limits.deadline {
            call = call.deadline(Duration::from_nanos(deadline));
        }
        let outcome = self
            .call(&self.call_for(query), query.limits.cancel, call.into_future())
            .await;
        if access == Access::Read {
            self.check_given_up(statement.id, &outcome);
        }
        let promise = match outcome {
            Outcome::Done(result) => {
                let mut observed = Observed::new(statement, 0, &floor);
                self.check_rows(&mut observed, &result.records);
                self.check_complete(&observed);
                self.check_committed(&observed);
                self.report_commit(statement.id, [statement].into_iter());
                Promise::Once
            }
            Outcome::Failed(error) => promised_by(&error),
            Outcome::Cancelled => Promise::AtMostOnce,
        };
        self.promise(statement, promise);
    }

    pub(super) async fn verify(&self, cancel: Cancel) {
        let call = Call {
            what: "verify_connectivity".to_owned(),
            ..Call::default()
        };
        self.call(&call, cancel, self.driver.verify_connectivity()).await;
    }

    /// Verifies the login of a user, or the driver's.
    pub(super) async fn verify_login(&self, user: Option<UserId>, cancel: Cancel) {
        let wanted = user.and_then(|user| self.own_login(user));
        let what = format!("verify_authentication of {wanted:?}");
        let auth = wanted.and_then(Wanted::auth);
        let call = Call {
            what: what.clone(),
            own_login: wanted.is_some(),
            ..Call::default()
        };
        let verified = self.driver.verify_authentication(auth);
        if let Outcome::Done(accepted) = self.call(&call, cancel, verified).await {
            self.sim.with(|state| {
                if let Some(problem) = state.check_verified(wanted, accepted) {
                    state.history.violation(format!("{what}: {problem}"));
                }
            });
        }
    }

    pub(super) async fn warm_up(&self, cancel: Cancel) {
        let call = Call {
            what: "warm_up".to_owned(),
            awaits_openings: true,
            ..Call::default()
        };
        self.call(&call, cancel, self.driver.warm_up()).await;
    }
}
