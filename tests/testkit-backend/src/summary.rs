//! Summaries and statuses as messages of TestKit.

use std::time::Duration;

use bolt_client::types::Map;
use bolt_client::{Notification, Plan, Position, QueryType, ServerInfo, Status, Summary, Value, Version};
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::answer::{Failure, known};
use crate::cypher;
use crate::request::Entries;

/// Encodes a summary. The driver does not keep parameters: `parameters` are those of the request.
pub(crate) fn summary(summary: &Summary, parameters: &Entries) -> Result<Json, Failure> {
    let statuses = summary.statuses().iter().map(status);
    Ok(json!({
        "counters": counters(summary),
        "database": summary.database(),
        "notifications": notifications(summary),
        "gqlStatusObjects": statuses.collect::<Result<Vec<_>, _>>()?,
        "plan": summary.plan().map(plan),
        "profile": summary.profile().map(plan),
        "query": {"text": summary.query(), "parameters": parameters},
        "queryType": summary.query_type().map(query_type).transpose()?,
        "resultAvailableAfter": summary.result_available_after().map(milliseconds),
        "resultConsumedAfter": summary.result_consumed_after().map(milliseconds),
        "serverInfo": server_info(summary.server()),
    }))
}

pub(crate) fn server_info(server: &ServerInfo) -> Json {
    json!({
        "address": server.address().to_string(),
        "agent": server.agent(),
        "protocolVersion": server.protocol_version().to_string(),
    })
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn query_type(query_type: QueryType) -> Result<&'static str, Failure> {
    match query_type {
        QueryType::Read => Ok("r"),
        QueryType::Write => Ok("w"),
        QueryType::ReadWrite => Ok("rw"),
        QueryType::Schema => Ok("s"),
        // A query that ran does not fail for that. In Python it does.
        other => Err(Failure::DoesNotCompile {
            error_type: "<class 'neo4j._exceptions.BoltProtocolError'>",
            message: format!("TestKit has no name for a query whose type is {other}"),
        }),
    }
}

fn counters(summary: &Summary) -> Json {
    let counters = summary.counters();
    json!({
        "constraintsAdded": counters.constraints_added,
        "constraintsRemoved": counters.constraints_removed,
        "containsSystemUpdates": counters.contains_system_updates(),
        "containsUpdates": counters.contains_updates(),
        "indexesAdded": counters.indexes_added,
        "indexesRemoved": counters.indexes_removed,
        "labelsAdded": counters.labels_added,
        "labelsRemoved": counters.labels_removed,
        "nodesCreated": counters.nodes_created,
        "nodesDeleted": counters.nodes_deleted,
        "propertiesSet": counters.properties_set,
        "relationshipsCreated": counters.relationships_created,
        "relationshipsDeleted": counters.relationships_deleted,
        "systemUpdates": counters.system_updates,
    })
}

const SEVERITIES: [&str; 2] = ["WARNING", "INFORMATION"];

const CATEGORIES: [&str; 9] = [
    "HINT",
    "UNRECOGNIZED",
    "UNSUPPORTED",
    "PERFORMANCE",
    "DEPRECATION",
    "GENERIC",
    "SECURITY",
    "TOPOLOGY",
    "SCHEMA",
];

/// Without a list from the server, the list is null in Python, before Bolt 5.6.
fn notifications(summary: &Summary) -> Json {
    let notifications = summary.notifications();
    if !summary.reports_notifications() && summary.server().protocol_version() < Version::new(5, 6) {
        return Json::Null;
    }
    notifications.iter().map(notification).collect()
}

fn notification(notification: &Notification) -> Json {
    let mut message = json!({
        "title": notification.title,
        "code": notification.code,
        "description": notification.description,
        "severity": notification.severity.as_deref().unwrap_or_default(),
        "severityLevel": known(notification.severity.as_deref(), &SEVERITIES),
        "rawSeverityLevel": notification.severity.as_deref().unwrap_or_default(),
        "category": known(notification.category.as_deref(), &CATEGORIES),
        "rawCategory": notification.category.as_deref().unwrap_or_default(),
    });
    if let Some(at) = notification.position {
        message["position"] = position(at);
    }
    message
}

fn position(at: Position) -> Json {
    json!({"column": at.column, "offset": at.offset, "line": at.line})
}

fn status(status: &Status) -> Result<Json, Failure> {
    Ok(json!({
        "gqlStatus": status.gql_status,
        "statusDescription": status.status_description,
        "position": status.position().map(position),
        "classification": known(status.classification(), &CATEGORIES),
        "rawClassification": status.classification(),
        "severity": known(status.severity(), &SEVERITIES),
        "rawSeverity": status.severity(),
        "diagnosticRecord": cypher::entries(&status.diagnostic_record)?,
        "isNotification": status.is_notification(),
    }))
}

/// Encodes a plan as the server sent it.
fn plan(plan: &Plan) -> Json {
    let mut message = json!({
        "operatorType": plan.operator,
        "args": plain_map(&plan.arguments),
        "identifiers": plan.identifiers,
        "children": plan.children.iter().map(self::plan).collect::<Vec<_>>(),
    });
    if let Some(cost) = plan.cost {
        message["dbHits"] = json!(cost.db_hits);
        message["rows"] = json!(cost.rows);
        for (name, value) in [
            ("pageCacheHits", json!(cost.page_cache_hits)),
            ("pageCacheMisses", json!(cost.page_cache_misses)),
            ("pageCacheHitRatio", json!(cost.page_cache_hit_ratio)),
            ("time", json!(cost.time.map(|time| time.as_nanos() as u64))),
        ] {
            if !value.is_null() {
                message[name] = value;
            }
        }
    }
    message
}

fn plain_map(map: &Map) -> Json {
    let entries = map.iter().map(|(name, value)| (name.to_owned(), plain(value)));
    Json::Object(entries.collect::<JsonMap<_, _>>())
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::String(value) => json!(value),
        Value::List(values) => values.iter().map(plain).collect(),
        Value::Map(map) => plain_map(map),
        _ => Json::Null,
    }
}
