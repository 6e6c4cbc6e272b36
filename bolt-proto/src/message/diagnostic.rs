//! Diagnostic records.

use crate::packstream::ValueRef;
use crate::value::{FromValue, Map, Value};

/// The entries of every record. Servers omit the entries that have these values.
const DEFAULTS: [(&str, &str); 3] = [
    ("OPERATION", ""),
    ("OPERATION_CODE", "0"),
    ("CURRENT_SCHEMA", "/"),
];

/// The largest record that is read, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads a record and fills in the entries that the server omitted. A value that is not a map, or is too long,
/// is read as an empty map.
pub(crate) fn read(record: Option<ValueRef<'_>>) -> Map {
    let record =
        record.filter(|record| matches!(record, ValueRef::Map(map) if map.encoded_len() <= MAX_BYTES));
    let mut filled: Map = DEFAULTS.into_iter().collect();
    for (name, value) in map(record) {
        filled.insert(name, value);
    }
    filled
}

/// Returns an owned map. A value that is not a map, or cannot be decoded, is read as an empty map.
pub(crate) fn map(value: Option<ValueRef<'_>>) -> Map {
    match value.map(Value::from_value) {
        Some(Ok(Value::Map(map))) => map,
        _ => Map::default(),
    }
}

/// Returns the entries that must be sent: those without their default value.
#[cfg(feature = "peer")]
pub(crate) fn without_defaults(record: &Map) -> impl Iterator<Item = (&str, &Value)> + Clone {
    record.iter().filter(|(name, value)| {
        !DEFAULTS
            .iter()
            .any(|(known, default)| name == known && matches!(value, Value::String(s) if s == default))
    })
}

/// Returns an entry if it is a string.
pub(crate) fn string<'m>(record: &'m Map, name: &str) -> Option<&'m str> {
    match record.get(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
