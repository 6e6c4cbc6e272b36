//! Sessions, and auto-commit queries.

use std::future::IntoFuture;
use std::time::Duration;

use bolt_client::{Access, Session};

use super::reading::End;
use super::{Outcome, Player, promised_by, text};
use crate::sim::history::Promise;
use crate::sim::program::{Query, Reading, Work};
use crate::sim::server::TAG_BASE;

impl Player {
    pub(super) async fn session(&self, access: Access, page: Option<u64>, works: &[Work]) {
        let builder = self.driver.session().default_access_mode(access);
        let mut session = match page {
            Some(rows) => builder.fetch_size(rows),
            None => builder.fetch_all(),
        }
        .build();
        // Bolt 3 knows no pages.
        let page = page.filter(|_| self.sim.with(|state| state.weather.server.version.major() > 3));
        for work in works {
            match work {
                Work::AutoCommit(query, reading) => {
                    self.expect_pages(query, page);
                    let promise = self.auto_commit(&mut session, query, reading).await;
                    self.promise(&query.statement, promise);
                }
                Work::Transaction { queries, .. } => {
                    for (query, _) in queries {
                        self.expect_pages(query, page);
                    }
                    self.transaction(&mut session, work).await;
                }
            }
        }
    }

    async fn auto_commit(&self, session: &mut Session, query: &Query, reading: &Reading) -> Promise {
        let statement = &query.statement;
        let mut run = session
            .run(text(statement))
            .timeout(Duration::from_millis(TAG_BASE + statement.id));
        if let Some(deadline) = query.limits.deadline {
            run = run.deadline(Duration::from_nanos(deadline));
        }
        let call = self.call_for(query);
        let rows = match self.call(&call, query.limits.cancel, run.into_future()).await {
            Outcome::Done(rows) => rows,
            Outcome::Failed(error) => return promised_by(&error),
            Outcome::Cancelled => return Promise::AtMostOnce,
        };
        if !statement.columns {
            // It has been carried out; what becomes of its result changes nothing.
            self.promise(statement, Promise::Once);
            self.read(statement, reading, rows, &call).await;
            return Promise::Once;
        }
        // Should the world end while it is read, it was given up.
        self.promise(statement, Promise::Abandoned);
        let end = self.read(statement, reading, rows, &call).await;
        if let End::Dropped = end {
            self.sim.with(|state| state.history.abandon(statement.id));
        }
        match end {
            End::Complete => Promise::Once,
            End::Dropped if self.sim.with(|state| state.history.closing) => Promise::AtMostOnce,
            End::Dropped => Promise::Abandoned,
            End::Failed(error) => promised_by(&error),
            End::Cancelled => Promise::AtMostOnce,
        }
    }

    /// No more rows than this are wanted at a time.
    fn expect_pages(&self, query: &Query, page: Option<u64>) {
        self.sim
            .with(|state| state.history.read_by(query.statement.id, page));
    }
}
