//! Plans: how a server executes a query.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::error::{DecodeError, Escaped};
use crate::message::{Metadata, diagnostic};
use crate::packstream::{ListRef, Reader, Token, ValueRef};
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
        let map = step.map();
        let mut plan = Self::default();
        // Nothing fails here: the connection has checked the whole map. What does is left out.
        let _ = plan.read_entries(&mut map.reader(), map.len(), MAX_DEPTH);
        plan
    }

    /// Reads a step in one pass over its bytes: one of its entries holds everything below this step, so nothing is skipped
    /// before it is read.
    fn read_entries(&mut self, reader: &mut Reader<'_>, len: usize, depth: usize) -> Result<(), DecodeError> {
        let mut cost_entries = CostEntries::default();
        for _ in 0..len {
            match reader.key()? {
                "children" if depth > 0 => self.read_children(reader, depth.saturating_sub(1))?,
                key => match (key, reader.value()?) {
                    ("operatorType", ValueRef::String(operator)) => operator.clone_into(&mut self.operator),
                    ("args", value) => self.arguments = diagnostic::map(Some(value)),
                    ("identifiers", ValueRef::List(names)) => self.identifiers = strings(names),
                    (key, value) => cost_entries.read(key, value),
                },
            }
        }
        self.cost = cost_entries.cost();
        Ok(())
    }

    /// Reads the steps below this one. What is no list of maps is skipped.
    fn read_children(&mut self, reader: &mut Reader<'_>, depth: usize) -> Result<(), DecodeError> {
        let start = *reader;
        let Token::List(children) = reader.token()? else {
            *reader = start;
            return reader.skip().map(drop);
        };
        reader.enter()?;
        for _ in 0..children {
            let start = *reader;
            let Token::Map(len) = reader.token()? else {
                *reader = start;
                reader.skip()?;
                continue;
            };
            reader.enter()?;
            let mut child = Self::default();
            child.read_entries(reader, len, depth)?;
            self.children.push(child);
            reader.leave();
        }
        reader.leave();
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Output, ToValue};

    fn read(plan: &Value) -> Plan {
        let mut out = Output::default();
        out.one(|encoder| plan.to_value(encoder)).unwrap();
        let Ok(ValueRef::Map(map)) = Reader::new(&out.bytes).value() else {
            panic!("no map")
        };
        Plan::read(Metadata::new(map))
    }

    #[test]
    fn a_plan_is_read_with_its_steps_and_without_what_has_another_form() {
        let plan = crate::map! {
            "operatorType": "ProduceResults@neo4j",
            "args": crate::map! { "Details": "n", "planner": "COST" },
            "identifiers": crate::list!["n", 1],
            "children": crate::list![
                crate::map! { "operatorType": "A", "dbHits": 3, "rows": 2, "children": crate::list![] },
                7,
                crate::map! { "children": 1, "operatorType": "B" },
            ],
            "unknown": crate::list![1],
        };
        let plan = read(&plan.into());
        assert_eq!(
            (&*plan.operator, &plan.identifiers[..]),
            ("ProduceResults@neo4j", &["n".to_owned()][..])
        );
        assert_eq!(
            plan.arguments.get("planner").and_then(Value::as_str),
            Some("COST")
        );
        let children: Vec<_> = plan.children.iter().map(|child| &*child.operator).collect();
        assert_eq!(children, ["A", "B"]);
        assert_eq!(
            plan.children[0].cost.map(|cost| (cost.db_hits, cost.rows)),
            Some((3, 2))
        );
        assert_eq!(plan.cost, None);
    }

    /// Each level is read once. Reading what is below a level once more at each level would take minutes.
    #[test]
    fn a_deep_plan_is_read_in_one_pass() {
        let wide = (0..20_000).map(|n| crate::map! { "operatorType": alloc::format!("Step{n}") });
        let mut plan: Value = crate::map! { "children": wide.collect::<Value>() }.into();
        for _ in 0..200 {
            plan = crate::map! { "operatorType": "Deep", "children": crate::list![plan] }.into();
        }
        let mut depth = 0;
        let plan = read(&plan);
        let mut step = &plan;
        while let [child] = &step.children[..] {
            step = child;
            depth += 1;
        }
        assert_eq!((depth, step.children.len()), (200, 20_000));
    }
}
