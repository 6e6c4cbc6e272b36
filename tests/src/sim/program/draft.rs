//! Draws the steps of a program.

mod load;

use bolt_client::Access;

use super::{
    Act, Cancel, End, Ending, Finish, Flaw, Function, InitialBookmarks, Limits, Op, Query, Reading, Step,
    Take, Transaction, Use, Visit, Work,
};
use crate::sim::clock::{MICRO, MILLI, SECOND};
use crate::sim::logins::{LOGINS, UserId};
use crate::sim::rng::Rng;
use crate::sim::statement::{FailAt, Failure, Statement, Verb};
use crate::sim::weather::Weather;

/// How many bookmark managers a world has.
const MANAGERS: u64 = 3;

pub(super) fn step(rng: &mut Rng, number: u64, weather: &Weather) -> Step {
    let mut draft = Draft {
        rng,
        weather,
        next_id: number * 1_000,
    };
    let after = draft.rng.pick(&[0, 0, MILLI, 100 * MILLI, 3 * SECOND]);
    let mut act = draft.act();
    // Drawn last, so that they change nothing else.
    draft.log_in(&mut act);
    draft.load_by_driver(&mut act);
    Step { number, after, act }
}

/// Draws the parts of a step.
struct Draft<'w> {
    rng: &'w mut Rng,
    weather: &'w Weather,
    next_id: u64,
}

impl Draft<'_> {
    /// Draws which user an act works as.
    fn log_in(&mut self, act: &mut Act) {
        let drawn = self
            .rng
            .one_in(2)
            .then(|| self.rng.between(0, LOGINS - 1) as UserId);
        let verifies = self.rng.one_in(2);
        match act {
            Act::Execute { user, .. } => *user = drawn,
            Act::Session(visit) => visit.user = drawn,
            Act::Verify(cancel) if verifies && self.weather.extremes.logins.is_some() => {
                *act = Act::VerifyLogin(drawn, *cancel);
            }
            Act::Verify(_) | Act::VerifyLogin(..) | Act::WarmUp(_) | Act::Load(_) => {}
        }
    }

    /// Makes some visits loads by the driver, whose rows come from an iterator and do not fail.
    fn load_by_driver(&mut self, act: &mut Act) {
        if matches!(act, Act::Session(_)) && self.rng.one_in(12) {
            let mut load = self.load();
            let source = &mut load.source;
            (source.streams, source.fallible) = (false, false);
            source.waits.clear();
            source.flaw = source.flaw.filter(|flaw| matches!(flaw, Flaw::CannotBeSent(_)));
            *act = Act::Load(load);
        }
    }

    fn act(&mut self) -> Act {
        match self.rng.between(0, 9) {
            0 if self.rng.one_in(2) => Act::WarmUp(self.cancel()),
            0 => Act::Verify(self.cancel()),
            1..=3 => {
                let query = self.query();
                let mismatch = self.rng.one_in(20);
                let reads = query.statement.writes() == mismatch;
                let manager = match self.rng.between(0, 7) {
                    0 => None,
                    1..=2 => Some(self.rng.between(1, MANAGERS - 1) as usize),
                    _ => Some(0),
                };
                let mut query = query;
                if reads && self.lengthen(&mut query) {
                    // Without cancelling, all of its rows would be collected.
                    query.limits.cancel.after = Some(self.rng.magnitude(MICRO, 30 * MILLI));
                }
                Act::Execute {
                    query,
                    access: if reads { Access::Read } else { Access::Write },
                    manager,
                    pipelined: self.rng.one_in(3),
                    user: None,
                }
            }
            _ => Act::Session(self.visit()),
        }
    }

    fn visit(&mut self) -> Visit {
        let managed = self.rng.one_in(3);
        let access = if self.rng.one_in(5) {
            Access::Read
        } else {
            Access::Write
        };
        let mut visit = Visit {
            access,
            page: self.rng.pick(&[Some(1), Some(2), Some(10), Some(1_000), None]),
            given: self.rng.pick(&[
                InitialBookmarks::Empty,
                InitialBookmarks::Empty,
                InitialBookmarks::Foreign,
                InitialBookmarks::HandedOver,
            ]),
            manager: managed.then(|| self.rng.between(0, MANAGERS - 1) as usize),
            user: None,
            works: (0..self.rng.between(1, 4)).map(|_| self.work()).collect(),
            closes: self.rng.one_in(3),
        };
        if access == Access::Read {
            self.lengthen_works(&mut visit.works);
        }
        visit
    }

    /// Lengthens results that are read by pages and abandoned at some point.
    fn lengthen_works(&mut self, works: &mut [Work]) {
        for work in works {
            if let Work::AutoCommit(query, reading) = work
                && self.lengthen(query)
            {
                reading.finish = Finish::Drop;
            }
        }
    }

    fn work(&mut self) -> Work {
        match self.rng.between(0, 22) {
            0..=4 => Work::AutoCommit(self.query(), self.reading()),
            5..=7 => Work::Open(self.query(), self.uses()),
            8 => Work::Use(self.uses()),
            9..=13 => Work::Transaction(self.transaction()),
            14..=18 => Work::Function(self.function()),
            19..=21 => Work::Load(self.load()),
            _ => Work::LastBookmarks(self.cancel()),
        }
    }

    fn transaction(&mut self) -> Transaction {
        Transaction {
            tag: self.id(),
            eager: self.rng.one_in(4),
            limits: self.limits(),
            script: self.script(),
            end: self
                .rng
                .pick(&[End::Commit, End::Commit, End::Commit, End::Rollback, End::Drop]),
            cancel: self.cancel(),
        }
    }

    fn function(&mut self) -> Function {
        let reads = self.rng.one_in(4);
        Function {
            tag: self.id(),
            access: if reads { Access::Read } else { Access::Write },
            limits: self.limits(),
            script: self.script(),
            continues_after_errors: self.rng.one_in(4),
            endings: (0..self.rng.between(1, 3)).map(|_| self.ending()).collect(),
        }
    }

    fn ending(&mut self) -> Ending {
        match self.rng.between(0, 15) {
            0 => Ending::Ok,
            1 => Ending::OkLater(self.rng.magnitude(MICRO, 3 * SECOND)),
            2 => Ending::Abort,
            3 => Ending::Error,
            4 => Ending::Outlived,
            _ => Ending::Honest,
        }
    }

    fn script(&mut self) -> Vec<Op> {
        let style = self.rng.between(0, 3);
        let most = self.rng.pick(&[3, 7, 12]);
        (0..self.rng.between(0, most)).map(|_| self.op(style)).collect()
    }

    /// Some transactions prefer one query after the other, others cursors or pipelines.
    fn op(&mut self, style: u64) -> Op {
        match (style, self.rng.between(0, 9)) {
            (0, 0..=7) | (1..=2, 0) | (3, 0..=1) => Op::Run(self.query(), self.reading()),
            (1, 1..=4) | (3, 2..=3) => Op::Open(self.query()),
            (2, 1..=5) | (3, 4) => Op::Queue(self.query()),
            _ => self.usage(),
        }
    }

    fn uses(&mut self) -> Vec<Op> {
        (0..self.rng.pick(&[0, 1, 2, 5])).map(|_| self.usage()).collect()
    }

    fn usage(&mut self) -> Op {
        let how = match self.rng.between(0, 15) {
            0 => return Op::Think(self.rng.magnitude(MICRO, 30 * SECOND)),
            1 => return Op::Misuse,
            2 => Use::Peek,
            3..=4 => Use::NextRef,
            5..=6 => Use::Fetch(self.rng.pick(&[0, 1, 3, 20])),
            7 => Use::Single,
            8 => Use::SingleOptional,
            9 => Use::Collect,
            10 => Use::Eager,
            11 => Use::Consume,
            12 => Use::Drop,
            _ => Use::Next,
        };
        Op::Use(self.rng.draw(), how, self.cancel())
    }

    fn query(&mut self) -> Query {
        let rows = self.rng.pick(&[0, 1, 1, 1, 3, 10, 12, 40, 150]);
        // More than a few windows of bytes reveal nothing new.
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
            times: self.times(),
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

    /// Makes some read-only queries endless, in worlds with long results.
    fn lengthen(&mut self, query: &mut Query) -> bool {
        let share = self.weather.extremes.long;
        let long = share > 0 && !query.statement.writes() && self.rng.permille(share);
        if long {
            query.statement.rows = self.rng.magnitude(100_000, 1_000_000);
            query.statement.columns = true;
            query.statement.size = 0;
            query.statement.fail = None;
        }
        long
    }

    /// Draws how often a query fails: a finite number where it is retried without end.
    fn times(&mut self) -> u64 {
        let endless = self.weather.driver.retry > std::time::Duration::from_secs(1_000);
        match self.rng.between(0, 3) {
            0 if !endless => u64::MAX,
            times => times.max(1),
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
