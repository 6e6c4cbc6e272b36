use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::*;
use crate::error::{ConversionError, EncodeError};
use crate::packstream::{MAX_DEPTH, Reader, ValueRef};

fn encode(value: impl ToValue) -> Result<Vec<u8>, EncodeError> {
    let mut out = Output::default();
    out.one(|encoder| value.to_value(encoder))?;
    Ok(out.bytes)
}

/// Reads in both ways, which must agree.
fn decode<'a, T: FromValue<'a> + PartialEq + core::fmt::Debug>(
    bytes: &'a [u8],
) -> Result<T, ConversionError> {
    let mut reader = Reader::new(bytes);
    let read = T::read(&mut reader);
    let seen = T::from_value(Reader::new(bytes).value().unwrap());
    assert_eq!(read, seen);
    assert!(read.is_err() || reader.is_empty());
    read
}

fn back<T: ToValue + for<'a> FromValue<'a> + PartialEq + core::fmt::Debug>(value: T) {
    assert_eq!(decode::<T>(&encode(&value).unwrap()).as_ref(), Ok(&value));
}

#[test]
fn sets_and_queues_are_lists() {
    back(BTreeSet::from([2, 1]));
    back(HashSet::from(["b".to_string(), "a".to_string()]));
    back(VecDeque::from([2, 1, 2]));
    assert_eq!(encode(BTreeSet::from([2, 1])), encode([1, 2]));
    assert_eq!(decode(&encode([2, 1, 2]).unwrap()), Ok(BTreeSet::from([1, 2])));
    let error = decode::<HashSet<i64>>(&encode(("a", 1)).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "item 0: expected an integer, found a string");
}

#[test]
fn a_property_is_read_as_any_type_and_is_null_if_it_is_not_there() {
    let node = Node {
        id: 1,
        element_id: "1".into(),
        labels: vec!["A".into()],
        properties: Map::from_iter([("name", "Ada")]),
    };
    assert_eq!(node.get("name"), Ok("Ada".to_string()));
    assert_eq!(node.get::<Option<i64>>("born"), Ok(None));
    let error = node.get::<i64>("born").unwrap_err();
    assert_eq!(
        error.to_string(),
        "field \"born\": expected an integer, found null"
    );
}

#[test]
fn a_written_value_is_read_back() {
    back(());
    back(Some(true));
    back(None::<i64>);
    back((
        i8::MIN,
        i16::MIN,
        i32::MIN,
        i64::MIN,
        7_u16,
        u32::MAX,
        9_u64,
        5_i128,
        6_u128,
    ));
    back((1.5_f64, f32::MIN_POSITIVE, 'é', String::from("Größe")));
    back((vec![1_u8, 2], [3_u8, 4], Bytes::from_static(b"abc")));
    back(vec![vec![1.0, 2.0], vec![]]);
    back([[1, 2], [3, 4]]);
    back(BTreeMap::from([
        (String::from("a"), Some(1)),
        (String::from("b"), None),
    ]));
    back(HashMap::<String, i64>::from([(String::from("a"), 1)]));
    back(Value::List(vec![
        Value::Map([("a", 1)].into_iter().collect()),
        Value::Uuid(Uuid::from_bytes([7; 16])),
    ]));
}

#[test]
fn text_and_bytes_are_borrowed() {
    let bytes = encode(("text", &[1_u8, 2][..], "more", b"x")).unwrap();
    let (text, raw, more, x): (&str, &[u8], Cow<'_, str>, Cow<'_, [u8]>) =
        FromValue::read(&mut Reader::new(&bytes)).unwrap();
    assert_eq!(
        (text, raw, &*more, &*x),
        ("text", &[1_u8, 2][..], "more", &b"x"[..])
    );
    assert!(matches!((more, x), (Cow::Borrowed(_), Cow::Borrowed(_))));
}

#[test]
fn integers_out_of_range_are_refused_both_ways() {
    assert!(encode(u64::MAX).is_err() && encode(i128::MIN).is_err());
    let error = decode::<i8>(&encode(128).unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected an integer that fits i8, found one that does not"
    );
    assert!(decode::<u64>(&encode(-1).unwrap()).is_err());
}

#[test]
fn integers_become_floats_if_a_float_is_exact_and_floats_never_become_integers() {
    const LARGEST: i64 = 1 << 53;
    assert_eq!(decode::<f64>(&[10]), Ok(10.0));
    assert_eq!(
        decode::<Vec<f64>>(&encode((9.99, 10)).unwrap()),
        Ok(vec![9.99, 10.0])
    );
    assert_eq!(decode::<Option<f64>>(&[0xFF]), Ok(Some(-1.0)));
    for exact in [LARGEST, -LARGEST, LARGEST - 1] {
        assert_eq!(decode::<f64>(&encode(exact).unwrap()), Ok(exact as f64));
        assert_eq!(Value::from(exact).to::<f64>(), Ok(exact as f64));
        assert_eq!(
            decode::<crate::Serde<f64>>(&encode(exact).unwrap()),
            Ok(crate::Serde(exact as f64))
        );
    }
    let message = "expected a float, found an integer beyond 2^53, which a float does not hold exactly";
    for inexact in [LARGEST + 1, -LARGEST - 1, i64::MAX, i64::MIN] {
        let bytes = encode(inexact).unwrap();
        assert_eq!(decode::<f64>(&bytes).unwrap_err().to_string(), message);
        assert_eq!(
            decode::<crate::Serde<f64>>(&bytes).unwrap_err().to_string(),
            message
        );
        assert_eq!(Value::from(inexact).to::<f64>().unwrap_err().to_string(), message);
    }
    assert_eq!(decode::<f32>(&encode(1 << 24).unwrap()), Ok(16_777_216.0));
    assert!(decode::<f32>(&encode((1 << 24) + 1).unwrap()).is_err());
    assert!(decode::<crate::Serde<f32>>(&encode((1 << 24) + 1).unwrap()).is_err());
    // A vector of integers as well.
    let vector = encode(Vector::from(vec![1_i64, LARGEST + 1])).unwrap();
    assert!(decode::<crate::Serde<Vec<f64>>>(&vector).is_err());
    assert_eq!(
        decode::<i64>(&encode(1.0).unwrap()).unwrap_err().to_string(),
        "expected an integer, found a float"
    );
}

#[test]
fn a_byte_is_an_integer_and_several_are_bytes() {
    assert_eq!((encode(7_u8).unwrap(), decode::<u8>(&[7])), (vec![7], Ok(7)));
    assert_eq!(
        (encode(Some(7_u8)).unwrap(), decode::<Option<u8>>(&[7])),
        (vec![7], Ok(Some(7)))
    );
    assert!(decode::<u8>(&encode(256).unwrap()).is_err());
    let bytes = b"\xCC\x02\x01\xFF";
    for encoded in [
        encode([1_u8, 255]),
        encode(&[1_u8, 255][..]),
        encode(vec![1_u8, 255]),
        encode(std::boxed::Box::new([1_u8, 255])),
        encode(Cow::Borrowed(&[1_u8, 255][..])),
    ] {
        assert_eq!(encoded.unwrap(), bytes);
    }
    assert_eq!(decode::<Vec<u8>>(bytes), Ok(vec![1, 255]));
    assert_eq!(decode::<[u8; 2]>(bytes), Ok([1, 255]));
    assert_eq!(decode::<(u8, u8)>(&[0x92, 1, 2]), Ok((1, 2)));
    // A list of small integers is read as well.
    assert_eq!(decode::<Vec<u8>>(&[0x92, 1, 2]), Ok(vec![1, 2]));
    assert_eq!(decode::<[u8; 2]>(&[0x92, 1, 2]), Ok([1, 2]));
    assert!(decode::<Vec<u8>>(&encode((1, 256)).unwrap()).is_err());
    assert!(decode::<Vec<i64>>(bytes).is_err());
    assert_eq!(Value::from([1_u8, 2]).to::<Vec<u8>>(), Ok(vec![1, 2]));
    assert_eq!(crate::list![1, 2].to::<[u8; 2]>(), Ok([1, 2]));
}

#[test]
fn a_value_is_read_as_another_type_without_being_encoded() {
    // Nothing encodes a local time in a zone for a new server, so this could not be read before.
    let local = ZonedDateTime::from_local(Default::default(), "Europe/Paris");
    assert_eq!(Value::from(local.clone()).to(), Ok(local.clone()));
    assert_eq!(Value::from(vec![local.clone()]).to(), Ok(vec![local.clone()]));
    let node = Node::new(1, ["Event"], crate::map! { "at": local.clone(), "n": 1 });
    assert_eq!(node.get("at"), Ok(local.clone()));
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Event {
        #[serde(rename = "labels()")]
        labels: Vec<String>,
        at: ZonedDateTime,
        n: f64,
    }
    let event = Event {
        labels: vec!["Event".into()],
        at: local,
        n: 1.0,
    };
    assert_eq!(node.to().as_ref(), Ok(&event));
    assert_eq!(Value::from(node).to(), Ok(crate::Serde(event)));
}

#[test]
fn a_float_is_rounded_to_f32_unless_it_becomes_infinite() {
    assert_eq!(decode::<f32>(&encode(0.1).unwrap()), Ok(0.1));
    assert!(decode::<f32>(&encode(f64::MAX).unwrap()).is_err());
    assert_eq!(decode::<f32>(&encode(f64::INFINITY).unwrap()), Ok(f32::INFINITY));
}

#[test]
fn errors_name_the_path_to_the_value() {
    let bytes = encode(BTreeMap::from([(
        "people",
        vec![BTreeMap::from([("age", "old")])],
    )]))
    .unwrap();
    let error = decode::<BTreeMap<String, Vec<BTreeMap<String, i64>>>>(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"field "people", item 0, field "age": expected an integer, found a string"#
    );

    let error = encode(BTreeMap::from([("sizes", [1, u64::MAX])])).unwrap_err();
    let expected = r#"field "sizes", item 1: the number does not fit: integers are signed and have 64 bits"#;
    assert_eq!(error.to_string(), expected);
}

#[test]
fn lengths_must_fit_arrays_and_tuples() {
    let bytes = encode([1, 2, 3]).unwrap();
    assert_eq!(
        decode::<[i64; 2]>(&bytes).unwrap_err().to_string(),
        "expected a list of length 2, found one of length 3"
    );
    assert!(decode::<(i64, i64)>(&bytes).is_err());
    assert!(decode::<[u8; 2]>(&encode(vec![1_u8]).unwrap()).is_err());
}

#[test]
fn lists_take_their_smallest_form_even_if_their_length_was_unknown_or_wrong() {
    struct Wrong(Option<usize>, usize);
    impl ToValue for Wrong {
        fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
            out.list_with(self.0, |list| (0..self.1).try_for_each(|_| list.item(&1)))
        }
    }
    assert_eq!(encode(Wrong(Some(2), 2)).unwrap(), [0x92, 1, 1]);
    for (promised, count) in [(None, 2), (Some(1), 2), (Some(300), 2), (Some(2), 300), (None, 0)] {
        let bytes = encode((Wrong(promised, count), "after")).unwrap();
        assert_eq!(decode(&bytes), Ok((vec![1; count], "after")), "{promised:?}");
    }
}

#[test]
fn a_key_may_occur_only_once_in_a_map() {
    for len in [2, 20, 3000] {
        let mut entries: Vec<_> = (0..len).map(|index| (format!("key {index}"), index)).collect();
        struct Entries(Vec<(String, usize)>);
        impl ToValue for Entries {
            fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
                out.map(self.0.iter().map(|(key, value)| (key, value)))
            }
        }
        assert!(encode(Entries(entries.clone())).is_ok());
        entries.last_mut().unwrap().0 = "key 0".into();
        let error = encode(Entries(entries)).unwrap_err();
        assert_eq!(error.to_string(), r#"a map has the key "key 0" twice"#);
    }
}

#[test]
fn of_equal_keys_the_last_value_stays_in_the_first_place() {
    for len in [3, 40] {
        let mut entries: Vec<_> = (0..len).map(|index| (format!("{index}"), index)).collect();
        entries.push(("1".into(), 100));
        let map: Map = entries.into_iter().collect();
        assert_eq!(map.len(), len as usize);
        assert_eq!(map.iter().nth(1), Some(("1", &Value::Integer(100))));
    }
}

#[test]
fn a_failed_write_leaves_no_bytes() {
    struct Swallows;
    impl ToValue for Swallows {
        fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
            out.list_with(Some(2), |list| {
                list.item(&"before")?;
                let _ = list.item(&vec![u64::MAX]);
                let _ = list.item(&Nothing);
                list.item(&"after")
            })
        }
    }
    struct Nothing;
    impl ToValue for Nothing {
        fn to_value(&self, _out: Encoder<'_>) -> Result<(), EncodeError> {
            Ok(())
        }
    }
    assert_eq!(decode(&encode(Swallows).unwrap()), Ok(("before", "after")));
    assert_eq!(encode(Nothing).unwrap_err().to_string(), "no value was written");
}

#[test]
fn nesting_ends_at_the_limit_both_ways() {
    let nest = |levels: u16| (0..levels).fold(Value::Null, |value, _| Value::List(vec![value]));
    let bytes = encode(nest(MAX_DEPTH)).unwrap();
    assert_eq!(decode(&bytes), Ok(nest(MAX_DEPTH)));
    let error = encode(nest(MAX_DEPTH + 1)).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("values may be nested at most 512 levels deep")
    );
    let deeper = [&[0x91], &bytes[..]].concat();
    assert!(
        decode::<Value>(&deeper)
            .unwrap_err()
            .to_string()
            .ends_with("deeper than 512 levels")
    );
}

#[test]
fn graph_entities_cannot_be_sent() {
    let node = [0x91, 0xB3, 0x4E, 1, 0x90, 0xA0];
    let value = Reader::new(&node).value().unwrap();
    let message = "item 0: a node cannot be sent: only servers can";
    assert_eq!(encode(value).unwrap_err().to_string(), message);
    assert_eq!(
        encode(decode::<Value>(&node).unwrap()).unwrap_err().to_string(),
        message
    );
}

#[test]
fn a_false_length_costs_no_memory() {
    let bytes = [&[0xD6, 0, 0, 0xFF, 0xFF][..], &[0xC0; 0xFFFE]].concat();
    assert!(<Vec<[u64; 1000]>>::read(&mut Reader::new(&bytes)).is_err());
    assert!(Reader::new(&bytes).value().is_err());
}

#[test]
fn a_value_is_seen_as_it_was_read() {
    let bytes = encode((1, "a", [1.0])).unwrap();
    assert_eq!(decode::<ValueRef<'_>>(&bytes).map(encode), Ok(Ok(bytes.clone())));
}
