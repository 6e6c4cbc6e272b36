//! Values, every shape of serde, and names go to a database and come back.

#![allow(missing_docs, reason = "tests")]

use std::collections::{BTreeMap, HashMap};

use adapter_blocking::types::{Date, DateTime, Duration, LocalDateTime, LocalTime, Time, ZonedDateTime};
use adapter_blocking::{Auth, Driver, Serde, Value, ident, list, map};
use engine::Engine;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A database in this process, with a driver for it.
fn database() -> (Engine, Driver) {
    let engine = Engine::start().unwrap();
    let driver =
        adapter_blocking::driver(&engine.uri(), Auth::basic(engine.user(), engine.password())).unwrap();
    (engine, driver)
}

fn parse<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

#[test]
fn every_value_that_the_engine_has_comes_back() {
    let (_engine, driver) = database();
    let zoned = ZonedDateTime::from_unix(1_700_000_000, 5, "Europe/Stockholm").unwrap();
    let values = list![
        Value::Null,
        true,
        [i64::MIN, -1, 0, 1, 127, 128, 1 << 53, i64::MAX],
        [0.5, -0.0, f64::MAX, f64::INFINITY],
        ["", "naïve 漢字 🦀", "`\\u0060'\""],
        list![1, list!["two", list![Value::Null]]],
        map! { "a": 1, "b": map! { "c": list![] } },
        parse::<Date>("2024-02-29"),
        parse::<Time>("12:34:56.789+01:00"),
        parse::<LocalTime>("12:34:56.789"),
        parse::<DateTime>("1969-12-31T23:59:59.5-05:30"),
        zoned,
        parse::<LocalDateTime>("2024-12-31T23:59:59.999999999"),
        parse::<Duration>("P1Y2M3DT-4.5S"),
    ];
    let row = driver
        .execute_query("RETURN $v AS v")
        .param("v", values.clone())
        .call()
        .unwrap();
    let row = row.single().unwrap();
    assert_eq!(row.get::<Value>("v").unwrap(), values);
    // The form in JSON does not depend on the way.
    let json: serde_json::Value = row.get::<Serde<_>>("v").unwrap().0;
    assert_eq!(json, serde_json::to_value(&values).unwrap());
    assert_eq!(serde_json::to_value(&row).unwrap()["v"], json);
}

/// Sends a value by serde, and reads it back from a column and from a row.
#[track_caller]
fn back<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(driver: &Driver, value: &T) {
    let result = driver
        .execute_query("RETURN $v AS v")
        .param("v", Serde(value))
        .call()
        .unwrap();
    assert_eq!(&result.column::<Serde<T>>("v").unwrap()[0].0, value);
    let rows: Vec<BTreeMap<String, T>> = result.to().unwrap();
    assert_eq!(&rows[0]["v"], value);
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shapes {
    first_name: String,
    #[serde(rename = "odd name")]
    renamed: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    absent: Option<i64>,
    #[serde(skip)]
    skipped: i64,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, i64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Inner {
    day: Date,
    float: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum External {
    Unit,
    Newtype(i64),
    Tuple(i64, String),
    Struct { a: Option<bool> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Internal {
    A { x: i64 },
    B(Inner),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    Newtype(String),
    Tuple(i64, f64),
    Struct { x: Vec<i64> },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    Struct { x: bool },
}

#[test]
fn every_shape_of_serde_comes_back() {
    let (_engine, driver) = database();
    let inner = || Inner {
        day: parse("2024-02-29"),
        float: 1.5,
    };
    let shapes = Shapes {
        first_name: "Ada".into(),
        renamed: 1,
        absent: None,
        skipped: 0,
        inner: inner(),
        rest: [("x".to_owned(), 1), ("y".to_owned(), 2)].into(),
    };
    back(&driver, &shapes);
    back(
        &driver,
        &vec![
            External::Unit,
            External::Newtype(1),
            External::Tuple(1, "x".into()),
        ],
    );
    back(&driver, &External::Struct { a: Some(true) });
    back(&driver, &vec![Internal::A { x: 1 }, Internal::B(inner())]);
    back(
        &driver,
        &vec![
            Adjacent::Unit,
            Adjacent::Newtype("x".into()),
            Adjacent::Tuple(1, 2.5),
        ],
    );
    back(&driver, &Adjacent::Struct { x: vec![1] });
    back(
        &driver,
        &vec![
            Untagged::Number(1),
            Untagged::Text("x".into()),
            Untagged::Struct { x: true },
        ],
    );
    back(&driver, &HashMap::from([(-1, Some('é')), (2, None)]));
    back(
        &driver,
        &(
            1_u8,
            -1_i8,
            u64::from(u32::MAX),
            1.5_f32,
            (),
            "x".to_owned(),
            [true, false],
        ),
    );
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Borrowed<'a> {
        #[serde(borrow)]
        name: &'a str,
    }
    let query = driver
        .execute_query("RETURN $name AS name")
        .params(&Borrowed { name: "Ada" });
    let row = query.call().unwrap().single().unwrap();
    assert_eq!(row.to::<Borrowed<'_>>().unwrap(), Borrowed { name: "Ada" });
}

#[test]
fn whatever_is_in_a_name_it_stays_one_name() {
    let (_engine, driver) = database();
    for name in [
        "Person",
        "two words",
        "`",
        "a`b``c",
        "`) DETACH DELETE n //",
        "x' OR '1'='1",
        "{\"$param\"}",
        "naïve 漢字 🦀",
        "tab\tline\nend",
        "MATCH",
        "1",
    ] {
        let quoted = ident(name);
        let text = format!(
            "CREATE (n:{quoted} {{{quoted}: $value}}) RETURN labels(n) AS labels, n.{quoted} AS value"
        );
        let result = driver.execute_query(text).param("value", name).call();
        let row = result
            .unwrap_or_else(|error| panic!("{name:?}: {error}"))
            .single()
            .unwrap();
        let (labels, value): (Vec<String>, String) = row.to().unwrap();
        assert_eq!((labels, &*value), (vec![name.to_owned()], name));
    }
    let count = driver
        .execute_query("MATCH (n) RETURN count(n) AS count")
        .call()
        .unwrap();
    assert_eq!(count.single().unwrap().get::<i64>("count").unwrap(), 11);
}
