//! Rows that are loaded in batches, and rows that are read column by column.

use bolt_proto::packstream::Reader;
use bolt_proto::{Batch, Columns, FromValue, Keys, Query, RecordRef, Serde, Value};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

/// The first byte chooses; the rest are values.
pub fn rows(data: &[u8]) {
    let Some((&choice, data)) = data.split_first() else {
        return;
    };
    match choice % 3 {
        0 => columns(data),
        1 => batch(data),
        _ => markers(data),
    }
}

/// Reading column by column agrees with reading each column by itself.
fn columns(data: &[u8]) {
    same::<Vec<i64>, _>(data, |row| row.get::<i64>(0).is_ok());
    same::<(Vec<Value>, Vec<Option<String>>), _>(data, |row| {
        row.get::<Value>(0).is_ok() && row.get::<Option<String>>(1).is_ok()
    });
    same::<(Vec<Serde<serde::de::IgnoredAny>>, Vec<Vec<f64>>, Vec<bool>), _>(data, |row| {
        row.get::<Serde<serde::de::IgnoredAny>>(0).is_ok()
            && row.get::<Vec<f64>>(1).is_ok()
            && row.get::<bool>(2).is_ok()
    });
}

fn same<C: Columns, F: Fn(RecordRef<'_>) -> bool>(data: &[u8], one_by_one: F) {
    let names = ["a", "b", "c", "d"];
    for width in 1..=4 {
        let keys = Keys::new(names[..width].iter().copied());
        let row = RecordRef::from_encoded(&keys, width, data);
        let mut columns = C::empty();
        let read = row.append_to(&mut columns);
        if width == C::COUNT {
            assert_eq!(read.is_ok(), one_by_one(row), "{read:?}");
        } else {
            assert!(read.is_err());
        }
        if let Err(error) = read {
            assert!(!error.at_row(7).to_string().is_empty());
        }
    }
}

/// A batch contains the rows that were added since it was cleared last, whatever could not be added.
fn batch(data: &[u8]) {
    let mut batch = Batch::new(Query::new("").param("other", 1), "rows").expect("there is no such parameter");
    let mut expected: Vec<Vec<u8>> = Vec::new();
    let mut reader = Reader::new(data);
    while !reader.is_empty() {
        let Ok(value) = Value::read(&mut reader) else {
            break;
        };
        // Some values are requests.
        match &value {
            Value::Null => {
                batch.clear();
                expected.clear();
            }
            Value::Boolean(true) => {
                assert!(batch.push(&u64::MAX).is_err());
                assert!(batch.push(&(&value, [u64::MAX])).is_err());
            }
            value => {
                let alone = crate::packstream::encoded(value);
                let by_serde = matches!(value, Value::String(_));
                let pushed = if by_serde {
                    batch.push(value)
                } else {
                    batch.push_value(value)
                };
                // A list is around the rows: one level less is left.
                assert!(pushed.is_err() || alone.is_ok());
                if let (Ok(()), Ok(alone)) = (pushed, alone) {
                    expected.push(alone);
                }
            }
        }
        check(&batch, &expected);
    }
}

fn check(batch: &Batch, expected: &[Vec<u8>]) {
    assert_eq!(batch.len(), expected.len());
    assert_eq!(batch.encoded_len(), expected.iter().map(Vec::len).sum::<usize>());
    let parameters = batch.query().parameters();
    assert_eq!((parameters.count, batch.query().check()), (2, Ok(())));
    let mut reader = Reader::new(parameters.bytes);
    let _other = (<&str>::read(&mut reader), reader.skip());
    assert_eq!(<&str>::read(&mut reader), Ok("rows"));
    let header = reader.rest();
    assert_eq!(
        &header[1..5],
        u32::try_from(expected.len()).unwrap().to_be_bytes()
    );
    assert!(header[5..] == expected.concat());
    if parameters.has_legacy_form() {
        let mut legacy = Vec::new();
        // Zones without an offset have none.
        let _written = parameters.write_legacy(&mut legacy);
    }
}

/// The markers of this crate and of other formats, and names that look like them.
const NAMES: [&str; 9] = [
    "$serde_json::private::Number",
    "$serde_json::private::RawValue",
    "$__toml_private_datetime",
    "$bolt_proto::value",
    "$bolt_proto::serde",
    "@@TAGGED@@",
    "_ExtStruct",
    "PLIST-UID",
    "Plain",
];

/// What is marked by other formats never panics, and is never sent as if it were data.
fn markers(data: &[u8]) {
    let [how, name, key, contents @ ..] = data else {
        return;
    };
    let (name, key) = (usize::from(*name) % NAMES.len(), usize::from(*key) % NAMES.len());
    let forged = Forged {
        how: *how,
        name: NAMES[name],
        key: NAMES[key],
        contents,
    };
    let _refused_or_not = Query::new("").params(&forged).check().is_ok();
    let query = Query::new("").param("v", Serde(&forged));
    // The keys of maps and the names of a struct's own fields are data, whatever they look like.
    let is_marked = NAMES[name] != "Plain" && *how % 5 != 3;
    if is_marked && query.check().is_ok() {
        let contains =
            |bytes: &[u8], marker: &str| bytes.windows(marker.len()).any(|part| part == marker.as_bytes());
        for marker in ["$serde_json", "$__toml_private"] {
            let sent = contains(query.parameters().bytes, marker);
            assert!(!sent || contains(contents, marker), "{marker} was sent");
        }
    }
}

struct Forged<'a> {
    how: u8,
    name: &'static str,
    key: &'static str,
    contents: &'a [u8],
}

impl Serialize for Forged<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = String::from_utf8_lossy(self.contents);
        match self.how % 5 {
            0 => serializer.serialize_newtype_struct(self.name, &*text),
            1 => serializer.serialize_newtype_struct(self.name, &Bytes(self.contents)),
            2 => {
                let mut fields = serializer.serialize_struct(self.name, 1)?;
                fields.serialize_field(self.key, &*text)?;
                fields.end()
            }
            3 => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(self.key, &*text)?;
                map.end()
            }
            _ => serializer.serialize_newtype_variant(self.name, 0, self.key, &Bytes(self.contents)),
        }
    }
}

struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}
