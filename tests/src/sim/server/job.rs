//! Executes requests.

use bolt_proto::Access;
use bolt_proto::packstream::ValueRef;
use bolt_proto::peer::Request;

use super::Open;
use super::answer::Cause;
use super::batch::Batch;
use super::opening::Opening;
use crate::sim::clock::{Event, MICRO, Nanos};
use crate::sim::cluster::{self, Wanted};
use crate::sim::loads::LoadQuery;
use crate::sim::logins::Presented;
use crate::sim::net::{ConnId, Trouble};
use crate::sim::state::State;
use crate::sim::statement::{FailAt, Statement};

/// Transactions carry their tag in their timeout, the one option that every version has: in milliseconds, beyond the
/// lifetime of any world.
pub(in crate::sim) const TAG_BASE: u64 = 1_000_000_000;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Job {
    Hello {
        /// What the client presents, before Bolt 5.1.
        presented: Option<Presented>,
        /// Whether the client belongs to a cluster.
        routing: bool,
    },
    Logon(Presented),
    Logoff,
    Reset,
    Goodbye,
    /// The part of the API that is used next.
    Telemetry(i64),
    Begin(Opening),
    Run {
        statement: Statement,
        /// If it is a batch of a load.
        batch: Option<Batch>,
        attempt: u64,
        opening: Opening,
    },
    Rows {
        query_id: Option<i64>,
        /// How many rows are still to be sent; `None` for all.
        left: Option<u64>,
        discard: bool,
        begun: bool,
    },
    Commit,
    Rollback,
    Route(Wanted),
}

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Stage {
    /// Only time.
    Due,
    /// A lock.
    Lock,
    /// A bookmark that the server has not reached.
    Bookmark,
    /// Room for its answers.
    Room,
}

/// How far a request has come.
pub(in crate::sim) enum Progress {
    Answered,
    /// The answer is lost, and the connection with it.
    Lost,
    Again(Nanos),
    Waits(Stage),
}

impl Job {
    /// Returns the job of a request; `None` if no driver sends such a request.
    pub(super) fn of(request: &Request<'_>) -> Option<Self> {
        Some(match request {
            Request::Hello(greeting) => Self::Hello {
                presented: Presented::read(greeting.token()),
                routing: greeting.routing().is_some(),
            },
            Request::Logon(token) => Self::Logon(Presented::read(*token)?),
            Request::Logoff => Self::Logoff,
            Request::Reset => Self::Reset,
            Request::Goodbye => Self::Goodbye,
            Request::Commit => Self::Commit,
            Request::Rollback => Self::Rollback,
            Request::Telemetry(api) => Self::Telemetry(*api),
            Request::Begin(options) => Self::Begin(Opening::of(*options)?),
            Request::Route(route) => Self::Route(Wanted {
                database: route.database.map(str::to_owned),
                user: route.impersonated_user.map(str::to_owned),
                procedure: false,
            }),
            Request::Run(run) if run.query.starts_with("CALL ") => {
                let database = match run.parameters.get("database").ok().flatten() {
                    Some(ValueRef::String(name)) => Some(name.to_owned()),
                    _ => None,
                };
                Self::Route(Wanted {
                    database,
                    user: None,
                    procedure: true,
                })
            }
            Request::Run(run) => {
                let load = LoadQuery::read(run.query);
                let batch = match load {
                    Some(load) => Some(Batch::of(load, run.parameters)?),
                    None => None,
                };
                let statement = match load {
                    Some(load) => load.statement,
                    None => Statement::read(run.query)?,
                };
                let by = run.parameters.get("by").ok().flatten();
                if !matches!(by, Some(ValueRef::Integer(by)) if by == statement.by()) {
                    return None;
                }
                let attempt = match run.parameters.get("attempt").ok().flatten() {
                    Some(ValueRef::Integer(attempt)) => u64::try_from(attempt).ok()?,
                    _ => return None,
                };
                Self::Run {
                    statement,
                    batch,
                    attempt,
                    opening: Opening::of(run.options)?,
                }
            }
            Request::Pull(rows) | Request::Discard(rows) => Self::Rows {
                query_id: rows.query_id.filter(|id| *id >= 0),
                left: rows.count,
                discard: matches!(request, Request::Discard(_)),
                begun: false,
            },
            _ => return None,
        })
    }

    /// How long it takes, beyond the time of every request.
    pub(super) const fn duration(&self) -> Nanos {
        match self {
            Self::Run { statement, .. } => statement.slow * MICRO,
            _ => 0,
        }
    }

    /// Whether RESET must not overtake it.
    const fn must_not_be_overtaken(&self) -> bool {
        matches!(self, Self::Hello { .. } | Self::Logon(_) | Self::Begin(_))
    }
}

impl State {
    /// Starts or continues a request.
    pub(in crate::sim) fn work(&mut self, conn: ConnId, serial: u64) {
        let actor = &mut self.conns[conn].actor;
        let Some(mut work) = actor
            .work
            .take_if(|work| work.serial == serial && work.stage == Stage::Due)
        else {
            return;
        };
        let breaks = self.breaks_by_itself(conn) && !matches!(work.job, Job::Rows { begun: true, .. });
        let progress = if breaks {
            Progress::Lost
        } else {
            self.carry_on(conn, &mut work.job)
        };
        match progress {
            Progress::Answered => self.serve(conn),
            Progress::Lost => self.trouble(conn, Trouble::Reset),
            Progress::Again(after) => {
                self.conns[conn].actor.work = Some(work);
                self.later(after, Event::Work { conn, serial });
                self.flush(conn);
            }
            Progress::Waits(stage) => {
                work.stage = stage;
                self.conns[conn].actor.work = Some(work);
                if stage == Stage::Lock {
                    let timeout = self.weather.server.lock_timeout;
                    self.later(timeout, Event::LockTimeout { conn, serial });
                }
                if stage == Stage::Bookmark {
                    let timeout = self.bookmark_timeout();
                    self.later(timeout, Event::LockTimeout { conn, serial });
                }
                self.flush(conn);
            }
        }
    }

    fn carry_on(&mut self, conn: ConnId, job: &mut Job) -> Progress {
        match job {
            Job::Hello { presented, routing } => self.log_in(conn, Some(*routing), presented.as_ref()),
            Job::Logon(presented) => self.log_in(conn, None, Some(presented)),
            Job::Logoff => self.log_off(conn),
            Job::Route(wanted) => self.route(conn, wanted),
            Job::Reset => self.reset(conn),
            Job::Begin(opening) => self.begin(conn, opening),
            Job::Run {
                statement,
                attempt,
                opening,
                ..
            } => self.run(conn, *statement, *attempt, opening),
            Job::Rows {
                query_id,
                left,
                discard,
                begun,
            } => {
                let first = !std::mem::replace(begun, true);
                self.rows(conn, *query_id, left, *discard, first)
            }
            Job::Commit => self.commit(conn),
            Job::Rollback => self.rollback(conn),
            Job::Telemetry(api) => self.telemetry(conn, *api),
            Job::Goodbye => Progress::Answered,
        }
    }

    fn reset(&mut self, conn: ConnId) -> Progress {
        self.roll_back(conn);
        self.conns[conn].actor.failed = None;
        self.conns[conn].actor.api = None;
        self.conns[conn].actor.table = None;
        if self.conns[conn].actor.rng.one_in(4) && self.fails_by_itself(conn) {
            return self.fail(conn, Cause::Reset, false);
        }
        self.succeed(conn)
    }

    fn begin(&mut self, conn: ConnId, opening: &Opening) -> Progress {
        if self.fails_by_itself(conn) {
            return self.fail(conn, Cause::Query(opening.tag), true);
        }
        if let Some(code) = self.expires_by_itself(conn) {
            return self.fail_login(conn, Cause::Query(opening.tag), code);
        }
        match self.place(conn, opening) {
            Ok(place) => self.open(conn, opening, place, true),
            Err(refusal) => return self.refuse_to_open(conn, opening, refusal, None),
        }
        self.succeed_in(conn)
    }

    /// Refuses to begin a transaction, or waits with that.
    fn refuse_to_open(
        &mut self,
        conn: ConnId,
        opening: &Opening,
        refusal: cluster::Refusal,
        query: Option<u64>,
    ) -> Progress {
        match self.refuse_to_begin(conn, opening, refusal) {
            Some(code) => self.fail_as(conn, cluster::cause(opening, query), code),
            None => Progress::Waits(Stage::Bookmark),
        }
    }

    fn run(&mut self, conn: ConnId, statement: Statement, attempt: u64, opening: &Opening) -> Progress {
        let cause = Cause::Query(statement.id);
        if self.conns[conn].actor.tx.is_none() {
            match self.place(conn, opening) {
                Ok(place) => self.open(conn, opening, place, false),
                Err(refusal) => return self.refuse_to_open(conn, opening, refusal, Some(statement.id)),
            }
        }
        let Some(&Open {
            id: tx,
            explicit,
            access,
            place,
            tag,
            ..
        }) = self.conns[conn].actor.tx.as_ref()
        else {
            return self.fail(conn, cause, true);
        };
        self.check_key(conn, place, statement.key);
        let lost = self.refuse_deposed(conn, place);
        let down = self.is_unavailable(conn).then(cluster::unavailable);
        if let Some(code) = lost.or(down) {
            return self.fail_as(conn, cause, code);
        }
        if statement.writes() && access == Access::Read {
            return self.fail(conn, cause, false);
        }
        if statement.writes()
            && let Some(code) = self.refuse_write(conn, tag, place)
        {
            return self.fail_as(conn, cause, code);
        }
        if statement.writes() && !self.database.lock(tx, statement.key) {
            return Progress::Waits(Stage::Lock);
        }
        if let Some(fail) = self.history.plan(&statement, FailAt::Run) {
            return self.fail(conn, cause, fail.transient);
        }
        if self.fails_by_itself(conn) {
            return self.fail(conn, cause, true);
        }
        if let Some(code) = self.expires_by_itself(conn) {
            return self.fail_login(conn, cause, code);
        }
        let execution = self.history.begin(statement, attempt, conn);
        self.database.note(tx, execution);
        if !statement.columns {
            for row in 0..statement.rows {
                if self.history.plan(&statement, FailAt::Row(row)).is_some() {
                    return self.fail(conn, cause, true);
                }
                self.carry_out(tx, execution);
            }
        }
        let actor = &mut self.conns[conn].actor;
        let paging = actor.proto.capabilities().is_some_and(|version| version.paging);
        let home = actor.home().filter(|_| !explicit);
        let query_id = actor.tx.as_mut().map_or(0, |open| {
            open.newest += 1;
            open.results.insert(open.newest, execution);
            open.newest
        });
        let columns: &[&str] = if statement.columns {
            &["id", "row", "value", "padding", "execution"]
        } else {
            &[]
        };
        let answered = actor.proto.success(|map| {
            map.entry("fields", columns)?;
            map.entry("t_first", &0_i64)?;
            if let Some(home) = &home {
                map.entry("db", home)?;
            }
            if explicit && paging {
                map.entry("qid", &query_id)
            } else {
                Ok(())
            }
        });
        self.expect(conn, answered);
        Progress::Answered
    }

    fn commit(&mut self, conn: ConnId) -> Progress {
        let Some(Open {
            id,
            tag,
            results,
            place,
            ..
        }) = &self.conns[conn].actor.tx
        else {
            return self.fail(conn, Cause::Server, false);
        };
        let (tx, tag, place) = (*id, *tag, *place);
        let cause = Cause::Query(tag);
        if !results.is_empty() {
            self.history
                .violation(format!("conn {conn}: COMMIT with an open result"));
        }
        if self.fails_by_itself(conn) {
            return self.fail(conn, cause, true);
        }
        if let Some(code) = self.refuse_deposed(conn, place) {
            return self.fail_as(conn, cause, code);
        }
        if self.is_unavailable(conn) {
            // Servers that go down answer so to commits that stand.
            if self.conns[conn].actor.rng.one_in(2) {
                self.commit_now(conn, tx);
            }
            return self.fail_as(conn, cause, cluster::unavailable());
        }
        let bookmark = self.commit_now(conn, tx);
        if self.loses_commit(conn) {
            return Progress::Lost;
        }
        let answered = self.conns[conn]
            .actor
            .proto
            .success(|map| map.entry("bookmark", &bookmark));
        self.expect(conn, answered);
        self.commit_answered(conn, tag);
        Progress::Answered
    }

    fn rollback(&mut self, conn: ConnId) -> Progress {
        let tag = self.conns[conn].actor.tx.as_ref().map_or(0, |open| open.tag);
        self.roll_back(conn);
        if self.fails_by_itself(conn) {
            return self.fail(conn, Cause::Query(tag), false);
        }
        self.succeed(conn)
    }

    /// Stops this connection's work because a RESET has arrived.
    pub(super) fn interrupt(&mut self, conn: ConnId) {
        let actor = &mut self.conns[conn].actor;
        let Some(work) = actor.work.take() else { return };
        let draw = actor.rng.one_in(2);
        if work.job.must_not_be_overtaken() {
            self.history
                .violation(format!("conn {conn}: RESET overtakes {:?}", work.job));
        }
        if work.job == Job::Commit && draw {
            // The commit was faster.
            if matches!(self.commit(conn), Progress::Lost) {
                self.trouble(conn, Trouble::Reset);
            }
            return;
        }
        self.roll_back(conn);
        let actor = &mut self.conns[conn].actor;
        let answered = if draw {
            actor.proto.ignored()
        } else {
            actor.proto.failure(&Cause::Server.terminated())
        };
        self.expect(conn, answered);
    }

    /// Fails the request that has waited for a lock for too long.
    pub(in crate::sim) fn lock_timeout(&mut self, conn: ConnId, serial: u64) {
        let actor = &mut self.conns[conn].actor;
        let waits = |work: &mut super::Work| {
            work.serial == serial && matches!(work.stage, Stage::Lock | Stage::Bookmark)
        };
        let Some(work) = actor.work.take_if(waits) else {
            return;
        };
        match (&work.job, work.stage) {
            (Job::Run { statement, .. }, Stage::Lock) => {
                self.fail(conn, Cause::Query(statement.id), true);
            }
            (Job::Run { statement, .. }, _) => {
                self.fail_as(conn, Cause::Query(statement.id), cluster::behind());
            }
            (Job::Begin(opening), _) => {
                self.fail_as(conn, Cause::Query(opening.tag), cluster::behind());
            }
            _ => {}
        }
        self.serve(conn);
    }
}
