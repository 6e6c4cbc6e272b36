//! Batches of loads, as they arrive.

use bolt_proto::packstream::{MapRef, ValueRef};

use super::job::Job;
use crate::sim::loads::LoadQuery;
use crate::sim::net::ConnId;
use crate::sim::state::State;

/// A batch of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batch {
    load: LoadQuery,
    /// The number of its first row.
    first: u64,
    rows: u64,
}

impl Batch {
    /// Reads the rows, which must follow each other. Returns `None` if no driver sends such a batch.
    pub(super) fn of(load: LoadQuery, parameters: MapRef<'_>) -> Option<Self> {
        let Ok(Some(ValueRef::List(list))) = parameters.get("rows") else {
            return None;
        };
        let mut first = None;
        for (item, at) in list.iter().zip(0..) {
            let row = row(&load, item.ok()?)?;
            if row != *first.get_or_insert(row) + at {
                return None;
            }
        }
        Some(Self {
            load,
            first: first?,
            rows: list.len() as u64,
        })
    }
}

/// Returns the number of a row.
fn row(load: &LoadQuery, item: ValueRef<'_>) -> Option<u64> {
    let ValueRef::List(fields) = item else {
        return None;
    };
    let mut fields = fields.iter();
    let (Some(Ok(ValueRef::Integer(number))), Some(Ok(ValueRef::String(padding))), None) =
        (fields.next(), fields.next(), fields.next())
    else {
        return None;
    };
    let number = u64::try_from(number).ok()?;
    (padding.len() as u64 == load.padding(number)).then_some(number)
}

impl State {
    /// Names the query of a batch that has arrived, and checks that it is the one that is due.
    pub(super) fn name_batch(&mut self, conn: ConnId, job: &mut Job) {
        let Job::Run {
            statement,
            batch: Some(batch),
            opening,
            ..
        } = job
        else {
            return;
        };
        let Batch { load, first, rows } = *batch;
        let id = load.statement.id;
        let index = match self.history.find_batch(id, first, rows) {
            Ok(index) => index,
            Err(problem) => {
                let violation = format!("conn {conn}: load {id}: {problem}");
                return self.history.violation(violation);
            }
        };
        *statement = load.batch(index, rows);
        if self.history.commits.contains(&id) {
            self.history.violation(format!(
                "conn {conn}: batch {index} of load {id} is sent again after its COMMIT"
            ));
        }
        let auto_commit = self.conns[conn].actor.tx.is_none();
        let before = self.history.of(statement.id).count();
        if auto_commit && opening.access == bolt_proto::Access::Write && before > 0 {
            self.history.violation(format!(
                "conn {conn}: batch {index} of load {id} is sent again, although it was carried out"
            ));
        }
    }
}
