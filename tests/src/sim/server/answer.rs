//! How requests end: answers, failures, commits and rollbacks.

use bolt_proto::ServerError;
use bolt_proto::peer::AnswerError;

use super::job::{Progress, Stage};
use crate::sim::causality::bookmark;
use crate::sim::clock::Event;
use crate::sim::cluster;
use crate::sim::database::{Ended, TxId};
use crate::sim::net::ConnId;
use crate::sim::state::State;

/// What has caused a failure. The message contains it, so that the judges know which callers may get the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Cause {
    /// A query, or the transaction with this tag.
    Query(u64),
    Login,
    Reset,
    /// A request for a routing table.
    Route,
    /// The server itself, or work without a caller.
    Server,
}

impl Cause {
    /// Returns the cause of a failure, by its message.
    pub(in crate::sim) fn of(error: &ServerError) -> Self {
        match error.message() {
            "login" => Self::Login,
            "reset" => Self::Reset,
            "route" => Self::Route,
            text => text.parse().map_or(Self::Server, Self::Query),
        }
    }

    fn error(self, transient: bool) -> ServerError {
        let code = if transient {
            "Neo.TransientError.Transaction.DeadlockDetected"
        } else {
            "Neo.ClientError.Statement.ExecutionFailed"
        };
        ServerError::new(code, self.text())
    }

    /// The failure of work that a RESET has stopped.
    pub(super) fn terminated(self) -> ServerError {
        ServerError::new("Neo.ClientError.Transaction.Terminated", self.text())
    }

    fn text(self) -> String {
        match self {
            Self::Query(id) => id.to_string(),
            Self::Login => "login".to_owned(),
            Self::Reset => "reset".to_owned(),
            Self::Route => "route".to_owned(),
            Self::Server => "server".to_owned(),
        }
    }
}

impl State {
    /// Answers SUCCESS without metadata.
    pub(super) fn succeed(&mut self, conn: ConnId) -> Progress {
        let answered = self.conns[conn].actor.proto.success(|_| Ok(()));
        self.expect(conn, answered);
        Progress::Answered
    }

    /// Answers FAILURE. Ends the transaction, which frees its locks at once.
    pub(in crate::sim) fn fail(&mut self, conn: ConnId, cause: Cause, transient: bool) -> Progress {
        self.fail_with(conn, cause, transient, &cause.error(transient))
    }

    /// Answers FAILURE with a code that is about the login.
    pub(super) fn fail_login(&mut self, conn: ConnId, cause: Cause, code: &str) -> Progress {
        let error = ServerError::new(code, cause.text());
        if error.is_authorization_expired() {
            self.conns[conn].actor.login = None;
        }
        self.fail_with(conn, cause, true, &error)
    }

    fn fail_with(&mut self, conn: ConnId, cause: Cause, transient: bool, error: &ServerError) -> Progress {
        self.note(|| format!("conn {conn}: fails {cause:?}"));
        if let Cause::Query(id) = cause {
            self.history.failures.push((id, transient));
            self.history.commits.remove(&id);
            self.history.forget_report(id);
        }
        self.roll_back(conn);
        let answered = self.conns[conn].actor.proto.failure(error);
        self.expect(conn, answered);
        self.conns[conn].actor.failed = match cause {
            Cause::Query(id) => Some(id),
            _ => None,
        };
        // A failed login or RESET ends the connection.
        if matches!(cause, Cause::Login | Cause::Reset) {
            self.conns[conn].actor.closing = true;
        }
        Progress::Answered
    }

    /// Answers FAILURE with this code, as servers of clusters do.
    pub(in crate::sim) fn fail_as(&mut self, conn: ConnId, cause: Cause, code: &'static str) -> Progress {
        self.note(|| format!("conn {conn}: fails {cause:?} with {code}"));
        if let Cause::Query(id) = cause {
            self.history.failures.push((id, cluster::may_be_repeated(code)));
            if !cluster::leaves_commit_open(code) {
                self.history.commits.remove(&id);
            }
            self.history.forget_report(id);
        }
        self.roll_back(conn);
        let actor = &mut self.conns[conn].actor;
        let answered = actor.proto.failure(&ServerError::new(code, cause.text()));
        actor.failed = match cause {
            Cause::Query(id) => Some(id),
            _ => None,
        };
        self.expect(conn, answered);
        if let Cause::Query(id) = cause {
            self.note_refused(conn, id, code);
        }
        Progress::Answered
    }

    /// Answers SUCCESS to BEGIN.
    pub(super) fn succeed_in(&mut self, conn: ConnId) -> Progress {
        let actor = &mut self.conns[conn].actor;
        let home = actor.home();
        let answered = actor.proto.success(|map| match &home {
            Some(home) => map.entry("db", home),
            None => Ok(()),
        });
        self.expect(conn, answered);
        Progress::Answered
    }

    /// Whether the server fails now, at random.
    pub(in crate::sim) fn fails_by_itself(&mut self, conn: ConnId) -> bool {
        let share = self.weather.server.failures;
        self.conns[conn].actor.rng.permille(share)
    }

    /// Whether the connection breaks now, before a request is carried out.
    pub(super) fn breaks_by_itself(&mut self, conn: ConnId) -> bool {
        let share = self.weather.server.breaks;
        self.conns[conn].actor.rng.permille(share)
    }

    /// Whether the connection breaks between a commit and its answer.
    pub(super) fn loses_commit(&mut self, conn: ConnId) -> bool {
        let share = self.weather.server.lost_commits;
        self.conns[conn].actor.rng.permille(share)
    }

    /// Commits the transaction of a connection. Returns its bookmark.
    pub(super) fn commit_now(&mut self, conn: ConnId, tx: TxId) -> String {
        let open = self.conns[conn].actor.tx.take();
        let (tag, sent) = open.map(|open| (open.tag, open.sent)).unwrap_or_default();
        let number = self.history.causality.commit(tag, sent);
        let ended = self.database.commit(tx, number);
        for execution in &ended.executions {
            self.history.executions[*execution].committed = true;
        }
        self.note(|| format!("conn {conn}: committed as {number}"));
        self.replicate(number);
        self.resume_waiters(ended);
        bookmark(number)
    }

    /// Notes where the answer to a commit ends. Once it has arrived, no caller may get an unknown commit.
    pub(super) fn commit_answered(&mut self, conn: ConnId, tag: u64) {
        let end = self.conns[conn].end_of_answers();
        self.history.answered.insert(tag, (conn, end));
    }

    /// Rolls back the transaction of a connection, if there is one.
    pub(super) fn roll_back(&mut self, conn: ConnId) {
        let Some(open) = self.conns[conn].actor.tx.take() else {
            return;
        };
        let ended = self.database.end(open.id);
        self.note(|| format!("conn {conn}: rolled back"));
        self.resume_waiters(ended);
    }

    /// Resumes the requests that waited for a lock.
    pub(in crate::sim) fn resume_waiters(&mut self, ended: Ended) {
        for conn in ended.unblocked {
            self.resume_locked(conn);
        }
    }

    /// Resumes the request of a connection if it waits for a lock.
    pub(in crate::sim) fn resume_locked(&mut self, conn: ConnId) {
        let Some(work) = self.conns[conn].actor.work.as_mut() else {
            return;
        };
        if work.stage == Stage::Lock {
            work.stage = Stage::Due;
            let serial = work.serial;
            self.later(0, Event::Work { conn, serial });
        }
    }

    /// Checks that the answer was legal: this server's always are.
    pub(in crate::sim) fn expect(&mut self, conn: ConnId, answered: Result<(), AnswerError>) {
        if let Err(error) = answered {
            self.history.violation(format!(
                "conn {conn}: the simulated server cannot answer: {error}"
            ));
        }
    }
}
