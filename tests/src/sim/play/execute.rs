//! `execute_query` and `verify_connectivity`.

use std::future::IntoFuture;
use std::time::Duration;

use bolt_client::Access;

use super::{Outcome, Player, promised_by, text};
use crate::sim::history::Promise;
use crate::sim::oracle::Call;
use crate::sim::program::{Cancel, Query};
use crate::sim::server::TAG_BASE;

impl Player {
    pub(super) async fn execute(&self, query: &Query, access: Access) {
        let statement = &query.statement;
        let mut call = self.driver.execute_query(text(statement)).routing(access);
        call = call.timeout(Duration::from_millis(TAG_BASE + statement.id));
        if let Some(deadline) = query.limits.deadline {
            call = call.deadline(Duration::from_nanos(deadline));
        }
        let promise = match self
            .call(&self.call_for(query), query.limits.cancel, call.into_future())
            .await
        {
            Outcome::Done(result) => {
                self.check_rows(statement, 0, &result.records);
                self.check_complete(statement, result.records.len() as u64);
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
}
