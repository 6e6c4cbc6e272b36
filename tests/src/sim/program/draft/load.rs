//! Draws loads.

use std::collections::BTreeMap;

use super::Draft;
use crate::sim::clock::{MICRO, SECOND};
use crate::sim::loads::BatchLimits;
use crate::sim::program::{Flaw, Load, Query, Source};
use crate::sim::statement::{FailAt, Verb};

/// About how many batches a load has at most.
const MOST_BATCHES: u64 = 30;

impl Draft<'_> {
    pub(super) fn load(&mut self) -> Load {
        // With tiny windows, long requests would take more events than everything else.
        let wide = self.weather.net.window >= 4_096;
        let rows = if wide && self.rng.one_in(6) {
            self.rng.between(500, 1_200)
        } else {
            self.rng.pick(&[0, 1, 2, 5, 12, 30])
        };
        let padding = if self.rng.one_in(3) {
            self.rng
                .magnitude(1, if wide { 60_000 } else { 3_000 } / (rows + 1))
        } else {
            0
        };
        let batches = self.batch_limits(rows, padding);
        let mut load = Load {
            query: self.query_of_load(rows),
            fails_in: 0,
            padding,
            batches,
            auto_commit: self.rng.one_in(4),
            source: self.source(rows),
        };
        let batches = load.batches();
        self.next_id += batches.len() as u64;
        if batches.len() > 0 {
            load.fails_in = self.rng.between(0, batches.len() as u64 - 1);
            let in_batch = batches.rows(load.fails_in as usize);
            if let Some(fail) = &mut load.query.statement.fail
                && let FailAt::Row(row) = &mut fail.at
            {
                *row %= in_batch;
            }
        }
        load
    }

    fn query_of_load(&mut self, rows: u64) -> Query {
        let mut query = self.query();
        let statement = &mut query.statement;
        (statement.verb, statement.rows) = (Verb::Add, rows);
        statement.columns = statement.columns && self.rng.one_in(2);
        statement.size %= 6_000 / (rows + 1);
        query
    }

    fn batch_limits(&mut self, rows: u64, padding: u64) -> BatchLimits {
        let least = rows / MOST_BATCHES;
        let of_rows = match self.rng.between(0, 4) {
            0 => None,
            1 => Some(rows),
            _ => Some(self.rng.magnitude(1, rows.max(1)).max(least)),
        };
        let all = rows * (padding + 6);
        let of_bytes = self.rng.one_in(3);
        let bytes = self.rng.magnitude(0, 40_000).max(all / MOST_BATCHES);
        BatchLimits {
            rows: of_rows,
            bytes: of_bytes.then_some(bytes),
        }
    }

    fn source(&mut self, rows: u64) -> Source {
        let flaw = match self.rng.between(0, 15) {
            0 => Some(Flaw::Fails(self.rng.between(0, rows))),
            1 if rows > 0 => Some(Flaw::CannotBeSent(self.rng.between(0, rows - 1))),
            _ => None,
        };
        let streams = self.rng.one_in(2);
        let mut waits = BTreeMap::new();
        for _ in 0..self.rng.pick(&[0, 1, 3]) {
            let row = self.rng.between(0, rows);
            waits.insert(row, self.rng.magnitude(MICRO, SECOND));
        }
        Source {
            streams,
            fallible: matches!(flaw, Some(Flaw::Fails(_))) || self.rng.one_in(2),
            waits,
            flaw,
        }
    }
}
