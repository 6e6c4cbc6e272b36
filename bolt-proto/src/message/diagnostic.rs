//! Diagnostic records.

use alloc::borrow::ToOwned;

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
    let defaults = DEFAULTS
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()));
    // A peer may send any number of entries, so they are not inserted one by one.
    defaults.chain(map(record)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packstream::{MapRef, Reader, write};

    /// Comparing each entry with all before it would take minutes.
    #[test]
    fn a_record_of_many_entries_is_read_in_linear_time() {
        let mut bytes = alloc::vec::Vec::new();
        write::map_header(&mut bytes, 100_001).unwrap();
        for number in 0..100_000 {
            write::string(&mut bytes, &alloc::format!("{number}")).unwrap();
            write::null(&mut bytes);
        }
        bytes.extend(b"\x89OPERATION\x81x");
        let record = Reader::new(&bytes).value().unwrap();
        assert!(matches!(record, ValueRef::Map(map) if MapRef::len(&map) == 100_001));
        let record = read(Some(record));
        assert_eq!((record.len(), string(&record, "OPERATION")), (100_003, Some("x")));
        assert_eq!(record.keys().next(), Some("OPERATION"));
    }
}
