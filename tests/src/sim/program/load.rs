//! Loads of rows in batches.

use std::collections::BTreeMap;

use super::Query;
use crate::sim::clock::Nanos;
use crate::sim::loads::{BatchLimits, Batches, LoadQuery};
use crate::sim::statement::Statement;

/// A load.
#[derive(Debug)]
pub(in crate::sim) struct Load {
    /// The query of all rows, and the limits of the call; the deadline is that of each batch.
    pub(in crate::sim) query: Query,
    /// The batch that fails, if the query does.
    pub(in crate::sim) fails_in: u64,
    /// The longest padding of a row.
    pub(in crate::sim) padding: u64,
    pub(in crate::sim) batches: BatchLimits,
    /// Whether its batches are auto-commit queries.
    pub(in crate::sim) auto_commit: bool,
    pub(in crate::sim) source: Source,
}

/// Where the rows of a load come from.
#[derive(Debug, Clone)]
pub(in crate::sim) struct Source {
    /// Whether it is a stream, or else an iterator.
    pub(in crate::sim) streams: bool,
    /// Whether its rows may fail.
    pub(in crate::sim) fallible: bool,
    /// Before which rows a stream waits, and for how long.
    pub(in crate::sim) waits: BTreeMap<u64, Nanos>,
    pub(in crate::sim) flaw: Option<Flaw>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Flaw {
    /// The source fails in place of this row.
    Fails(u64),
    /// This row cannot be sent.
    CannotBeSent(u64),
}

impl Load {
    pub(in crate::sim) const fn id(&self) -> u64 {
        self.query.statement.id
    }

    pub(in crate::sim) const fn query(&self) -> LoadQuery {
        LoadQuery {
            statement: self.query.statement,
            fails_in: self.fails_in,
            padding: self.padding,
        }
    }

    pub(in crate::sim) fn batches(&self) -> Batches {
        Batches::of(&self.query(), self.batches)
    }

    /// Returns the query of each batch.
    pub(in crate::sim) fn statements(&self) -> Vec<Statement> {
        let (query, batches) = (self.query(), self.batches());
        let statement = |index| query.batch(index, batches.rows(index));
        (0..batches.len()).map(statement).collect()
    }
}

impl Flaw {
    pub(in crate::sim) const fn row(self) -> u64 {
        match self {
            Self::Fails(row) | Self::CannotBeSent(row) => row,
        }
    }
}
