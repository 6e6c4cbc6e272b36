//! How a server carries a query out.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::error::Escaped;
use crate::message::{Metadata, diagnostic};
use crate::packstream::{ListRef, ValueRef};
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

    /// Looks at each entry once: one of them holds everything below this step.
    fn read_to(step: Metadata<'_>, depth: usize) -> Self {
        let mut plan = Self::default();
        let mut figures = Figures::default();
        for (key, value) in step.map().into_iter().flatten() {
            match (key, value) {
                ("operatorType", ValueRef::String(operator)) => operator.clone_into(&mut plan.operator),
                ("args", value) => plan.arguments = diagnostic::map(Some(value)),
                ("identifiers", ValueRef::List(names)) => plan.identifiers = strings(names),
                ("children", ValueRef::List(children)) if depth > 0 => {
                    plan.children = maps(children)
                        .map(|child| Self::read_to(child, depth.saturating_sub(1)))
                        .collect();
                }
                (key, value) => figures.read(key, value),
            }
        }
        plan.cost = figures.cost();
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

/// What a step says about its cost.
#[derive(Default)]
struct Figures {
    db_hits: Option<i64>,
    rows: Option<i64>,
    cost: Cost,
}

impl Figures {
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

    /// `None` if the step has no such figures: a mere plan.
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
