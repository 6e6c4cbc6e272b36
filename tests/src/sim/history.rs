//! What happened: each execution of a query, and what was promised to its caller.

use std::collections::{BTreeMap, BTreeSet};

use super::causality::Causality;
use super::clock::Nanos;
use super::loads::Loading;
use super::logins::Logins;
use super::net::ConnId;
use super::statement::{FailAt, Failure, Statement};

/// The name of an execution, in the order of their beginnings.
pub(super) type ExecutionId = usize;

/// One execution of a query by a server. A query is executed several times if the driver retries it.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) statement: Statement,
    /// The attempt of the transaction function that it belongs to; 0 for other queries.
    pub(super) attempt: u64,
    pub(super) conn: ConnId,
    /// The value of each row that was carried out.
    pub(super) rows: Vec<i64>,
    /// Whether its end was reached.
    pub(super) ended: bool,
    /// Whether the server has reported its failure.
    pub(super) failed: bool,
    pub(super) committed: bool,
}

/// What a caller knows about a query that writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// It is committed.
    Once,
    /// It is not committed.
    Never,
    /// It may be committed.
    AtMostOnce,
    /// Its result was dropped unread: it is committed unless the connection breaks or the server fails.
    Abandoned,
}

/// How far a result has been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// How many rows its reader has taken.
    pub(super) taken: u64,
    /// The reader's page size; `None` for all rows.
    pub(super) page: Option<u64>,
}

/// A handshake of TLS that could not succeed, however often it is repeated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    /// The task that was polled when the connection was made.
    pub(super) task: u64,
    /// When it was made.
    pub(super) made: Nanos,
}

/// Everything that the judges need.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) executions: Vec<Execution>,
    promises: BTreeMap<u64, Promise>,
    /// By query and attempt.
    readings: BTreeMap<(u64, u64), Reading>,
    /// Auto-commit queries with results that were dropped unread, read-only ones included.
    abandoned: BTreeSet<u64>,
    /// Auto-commit queries with a known outcome, or with callers that have given them up.
    settled: BTreeSet<u64>,
    /// How often each query has reached its planned failure.
    planned: BTreeMap<u64, u64>,
    /// The part of the API that each call uses, by tag, and whether the server has received telemetry of it.
    apis: BTreeMap<u64, (i64, bool)>,
    /// Telemetry messages for each part of the API that no transaction has followed yet.
    unmatched_telemetry: BTreeMap<i64, u64>,
    /// The failed queries and transactions in order, and whether each failure is transient.
    pub(super) failures: Vec<(u64, bool)>,
    /// Writing transactions with a COMMIT that has reached the server, unless it is known to have failed.
    pub(super) commits: BTreeSet<u64>,
    /// The loads that were begun, by their ids.
    pub(super) loads: BTreeMap<u64, Loading>,
    /// Where the answers to commits end in the byte stream, by transaction tag.
    pub(super) answered: BTreeMap<u64, (ConnId, u64)>,
    pub(super) causality: Causality,
    pub(super) logins: Logins,
    /// The queries and transactions with failures that were reported to a caller.
    reported: BTreeSet<u64>,
    pub(super) violations: Vec<String>,
    /// How many calls have failed.
    pub(super) failed: usize,
    /// How many connections were broken or refused.
    pub(super) breaks: u64,
    /// The handshakes of TLS that could not succeed.
    pub(super) refusals: Vec<Refusal>,
    /// The tasks for which a name could not be looked up, and when.
    pub(super) unresolved: Vec<(u64, Nanos)>,
    /// Whether a server has closed a connection without announcing that.
    pub(super) cuts: bool,
    /// How many callers got an error about a broken or refused connection.
    pub(super) losses: u64,
    /// When an open connection last broke.
    pub(super) last_break: Nanos,
    /// The driver is being closed, or was closed.
    pub(super) closing: bool,
    /// Whether abandoned writes may be lost: the driver was closed early, in too little time, or dropped.
    pub(super) abandoned_may_be_lost: bool,
}

impl History {
    /// Records a violation.
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

    /// Returns how the query fails at this point, unless it has failed often enough.
    pub(super) fn plan(&mut self, statement: &Statement, at: FailAt) -> Option<Failure> {
        let fail = statement.fail.filter(|fail| fail.at == at)?;
        let times = self.planned.entry(statement.id).or_default();
        *times += 1;
        (*times <= fail.times).then_some(fail)
    }

    /// Notes the part of the API that a call uses.
    pub(super) fn note_api(&mut self, tag: u64, api: i64) {
        self.apis.insert(tag, (api, false));
    }

    /// Notes a TELEMETRY message.
    pub(super) fn note_telemetry(&mut self, api: i64) {
        *self.unmatched_telemetry.entry(api).or_default() += 1;
    }

    /// Checks the telemetry `said` right before a transaction began. Returns the problem, if any.
    pub(super) fn check_api(&mut self, tag: u64, said: Option<i64>, due: bool) -> Option<String> {
        let (api, reported) = self.apis.get_mut(&tag)?;
        match said {
            Some(said) => {
                *reported = true;
                let unmatched_telemetry = self.unmatched_telemetry.entry(said).or_default();
                *unmatched_telemetry = unmatched_telemetry.saturating_sub(1);
                (said != *api).then(|| format!("its telemetry names API {said}, not {api}"))
            }
            // TELEMETRY may have arrived for a call with a beginning that was lost.
            None if due && !*reported => {
                *reported = true;
                let unmatched_telemetry = self.unmatched_telemetry.entry(*api).or_default();
                let missing = *unmatched_telemetry == 0;
                *unmatched_telemetry = unmatched_telemetry.saturating_sub(1);
                missing.then(|| "it began without telemetry".to_owned())
            }
            None => None,
        }
    }

    /// Returns the executions of a query.
    pub(super) fn of(&self, statement: u64) -> impl Iterator<Item = &Execution> {
        self.executions
            .iter()
            .filter(move |execution| execution.statement.id == statement)
    }

    pub(super) fn promise(&mut self, statement: u64, promise: Promise) {
        self.promises.insert(statement, promise);
    }

    /// Notes that the result of an auto-commit query was dropped unread.
    pub(super) fn abandon(&mut self, statement: u64) {
        self.abandoned.insert(statement);
    }

    /// Notes that the outcome of an auto-commit query is as certain as it will ever be.
    pub(super) fn settle(&mut self, statement: u64) {
        self.settled.insert(statement);
    }

    pub(super) fn is_settled(&self, statement: u64) -> bool {
        self.settled.contains(&statement)
    }

    /// Whether the last query of a connection is one with an abandoned result. Its transaction may stay open until
    /// another caller reads the rest.
    pub(super) fn is_abandoned(&self, conn: ConnId) -> bool {
        let last = self
            .executions
            .iter()
            .rev()
            .find(|execution| execution.conn == conn);
        last.is_some_and(|last| self.abandoned.contains(&last.statement.id))
    }

    /// Notes that the failure of a query or transaction was reported to a caller.
    pub(super) fn report_failure(&mut self, id: u64) {
        self.reported.insert(id);
    }

    /// Notes a further failure, which was not reported yet.
    pub(super) fn forget_report(&mut self, id: u64) {
        self.reported.remove(&id);
    }

    pub(super) fn is_reported(&self, id: u64) -> bool {
        self.reported.contains(&id)
    }

    /// Notes the page size of a result's reader.
    pub(super) fn note_reader(&mut self, statement: u64, attempt: u64, page: Option<u64>) {
        let unread = Reading { taken: 0, page };
        self.readings.entry((statement, attempt)).or_insert(unread).page = page;
    }

    /// Notes that the reader has taken rows, or is about to.
    pub(super) fn note_taken(&mut self, statement: u64, attempt: u64, rows: u64) {
        if let Some(reading) = self.readings.get_mut(&(statement, attempt)) {
            reading.taken += rows;
        }
    }

    /// Checks a request for rows: it must not exceed what the reader's page allows.
    pub(super) fn check_page_request(&mut self, execution: ExecutionId, count: Option<u64>) {
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
        // The next page may be requested when at most nine tenths of the previous one are unread.
        let allowed = page + page * 9 / 10;
        if count.is_none_or(|count| unread + count > allowed) {
            let id = execution.statement.id;
            self.violation(format!(
                "query {id}: {count:?} rows requested with {unread} unread: too many for pages of {page}"
            ));
        }
    }

    /// Compares the outcome of each query that writes with what its caller was promised.
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
                wrong.push(format!("query {id}: committed, although no call has run it"));
            }
        }
        for (&id, &promise) in &self.promises {
            let committed = self.of(id).filter(|execution| execution.committed).count();
            let excused = self.abandoned_may_be_lost
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
                    "query {id}: committed {committed} times; its caller was promised {promise:?}"
                ));
            }
        }
        self.violations.extend(wrong);
    }
}
