//! Programs, as they are carried out on a driver and judged.

mod execute;
mod reading;
mod session;
mod transaction;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bolt_client::{Driver, Error, ErrorKind, Query as Text};

use super::clock::Nanos;
use super::executor::Cancelling;
use super::history::Promise;
use super::oracle::Call;
use super::program::{Act, Cancel, Query, Step};
use super::runtime::SimRuntime;
use super::state::Sim;
use super::statement::Statement;

/// Carries out what a task does.
#[derive(Clone)]
pub(super) struct Player {
    pub(super) sim: Sim,
    pub(super) runtime: Arc<SimRuntime>,
    pub(super) driver: Driver,
}

/// How a call ended.
enum Outcome<T> {
    Done(T),
    Failed(Error),
    Cancelled,
}

impl Player {
    pub(super) async fn play(self, steps: &[Step]) {
        for step in steps {
            self.think(step.after).await;
            let number = step.number;
            self.sim
                .with(|state| state.note(|| format!("step {number}: {:?}", step.act)));
            match &step.act {
                Act::Execute { query, access } => self.execute(query, *access).await,
                Act::Verify(cancel) => self.verify(*cancel).await,
                Act::Session { access, page, works } => self.session(*access, *page, works).await,
            }
        }
    }

    pub(super) async fn close(&self) {
        self.sim.with(|state| state.history.closing = true);
        self.driver.close().await;
    }

    pub(super) async fn think(&self, time: Nanos) {
        if time > 0 {
            self.runtime.sleep(Duration::from_nanos(time)).await;
        }
    }

    /// Makes a call, drops it if it shall be dropped, and judges how it ended.
    async fn call<T>(
        &self,
        call: &Call,
        cancel: Cancel,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Outcome<T> {
        let started = self.now();
        let instant = cancel.after.map(|after| {
            let sleep: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> =
                Box::pin(self.runtime.sleep(Duration::from_nanos(after)));
            sleep
        });
        let outcome = match Cancelling::new(future, cancel.polls, instant).await {
            Some(Ok(value)) => Outcome::Done(value),
            Some(Err(error)) => Outcome::Failed(error),
            None => Outcome::Cancelled,
        };
        self.sim.with(|state| {
            state.note(|| match &outcome {
                Outcome::Done(_) => format!("{}: done", call.what),
                Outcome::Failed(error) => format!("{}: {error}", call.what),
                Outcome::Cancelled => format!("{}: dropped", call.what),
            });
            state.check_deadline(call, started);
            if let Outcome::Failed(error) = &outcome {
                state.check_error(call, started, error);
            }
        });
        outcome
    }

    /// A call for a query.
    fn call_for(&self, query: &Query) -> Call {
        Call {
            what: format!("query {}", query.statement.id),
            blames: vec![query.statement.id],
            deadline: query.limits.deadline.map(|limit| self.now() + limit),
            ..Call::default()
        }
    }

    fn promise(&self, statement: &Statement, promise: Promise) {
        if statement.writes() {
            self.sim
                .with(|state| state.history.promise(statement.id, promise));
        }
    }

    fn violation(&self, what: String) {
        self.sim.with(|state| state.history.violation(what));
    }

    fn now(&self) -> Nanos {
        self.sim.with(|state| state.clock.now())
    }
}

/// A query as the driver is given it.
fn text(statement: &Statement) -> Text {
    Text::new(statement.to_string()).param("by", statement.by())
}

/// What an error says about a query that writes.
fn promised_by(error: &Error) -> Promise {
    if error.kind() == ErrorKind::UnknownCommit {
        Promise::AtMostOnce
    } else {
        Promise::Never
    }
}
