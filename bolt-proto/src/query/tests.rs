use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::serde::Serde;

#[derive(serde::Serialize)]
struct Person {
    name: &'static str,
    age: u64,
}

#[test]
fn parameters_are_encoded_in_the_order_in_which_they_are_given() {
    let query = Query::new("RETURN $a")
        .param("a", 1)
        .params(&Person { name: "Ann", age: 3 })
        .param("b", [true]);
    assert_eq!(query.check(), Ok(()));
    let parameters = query.parameters();
    assert_eq!(
        (parameters.count, parameters.bytes),
        (4, &b"\x81a\x01\x84name\x83Ann\x83age\x03\x81b\x91\xC3"[..])
    );
    assert_eq!(query.names().collect::<Vec<_>>(), ["a", "name", "age", "b"]);
}

#[test]
fn the_first_parameter_that_cannot_be_sent_is_named() {
    let query = Query::from("RETURN 1")
        .param("good", 1)
        .param("bad", vec![u64::MAX])
        .param("worse", i128::MAX);
    let error = query.check().unwrap_err();
    let message = r#"parameter "bad", item 0: the number does not fit: integers are signed and have 64 bits"#;
    assert_eq!(
        (error.to_string().as_str(), error.parameter()),
        (message, Some("bad"))
    );
    assert_eq!(query.parameters().count, 1);

    let query = Query::new("").params(&Person {
        name: "",
        age: u64::MAX,
    });
    assert_eq!(query.check().unwrap_err().parameter(), Some("age"));
}

#[test]
fn a_parameter_is_given_once() {
    let twice = Query::new("").param("a", 1).param("a", 2);
    assert_eq!(
        twice.check().unwrap_err().to_string(),
        r#"parameter "a": it is given twice"#
    );
    let twice = Query::new("")
        .param("age", 1)
        .params(&Person { name: "", age: 1 });
    assert_eq!(twice.check().unwrap_err().parameter(), Some("age"));
}

/// Looking at all earlier parameters for each one would take minutes.
#[test]
fn many_parameters_are_added_in_linear_time_one_by_one_and_by_serde() {
    let by_param = (0..30_000).fold(Query::new(""), |query, number| {
        query.param(format!("p{number}"), number)
    });
    let by_params = (0..30_000).fold(Query::new(""), |query, number| {
        query.params(&BTreeMap::from([(format!("p{number}"), number)]))
    });
    let mixed = (0..15_000).fold(Query::new(""), |query, number| {
        let query = query.params(&BTreeMap::from([(format!("p{}", 2 * number), 2 * number)]));
        query.param(format!("p{}", 2 * number + 1), 2 * number + 1)
    });
    for query in [by_param, by_params, mixed] {
        assert_eq!((query.check(), query.parameters().count), (Ok(()), 30_000));
        for name in ["p7", "p29999"] {
            let twice = query.clone().param(name, 1);
            assert_eq!(twice.check().unwrap_err().parameter(), Some(name));
            let twice = query.clone().params(&BTreeMap::from([("new", 1), (name, 1)]));
            assert_eq!(twice.check().unwrap_err().parameter(), Some(name));
        }
    }
}

#[test]
fn only_structs_and_maps_are_parameters() {
    assert_eq!(
        Query::new("")
            .params(&BTreeMap::from([("a", 1)]))
            .parameters()
            .bytes,
        b"\x81a\x01"
    );
    assert_eq!(Query::new("").params(&None::<Person>).parameters().count, 0);
    let error = Query::new("").params(&[1]).check().unwrap_err().to_string();
    assert_eq!(error, "parameters must be a struct or a map, but are a tuple");
    let error = Query::new("")
        .params(&BTreeMap::from([((), 1)]))
        .check()
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "a map key must be a string, an integer or a boolean, but is null"
    );
    // As in `RETURN $1`.
    assert_eq!(
        Query::new("")
            .params(&BTreeMap::from([(1, 1)]))
            .parameters()
            .bytes,
        b"\x811\x01"
    );
}

#[test]
fn debug_shows_names_but_no_values() {
    let query = query("RETURN $password").param("password", "hunter2");
    let shown = format!("{query:?} {:?}", query.parameters());
    assert!(
        shown.contains("password") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn a_query_can_be_sent_again() {
    let query = Query::new("RETURN $a").param("a", Serde(&[1, 2]));
    assert_eq!(Query::from(&query).parameters().bytes, query.parameters().bytes);
}

mod versions {
    use super::*;
    use crate::types::{Date, DateTime, Uuid, Vector, ZonedDateTime};

    #[derive(serde::Serialize)]
    struct Nested {
        zoned: ZonedDateTime,
        list: Vec<DateTime>,
    }

    fn zoned(text: &str) -> ZonedDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_query_knows_which_version_it_needs_and_why() {
        let query = Query::new("").param("a", 1);
        assert_eq!(query.needs(), None);
        let query = query.param("v", vec![Vector::from(vec![1.0_f32])]);
        assert_eq!(query.needs(), Some((Version::V6_0, "v")));
        let query = query
            .param("u", Serde(&[Uuid::default()]))
            .param("w", Vector::from(vec![1.0]));
        assert_eq!(query.needs(), Some((Version::V6_1, "u")));
        let query = Query::new("").params(&BTreeMap::from([("a", None), ("b", Some(Uuid::default()))]));
        assert_eq!(query.needs(), Some((Version::V6_1, "b")));
    }

    #[test]
    fn a_value_that_failed_needs_no_version() {
        struct Swallows;
        impl ToValue for Swallows {
            fn to_value(&self, out: crate::value::Encoder<'_>) -> Result<(), EncodeError> {
                out.list_with(None, |list| {
                    let _ = list.item(&(Uuid::default(), u64::MAX));
                    list.item(&zoned("1970-01-01T01:00:00+01:00[Europe/Paris]"))
                })
            }
        }
        let query = Query::new("").param("a", Swallows);
        assert_eq!((query.check(), query.needs()), (Ok(()), None));
        let mut out = Vec::new();
        query.parameters().write_legacy(&mut out).unwrap();
        assert_eq!(out, b"\x81a\xD6\0\0\0\x01\xB3f\xC9\x0E\x10\0\x8CEurope/Paris");
    }

    #[test]
    fn the_legacy_form_counts_on_the_local_clock() {
        let first = zoned("2022-10-30T02:30:00+02:00[Europe/Stockholm]");
        let second = zoned("2022-10-30T02:30:00+01:00[Europe/Stockholm]");
        let time: DateTime = "1970-01-01T02:15:00.000000042+01:00".parse().unwrap();
        let query = Query::new("")
            .param("before", ("I", b"\xB3I\x01\x01\x01", Date::EPOCH))
            .param("first", first)
            .params(&Nested {
                zoned: second,
                list: vec![time, time],
            })
            .param("beyond", "end");
        let parameters = query.parameters();
        assert!(parameters.has_legacy_form());
        let mut out = b"header".to_vec();
        parameters.write_legacy(&mut out).unwrap();
        let local = b"\xCA\x63\x5D\xE1\xA8\0\xD0\x11Europe/Stockholm";
        let local = &[&local[..6], b"\xD0\x10Europe/Stockholm"].concat()[..];
        let time = b"\xB3F\xC9\x1F\xA4\x2A\xC9\x0E\x10";
        let expected: [&[u8]; 11] = [
            b"header\x86before\x93\x81I\xCC\x05\xB3I\x01\x01\x01\xB1D\0",
            b"\x85first\xB3f",
            local,
            b"\x85zoned\xB3f",
            local,
            b"\x84list\x92",
            time,
            time,
            b"\x86beyond",
            b"\x83end",
            b"",
        ];
        assert_eq!(out, expected.concat());
    }

    #[test]
    fn a_query_without_date_times_has_no_legacy_form() {
        assert!(
            !Query::new("")
                .param("a", Date::EPOCH)
                .parameters()
                .has_legacy_form()
        );
    }

    #[test]
    fn the_legacy_form_needs_the_offset_and_its_error_names_the_parameter() {
        let unknown = ZonedDateTime::from_unix(0, 0, "Europe/Paris").unwrap();
        let query = Query::new("")
            .param("a", 1)
            .param("when", vec![unknown])
            .param("b", 1);
        assert_eq!(query.check(), Ok(()));
        let error = query.parameters().write_legacy(&mut Vec::new()).unwrap_err();
        assert_eq!(error.parameter(), Some("when"));
        let local = ZonedDateTime::from_local(Default::default(), "Europe/Paris");
        let query = Query::new("").param("a", 1).param("when", local);
        assert_eq!(query.check().unwrap_err().parameter(), Some("when"));
    }
}
