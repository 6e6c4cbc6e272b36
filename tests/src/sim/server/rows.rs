//! Rows, which come into being when they are requested.

use bolt_proto::value::{Map, MapEncoder, Value};
use bolt_proto::{Access, EncodeError};

use super::Open;
use super::answer::Cause;
use super::job::{Progress, Stage};
use crate::sim::clock::MICRO;
use crate::sim::database::TxId;
use crate::sim::history::ExecutionId;
use crate::sim::net::ConnId;
use crate::sim::state::State;
use crate::sim::statement::{FailAt, Statement};

impl State {
    /// Carries out one row of an execution. Returns its value.
    pub(super) fn carry_out(&mut self, tx: TxId, execution: ExecutionId) -> i64 {
        let statement = self.history.executions[execution].statement;
        let value = if statement.writes() {
            self.database.add(tx, statement.key, statement.by())
        } else {
            self.database.read(tx, statement.key)
        };
        self.history.executions[execution].rows.push(value);
        value
    }

    /// Carries out rows, and sends them unless they are discarded. `left`: how many of the requested ones.
    pub(super) fn rows(
        &mut self,
        conn: ConnId,
        query_id: Option<i64>,
        left: &mut Option<u64>,
        discard: bool,
        first: bool,
    ) -> Progress {
        if let Some(table) = self.conns[conn].actor.table.take() {
            return self.send_table(conn, table);
        }
        let Some(Open {
            id,
            results,
            newest,
            place,
            ..
        }) = &self.conns[conn].actor.tx
        else {
            return self.fail(conn, Cause::Server, false);
        };
        let (tx, query_id, place) = (*id, query_id.unwrap_or(*newest), *place);
        let Some(&execution) = results.get(&query_id) else {
            self.history
                .violation(format!("conn {conn}: rows requested from an ended result"));
            return self.fail(conn, Cause::Server, false);
        };
        let statement = self.history.executions[execution].statement;
        let cause = Cause::Query(statement.id);
        if let Some(code) = self.refuse_deposed(conn, place) {
            self.history.executions[execution].failed = true;
            return self.fail_as(conn, cause, code);
        }
        if first {
            if !discard && statement.columns {
                self.history.check_page_request(execution, *left);
            }
            if self.fails_by_itself(conn) {
                return self.fail_execution(conn, execution, true);
            }
        }
        let batch = self.conns[conn].actor.rng.magnitude(1, 64);
        for _ in 0..batch {
            let row = self.history.executions[execution].rows.len() as u64;
            if row >= statement.rows {
                return self.end_result(conn, tx, query_id, execution);
            }
            if *left == Some(0) {
                return self.end_page(conn);
            }
            if let Some(fail) = self.history.plan(&statement, FailAt::Row(row)) {
                self.note(|| format!("conn {conn}: row {row} fails {cause:?}"));
                return self.fail_execution(conn, execution, fail.transient);
            }
            let value = self.carry_out(tx, execution);
            if let Some(left) = left {
                *left -= 1;
            }
            if !discard {
                self.send_row(conn, execution, row, value);
            }
        }
        // A client that does not read blocks the server.
        if !self.server_sends(conn) {
            return Progress::Waits(Stage::Room);
        }
        Progress::Again(self.conns[conn].actor.rng.between(0, 20) * MICRO)
    }

    fn send_row(&mut self, conn: ConnId, execution: ExecutionId, row: u64, value: i64) {
        let statement = self.history.executions[execution].statement;
        let padding = "x".repeat(statement.size as usize);
        let answered = self.conns[conn].actor.proto.record(|list| {
            list.item(&(statement.id as i64))?;
            list.item(&(row as i64))?;
            list.item(&value)?;
            list.item(&padding)?;
            list.item(&(execution as i64))
        });
        self.expect(conn, answered);
    }

    fn end_page(&mut self, conn: ConnId) -> Progress {
        let answered = self.conns[conn]
            .actor
            .proto
            .success(|map| map.entry("has_more", &true));
        self.expect(conn, answered);
        Progress::Answered
    }

    /// Ends a result. An auto-commit query commits now.
    fn end_result(&mut self, conn: ConnId, tx: TxId, query_id: i64, execution: ExecutionId) -> Progress {
        let statement = self.history.executions[execution].statement;
        if let Some(fail) = self.history.plan(&statement, FailAt::End) {
            return self.fail_execution(conn, execution, fail.transient);
        }
        self.history.executions[execution].ended = true;
        let actor = &mut self.conns[conn].actor;
        let (explicit, access, tag) = actor.tx.as_mut().map_or((false, Access::Read, 0), |open| {
            open.results.remove(&query_id);
            (open.explicit, open.access, open.tag)
        });
        let mut bookmark = None;
        if !explicit {
            bookmark = Some(self.commit_now(conn, tx));
            self.conns[conn].actor.write_ended = access == Access::Write;
            if statement.writes() && self.loses_commit(conn) {
                return Progress::Lost;
            }
        }
        let answered = self.conns[conn]
            .actor
            .proto
            .success(|map| end(map, statement, bookmark.as_deref()));
        self.expect(conn, answered);
        if !explicit {
            self.commit_answered(conn, tag);
        }
        Progress::Answered
    }

    fn fail_execution(&mut self, conn: ConnId, execution: ExecutionId, transient: bool) -> Progress {
        self.history.executions[execution].failed = true;
        let id = self.history.executions[execution].statement.id;
        self.fail(conn, Cause::Query(id), transient)
    }
}

/// Writes the metadata at the end of a result.
fn end(map: &mut MapEncoder<'_>, statement: Statement, bookmark: Option<&str>) -> Result<(), EncodeError> {
    if let Some(bookmark) = bookmark {
        map.entry("bookmark", bookmark)?;
    }
    if statement.writes() {
        let mut changes = Map::new();
        changes.insert("properties-set", statement.rows as i64);
        map.entry("stats", &Value::Map(changes))?;
    }
    map.entry("type", if statement.writes() { "rw" } else { "r" })?;
    map.entry("t_last", &1_i64)
}
