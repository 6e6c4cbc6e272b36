//! One value, read in every way.

use bolt_proto::packstream::{MapRef, Reader, ValueRef, skip};
use bolt_proto::value::{FromValue, Value};
use bolt_proto::{EncodeError, Query};

/// Reads the bytes as a value by skipping, as a view and as a tree, and encodes the tree.
pub fn packstream(data: &[u8]) {
    let skipped = skip(data);
    let mut views = Reader::new(data);
    let Ok(view) = views.value() else { return };
    // Only a known extent can be viewed; both ends must be the same.
    let len = skipped.expect("a value that can be viewed can be skipped");
    assert_eq!(
        views.rest().len(),
        data.len() - len,
        "a view ends where skipping ends"
    );
    let alone = Reader::new(&data[..len]).value();
    // A NaN differs from itself, so views are compared by their output.
    assert_eq!(
        format!("{alone:?}"),
        format!("Ok({view:?})"),
        "what follows a value does not matter"
    );
    walk(view, 0);

    let by_view = Value::from_value(view);
    let mut trees = Reader::new(data);
    let by_cursor = Value::read(&mut trees);
    assert_eq!(by_view.is_ok(), by_cursor.is_ok(), "{by_view:?}, {by_cursor:?}");
    let (Ok(by_view), Ok(by_cursor)) = (by_view, by_cursor) else {
        return;
    };
    assert_eq!(
        trees.rest().len(),
        data.len() - len,
        "a tree ends where skipping ends"
    );
    match (encoded(&by_view), encoded(&by_cursor)) {
        (Ok(sent), Ok(again)) => {
            assert_eq!(sent, again, "two readings of one value differ");
            survives(&sent);
        }
        (sent, again) => assert_eq!(sent, again),
    }
}

/// Encoded bytes must decode to the same value, which must encode to the same bytes.
fn survives(sent: &[u8]) {
    let mut reader = Reader::new(sent);
    let back = Value::read(&mut reader).expect("what was encoded can be decoded");
    assert!(reader.is_empty(), "one value was encoded");
    // Compared as bytes, because a NaN equals nothing.
    assert_eq!(encoded(&back).as_deref(), Ok(sent));
}

/// Encodes the value alone, as a parameter contains it.
pub(crate) fn encoded(value: impl bolt_proto::value::ToValue) -> Result<Vec<u8>, EncodeError> {
    let query = Query::new("").param("v", value);
    query.check().map_err(Clone::clone)?;
    let entry = query.parameters().bytes;
    Ok(entry
        .strip_prefix(b"\x81v")
        .expect("an entry starts with its key")
        .to_vec())
}

/// The depth to which maps are searched: each level visits all those below it.
const SEARCHED_LEVELS: usize = 3;

/// Visits everything that is observable about a value.
fn walk(value: ValueRef<'_>, level: usize) {
    assert!(!value.kind().is_empty());
    match value {
        ValueRef::List(list) => {
            let items = list
                .iter()
                .map_while(Result::ok)
                .inspect(|item| walk(*item, level + 1))
                .count();
            assert!(items <= list.len());
        }
        ValueRef::Map(map) => {
            let entries = map
                .iter()
                .map_while(Result::ok)
                .inspect(|(_, value)| walk(*value, level + 1))
                .count();
            if entries == map.len() && level < SEARCHED_LEVELS {
                look_up(map);
            }
        }
        ValueRef::Structure(structure) => {
            let fields = structure
                .fields()
                .map_while(Result::ok)
                .inspect(|field| walk(*field, level + 1))
                .count();
            assert!(fields <= structure.len());
        }
        _ => {}
    }
}

/// Of several entries under one key the last one must be found. The first few keys are enough to show that.
fn look_up(map: MapRef<'_>) {
    for (key, _) in map.iter().take(8).flatten() {
        let last = map.iter().flatten().filter(|(other, _)| *other == key).last();
        let found = map.get(key).ok().flatten();
        assert_eq!(
            format!("{found:?}"),
            format!("{:?}", last.map(|(_, value)| value))
        );
    }
}
