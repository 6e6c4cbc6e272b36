use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};

use bytes::Bytes;

use super::*;
use crate::Serde;
use crate::value::Value;

/// A row of 1, "two", broken UTF-8, a list, bytes.
const VALUES: &[u8] = b"\x01\x83two\x81\xFF\x92\x01\x02\xCC\x02ab";

fn keys() -> Keys {
    Keys::new(["a", "b", "c", "d", "e"])
}

#[test]
fn columns_are_read_by_name_and_by_index() {
    let keys = keys();
    let row = RecordRef::new(&keys, 5, VALUES);
    assert_eq!((row.get("a"), row.get(1)), (Ok(1), Ok("two")));
    let owned = row.to_record();
    assert_eq!(
        (owned.get("d"), owned.get(String::from("b"))),
        (Ok([1, 2]), Ok("two"))
    );
}

#[test]
fn debug_shows_nodes_and_dates_as_types_and_not_as_structures() {
    let keys = Keys::new(["n", "day", "broken"]);
    // A node of the label A with the property p, 1970-01-02, and a date that has a string for its days.
    let values = b"\xB4\x4E\x07\x91\x81A\xA1\x81p\x01\x82e1\xB1\x44\x01\xB1\x44\x81x";
    let shown = format!("{:?}", RecordRef::new(&keys, 3, values));
    assert!(
        shown.contains(r#""n": Node(Node { id: 7, element_id: "e1", labels: ["A"]"#),
        "{shown}"
    );
    assert!(shown.contains(r#""day": Date(1970-01-02)"#), "{shown}");
    assert!(shown.contains(r#""broken": Structure("#), "{shown}");
}

#[test]
fn columns_may_be_read_in_any_order_and_more_than_once() {
    let names: Vec<String> = (0..20).map(|column| format!("column {column}")).collect();
    let keys = Keys::new(names.iter().map(String::as_str));
    let values: Vec<u8> = (0..20).flat_map(|column| [0xC9, 1, column]).collect();
    let mut places = Places::default();
    places.start(20);
    let row = RecordRef::new(&keys, 20, &values);
    let owned = row.to_record();
    for row in [row, row.remembering(&places), owned.as_ref()] {
        for column in (0..20).rev().chain(0..20).chain([3, 17, 4, 18, 4, 0, 19]) {
            let expected = Ok(256 + column as i64);
            assert_eq!(row.get(&*names[column]), expected);
            assert_eq!(row.get(column), expected);
            assert_eq!(
                row.get::<&str>(column).unwrap_err().column(),
                Some(&*names[column])
            );
        }
    }
}

#[test]
fn the_first_of_columns_with_the_same_name_is_read() {
    let keys = Keys::new(["a", "b", "a"]);
    let places = Places::default();
    let row = RecordRef::new(&keys, 3, &[1, 2, 3]).remembering(&places);
    assert_eq!((row.get("b"), row.get("a"), row.get(2)), (Ok(2), Ok(1), Ok(3)));
}

#[test]
fn a_type_that_does_not_read_its_value_leaves_the_other_columns_as_they_are() {
    struct Nothing;
    impl<'de> Deserialize<'de> for Nothing {
        fn deserialize<D: ::serde::Deserializer<'de>>(_value: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }
    let keys = Keys::new(["a", "b"]);
    let places = Places::default();
    let row = RecordRef::new(&keys, 2, b"\x92\x05\x06\x07").remembering(&places);
    assert!(row.get::<Serde<Nothing>>("a").is_ok());
    assert_eq!(row.get("b"), Ok(7));
}

#[test]
fn a_missing_column_lists_those_that_exist() {
    let keys = Keys::new(["name", "age"]);
    let row = RecordRef::new(&keys, 2, b"\x01\x02").to_record();
    let error = row.get::<i64>("nam").unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"no column "nam": the record has "name", "age""#
    );
    let many: Vec<String> = (0..102).map(|column| format!("c{column}")).collect();
    let many = Keys::new(many.iter().map(String::as_str));
    let shown = RecordRef::new(&many, 102, &[1; 102]).get::<i64>("d").unwrap_err();
    assert!(shown.to_string().ends_with(r#", "c98", "c99", and 2 more"#));
    let error = row.get::<i64>(2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no column 2: the record has 2 columns, counted from 0"
    );
}

#[test]
fn a_column_that_cannot_be_read_affects_no_other_column() {
    let keys = keys();
    let row = RecordRef::new(&keys, 5, VALUES);
    let error = row.get::<Value>("c").unwrap_err();
    assert_eq!(error.to_string(), r#"column "c": a string is not valid UTF-8"#);
    assert_eq!(error.column(), Some("c"));
    assert_eq!(
        (row.get("d"), row.to_record().get("d")),
        (Ok(vec![1, 2]), Ok(vec![1, 2]))
    );
    let shown = r#"{"a": Integer(1), "b": String("two"), "c": <column "c": a string is not valid UTF-8>, "#;
    assert!(format!("{row:?}").starts_with(shown), "{row:?}");
}

#[test]
fn columns_after_a_malformed_one_cannot_be_found() {
    let keys = keys();
    let row = RecordRef::new(&keys, 5, b"\x01\xC7\x01\x02\x03");
    let owned = row.to_record();
    assert_eq!((row.get("a"), owned.get("a")), (Ok(1), Ok(1)));
    let malformed = r#"column "b": the byte 0xc7 starts no value"#;
    assert_eq!(row.get::<i64>("b").unwrap_err().to_string(), malformed);
    assert_eq!(owned.get::<i64>("b").unwrap_err().to_string(), malformed);
    assert!(row.get::<i64>("c").is_err());
    let lost = r#"column "c": a column before this one is malformed, so this one cannot be found"#;
    assert_eq!(owned.get::<i64>("c").unwrap_err().to_string(), lost);
    assert_eq!(owned.iter().filter(|(_, value)| value.is_err()).count(), 4);
}

#[test]
fn bytes_share_the_memory_of_an_owned_record() {
    let keys = keys();
    let row = RecordRef::new(&keys, 5, VALUES).to_record();
    let shared: Bytes = row.get("e").unwrap();
    let borrowed: &[u8] = row.get("e").unwrap();
    assert_eq!((&shared[..], shared.as_ptr()), (borrowed, borrowed.as_ptr()));
}

#[test]
fn values_are_read_at_once_and_an_error_names_its_column() {
    let keys = keys();
    let row = RecordRef::new(&keys, 5, VALUES);
    assert_eq!(row.values().unwrap_err().column(), Some("c"));
    let keys = Keys::new(["a", "b"]);
    let row = RecordRef::new(&keys, 2, b"\x01\x83two").to_record();
    assert_eq!(row.values(), Ok(vec![Value::from(1), Value::from("two")]));
}

#[test]
fn display_shows_a_row_like_a_map_of_cypher() {
    let keys = Keys::new(["a", "n.b"]);
    let row = RecordRef::new(&keys, 2, b"\x01\x83two");
    assert_eq!(row.to_string(), r#"{a: 1, `n.b`: "two"}"#);
    assert_eq!(row.to_record().to_string(), row.to_string());
    let broken = RecordRef::new(&keys, 2, b"\x01\x81\xFF").to_string();
    assert_eq!(
        broken,
        r#"{a: 1, `n.b`: <column "n.b": a string is not valid UTF-8>}"#
    );
}

#[test]
fn a_row_is_serialized_as_a_map_of_its_columns() {
    let keys = Keys::new(["a", "day"]);
    let row = RecordRef::new(&keys, 2, b"\x01\xB1\x44\x01").to_record();
    assert_eq!(
        serde_json::to_string(&row).unwrap(),
        r#"{"a":1,"day":"1970-01-02"}"#
    );
    // As a parameter it keeps the types of its values.
    let query = crate::Query::new("RETURN $row").param("row", Serde(&row));
    assert_eq!(
        query.parameters().bytes,
        b"\x83row\xA2\x81a\x01\x83day\xB1\x44\x01"
    );
    let broken = RecordRef::new(&keys, 2, b"\x81\xFF\x01");
    let error = serde_json::to_string(&broken).unwrap_err();
    assert_eq!(error.to_string(), r#"column "a": a string is not valid UTF-8"#);
}

#[test]
fn iterators_over_columns_know_their_length() {
    let keys = keys();
    let row = RecordRef::new(&keys, 5, VALUES).to_record();
    let mut columns = (&row).into_iter();
    assert_eq!(columns.len(), 5);
    assert_eq!(columns.by_ref().map(|(name, _)| name).last(), Some("e"));
    assert_eq!((columns.len(), columns.next().is_none()), (0, true));
}
