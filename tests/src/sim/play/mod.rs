//! Players: they run programs on a driver and have each call judged.

mod cursor;
mod execute;
mod function;
mod load;
mod observed;
mod reading;
mod script;
mod session;
mod transaction;
mod verdict;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bolt_client::{BookmarkManager, Bookmarks, Driver, Error, ErrorKind, Query as Text};

use super::causality::{self, FOREIGN, Floor, Manager, Numbers};
use super::clock::Nanos;
use super::cluster::{Home, Target};
use super::executor::Cancelling;
use super::history::Promise;
use super::logins::{UserId, Wanted};
use super::oracle::Call;
use super::program::{Act, Cancel, Query, Step};
use super::runtime::SimRuntime;
use super::state::{Sim, State};
use super::statement::Statement;

/// Runs the steps of a task.
#[derive(Clone)]
pub(super) struct Player {
    pub(super) sim: Sim,
    pub(super) runtime: Arc<SimRuntime>,
    pub(super) driver: Driver,
    managers: [BookmarkManager; 3],
    /// The bookmarks that a session has returned last, and what they guarantee.
    handed_over: Arc<Mutex<(Bookmarks, Floor)>>,
}

/// How a call ended.
enum Outcome<T> {
    Done(T),
    Failed(Error),
    Cancelled,
}

impl Player {
    pub(super) fn new(sim: Sim, runtime: Arc<SimRuntime>, driver: Driver) -> Self {
        let (initial, supplied) = (Numbers::from([FOREIGN + 1]), Numbers::from([FOREIGN + 2]));
        let consumed = sim.clone();
        let given = bookmarks(&supplied);
        let managers = [
            driver.execute_query_bookmark_manager().clone(),
            BookmarkManager::new().initial(bookmarks(&initial)),
            BookmarkManager::new()
                .supplier(move || given.clone())
                .consumer(move |new| {
                    consumed.with(|state| state.history.causality.consume(2, &numbers(new)))
                }),
        ];
        sim.with(|state| {
            let causality = &mut state.history.causality;
            causality.add_manager(Manager::default());
            causality.add_manager(Manager::with_initial(initial));
            causality.add_manager(Manager::with_supplier(supplied));
        });
        Self {
            sim,
            runtime,
            driver,
            managers,
            handed_over: Arc::default(),
        }
    }

    pub(super) async fn play(self, steps: &[Step]) {
        for step in steps {
            self.think(step.after).await;
            let number = step.number;
            self.sim
                .with(|state| state.note(|| format!("step {number}: {:?}", step.act)));
            let target = self.target(number, &step.act);
            match &step.act {
                Act::Execute {
                    query,
                    access,
                    manager,
                    pipelined,
                    user,
                } => {
                    self.execute(query, *access, *manager, *pipelined, target, *user)
                        .await;
                }
                Act::Verify(cancel) => self.verify(*cancel).await,
                Act::VerifyLogin(user, cancel) => self.verify_login(*user, *cancel).await,
                Act::WarmUp(cancel) => self.warm_up(*cancel).await,
                Act::Session(visit) => self.visit(visit, target).await,
                Act::Load(load) => self.load(load).await,
            }
        }
    }

    /// Returns the database that a step uses, and the user. Calls of the driver itself use the home database.
    fn target(&self, step: u64, act: &Act) -> Target {
        let names_one = matches!(act, Act::Execute { .. } | Act::Session(_));
        self.sim.with(|state| {
            let cluster = state.weather.cluster.as_ref();
            let own = state.own_user(act.user());
            let target = cluster
                .map(|cluster| cluster.target(step, own))
                .unwrap_or_default();
            if !(names_one && target.named) {
                state.note_home();
            }
            target
        })
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

    /// Makes a call, drops it if it is to be cancelled, and judges its outcome.
    async fn call<T>(
        &self,
        call: &Call,
        cancel: Cancel,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Outcome<T> {
        let started = self.now();
        let outcome = self.drive(cancel, future).await;
        self.judge(call, started, &outcome);
        outcome
    }

    /// Returns the login of a user as it is now, in worlds with several users.
    fn own_login(&self, user: UserId) -> Option<Wanted> {
        self.sim
            .with(|state| state.own_user(Some(user)).map(|user| state.login_of(user)))
    }

    /// Returns the home database that work wants from now on, unless it names one.
    fn home(&self, target: Target, user: Option<UserId>, session: Option<usize>) -> Option<Home> {
        self.sim.with(|state| {
            let own = state.own_user(user);
            let since = state.clock.now();
            target.owner(own).map(|owner| Home {
                owner,
                since,
                session,
            })
        })
    }

    /// Waits for a call, and drops it if it is to be cancelled.
    async fn drive<T>(&self, cancel: Cancel, future: impl Future<Output = Result<T, Error>>) -> Outcome<T> {
        let instant = cancel.after.map(|after| {
            let sleep: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> =
                Box::pin(self.runtime.sleep(Duration::from_nanos(after)));
            sleep
        });
        let outcome = match Cancelling::new(future, cancel.polls, instant).await {
            Some(Ok(value)) => return Outcome::Done(value),
            Some(Err(error)) => Outcome::Failed(error),
            None => Outcome::Cancelled,
        };
        self.sim.with(State::note_excuse);
        outcome
    }

    /// Judges whether a call that began at `started` may end now, with this outcome.
    fn judge<T>(&self, call: &Call, started: Nanos, outcome: &Outcome<T>) {
        self.sim.with(|state| {
            state.note(|| match outcome {
                Outcome::Done(_) => format!("{}: done", call.what),
                Outcome::Failed(error) => format!("{}: {error}", call.what),
                Outcome::Cancelled => format!("{}: dropped", call.what),
            });
            state.check_deadline(call, started);
            state.check_refusals(call, started);
            if let Outcome::Failed(error) = outcome {
                state.history.failed += 1;
                state.check_error(call, started, error);
            }
        });
    }

    /// A call for a query.
    fn call_for(&self, query: &Query) -> Call {
        Call {
            what: format!("query {}", query.statement.id),
            expected_failures: vec![query.statement.id],
            deadline: query.limits.deadline.map(|limit| self.now() + limit),
            begun: Some(self.now()),
            commits: Some(query.statement.id),
            ..Call::default()
        }
    }

    /// Requires that a transaction ends on the server soon, if its call was given up.
    fn check_given_up<T>(&self, tag: u64, outcome: &Outcome<T>) {
        let given_up = match outcome {
            Outcome::Done(_) => false,
            Outcome::Failed(error) => error.kind() == ErrorKind::Timeout,
            Outcome::Cancelled => true,
        };
        if given_up {
            self.sim.with(|state| state.give_up(tag));
        }
    }

    fn promise(&self, statement: &Statement, promise: Promise) {
        if statement.writes() {
            self.sim
                .with(|state| state.history.promise(statement.id, promise));
        }
    }

    /// Notes that the commit of a transaction, with these queries, was reported to its caller.
    fn report_commit<'q>(&self, tag: u64, statements: impl Iterator<Item = &'q Statement>) {
        let added = statements
            .filter(|statement| statement.writes())
            .map(|statement| (statement.key, statement.by() * statement.rows as i64));
        self.sim.with(|state| {
            state.note_home_known(tag);
            if let Some(problem) = state.history.causality.report_commit(tag, added) {
                state.history.violation(format!("transaction {tag}: {problem}"));
            }
        });
    }

    /// Returns the bookmarks that a session has returned last, and what they guarantee.
    fn handed_over(&self) -> (Bookmarks, Floor) {
        self.handed_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn hand_over(&self, bookmarks: Bookmarks, floor: Floor) {
        *self.handed_over.lock().unwrap_or_else(PoisonError::into_inner) = (bookmarks, floor);
    }

    fn violation(&self, what: String) {
        self.sim.with(|state| state.history.violation(what));
    }

    fn now(&self) -> Nanos {
        self.sim.with(|state| state.clock.now())
    }
}

/// The query as the driver gets it.
fn text(statement: &Statement, attempt: u64) -> Text {
    Text::new(statement.to_string())
        .param("by", statement.by())
        .param("attempt", attempt as i64)
}

fn bookmarks(numbers: &Numbers) -> Bookmarks {
    Bookmarks::from_raw_values(numbers.iter().map(|number| causality::bookmark(*number))).unwrap_or_default()
}

/// Bookmarks by number; 0 for one that was never issued.
fn numbers(bookmarks: &Bookmarks) -> Numbers {
    bookmarks
        .raw_values()
        .map(|value| causality::number(value).unwrap_or_default())
        .collect()
}

/// What an error promises about a query that writes.
fn promised_by(error: &Error) -> Promise {
    if error.kind() == ErrorKind::UnknownCommit {
        Promise::AtMostOnce
    } else {
        Promise::Never
    }
}
