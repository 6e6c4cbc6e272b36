//! How a server carries a query out.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::error::Escaped;
use crate::message::{Metadata, diagnostic};
use crate::value::{Map, Value};

/// A step of a plan, and those that it takes its rows from. Of a query that began with `PROFILE`, each step knows what
/// it cost.
///
/// `Display` shows the tree, a line for each step.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Plan {
    /// What the step does, such as `NodeByLabelScan@neo4j`.
    pub operator: String,
    /// How it does it. At the root, `string-representation` may hold the whole plan as a table.
    pub arguments: Map,
    /// The variables that it gives.
    pub identifiers: Vec<String>,
    /// What it cost, with `PROFILE`.
    pub cost: Option<Cost>,
    /// The steps that it takes its rows from.
    pub children: Vec<Self>,
}

/// What a step of a plan cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Cost {
    /// How often it went to the store.
    pub db_hits: i64,
    /// How many rows it gave.
    pub rows: i64,
    /// How often a page that it needed was in memory, if the server says.
    pub page_cache_hits: Option<i64>,
    /// How often a page that it needed was not in memory, if the server says.
    pub page_cache_misses: Option<i64>,
    /// The share of hits, if the server says.
    pub page_cache_hit_ratio: Option<f64>,
    /// How long it took, if the server says.
    pub time: Option<Duration>,
}

/// Plans are about as deep as their queries are complex. What lies deeper than this is left out.
const MAX_DEPTH: usize = 256;

impl Plan {
    pub(crate) fn read(step: Metadata<'_>) -> Self {
        Self::read_to(step, MAX_DEPTH)
    }

    fn read_to(step: Metadata<'_>, depth: usize) -> Self {
        let children = step
            .maps("children")
            .take(if depth == 0 { 0 } else { usize::MAX });
        Self {
            operator: step.string("operatorType").unwrap_or_default().to_owned(),
            arguments: diagnostic::map(step.value("args")),
            identifiers: step.strings("identifiers").map(ToOwned::to_owned).collect(),
            cost: Cost::read(step),
            children: children
                .map(|child| Self::read_to(child, depth.saturating_sub(1)))
                .collect(),
        }
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

impl Cost {
    /// `None` if the step has no such figures: a mere plan.
    fn read(step: Metadata<'_>) -> Option<Self> {
        let (db_hits, rows) = (step.integer("dbHits"), step.integer("rows"));
        if db_hits.is_none() && rows.is_none() {
            return None;
        }
        let nanoseconds = step.integer("time").and_then(|time| u64::try_from(time).ok());
        Some(Self {
            db_hits: db_hits.unwrap_or(0),
            rows: rows.unwrap_or(0),
            page_cache_hits: step.integer("pageCacheHits"),
            page_cache_misses: step.integer("pageCacheMisses"),
            page_cache_hit_ratio: step.float("pageCacheHitRatio"),
            time: nanoseconds.map(Duration::from_nanos),
        })
    }
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
