//! What happened: every execution of a query, and what callers were promised about it.

use std::collections::{BTreeMap, BTreeSet};

use super::causality::Causality;
use super::clock::Nanos;
use super::net::ConnId;
use super::statement::{FailAt, Failure, Statement};

/// Names an execution, in the order in which they began.
pub(super) type ExecutionId = usize;

/// A query that a server ran. The same query may be run several times, if the driver sends it again.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) statement: Statement,
    /// Which attempt of a transaction function it belongs to; 0 for any other query.
    pub(super) attempt: u64,
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
    /// By query and attempt.
    readings: BTreeMap<(u64, u64), Reading>,
    /// Auto-commit queries whose results were given up unread, reading ones among them.
    abandoned: BTreeSet<u64>,
    /// Auto-commit queries whose callers know what has become of them, or have given them up.
    over: BTreeSet<u64>,
    /// How often each query has failed as it was to.
    planned: BTreeMap<u64, u64>,
    /// Which part of the API each call uses, by its tag, and whether the server was told.
    apis: BTreeMap<u64, (i64, bool)>,
    /// How often a server was told of each part of the API without a transaction having begun behind that.
    rumours: BTreeMap<i64, u64>,
    /// The queries and transactions that the server has failed, in their order, and whether another try is welcome.
    pub(super) failures: Vec<(u64, bool)>,
    /// The transactions that write and whose COMMIT has reached the server, until it is known to have failed.
    pub(super) commits: BTreeSet<u64>,
    /// Where the answers to commits end, by the tags of their transactions.
    pub(super) answered: BTreeMap<u64, (ConnId, u64)>,
    pub(super) causality: Causality,
    /// The queries and transactions whose failures somebody was told of.
    told: BTreeSet<u64>,
    pub(super) violations: Vec<String>,
    /// How many calls have failed.
    pub(super) failed: usize,
    /// How many connections were broken or refused.
    pub(super) breaks: u64,
    /// How many callers were told of a connection that was broken or refused.
    pub(super) losses: u64,
    /// When an open connection broke last.
    pub(super) last_break: Nanos,
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

    pub(super) fn begin(&mut self, statement: Statement, attempt: u64, conn: ConnId) -> ExecutionId {
        self.executions.push(Execution {
            statement,
            attempt,
            conn,
            rows: Vec::new(),
            ended: false,
            failed: false,
            committed: false,
        });
        self.executions.len() - 1
    }

    /// How a query fails at this point, if it still does.
    pub(super) fn plan(&mut self, statement: &Statement, at: FailAt) -> Option<Failure> {
        let fail = statement.fail.filter(|fail| fail.at == at)?;
        let times = self.planned.entry(statement.id).or_default();
        *times += 1;
        (*times <= fail.times).then_some(fail)
    }

    /// A call of this part of the API begins.
    pub(super) fn uses(&mut self, tag: u64, api: i64) {
        self.apis.insert(tag, (api, false));
    }

    /// A server is told of a part of the API.
    pub(super) fn hear(&mut self, api: i64) {
        *self.rumours.entry(api).or_default() += 1;
    }

    /// A transaction begins; right before it, the server was told that much. What is wrong with that, if anything is.
    pub(super) fn check_api(&mut self, tag: u64, said: Option<i64>, due: bool) -> Option<String> {
        let (api, told) = self.apis.get_mut(&tag)?;
        match said {
            Some(said) => {
                *told = true;
                let rumours = self.rumours.entry(said).or_default();
                *rumours = rumours.saturating_sub(1);
                (said != *api).then(|| format!("told as one of API {said}, not {api}"))
            }
            // Whose beginning was lost behind the news has told all the same.
            None if due && !*told => {
                *told = true;
                let rumours = self.rumours.entry(*api).or_default();
                let unheard = *rumours == 0;
                *rumours = rumours.saturating_sub(1);
                unheard.then(|| "the server was not told of its API".to_owned())
            }
            None => None,
        }
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

    /// What has become of an auto-commit query is known, as far as it ever will be.
    pub(super) fn over(&mut self, statement: u64) {
        self.over.insert(statement);
    }

    pub(super) fn is_over(&self, statement: u64) -> bool {
        self.over.contains(&statement)
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

    /// It has failed anew.
    pub(super) fn untell(&mut self, id: u64) {
        self.told.remove(&id);
    }

    pub(super) fn is_told(&self, id: u64) -> bool {
        self.told.contains(&id)
    }

    /// Somebody reads a result of this page size.
    pub(super) fn read_by(&mut self, statement: u64, attempt: u64, page: Option<u64>) {
        let unread = Reading { taken: 0, page };
        self.readings.entry((statement, attempt)).or_insert(unread).page = page;
    }

    /// Its reader has taken so many rows, or is about to.
    pub(super) fn took(&mut self, statement: u64, attempt: u64, rows: u64) {
        if let Some(reading) = self.readings.get_mut(&(statement, attempt)) {
            reading.taken += rows;
        }
    }

    /// The server is asked for rows of an execution: for no more than its reader can want.
    pub(super) fn asked(&mut self, execution: ExecutionId, count: Option<u64>) {
        let execution = &self.executions[execution];
        let Some(Reading {
            taken,
            page: Some(page),
        }) = self
            .readings
            .get(&(execution.statement.id, execution.attempt))
            .copied()
        else {
            return;
        };
        let unread = (execution.rows.len() as u64).saturating_sub(taken);
        // The next page is asked for when at most nine tenths of the last one are left.
        let allowed = page + page * 9 / 10;
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
