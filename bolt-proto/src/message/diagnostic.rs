//! Diagnostic records.

use crate::packstream::ValueRef;
use crate::value::{FromValue, Map, Value};

/// What every record has; servers leave these entries out where they have these values.
const DEFAULTS: [(&str, &str); 3] = [
    ("OPERATION", ""),
    ("OPERATION_CODE", "0"),
    ("CURRENT_SCHEMA", "/"),
];

/// How many bytes a record may have to be read.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads a record and fills in what the server left out. What is no map, or too long, reads as an empty one.
pub(crate) fn read(record: Option<ValueRef<'_>>) -> Map {
    let record =
        record.filter(|record| matches!(record, ValueRef::Map(map) if map.encoded_len() <= MAX_BYTES));
    let mut filled: Map = DEFAULTS.into_iter().collect();
    for (name, value) in map(record) {
        filled.insert(name, value);
    }
    filled
}

/// A map as an owned one; what is no map, or cannot be read, as an empty one.
pub(crate) fn map(value: Option<ValueRef<'_>>) -> Map {
    match value.map(Value::from_value) {
        Some(Ok(Value::Map(map))) => map,
        _ => Map::default(),
    }
}

/// The entries that have to be sent.
#[cfg(feature = "peer")]
pub(crate) fn told(record: &Map) -> impl Iterator<Item = (&str, &Value)> + Clone {
    record.iter().filter(|(name, value)| {
        !DEFAULTS
            .iter()
            .any(|(known, default)| name == known && matches!(value, Value::String(s) if s == default))
    })
}

/// An entry that is a string.
pub(crate) fn string<'m>(record: &'m Map, name: &str) -> Option<&'m str> {
    match record.get(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
