//! Every value has one form in serde, for reading rows and for writing values.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::types::{
    Date, Node, Path, Point2D, Relationship, Structure, UnboundRelationship, UnsupportedType, Vector,
};
use crate::value::round_trip::any_value;
use crate::value::{Dialect, Map, Value};
use crate::{Version, list, map};

fn on_the_wire(value: &Value, element_ids: bool) -> Vec<u8> {
    let mut out = Output::new(Dialect::Server {
        element_ids,
        utc: true,
    });
    out.one(|encoder| value.to_value(encoder)).unwrap();
    out.bytes
}

fn ada() -> Node {
    let mut ada = Node::new(7, ["Person", "Poet"], map! { "name": "Ada", "born": Date::EPOCH });
    ada.element_id = "4:x:7".into();
    ada
}

fn knows() -> Relationship {
    let mut knows = Relationship::new(1, 7, 8, "KNOWS", map! { "since": 1999 });
    knows.element_id = "5:x:1".into();
    knows.start_element_id = "4:x:7".into();
    knows.end_element_id = "4:x:8".into();
    knows
}

fn walk() -> Path {
    let mut bob = Node::new(8, ["Person"], map! { "name": "Bob" });
    bob.element_id = "4:x:8".into();
    let mut unbound = UnboundRelationship::new(1, "KNOWS", map! { "since": 1999 });
    unbound.element_id = "5:x:1".into();
    Path::new(vec![ada(), bob], vec![unbound], &[1, 1, -1, 0]).unwrap()
}

/// Each kind of value that has no type of its own in serde, with its form.
fn forms() -> Vec<(Value, Json)> {
    let ada_form = json!({"id()": 7, "elementId()": "4:x:7", "labels()": ["Person", "Poet"], "name": "Ada", "born": "1970-01-01"});
    let bob_form = json!({"id()": 8, "elementId()": "4:x:8", "labels()": ["Person"], "name": "Bob"});
    let knows_form = json!({"id()": 1, "elementId()": "5:x:1", "type()": "KNOWS", "startId()": 7, "endId()": 8,
        "startElementId()": "4:x:7", "endElementId()": "4:x:8", "since": 1999});
    let path_form =
        json!({"nodes": [ada_form, bob_form, ada_form], "relationships": [knows_form, knows_form]});
    let unbound = UnboundRelationship::new(1, "KNOWS", map! { "since": 1999 });
    let unbound_form = json!({"id()": 1, "elementId()": "1", "type()": "KNOWS", "since": 1999});
    let stand_in = UnsupportedType::new("QUATERNION".into(), Version::new(9, 1), None);
    vec![
        (ada().into(), ada_form),
        (knows().into(), knows_form),
        (unbound.into(), unbound_form),
        (walk().into(), path_form),
        (
            Point2D::cartesian(1.0, 2.5).into(),
            json!({"srid": 7203, "x": 1.0, "y": 2.5}),
        ),
        (Vector::from(vec![0.5_f32]).into(), json!([0.5])),
        ([1_u8, 255].into(), json!([1, 255])),
        (Date::EPOCH.into(), json!("1970-01-01")),
        (
            stand_in.into(),
            json!({"type": "QUATERNION", "minimumVersion": "9.1", "message": null}),
        ),
        (
            Structure::new(0x51, vec![1.into(), "x".into()]).into(),
            json!({"tag": 0x51, "fields": [1, "x"]}),
        ),
        (list![1, ada(), walk()], Json::Null),
        (map! { "p": walk() }.into(), Json::Null),
    ]
}

#[test]
fn a_value_has_the_same_form_in_a_row_in_a_tree_and_in_json() {
    let keys = Keys::new(["v"]);
    for (value, form) in forms() {
        let bytes = on_the_wire(&value, true);
        let written = serde_json::to_value(&value).unwrap();
        if form != Json::Null {
            assert_eq!(written, form);
        }
        assert_eq!(decode::<Json>(&bytes).as_ref(), Ok(&written));
        assert_eq!(value.to::<Serde<Json>>(), Ok(Serde(written.clone())));
        let row = RecordRef::new(&keys, 1, &bytes);
        assert_eq!(row.to(), Ok(json!({ "v": written })));
        assert_eq!(serde_json::to_value(row).unwrap(), json!({ "v": written }));
        #[derive(Debug, PartialEq, Deserialize)]
        struct Rest {
            #[serde(flatten)]
            rest: BTreeMap<String, Json>,
        }
        let rest = BTreeMap::from([("v".to_string(), written.clone())]);
        assert_eq!(row.to(), Ok(Rest { rest: rest.clone() }));
        assert_eq!(row.to(), Ok(rest));
        if let Json::Object(map) = &written {
            assert_eq!(decode::<serde_json::Map<String, Json>>(&bytes).as_ref(), Ok(map));
        }
    }
}

#[test]
fn older_servers_send_the_same_form() {
    let bytes = on_the_wire(&ada().into(), false);
    let form = json!({"id()": 7, "elementId()": "7", "labels()": ["Person", "Poet"], "name": "Ada", "born": "1970-01-01"});
    assert_eq!(decode::<Json>(&bytes), Ok(form));
    let bytes = on_the_wire(&walk().into(), false);
    let form = decode::<Json>(&bytes).unwrap();
    assert_eq!(form["relationships"][1]["startElementId()"], "7");
    let unbound = UnboundRelationship::new(1, "KNOWS", Map::new());
    let form = json!({"id()": 1, "elementId()": "1", "type()": "KNOWS"});
    assert_eq!(decode::<Json>(&on_the_wire(&unbound.into(), false)), Ok(form));
}

#[test]
fn nodes_relationships_and_paths_are_read_back_from_json() {
    let mut ada = ada();
    ada.properties.insert("born", 1815);
    let json = serde_json::to_string(&ada).unwrap();
    assert_eq!(serde_json::from_str::<Node>(&json).unwrap(), ada);
    let json = serde_json::to_string(&knows()).unwrap();
    assert_eq!(serde_json::from_str::<Relationship>(&json).unwrap(), knows());
    let json = serde_json::to_value(walk()).unwrap();
    let path: Path = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&path).unwrap(), json);
    assert_eq!((path.len(), path.end().id), (2, 7));
    let vector: Vector = serde_json::from_str("[1, 2.5]").unwrap();
    assert_eq!(vector, Vector::from(vec![1.0, 2.5]));
    for broken in [
        r#"{"labels()": []}"#,
        "[]",
        "1",
        r#"{"nodes": [], "relationships": []}"#,
    ] {
        assert!(serde_json::from_str::<Node>(broken).is_err());
        assert!(serde_json::from_str::<Path>(broken).is_err());
    }
    // Within a flattened struct serde passes the form, too.
    #[derive(Debug, PartialEq, Deserialize)]
    struct Outer {
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner {
        r: Relationship,
        #[serde(with = "crate::serde::as_value")]
        bytes: Vec<u8>,
    }
    let keys = Keys::new(["r", "bytes"]);
    let mut values = on_the_wire(&knows().into(), true);
    values.extend(b"\xCC\x01\x07");
    let inner = Inner {
        r: knows(),
        bytes: vec![7],
    };
    assert_eq!(RecordRef::new(&keys, 2, &values).to(), Ok(Outer { inner }));
}

#[test]
fn functions_work_beside_flatten() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Person {
        #[serde(rename = "elementId()")]
        id: String,
        #[serde(rename = "labels()")]
        labels: Vec<String>,
        #[serde(flatten)]
        name: Name,
        #[serde(flatten)]
        rest: BTreeMap<String, Json>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Name {
        name: String,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Knows {
        #[serde(flatten)]
        ends: Ends,
        since: i64,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Ends {
        #[serde(rename = "type()")]
        kind: String,
        #[serde(rename = "startElementId()")]
        start: String,
        #[serde(rename = "endId()")]
        end: i64,
    }
    let person = |id: &str| Person {
        id: id.into(),
        labels: vec!["Person".into(), "Poet".into()],
        name: Name { name: "Ada".into() },
        rest: [
            ("born".to_string(), json!("1970-01-01")),
            ("id()".into(), json!(7)),
        ]
        .into(),
    };
    let knows_of = |start: &str| Knows {
        ends: Ends {
            kind: "KNOWS".into(),
            start: start.into(),
            end: 8,
        },
        since: 1999,
    };
    assert_eq!(decode(&on_the_wire(&ada().into(), true)), Ok(person("4:x:7")));
    assert_eq!(decode(&on_the_wire(&ada().into(), false)), Ok(person("7")));
    assert_eq!(ada().to(), Ok(person("4:x:7")));
    assert_eq!(decode(&on_the_wire(&knows().into(), true)), Ok(knows_of("4:x:7")));
    assert_eq!(knows().to(), Ok(knows_of("4:x:7")));
}

#[test]
fn a_property_with_the_name_of_a_function_is_hidden_by_it() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Odd {
        name: String,
        #[serde(rename = "labels()")]
        labels: Vec<String>,
        #[serde(rename = "type()")]
        kind: String,
    }
    let properties = map! { "labels()": 1, "name": "x", "type()": "own" };
    let node = Node::new(1, ["A"], properties);
    let odd = Odd {
        name: "x".into(),
        labels: vec!["A".into()],
        kind: "own".into(),
    };
    let bytes = on_the_wire(&node.clone().into(), true);
    assert_eq!(decode(&bytes).as_ref(), Ok(&odd));
    assert_eq!(node.to(), Ok(odd));
    let form = json!({"id()": 1, "elementId()": "1", "labels()": ["A"], "name": "x", "type()": "own"});
    assert_eq!(decode(&bytes), Ok(form.clone()));
    assert_eq!(serde_json::to_value(node).unwrap(), form);
}

#[test]
fn a_path_is_read_as_structs() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Walk {
        nodes: Vec<Person>,
        relationships: Vec<Knows>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Person {
        name: String,
        born: Option<Date>,
        #[serde(default, with = "crate::serde::as_value")]
        day: Option<chrono::NaiveDate>,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Knows {
        since: i64,
    }
    let read: Walk = decode(&on_the_wire(&walk().into(), true)).unwrap();
    assert_eq!(Value::from(walk()).to(), Ok(Serde(read)));
    let read: Walk = decode(&on_the_wire(&walk().into(), true)).unwrap();
    assert_eq!(
        (read.nodes[0].born, &*read.nodes[1].name),
        (Some(Date::EPOCH), "Bob")
    );
    assert_eq!(read.relationships, [Knows { since: 1999 }, Knows { since: 1999 }]);
}

#[test]
fn null_is_no_struct_of_missing_fields() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Person {
        name: Option<String>,
        born: Option<i64>,
    }
    let keys = Keys::new(["n"]);
    let row = RecordRef::new(&keys, 1, b"\xC0");
    assert_eq!(row.to::<Option<Person>>(), Ok(None));
    let error = row.to::<Person>().unwrap_err();
    assert_eq!(error.to_string(), r#"column "n": expected a map, found null"#);
    assert_eq!(row.to_record().to::<Option<Person>>(), Ok(None));
    assert!(decode::<Person>(b"\xC0").is_err());
    assert!(Value::Null.to::<Serde<Person>>().is_err());
    // A struct that has a field for the column is read from the columns.
    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        n: Option<Person>,
    }
    assert_eq!(row.to(), Ok(Row { n: None }));
    // So is one of several columns.
    let keys = Keys::new(["name", "born"]);
    let nothing = Person {
        name: None,
        born: None,
    };
    assert_eq!(RecordRef::new(&keys, 2, b"\xC0\xC0").to(), Ok(Some(nothing)));
}

#[test]
fn any_json_is_read_from_a_row_as_text() {
    // The type of `serde_json` with its feature `raw_value`.
    #[derive(Debug, PartialEq)]
    struct Raw(String);
    impl<'de> Deserialize<'de> for Raw {
        fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> ::serde::de::Visitor<'de> for Visitor {
                type Value = Raw;
                fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    f.write_str("any valid JSON value")
                }
                fn visit_map<A: ::serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                    let (key, text): (String, String) = map.next_entry()?.unwrap();
                    assert_eq!(key, "$serde_json::private::RawValue");
                    Ok(Raw(text))
                }
            }
            deserializer.deserialize_newtype_struct("$serde_json::private::RawValue", Visitor)
        }
    }
    let keys = Keys::new(["a", "b"]);
    let row = RecordRef::new(&keys, 2, b"\xA1\x81x\x91\x01\xB1\x44\x01");
    let read: (Raw, Raw) = row.to().unwrap();
    assert_eq!((&*read.0.0, &*read.1.0), (r#"{"x":[1]}"#, r#""1970-01-02""#));
}

proptest! {
    /// The form does not depend on how the value is read.
    #[test]
    fn every_value_has_one_form(value in any_value()) {
        let bytes = on_the_wire(&value, true);
        let written = serde_json::to_value(&value).unwrap();
        prop_assert_eq!(&decode::<Json>(&bytes).unwrap(), &written);
        prop_assert_eq!(value.to::<Serde<Json>>().unwrap().0, written);
    }
}
