//! What the tasks of a world do: random calls in random orders, each of which may be dropped.

mod draft;

use std::collections::BTreeSet;

use bolt_client::Access;

use super::clock::{MICRO, Nanos, SECOND};
use super::rng::Rng;
use super::statement::Statement;
use super::weather::Weather;

/// What happens in a world.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) tasks: Vec<Vec<Step>>,
    /// When somebody closes the driver while it is in use, if anybody does.
    pub(super) closed_at: Option<Nanos>,
    /// Whether the driver is closed in the end; otherwise it is just dropped.
    pub(super) closes: bool,
}

/// One thing that a task does.
#[derive(Debug)]
pub(super) struct Step {
    /// Its number in the program.
    pub(super) number: u64,
    /// How long the task thinks first.
    pub(super) after: Nanos,
    pub(super) act: Act,
}

#[derive(Debug)]
pub(super) enum Act {
    Execute {
        query: Query,
        access: Access,
        /// Who passes its bookmark on: one of the world's managers, of which the first is the driver's own.
        manager: Option<usize>,
        /// Whether COMMIT travels with the query.
        pipelined: bool,
    },
    Verify(Cancel),
    WarmUp(Cancel),
    Session(Visit),
}

/// A session, and what is done in it.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) access: Access,
    /// Rows per page; `None` for all.
    pub(super) page: Option<u64>,
    pub(super) given: Given,
    /// One of the world's managers, if any.
    pub(super) manager: Option<usize>,
    pub(super) works: Vec<Work>,
    /// Whether it is closed in the end; otherwise it is just dropped.
    pub(super) closes: bool,
}

/// The bookmarks that a session begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    Nothing,
    /// One that no server of this world has issued.
    Elsewhere,
    /// The last ones of whichever session has told them last.
    Handed,
}

/// What is done in a session.
#[derive(Debug)]
pub(super) enum Work {
    AutoCommit(Query, Reading),
    /// An auto-commit query with a cursor, which may be held while other work is done.
    Open(Query, Vec<Deed>),
    /// Cursors of the session are used.
    Use(Vec<Deed>),
    Transaction(Transaction),
    Function(Function),
    LastBookmarks(Cancel),
}

/// An explicit transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Names it.
    pub(super) tag: u64,
    pub(super) eager: bool,
    pub(super) limits: Limits,
    pub(super) script: Vec<Deed>,
    pub(super) end: End,
    /// For the end.
    pub(super) cancel: Cancel,
}

/// A transaction function.
#[derive(Debug)]
pub(super) struct Function {
    /// Names its transactions.
    pub(super) tag: u64,
    pub(super) access: Access,
    pub(super) limits: Limits,
    pub(super) script: Vec<Deed>,
    /// It goes on when something fails.
    pub(super) stubborn: bool,
    /// How each call of it ends; those behind the last like the last.
    pub(super) endings: Vec<Ending>,
}

/// Something that is done in a transaction.
#[derive(Debug)]
pub(super) enum Deed {
    Run(Query, Reading),
    Open(Query),
    Queue(Query),
    /// One of the cursors that are held is used.
    Use(u64, Use, Cancel),
    /// A cursor is used whose transaction is over, if there is one.
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
    /// With the first error that it was told of, or `Ok`.
    Honest,
    /// It drops the transaction first, and thinks.
    OkLater(Nanos),
    /// With an error of its own that is to end everything.
    Abort,
    /// With an error that has nothing to do with the transaction.
    Error,
    /// It leaves the transaction to somebody else.
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

/// When a future is dropped, if it is.
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
            // Each step has its own luck, so that leaving one out changes no other.
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

    /// Leaves steps out, by their numbers.
    pub(super) fn leave_out(&mut self, steps: &BTreeSet<u64>) {
        for task in &mut self.tasks {
            task.retain(|step| !steps.contains(&step.number));
        }
    }
}

impl Transaction {
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.script.iter().filter_map(Deed::statement)
    }

    /// Whether queries are queued in it.
    pub(super) fn queues(&self) -> bool {
        self.script.iter().any(|deed| matches!(deed, Deed::Queue(_)))
    }
}

impl Function {
    pub(super) fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.script.iter().filter_map(Deed::statement)
    }
}

impl Deed {
    const fn statement(&self) -> Option<&Statement> {
        match self {
            Self::Run(query, _) | Self::Open(query) | Self::Queue(query) => Some(&query.statement),
            Self::Use(..) | Self::Misuse | Self::Think(_) => None,
        }
    }
}
