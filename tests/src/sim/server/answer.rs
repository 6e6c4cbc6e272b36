//! How requests end: answers, failures, commits and roll-backs.

use bolt_proto::ServerError;
use bolt_proto::peer::AnswerError;

use super::job::{Progress, Stage};
use crate::sim::causality::bookmark;
use crate::sim::clock::Event;
use crate::sim::database::{Ended, TxId};
use crate::sim::net::ConnId;
use crate::sim::state::State;

/// Whose fault a failure is. Its message says so, so that it can be told who may be told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Blame {
    /// A query, or the transaction that bears its number.
    Query(u64),
    Login,
    Reset,
    /// Nobody who is still there.
    Nobody,
}

impl Blame {
    /// Whom a failure was about, by its message.
    pub(in crate::sim) fn of(error: &ServerError) -> Self {
        match error.message() {
            "login" => Self::Login,
            "reset" => Self::Reset,
            text => text.parse().map_or(Self::Nobody, Self::Query),
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

    /// What is said about work that a RESET has stopped.
    pub(super) fn terminated(self) -> ServerError {
        ServerError::new("Neo.ClientError.Transaction.Terminated", self.text())
    }

    fn text(self) -> String {
        match self {
            Self::Query(id) => id.to_string(),
            Self::Login => "login".to_owned(),
            Self::Reset => "reset".to_owned(),
            Self::Nobody => "nobody".to_owned(),
        }
    }
}

impl State {
    /// Answers by SUCCESS, with nothing to tell.
    pub(super) fn succeed(&mut self, conn: ConnId) -> Progress {
        let answered = self.conns[conn].actor.proto.success(|_| Ok(()));
        self.expect(conn, answered);
        Progress::Answered
    }

    /// Answers by FAILURE. The transaction ends, and frees its locks at once.
    pub(super) fn fail(&mut self, conn: ConnId, blame: Blame, transient: bool) -> Progress {
        self.note(|| format!("conn {conn}: fails {blame:?}"));
        if let Blame::Query(id) = blame {
            self.history.failures.push((id, transient));
            self.history.commits.remove(&id);
            self.history.untell(id);
        }
        self.roll_back(conn);
        let answered = self.conns[conn].actor.proto.failure(&blame.error(transient));
        self.expect(conn, answered);
        self.conns[conn].actor.failed = match blame {
            Blame::Query(id) => Some(id),
            _ => None,
        };
        // Behind a login that failed, or a RESET, there is nothing more to be said.
        if matches!(blame, Blame::Login | Blame::Reset) {
            self.conns[conn].actor.closing = true;
        }
        Progress::Answered
    }

    /// Whether the server fails now, for no reason that anybody could know.
    pub(super) fn fails_by_itself(&mut self, conn: ConnId) -> bool {
        let share = self.weather.server.failures;
        self.conns[conn].actor.rng.permille(share)
    }

    /// Whether the connection breaks now, before a request is carried out.
    pub(super) fn breaks_by_itself(&mut self, conn: ConnId) -> bool {
        let share = self.weather.server.breaks;
        self.conns[conn].actor.rng.permille(share)
    }

    /// Whether the connection breaks between a commit and the answer to it.
    pub(super) fn loses_commit(&mut self, conn: ConnId) -> bool {
        let share = self.weather.server.lost_commits;
        self.conns[conn].actor.rng.permille(share)
    }

    /// Commits the transaction of a connection. Its bookmark.
    pub(super) fn commit_now(&mut self, conn: ConnId, tx: TxId) -> String {
        let open = self.conns[conn].actor.tx.take();
        let (tag, sent) = open.map(|open| (open.tag, open.sent)).unwrap_or_default();
        let number = self.history.causality.commit(tag, sent);
        let ended = self.database.commit(tx, number);
        for execution in &ended.executions {
            self.history.executions[*execution].committed = true;
        }
        self.note(|| format!("conn {conn}: committed as {number}"));
        self.relieve(ended);
        bookmark(number)
    }

    /// A commit was answered. Once that has arrived, nobody is told that it is unknown.
    pub(super) fn commit_answered(&mut self, conn: ConnId, tag: u64) {
        let end = self.conns[conn].end_of_answers();
        self.history.answered.insert(tag, (conn, end));
    }

    /// Undoes the transaction of a connection, if there is one.
    pub(super) fn roll_back(&mut self, conn: ConnId) {
        let Some(open) = self.conns[conn].actor.tx.take() else {
            return;
        };
        let ended = self.database.end(open.id);
        self.note(|| format!("conn {conn}: rolled back"));
        self.relieve(ended);
    }

    /// Those who waited for a lock carry on.
    fn relieve(&mut self, ended: Ended) {
        for conn in ended.relieved {
            let Some(work) = self.conns[conn].actor.work.as_mut() else {
                continue;
            };
            if work.stage == Stage::Lock {
                work.stage = Stage::Due;
                let serial = work.serial;
                self.later(0, Event::Work { conn, serial });
            }
        }
    }

    /// Answers of this server are always allowed.
    pub(super) fn expect(&mut self, conn: ConnId, answered: Result<(), AnswerError>) {
        if let Err(error) = answered {
            self.history.violation(format!(
                "conn {conn}: the simulated server cannot answer: {error}"
            ));
        }
    }
}
