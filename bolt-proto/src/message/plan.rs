//! Plans: how a server executes a query.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::error::Escaped;
use crate::message::{Metadata, diagnostic};
use crate::packstream::{ListRef, ValueRef};
use crate::value::{Map, Value};

/// A step of a query plan, with the steps that it takes its rows from.
///
/// The steps of a query that began with `PROFILE` carry their cost. `Display` shows the tree, one line per step.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The operation of the step, such as `NodeByLabelScan@neo4j`.
    pub operator: String,
    /// The arguments of the operation. At the root, `string-representation` may hold the whole plan as a table.
    pub arguments: Map,
    /// The variables that the step produces.
    pub identifiers: Vec<String>,
    /// The cost of the step, with `PROFILE`.
    pub cost: Option<Cost>,
    /// The steps that this step takes its rows from.
    pub children: Vec<Self>,
}

/// The cost of a step of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Cost {
    /// The number of accesses to the store.
    pub db_hits: i64,
    /// The number of rows that the step produced.
    pub rows: i64,
    /// The number of pages that were found in memory, if the server reports it.
    pub page_cache_hits: Option<i64>,
    /// The number of pages that were not found in memory, if the server reports it.
    pub page_cache_misses: Option<i64>,
    /// The share of pages that were found in memory, if the server reports it.
    pub page_cache_hit_ratio: Option<f64>,
    /// The time that the step took, if the server reports it.
    pub time: Option<Duration>,
}

/// The maximum depth of a plan. Plans are about as deep as their queries are complex; deeper steps are
/// left out.
const MAX_DEPTH: usize = 256;

impl Plan {
    pub(crate) fn read(step: Metadata<'_>) -> Self {
        Self::read_up_to(step, MAX_DEPTH)
    }

    /// Reads a step in one pass over its entries, because one of them holds everything below this step.
    fn read_up_to(step: Metadata<'_>, depth: usize) -> Self {
        let mut plan = Self::default();
        let mut cost_entries = CostEntries::default();
        for (key, value) in step.map().into_iter().flatten() {
            match (key, value) {
                ("operatorType", ValueRef::String(operator)) => operator.clone_into(&mut plan.operator),
                ("args", value) => plan.arguments = diagnostic::map(Some(value)),
                ("identifiers", ValueRef::List(names)) => plan.identifiers = strings(names),
                ("children", ValueRef::List(children)) if depth > 0 => {
                    plan.children = maps(children)
                        .map(|child| Self::read_up_to(child, depth.saturating_sub(1)))
                        .collect();
                }
                (key, value) => cost_entries.read(key, value),
            }
        }
        plan.cost = cost_entries.cost();
        plan
    }

    fn print(&self, depth: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:1$}+ {2}",
            "",
            depth.saturating_mul(2),
            Escaped(&self.operator)
        )?;
        if !self.identifiers.is_empty() {
            write!(f, " ({})", Escaped(&self.identifiers.join(", ")))?;
        }
        if let Some(Value::String(details)) = self.arguments.get("Details") {
            let words = details.split_whitespace().collect::<Vec<_>>().join(" ");
            write!(f, " {}", Escaped(&words))?;
        }
        if let Some(cost) = &self.cost {
            write!(f, " [{cost}]")?;
        }
        for child in &self.children {
            writeln!(f)?;
            child.print(depth.saturating_add(1), f)?;
        }
        Ok(())
    }
}

/// The entries of a step that describe its cost.
#[derive(Default)]
struct CostEntries {
    db_hits: Option<i64>,
    rows: Option<i64>,
    cost: Cost,
}

impl CostEntries {
    fn read(&mut self, key: &str, value: ValueRef<'_>) {
        match (key, value) {
            ("dbHits", ValueRef::Integer(hits)) => self.db_hits = Some(hits),
            ("rows", ValueRef::Integer(rows)) => self.rows = Some(rows),
            ("pageCacheHits", ValueRef::Integer(hits)) => self.cost.page_cache_hits = Some(hits),
            ("pageCacheMisses", ValueRef::Integer(misses)) => self.cost.page_cache_misses = Some(misses),
            ("pageCacheHitRatio", ValueRef::Float(ratio)) => self.cost.page_cache_hit_ratio = Some(ratio),
            ("time", ValueRef::Integer(time)) => {
                self.cost.time = u64::try_from(time).ok().map(Duration::from_nanos);
            }
            _ => {}
        }
    }

    /// Returns the cost. `None` if the step has no such entries, as in a plan without `PROFILE`.
    fn cost(self) -> Option<Cost> {
        if self.db_hits.is_none() && self.rows.is_none() {
            return None;
        }
        Some(Cost {
            db_hits: self.db_hits.unwrap_or(0),
            rows: self.rows.unwrap_or(0),
            ..self.cost
        })
    }
}

fn strings(list: ListRef<'_>) -> Vec<String> {
    let strings = list.into_iter().filter_map(|item| match item {
        Ok(ValueRef::String(text)) => Some(text.to_owned()),
        _ => None,
    });
    strings.collect()
}

fn maps(list: ListRef<'_>) -> impl Iterator<Item = Metadata<'_>> {
    list.into_iter().filter_map(|item| match item {
        Ok(ValueRef::Map(map)) => Some(Metadata::new(map)),
        _ => None,
    })
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(0, f)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, {} db hits", self.rows, self.db_hits)?;
        if let Some(time) = self.time {
            write!(f, ", {time:?}")?;
        }
        Ok(())
    }
}
