//! Programs: random calls in random order, each of which may be dropped.

mod draft;
mod load;

use std::collections::BTreeSet;

use bolt_client::Access;

use super::clock::{MICRO, Nanos, SECOND};
use super::cluster::{ClusterWeather, KEYS};
use super::logins::UserId;
use super::rng::Rng;
use super::statement::Statement;
use super::weather::Weather;
pub(super) use load::{Flaw, Load, Source};

/// The program of a world.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) tasks: Vec<Vec<Step>>,
    /// When the driver is closed while it is in use, if at all.
    pub(super) closed_at: Option<Nanos>,
    /// Whether the driver is closed in the end, or just dropped.
    pub(super) closes: bool,
}

/// One step of a task.
#[derive(Debug)]
pub(super) struct Step {
    /// Its number in the program.
    pub(super) number: u64,
    /// How long the task sleeps first.
    pub(super) after: Nanos,
    pub(super) act: Act,
}

#[derive(Debug)]
pub(super) enum Act {
    Execute {
        query: Query,
        access: Access,
        /// The bookmark manager, by number; the first is the driver's own.
        manager: Option<usize>,
        /// Whether COMMIT travels with the query.
        pipelined: bool,
        /// The user that it runs as; `None` for the driver's.
        user: Option<UserId>,
    },
    Verify(Cancel),
    VerifyLogin(Option<UserId>, Cancel),
    WarmUp(Cancel),
    Session(Visit),
    /// A load by the driver itself.
    Load(Load),
}

/// A session and the work in it.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) access: Access,
    /// Rows per page; `None` for all.
    pub(super) page: Option<u64>,
    pub(super) given: InitialBookmarks,
    /// The bookmark manager, by number, if any.
    pub(super) manager: Option<usize>,
    /// The user that it works as; `None` for the driver's.
    pub(super) user: Option<UserId>,
    pub(super) works: Vec<Work>,
    /// Whether it is closed in the end, or just dropped.
    pub(super) closes: bool,
}

/// The initial bookmarks of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InitialBookmarks {
    Empty,
    /// One that no server of this world has issued.
    Foreign,
    /// The last ones that any session has returned.
    HandedOver,
}

/// One piece of work in a session.
#[derive(Debug)]
pub(super) enum Work {
    AutoCommit(Query, Reading),
    /// An auto-commit query with a cursor, which may be kept while other work is done.
    Open(Query, Vec<Op>),
    /// Uses of the session's cursors.
    Use(Vec<Op>),
    Transaction(Transaction),
    Function(Function),
    Load(Load),
    LastBookmarks(Cancel),
}

/// An explicit transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Its name.
    pub(super) tag: u64,
    pub(super) eager: bool,
    pub(super) limits: Limits,
    pub(super) script: Vec<Op>,
    pub(super) end: End,
    /// For the end.
    pub(super) cancel: Cancel,
}

/// A transaction function.
#[derive(Debug)]
pub(super) struct Function {
    /// The name of its transactions.
    pub(super) tag: u64,
    pub(super) access: Access,
    pub(super) limits: Limits,
    pub(super) script: Vec<Op>,
    /// Whether it continues after an error.
    pub(super) continues_after_errors: bool,
    /// How each call of it ends; the last one applies to all further calls.
    pub(super) endings: Vec<Ending>,
}

/// One operation in a transaction.
#[derive(Debug)]
pub(super) enum Op {
    Run(Query, Reading),
    Open(Query),
    Queue(Query),
    /// Uses one of the open cursors.
    Use(u64, Use, Cancel),
    /// Uses a cursor of an ended transaction, if there is one.
    Misuse,
    Think(Nanos),
}

/// How a cursor is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Next,
    NextRef,
    Peek,
    Fetch(u64),
    Single,
    SingleOptional,
    Collect,
    Eager,
    Consume,
    Drop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Rollback,
    Drop,
}

/// How a transaction function ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With `Ok`, whatever has happened.
    Ok,
    /// With the first error of its calls, or `Ok`.
    Honest,
    /// With `Ok`, after it has dropped the transaction and slept.
    OkLater(Nanos),
    /// With an abort.
    Abort,
    /// With an unrelated error.
    Error,
    /// With `Ok`, while the transaction is moved elsewhere and lives on.
    Outlived,
}

#[derive(Debug)]
pub(super) struct Query {
    pub(super) statement: Statement,
    pub(super) limits: Limits,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) deadline: Option<Nanos>,
    pub(super) cancel: Cancel,
}

/// When a future is dropped, if at all.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cancel {
    /// At this poll.
    pub(super) polls: Option<u64>,
    /// After this time.
    pub(super) after: Option<Nanos>,
}

/// How a result is read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) takes: Vec<(Take, Cancel)>,
    pub(super) finish: Finish,
    /// For the finish.
    pub(super) cancel: Cancel,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Take {
    Next,
    NextRef,
    Peek,
    Think(Nanos),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// All rows are taken one by one.
    Exhaust,
    Collect,
    Consume,
    Drop,
}

impl Program {
    pub(super) fn draw(rng: &mut Rng, weather: &Weather) -> Self {
        let mut number = 0;
        let mut step = |rng: &mut Rng| {
            number += 1;
            // Each step has its own random stream, so that leaving one out changes no other.
            draft::step(&mut Rng::stream(rng.draw(), number), number, weather)
        };
        let most = rng.pick(&[2, 4, 10]);
        let steps = rng.pick(&[2, 6]);
        let tasks =
            (0..rng.between(1, most)).map(|_| (0..rng.between(1, steps)).map(|_| step(rng)).collect());
        Self {
            tasks: tasks.collect(),
            closed_at: rng.one_in(10).then(|| rng.magnitude(MICRO, 10 * SECOND)),
            closes: !rng.one_in(5),
        }
    }
}

impl Program {
    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.tasks.iter().flatten()
    }

    /// Moves the keys of each step to the database that the step uses.
    pub(super) fn place(&mut self, cluster: &ClusterWeather, has_logins: bool) {
        for step in self.tasks.iter_mut().flatten() {
            let target = match &step.act {
                Act::Load(_) => cluster.home_of_driver(),
                act => cluster.target(step.number, act.user().filter(|_| has_logins)),
            };
            let first = target.database as u64 * KEYS;
            step.act.for_each_query(&mut |query| query.statement.key += first);
        }
    }

    /// Removes steps, by number.
    pub(super) fn leave_out(&mut self, steps: &BTreeSet<u64>) {
        for task in &mut self.tasks {
            task.retain(|step| !steps.contains(&step.number));
        }
    }
}

impl Act {
    /// Returns the user that it runs as, if it names one.
    pub(super) const fn user(&self) -> Option<UserId> {
        match self {
            Self::Execute { user, .. } | Self::VerifyLogin(user, _) => *user,
            Self::Session(visit) => visit.user,
            Self::Verify(_) | Self::WarmUp(_) | Self::Load(_) => None,
        }
    }

    fn for_each_query(&mut self, change: &mut impl FnMut(&mut Query)) {
        let visit = match self {
            Self::Session(visit) => visit,
            Self::Execute { query, .. } => return change(query),
            Self::Load(load) => return change(&mut load.query),
            Self::Verify(_) | Self::VerifyLogin(..) | Self::WarmUp(_) => return,
        };
        for work in &mut visit.works {
            let script = match work {
                Work::AutoCommit(query, _) | Work::Open(query, _) => {
                    change(query);
                    continue;
                }
                Work::Load(load) => {
                    change(&mut load.query);
                    continue;
                }
                Work::Transaction(transaction) => &mut transaction.script,
                Work::Function(function) => &mut function.script,
                Work::Use(_) | Work::LastBookmarks(_) => continue,
            };
            for op in script {
                if let Op::Run(query, _) | Op::Open(query) | Op::Queue(query) = op {
                    change(query);
                }
            }
        }
    }
}

impl Transaction {
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.script.iter().filter_map(Op::statement)
    }

    /// Whether it queues queries.
    pub(super) fn queues(&self) -> bool {
        self.script.iter().any(|op| matches!(op, Op::Queue(_)))
    }
}

impl Function {
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.script.iter().filter_map(Op::statement)
    }
}

impl Op {
    const fn statement(&self) -> Option<&Statement> {
        match self {
            Self::Run(query, _) | Self::Open(query) | Self::Queue(query) => Some(&query.statement),
            Self::Use(..) | Self::Misuse | Self::Think(_) => None,
        }
    }
}
