//! The queries that are asked one by one, and how each answer is compared with the data.

use std::fmt;

use bolt_client::{Access, EagerResult, Error, Query, Serde, query};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::graph::{Acquaintance, Company, Graph, Pair, count};

const CURIOUS: &str = "Gavroche";
const FROM: &str = "Napoleon";
const TO: &str = "Cosette";

/// A query with its purpose.
pub(crate) struct Step {
    /// What a person would say.
    pub(crate) title: &'static str,
    /// What is sent.
    pub(crate) text: String,
    pub(crate) query: Query,
    pub(crate) access: Access,
    check: Check,
}

type Check = fn(&EagerResult, &Graph) -> Result<Vec<String>, Wrong>;

impl Step {
    /// Compares an answer with the data, and puts it into lines.
    pub(crate) fn check(&self, answer: &EagerResult, graph: &Graph) -> Result<Vec<String>, Wrong> {
        (self.check)(answer, graph)
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

/// An answer that is not what the data say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Wrong {
    /// It is something else.
    #[error("expected {expected}, got {got}")]
    Different {
        /// By the data.
        expected: String,
        /// By the server.
        got: String,
    },
    /// It does not even have the right type.
    #[error("{0}")]
    Unreadable(#[from] Error),
}

/// Everything that is asked, in order. `label` is the label of people on this server.
pub(crate) fn steps(graph: &Graph, label: &str) -> Vec<Step> {
    let step = |title, access, text: &str, parameters: fn(Query, &Graph) -> Query, check| {
        let text = text.replace(":Person", &format!(":{label}"));
        Step {
            title,
            query: parameters(query(text.as_str()), graph),
            text,
            access,
            check,
        }
    };
    vec![
        step(
            "Load the characters",
            Access::Write,
            "UNWIND $names AS name\n\
             CREATE (:Person {name: name})\n\
             RETURN count(*) AS created",
            |query, graph| query.param("names", graph.names()),
            |answer, graph| created(answer, graph.names().len(), "nodes"),
        ),
        step(
            "Load the pairs that appear together, from a list of Rust structs",
            Access::Write,
            "UNWIND $pairs AS pair\n\
             MATCH (a:Person {name: pair.a}), (b:Person {name: pair.b})\n\
             CREATE (a)-[:APPEARS_WITH {chapters: pair.chapters}]->(b)\n\
             RETURN count(*) AS created",
            |query, graph| query.param("pairs", Serde(graph.pairs())),
            |answer, graph| created(answer, graph.pairs().len(), "relationships"),
        ),
        step(
            "List the characters",
            Access::Read,
            "MATCH (a:Person) RETURN a.name AS name",
            |query, _| query,
            all_names,
        ),
        step(
            "Which characters appear with the most others?",
            Access::Read,
            "MATCH (a:Person)-[r:APPEARS_WITH]-(b:Person)\n\
             RETURN a.name AS name, count(b) AS others, sum(r.chapters) AS chapters\n\
             ORDER BY others DESC, name LIMIT 5",
            |query, _| query,
            company,
        ),
        step(
            "Which two appear together most often?",
            Access::Read,
            "MATCH (a:Person)-[r:APPEARS_WITH]->(b:Person)\n\
             RETURN a.name AS a, b.name AS b, r.chapters AS chapters\n\
             ORDER BY chapters DESC, a, b LIMIT 3",
            |query, _| query,
            closest,
        ),
        step(
            "Which characters do Gavroche's friends meet, but not Gavroche?",
            Access::Read,
            "MATCH (a:Person {name: $name})-[:APPEARS_WITH]-(friend:Person)-[:APPEARS_WITH]-(other:Person)\n\
             WHERE other <> a AND NOT (a)-[:APPEARS_WITH]-(other)\n\
             RETURN other.name AS name, count(DISTINCT friend) AS through\n\
             ORDER BY through DESC, name LIMIT 5",
            |query, _| query.param("name", CURIOUS),
            friends_of_friends,
        ),
        step(
            "Which way leads from Napoleon to Cosette?",
            Access::Read,
            "MATCH (a:Person {name: $from}), (b:Person {name: $to})\n\
             MATCH p = shortestPath((a)-[:APPEARS_WITH*]-(b))\n\
             RETURN [n IN nodes(p) | n.name] AS names, length(p) AS steps",
            |query, _| query.param("from", FROM).param("to", TO),
            shortest_path,
        ),
    ]
}

/// The rows as Rust structs.
fn rows<T: DeserializeOwned>(answer: &EagerResult) -> Result<Vec<T>, Error> {
    answer.to()
}

/// That two things are the same.
fn same<T: PartialEq + fmt::Debug>(got: &T, expected: &T) -> Result<(), Wrong> {
    if got == expected {
        return Ok(());
    }
    Err(Wrong::Different {
        expected: format!("{expected:?}"),
        got: format!("{got:?}"),
    })
}

fn created(answer: &EagerResult, expected: usize, what: &str) -> Result<Vec<String>, Wrong> {
    let created = answer
        .records
        .iter()
        .map(|record| record.get("created"))
        .collect::<Result<Vec<i64>, _>>()?;
    same(&created, &vec![count(expected)])?;
    Ok(vec![format!("{expected} {what} created")])
}

/// The page that this driver is modelled on: records, summary and keys.
fn all_names(answer: &EagerResult, graph: &Graph) -> Result<Vec<String>, Wrong> {
    let EagerResult {
        records,
        summary,
        keys,
        ..
    } = answer;
    let mut names = records
        .iter()
        .map(|record| record.get("name"))
        .collect::<Result<Vec<String>, _>>()?;
    names.sort_unstable();
    same(&names.as_slice(), &graph.names())?;
    let keys: Vec<&str> = keys.iter().collect();
    same(&keys, &vec!["name"])?;

    let (shown, rest) = names.split_at(names.len().min(6));
    let milliseconds = summary
        .result_available_after()
        .map_or(0, |time| time.as_millis());
    Ok(vec![
        format!("records  {}, … and {} more", shown.join(", "), rest.len()),
        format!("keys     {}", keys.join(", ")),
        format!(
            "summary  {} in database {}, first record after {milliseconds} ms, from {}",
            summary
                .query_type()
                .map_or_else(|| "query".to_owned(), |class| format!("{class:?} query")),
            summary.database().unwrap_or("(unnamed)"),
            summary.server().agent(),
        ),
    ])
}

fn company(answer: &EagerResult, graph: &Graph) -> Result<Vec<String>, Wrong> {
    let ranking: Vec<Company> = rows(answer)?;
    same(&ranking, &graph.company(5))?;
    Ok(ranking
        .iter()
        .map(
            |Company {
                 name,
                 others,
                 chapters,
             }| format!("{name:<12}{others:>3} others,{chapters:>4} chapters"),
        )
        .collect())
}

fn closest(answer: &EagerResult, graph: &Graph) -> Result<Vec<String>, Wrong> {
    let pairs: Vec<Pair> = rows(answer)?;
    same(&pairs, &graph.closest(3))?;
    Ok(pairs
        .iter()
        .map(|Pair { a, b, chapters }| format!("{:<24}{chapters:>3} chapters", format!("{a} and {b}")))
        .collect())
}

fn friends_of_friends(answer: &EagerResult, graph: &Graph) -> Result<Vec<String>, Wrong> {
    let people: Vec<Acquaintance> = rows(answer)?;
    same(&people, &graph.friends_of_friends(CURIOUS, 5))?;
    Ok(people
        .iter()
        .map(|Acquaintance { name, through }| format!("{name:<16}through {through}"))
        .collect())
}

/// There may be several shortest ways: any of them is right, as long as each step is one.
fn shortest_path(answer: &EagerResult, graph: &Graph) -> Result<Vec<String>, Wrong> {
    #[derive(Debug, Deserialize)]
    struct Way {
        names: Vec<String>,
        steps: usize,
    }
    let ways: Vec<Way> = rows(answer)?;
    let ends = |way: &Way| (way.names.first().cloned(), way.names.last().cloned());
    same(
        &ways
            .iter()
            .map(|way| (Some(way.steps), ends(way)))
            .collect::<Vec<_>>(),
        &vec![(
            graph.distance(FROM, TO),
            (Some(FROM.to_owned()), Some(TO.to_owned())),
        )],
    )?;
    for way in &ways {
        let met = way
            .names
            .windows(2)
            .all(|step| matches!(step, [a, b] if graph.together(a, b).is_some()));
        same(&(met, way.names.len()), &(true, way.steps + 1))?;
    }
    Ok(ways
        .iter()
        .map(|way| format!("{} ({} steps)", way.names.join(" → "), way.steps))
        .collect())
}
