//! Converts values between the wire and the engine.

mod graph;
mod temporal;

use std::collections::{BTreeMap, HashMap};

use boltr::error::BoltError;
use boltr::server::BoltRecord;
use boltr::types::{BoltDict, BoltValue};
use graphdblite::{Record, Value};

use crate::failures::failure;

/// Converts the parameters of a statement.
///
/// # Errors
///
/// If the engine does not support a parameter or a part of it. The message names the parameter and the type.
pub(crate) fn parameters(parameters: &BoltDict) -> Result<HashMap<String, Value>, BoltError> {
    parameters
        .iter()
        .map(|(name, value)| match to_engine(value) {
            Ok(value) => Ok((name.clone(), value)),
            Err(Unsupported(what)) => Err(failure(
                "Neo.ClientError.Statement.TypeError",
                format!("The embedded engine cannot take the parameter `{name}`: {what}"),
            )),
        })
        .collect()
}

/// Converts a row of a result.
///
/// # Errors
///
/// If Bolt does not support a value. The message names the column.
pub(crate) fn record(record: &Record) -> Result<BoltRecord, BoltError> {
    let values = record
        .iter()
        .map(|(column, value)| {
            to_bolt(value).map_err(|Unsupported(what)| {
                failure(
                    "Neo.DatabaseError.Statement.ExecutionFailed",
                    format!("The embedded engine cannot return the column `{column}`: {what}"),
                )
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(BoltRecord { values })
}

/// The reason why the other side does not support a value.
#[derive(Debug)]
struct Unsupported(&'static str);

fn to_engine(value: &BoltValue) -> Result<Value, Unsupported> {
    Ok(match value {
        BoltValue::Null => Value::Null,
        BoltValue::Boolean(value) => Value::Bool(*value),
        BoltValue::Integer(value) => Value::I64(*value),
        BoltValue::Float(value) => Value::F64(*value),
        BoltValue::String(value) => Value::String(value.clone()),
        BoltValue::List(values) => Value::List(values.iter().map(to_engine).collect::<Result<_, _>>()?),
        BoltValue::Dict(entries) => Value::Map(map_to_engine(entries)?),
        BoltValue::Date(date) => temporal::date(date)?,
        BoltValue::Time(time) => temporal::time(time)?,
        BoltValue::LocalTime(time) => temporal::local_time(time)?,
        BoltValue::DateTime(time) => temporal::date_time(time)?,
        BoltValue::DateTimeZoneId(time) => temporal::date_time_zone_id(time)?,
        BoltValue::LocalDateTime(time) => temporal::local_date_time(time)?,
        BoltValue::Duration(duration) => temporal::duration(duration)?,
        BoltValue::Bytes(_) => return Err(Unsupported("it has no byte arrays")),
        BoltValue::Point2D(_) | BoltValue::Point3D(_) => return Err(Unsupported("it has no points")),
        BoltValue::Node(_)
        | BoltValue::Relationship(_)
        | BoltValue::UnboundRelationship(_)
        | BoltValue::Path(_) => {
            return Err(Unsupported("nodes, relationships and paths cannot be parameters"));
        }
    })
}

fn map_to_engine(entries: &BoltDict) -> Result<BTreeMap<String, Value>, Unsupported> {
    entries
        .iter()
        .map(|(key, value)| Ok((key.clone(), to_engine(value)?)))
        .collect()
}

fn to_bolt(value: &Value) -> Result<BoltValue, Unsupported> {
    Ok(match value {
        Value::Null => BoltValue::Null,
        Value::Bool(value) => BoltValue::Boolean(*value),
        Value::I64(value) => BoltValue::Integer(*value),
        Value::F64(value) => BoltValue::Float(*value),
        Value::String(value) => BoltValue::String(value.clone()),
        Value::List(values) => BoltValue::List(values.iter().map(to_bolt).collect::<Result<_, _>>()?),
        Value::Map(entries) => BoltValue::Dict(map_to_bolt(entries.iter())?),
        Value::Node(node) => BoltValue::Node(graph::node(node)?),
        Value::Edge(edge) => BoltValue::Relationship(graph::relationship(edge)?),
        Value::Path(path) => BoltValue::Path(graph::path(path)?),
        Value::Date(date) => temporal::from_date(date.0),
        Value::LocalTime(time) => temporal::from_local_time(time.0),
        Value::Time(time) => temporal::from_time(time.0, time.1),
        Value::LocalDateTime(time) => temporal::from_local_date_time(time.0),
        Value::DateTime(time) => temporal::from_date_time(time.0, time.1, time.2.as_deref()),
        Value::Duration(length) => {
            temporal::from_duration(length.months, length.days, length.seconds, length.nanos)?
        }
    })
}

fn map_to_bolt<'a>(entries: impl Iterator<Item = (&'a String, &'a Value)>) -> Result<BoltDict, Unsupported> {
    entries
        .map(|(key, value)| Ok((key.clone(), to_bolt(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_come_back_unchanged() {
        let values = [
            BoltValue::Null,
            BoltValue::Boolean(true),
            BoltValue::Integer(i64::MIN),
            BoltValue::Float(-0.5),
            BoltValue::from("Éponine"),
            BoltValue::List(vec![BoltValue::Integer(1), BoltValue::List(Vec::new())]),
            BoltValue::Dict(BoltDict::from([("a".to_owned(), BoltValue::Null)])),
        ];
        for value in values {
            let there = to_engine(&value).expect("the engine has it");
            assert_eq!(to_bolt(&there).expect("it is plain"), value);
        }
    }

    #[test]
    fn an_unsupported_parameter_is_refused_by_name() {
        let bytes = BoltValue::List(vec![BoltValue::Bytes(vec![1])]);
        let refused = parameters(&BoltDict::from([("blob".to_owned(), bytes)])).expect_err("no bytes");
        assert_eq!(
            refused.to_string(),
            "query error Neo.ClientError.Statement.TypeError: \
             The embedded engine cannot take the parameter `blob`: it has no byte arrays"
        );
    }
}
