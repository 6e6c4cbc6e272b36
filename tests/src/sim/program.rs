//! What the tasks of a world do: random calls in random orders, each of which may be dropped.

use std::collections::BTreeSet;

use bolt_client::Access;

use super::clock::{MICRO, MILLI, Nanos, SECOND};
use super::rng::Rng;
use super::statement::{FailAt, Failure, Statement, Verb};
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
    },
    Verify(Cancel),
    Session {
        access: Access,
        /// Rows per page; `None` for all.
        page: Option<u64>,
        works: Vec<Work>,
    },
}

/// What is done in a session.
#[derive(Debug)]
pub(super) enum Work {
    AutoCommit(Query, Reading),
    Transaction {
        /// Names the transaction.
        tag: u64,
        eager: bool,
        limits: Limits,
        queries: Vec<(Query, Reading)>,
        end: End,
        /// For the end.
        cancel: Cancel,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Commit,
    Rollback,
    Drop,
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
            Step::draw(&mut Rng::stream(rng.draw(), number), number, weather)
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

impl Step {
    fn draw(rng: &mut Rng, number: u64, weather: &Weather) -> Self {
        let mut draft = Draft {
            rng,
            weather,
            next_id: number * 1_000,
        };
        Self {
            number,
            after: draft.rng.pick(&[0, 0, MILLI, 100 * MILLI, 3 * SECOND]),
            act: draft.act(),
        }
    }
}

/// Draws the parts of a step.
struct Draft<'w> {
    rng: &'w mut Rng,
    weather: &'w Weather,
    next_id: u64,
}

impl Draft<'_> {
    fn act(&mut self) -> Act {
        match self.rng.between(0, 9) {
            0 => Act::Verify(self.cancel()),
            1..=3 => {
                let query = self.query();
                let mismatch = self.rng.one_in(20);
                let reads = query.statement.writes() == mismatch;
                Act::Execute {
                    query,
                    access: if reads { Access::Read } else { Access::Write },
                }
            }
            _ => Act::Session {
                access: if self.rng.one_in(5) {
                    Access::Read
                } else {
                    Access::Write
                },
                page: self.rng.pick(&[Some(1), Some(2), Some(10), Some(1_000), None]),
                works: (0..self.rng.between(1, 3)).map(|_| self.work()).collect(),
            },
        }
    }

    fn work(&mut self) -> Work {
        if self.rng.one_in(2) {
            return Work::AutoCommit(self.query(), self.reading());
        }
        Work::Transaction {
            tag: self.id(),
            eager: self.rng.one_in(4),
            limits: self.limits(),
            queries: (0..self.rng.between(0, 5))
                .map(|_| (self.query(), self.reading()))
                .collect(),
            end: self
                .rng
                .pick(&[End::Commit, End::Commit, End::Commit, End::Rollback, End::Drop]),
            cancel: self.cancel(),
        }
    }

    fn query(&mut self) -> Query {
        let rows = self.rng.pick(&[0, 1, 1, 1, 3, 10, 12, 40, 150]);
        // Beyond a few windows there is nothing to be learned from more bytes.
        let size = if self.rng.one_in(4) {
            self.rng.magnitude(1, 6_000 / (rows + 1))
        } else {
            0
        };
        let fail = self.rng.one_in(12).then(|| Failure {
            at: match self.rng.between(0, 2) {
                0 => FailAt::Run,
                1 => FailAt::Row(self.rng.between(0, rows)),
                _ => FailAt::End,
            },
            transient: self.rng.one_in(2),
        });
        let statement = Statement {
            id: self.id(),
            verb: if self.rng.one_in(2) { Verb::Add } else { Verb::Get },
            key: self.rng.between(1, self.weather.server.keys),
            rows,
            columns: !self.rng.one_in(4),
            size,
            slow: if self.rng.one_in(5) {
                self.rng.magnitude(1, 5_000_000)
            } else {
                0
            },
            fail,
        };
        Query {
            statement,
            limits: self.limits(),
        }
    }

    fn reading(&mut self) -> Reading {
        let takes = (0..self.rng.pick(&[0, 0, 1, 3, 12])).map(|_| {
            let take = match self.rng.between(0, 11) {
                0 => Take::Think(self.rng.magnitude(MICRO, 300 * SECOND)),
                1 => Take::Peek,
                2..=4 => Take::NextRef,
                _ => Take::Next,
            };
            (take, self.cancel())
        });
        Reading {
            takes: takes.collect(),
            finish: self
                .rng
                .pick(&[Finish::Exhaust, Finish::Collect, Finish::Consume, Finish::Drop]),
            cancel: self.cancel(),
        }
    }

    fn limits(&mut self) -> Limits {
        Limits {
            deadline: self.rng.one_in(4).then(|| self.rng.magnitude(MICRO, 20 * SECOND)),
            cancel: self.cancel(),
        }
    }

    fn cancel(&mut self) -> Cancel {
        match self.rng.between(0, 11) {
            0 => Cancel {
                polls: Some(self.rng.magnitude(0, 20)),
                after: None,
            },
            1 => Cancel {
                polls: None,
                after: Some(self.rng.magnitude(1, 5 * SECOND)),
            },
            _ => Cancel::default(),
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
