use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use ::serde::de::DeserializeOwned;
use ::serde::ser::{SerializeMap, SerializeSeq};
use ::serde::{Deserialize, Serialize};

use super::*;
use crate::keys::Keys;
use crate::packstream::MAX_DEPTH;
use crate::record::RecordRef;
use crate::value::Output;

fn encode(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, EncodeError> {
    let mut out = Output::default();
    out.one(|encoder| Serde(value).to_value(encoder))?;
    Ok(out.bytes)
}

/// Reads in both ways, which must agree.
fn decode<'a, T: Deserialize<'a> + PartialEq + core::fmt::Debug>(
    bytes: &'a [u8],
) -> Result<T, ConversionError> {
    let mut reader = Reader::new(bytes);
    let read = Serde::<T>::read(&mut reader);
    assert_eq!(read, Serde::<T>::from_value(Reader::new(bytes).value().unwrap()));
    assert!(read.is_err() || reader.is_empty());
    read.map(|Serde(value)| value)
}

fn back<T: Serialize + DeserializeOwned + PartialEq + core::fmt::Debug>(value: T) {
    assert_eq!(decode::<T>(&encode(&value).unwrap()).as_ref(), Ok(&value));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Person<'a> {
    name: &'a str,
    age: Option<u8>,
    #[serde(borrow)]
    city: Cow<'a, str>,
    tags: Vec<String>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle(f64),
    Rectangle(i8, i8),
    Named { name: String, sides: u32 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Name(String);

#[test]
fn a_written_value_is_read_back() {
    back((Unit, Name("x".into()), 'é', true, (), -1_i8, u32::MAX, 1.5_f32));
    back((i128::from(i64::MIN), u128::from(u32::MAX), u64::from(u32::MAX)));
    back(vec![Shape::Empty, Shape::Circle(1.0), Shape::Rectangle(1, -1)]);
    back(Shape::Named {
        name: "square".into(),
        sides: 4,
    });
    back(BTreeMap::from([(Name("a".into()), vec![None, Some(1)])]));
}

#[test]
fn a_cow_borrows_from_the_bytes() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Borrows<'a>(#[serde(borrow)] Cow<'a, str>);

    for text in ["short", "one that is longer than fifteen bytes"] {
        let bytes = encode(&text).unwrap();
        let Borrows(read) = decode(&bytes).unwrap();
        assert!(
            matches!(read, Cow::Borrowed(borrowed) if borrowed == text),
            "{text}"
        );
    }
}

#[test]
fn a_struct_borrows_from_the_bytes() {
    let ann = Person {
        name: "Ann",
        age: None,
        city: "Rome".into(),
        tags: vec!["x".into()],
    };
    let bytes = encode(&ann).unwrap();
    assert_eq!(decode::<Person<'_>>(&bytes), Ok(ann));
}

#[test]
fn enums_take_the_externally_tagged_form() {
    assert_eq!(encode(&Shape::Empty).unwrap(), b"\x85Empty");
    assert_eq!(
        encode(&Shape::Rectangle(1, 2)).unwrap(),
        b"\xA1\x89Rectangle\x92\x01\x02"
    );
    assert!(
        decode::<Shape>(b"\xA1\x86Circle\x81x")
            .unwrap_err()
            .to_string()
            .starts_with(r#"field "Circle": "#)
    );
    let error = decode::<Shape>(b"\x83Egg").unwrap_err().to_string();
    assert_eq!(
        error,
        r#"expected one of the variants "Empty", "Circle", "Rectangle", "Named", found another name"#
    );
}

#[test]
fn integers_that_do_not_fit_are_refused_both_ways() {
    assert!(encode(&u64::MAX).is_err() && encode(&u128::MAX).is_err() && encode(&i128::MIN).is_err());
    let error = decode::<u8>(&encode(&256).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected an integer that fits u8, found one that does not"
    );
}

#[test]
fn integers_and_booleans_as_keys_are_text_as_in_json() {
    back(BTreeMap::from([(-1_i64, "a".to_string()), (2, "b".into())]));
    back(BTreeMap::from([(u128::MAX, true)]));
    back(BTreeMap::from([(true, 1)]));
    back(BTreeMap::from([(Some(Name("x".into())), 1)]));
    assert_eq!(encode(&BTreeMap::from([(7, 1)])).unwrap(), b"\xA1\x817\x01");
    assert!(encode(&BTreeMap::from([('k', 1)])).is_ok());
    let error = decode::<BTreeMap<i8, i64>>(b"\xA1\x83300\x01").unwrap_err();
    assert_eq!(error.to_string(), "expected i8, found a string");
}

#[test]
fn other_map_keys_are_refused() {
    let error = encode(&BTreeMap::from([("a", BTreeMap::from([((1, 2), 1)]))])).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"field "a": a map key must be a string, an integer or a boolean, but is a tuple"#
    );
    assert!(encode(&BTreeMap::from([((), 1)])).is_err());
}

#[test]
fn a_row_becomes_a_struct_a_tuple_or_a_scalar() {
    let keys = Keys::new(["tags", "name", "age", "city", "more"]);
    let row = RecordRef::new(&keys, 5, b"\x91\x81t\x83Ann\x03\x84Rome\x90");
    let ann = Person {
        name: "Ann",
        age: Some(3),
        city: "Rome".into(),
        tags: vec!["t".into()],
    };
    assert_eq!(
        (row.to(), row.to_record().to().as_ref()),
        (Ok(ann), row.to::<Person<'_>>().as_ref())
    );
    assert_eq!(row.to(), Ok((vec!["t"], "Ann", 3, "Rome", Vec::<i64>::new())));
    assert_eq!(
        row.to::<(Vec<&str>, &str)>().unwrap_err().to_string(),
        "expected a record of length 2, found one of length 5"
    );

    let keys = Keys::new(["n"]);
    let row = RecordRef::new(&keys, 1, b"\x07");
    assert_eq!(
        (row.to(), row.to(), row.to()),
        (Ok(7_i8), Ok(Some(7)), Ok(BTreeMap::from([("n", 7)])))
    );
    assert_eq!(
        row.to::<String>().unwrap_err().to_string(),
        r#"column "n": expected a string, found an integer"#
    );
}

#[test]
fn errors_of_rows_name_the_column_and_the_path() {
    #[derive(Debug, Deserialize)]
    struct Row {
        #[expect(dead_code, reason = "only read into")]
        a: BTreeMap<String, i64>,
    }
    let keys = Keys::new(["a"]);
    let error = RecordRef::new(&keys, 1, b"\xA1\x83age\x83old")
        .to::<Row>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"column "a", field "age": expected an integer, found a string"#
    );
    let keys = Keys::new(["b", "c"]);
    let error = RecordRef::new(&keys, 2, b"\xA0\xA0").to::<Row>().unwrap_err();
    assert_eq!(error.to_string(), r#"no column "a": the record has "b", "c""#);
}

#[test]
fn flatten_takes_the_other_columns() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Row {
        id: i64,
        #[serde(flatten)]
        rest: BTreeMap<String, Value2>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Value2 {
        Number(i64),
        Text(String),
    }
    let keys = Keys::new(["x", "id", "y"]);
    let row = RecordRef::new(&keys, 3, b"\x01\x02\x81z").to::<Row>().unwrap();
    assert_eq!(
        row.rest,
        BTreeMap::from([
            ("x".into(), Value2::Number(1)),
            ("y".into(), Value2::Text("z".into()))
        ])
    );
    assert_eq!(decode(&encode(&row).unwrap()), Ok(row));
}

#[test]
fn bytes_are_read_as_bytes_and_as_lists() {
    assert_eq!(decode::<&[u8]>(b"\xCC\x02ab"), Ok(&b"ab"[..]));
    assert_eq!(decode::<Vec<u8>>(b"\xCC\x02ab"), Ok(vec![b'a', b'b']));
    assert_eq!(decode::<(u8, u8)>(b"\xCC\x02ab"), Ok((b'a', b'b')));
}

#[test]
fn lists_longer_than_a_tuple_are_refused() {
    assert_eq!(
        decode::<(i64, i64)>(&[0x93, 1, 2, 3]).unwrap_err().to_string(),
        "expected a list of length 2, found one of length 3"
    );
    assert!(decode::<(i64, i64)>(&[0x91, 1]).is_err());
}

#[test]
fn a_sequence_of_unknown_length_is_well_formed() {
    struct Unknown;
    impl Serialize for Unknown {
        fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut seq = serializer.serialize_seq(None)?;
            for item in 0..3 {
                seq.serialize_element(&item)?;
            }
            seq.end()
        }
    }
    assert_eq!(
        encode(&(Unknown, 7)).unwrap(),
        [0x92, 0xD6, 0, 0, 0, 3, 0, 1, 2, 7]
    );
}

#[test]
fn a_serialize_that_swallows_errors_still_gives_a_well_formed_value() {
    struct Careless;
    impl Serialize for Careless {
        fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(3))?;
            let _ = map.serialize_entry("lost", &[1, u64::MAX]);
            let _ = map.serialize_key(&());
            let _ = map.serialize_value(&1);
            map.serialize_entry("kept", &1)?;
            map.end()
        }
    }
    assert_eq!(
        decode(&encode(&[Careless]).unwrap()),
        Ok([BTreeMap::from([("kept", 1)])])
    );
}

#[test]
fn a_key_without_a_value_is_refused() {
    struct Half;
    impl Serialize for Half {
        fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            map.serialize_key("key")?;
            map.end()
        }
    }
    assert!(encode(&Half).is_err());
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Tree(Vec<Self>);

#[test]
fn nesting_ends_at_the_limit_both_ways() {
    let nest = |levels: u16| (1..levels).fold(Tree(vec![]), |tree, _| Tree(vec![tree]));
    let bytes = encode(&nest(MAX_DEPTH)).unwrap();
    assert_eq!(decode(&bytes), Ok(nest(MAX_DEPTH)));
    assert!(encode(&nest(MAX_DEPTH + 1)).is_err());
    let mut deep = vec![0x91; 100_000];
    deep.push(0x90);
    assert!(
        decode::<Tree>(&deep)
            .unwrap_err()
            .to_string()
            .ends_with("deeper than 512 levels")
    );
}

#[test]
fn errors_show_no_values() {
    let error = decode::<Shape>(b"\x87hunter2").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let error = decode::<core::num::NonZeroI64>(&[0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a nonzero i64, found an integer that does not fit"
    );
}

mod foreign;
mod forms;
mod temporal;
mod traps;
mod types;
