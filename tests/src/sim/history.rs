//! What happened: every execution of a query, and what callers were promised about it.

use std::collections::{BTreeMap, BTreeSet};

use super::net::ConnId;
use super::statement::Statement;

/// Names an execution, in the order in which they began.
pub(super) type ExecutionId = usize;

/// A query that a server ran. The same query may be run several times, if the driver sends it again.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) statement: Statement,
    pub(super) conn: ConnId,
    /// The value of each row that was carried out.
    pub(super) rows: Vec<i64>,
    /// Its end was reached.
    pub(super) ended: bool,
    /// The server has told of a failure of it.
    pub(super) failed: bool,
    pub(super) committed: bool,
}

/// What a caller was told about a query that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// It is committed.
    Once,
    /// It is not committed.
    Never,
    /// Nobody knows whether it is committed.
    AtMostOnce,
    /// Its result was given up unread: it is committed, unless the connection breaks or the server fails.
    Abandoned,
}

/// How far a result has been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// How many rows its reader has taken.
    pub(super) taken: u64,
    /// How many rows it wants at a time; `None` for all of them.
    pub(super) page: Option<u64>,
}

/// Everything that can be judged.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) executions: Vec<Execution>,
    promises: BTreeMap<u64, Promise>,
    readings: BTreeMap<u64, Reading>,
    /// Auto-commit queries whose results were given up unread, reading ones among them.
    abandoned: BTreeSet<u64>,
    /// The queries and transactions whose failures somebody was told of.
    told: BTreeSet<u64>,
    pub(super) violations: Vec<String>,
    /// How many connections were broken or refused.
    pub(super) breaks: u64,
    /// How many callers were told of a connection that was broken or refused.
    pub(super) losses: u64,
    /// The driver is being closed, or is.
    pub(super) closing: bool,
    /// What callers gave up unread can no longer be promised.
    pub(super) unfinished_business: bool,
}

impl History {
    /// Something is wrong.
    pub(super) fn violation(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    pub(super) fn begin(&mut self, statement: Statement, conn: ConnId) -> ExecutionId {
        self.executions.push(Execution {
            statement,
            conn,
            rows: Vec::new(),
            ended: false,
            failed: false,
            committed: false,
        });
        self.executions.len() - 1
    }

    /// The executions of a query.
    pub(super) fn of(&self, statement: u64) -> impl Iterator<Item = &Execution> {
        self.executions
            .iter()
            .filter(move |execution| execution.statement.id == statement)
    }

    pub(super) fn promise(&mut self, statement: u64, promise: Promise) {
        self.promises.insert(statement, promise);
    }

    /// The result of an auto-commit query was given up unread.
    pub(super) fn abandon(&mut self, statement: u64) {
        self.abandoned.insert(statement);
    }

    /// Whether the last query of a connection is one whose result was given up unread. It may wait for somebody to read
    /// what is on its way.
    pub(super) fn is_abandoned(&self, conn: ConnId) -> bool {
        let last = self
            .executions
            .iter()
            .rev()
            .find(|execution| execution.conn == conn);
        last.is_some_and(|last| self.abandoned.contains(&last.statement.id))
    }

    /// Somebody was told that this query, or transaction, has failed.
    pub(super) fn tell(&mut self, id: u64) {
        self.told.insert(id);
    }

    pub(super) fn is_told(&self, id: u64) -> bool {
        self.told.contains(&id)
    }

    /// Somebody reads a result of this page size.
    pub(super) fn read_by(&mut self, statement: u64, page: Option<u64>) {
        self.readings
            .entry(statement)
            .or_insert(Reading { taken: 0, page })
            .page = page;
    }

    /// Its reader has taken a row.
    pub(super) fn took(&mut self, statement: u64) {
        if let Some(reading) = self.readings.get_mut(&statement) {
            reading.taken += 1;
        }
    }

    /// The server is asked for rows of an execution: for no more than its reader can want.
    pub(super) fn asked(&mut self, execution: ExecutionId, count: Option<u64>) {
        let execution = &self.executions[execution];
        let Some(Reading {
            taken,
            page: Some(page),
        }) = self.readings.get(&execution.statement.id).copied()
        else {
            return;
        };
        let unread = (execution.rows.len() as u64).saturating_sub(taken);
        // The next page is asked for when at most 30 % of the last one is left.
        let allowed = page + page * 3 / 10;
        if count.is_none_or(|count| unread + count > allowed) {
            let id = execution.statement.id;
            self.violation(format!(
                "query {id}: {count:?} rows asked for with {unread} unread, which is more than its page of {page} allows"
            ));
        }
    }

    /// What became of every query that writes, against what its caller was told.
    pub(super) fn judge(&mut self, broken: impl Fn(ConnId) -> bool) {
        let mut wrong = Vec::new();
        for execution in &self.executions {
            let Statement { id, rows, .. } = execution.statement;
            if execution.committed && execution.statement.writes() && execution.rows.len() as u64 != rows {
                let done = execution.rows.len();
                wrong.push(format!(
                    "query {id}: committed with {done} of its {rows} rows carried out"
                ));
            }
            let write = execution.statement.writes();
            if write && execution.committed && !self.promises.contains_key(&id) {
                wrong.push(format!("query {id}: committed, although nobody has asked for it"));
            }
        }
        for (&id, &promise) in &self.promises {
            let committed = self.of(id).filter(|execution| execution.committed).count();
            let excused = self.unfinished_business
                || self
                    .of(id)
                    .any(|execution| execution.failed || broken(execution.conn));
            let kept = match promise {
                Promise::Once => committed == 1,
                Promise::Never => committed == 0,
                Promise::AtMostOnce => committed <= 1,
                Promise::Abandoned => committed == 1 || (committed == 0 && excused),
            };
            if !kept {
                wrong.push(format!(
                    "query {id}: committed {committed} times; its caller was told {promise:?}"
                ));
            }
        }
        self.violations.extend(wrong);
    }
}
