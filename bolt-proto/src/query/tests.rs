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
    let query = Query::new("RETURN $a").param("a", 1).params(&Person { name: "Ann", age: 3 }).param("b", [true]);
    assert_eq!(query.check(), Ok(()));
    let parameters = query.parameters();
    assert_eq!((parameters.count, parameters.bytes), (4, &b"\x81a\x01\x84name\x83Ann\x83age\x03\x81b\x91\xC3"[..]));
    assert_eq!(query.names().collect::<Vec<_>>(), ["a", "name", "age", "b"]);
}

#[test]
fn the_first_parameter_that_cannot_be_sent_is_named() {
    let query = Query::from("RETURN 1").param("good", 1).param("bad", vec![u64::MAX]).param("worse", i128::MAX);
    let error = query.check().unwrap_err();
    let message = r#"parameter "bad", item 0: the number does not fit: integers are signed and have 64 bits"#;
    assert_eq!((error.to_string().as_str(), error.parameter()), (message, Some("bad")));
    assert_eq!(query.parameters().count, 1);

    let query = Query::new("").params(&Person { name: "", age: u64::MAX });
    assert_eq!(query.check().unwrap_err().parameter(), Some("age"));
}

#[test]
fn a_parameter_is_given_once() {
    let twice = Query::new("").param("a", 1).param("a", 2);
    assert_eq!(twice.check().unwrap_err().to_string(), r#"parameter "a": the parameter is given twice"#);
    let twice = Query::new("").param("age", 1).params(&Person { name: "", age: 1 });
    assert_eq!(twice.check().unwrap_err().parameter(), Some("age"));
}

#[test]
fn only_structs_and_maps_are_parameters() {
    assert_eq!(Query::new("").params(&BTreeMap::from([("a", 1)])).parameters().bytes, b"\x81a\x01");
    assert_eq!(Query::new("").params(&None::<Person>).parameters().count, 0);
    let error = Query::new("").params(&[1]).check().unwrap_err().to_string();
    assert_eq!(error, "parameters must be a struct or a map, but are a tuple");
    let error = Query::new("").params(&BTreeMap::from([(1, 1)])).check().unwrap_err().to_string();
    assert_eq!(error, "a map key must be a string, but is an integer");
}

#[test]
fn debug_shows_names_but_no_values() {
    let query = query("RETURN $password").param("password", "hunter2");
    let shown = format!("{query:?} {:?}", query.parameters());
    assert!(shown.contains("password") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_query_can_be_sent_again() {
    let query = Query::new("RETURN $a").param("a", Serde(&[1, 2]));
    assert_eq!(Query::from(&query).parameters().bytes, query.parameters().bytes);
}
