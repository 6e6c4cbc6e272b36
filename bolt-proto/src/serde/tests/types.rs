use super::*;
use crate::types::{Date, DateTime, Node, Point2D, Uuid, Vector, ZonedDateTime};
use crate::value::{Dialect, FromValue, Map, ToValue, Value};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    date: Date,
    time: DateTime,
    zoned: Option<ZonedDateTime>,
    point: Point2D,
    vector: Vector,
    uuid: Uuid,
    value: Value,
    #[serde(with = "crate::serde::as_value")]
    bytes: Vec<u8>,
    #[serde(with = "crate::serde::as_value")]
    when: Option<chrono::NaiveDate>,
    #[serde(with = "crate::serde::as_value")]
    id: uuid::Uuid,
    #[serde(with = "crate::serde::as_serde")]
    text_date: chrono::NaiveDate,
    text_id: uuid::Uuid,
}

fn everything() -> Everything {
    Everything {
        date: "2024-02-29".parse().unwrap(),
        time: "2024-02-29T12:00:00+01:00".parse().unwrap(),
        zoned: Some(ZonedDateTime::from_unix(0, 5, "Europe/Paris").unwrap()),
        point: Point2D::cartesian(1.0, 2.5),
        vector: vec![1_i8, 2].into(),
        uuid: Uuid::from(7),
        value: vec![Value::from(Date::EPOCH), 1.into()].into(),
        bytes: vec![1, 2],
        when: Some("2024-02-29".parse().unwrap()),
        id: uuid::Uuid::from_u128(7),
        text_date: "2024-02-29".parse().unwrap(),
        text_id: uuid::Uuid::from_u128(7),
    }
}

#[test]
fn the_types_of_this_crate_pass_through_serde_as_themselves() {
    let bytes = encode(&everything()).unwrap();
    let map: BTreeMap<String, Value> = FromValue::read(&mut Reader::new(&bytes)).unwrap();
    let kinds: Vec<_> = map
        .iter()
        .map(|(name, value)| (name.as_str(), value.kind()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("bytes", "bytes"),
            ("date", "a date"),
            ("id", "a UUID"),
            ("point", "a point in two dimensions"),
            ("text_date", "a string"),
            ("text_id", "a string"),
            ("time", "a date-time with an offset"),
            ("uuid", "a UUID"),
            ("value", "a list"),
            ("vector", "a vector"),
            ("when", "a date"),
            ("zoned", "a date-time with a zone"),
        ]
    );
    assert_eq!(decode(&bytes), Ok(everything()));
}

#[test]
fn other_formats_see_the_natural_form() {
    let Everything { value, .. } = everything();
    assert_eq!(serde_json::to_string(&value).unwrap(), r#"["1970-01-01",1]"#);
    let date: Date = serde_json::from_str(r#""2024-02-29""#).unwrap();
    assert_eq!(date.to_string(), "2024-02-29");
    assert!(serde_json::from_str::<Date>(r#""2024-02-30""#).is_err());
    let point: Point2D = serde_json::from_str(&serde_json::to_string(&everything().point).unwrap()).unwrap();
    assert_eq!(point, everything().point);
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Both {
        #[serde(with = "crate::serde::as_value")]
        when: chrono::NaiveDate,
    }
    let both = Both {
        when: "2024-02-29".parse().unwrap(),
    };
    let json = serde_json::to_string(&both).unwrap();
    assert_eq!(json, r#"{"when":"2024-02-29"}"#);
    assert_eq!(serde_json::from_str::<Both>(&json).unwrap(), both);
    assert!(encode(&both).unwrap().ends_with(&[0xB1, b'D', 0xC9, 0x4D, 0x46]));
    let value: Value = serde_json::from_str(r#"{"a": [1, 2.5, "x", null]}"#).unwrap();
    assert_eq!(
        serde_json::to_string(&value).unwrap(),
        r#"{"a":[1,2.5,"x",null]}"#
    );
}

#[test]
fn dates_times_and_uuids_can_be_read_as_texts() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Texts {
        date: chrono::NaiveDate,
        time: chrono::DateTime<chrono::Utc>,
        uuid: uuid::Uuid,
        zoned: String,
    }
    let texts: Texts = decode(&encode(&everything()).unwrap()).unwrap();
    assert_eq!(texts.date, everything().text_date);
    assert_eq!(texts.time.timestamp(), everything().time.unix_seconds());
    assert_eq!(texts.uuid, everything().id);
    assert_eq!(texts.zoned, "1970-01-01T00:00:00.000000005Z[Europe/Paris]");
}

#[test]
fn flatten_and_untagged_lose_nothing() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        name: String,
        #[serde(flatten)]
        inner: Inner,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        day: Date,
        #[serde(with = "crate::serde::as_value")]
        chrono_day: chrono::NaiveDate,
    }
    let day: Date = "2024-02-29".parse().unwrap();
    let inner = Inner {
        day,
        chrono_day: "2024-02-29".parse().unwrap(),
    };
    let outer = Outer {
        name: "x".into(),
        inner,
    };
    let bytes = encode(&outer).unwrap();
    assert!(bytes.ends_with(&[0xB1, b'D', 0xC9, 0x4D, 0x46]));
    assert_eq!(decode(&bytes), Ok(outer));
}

fn node(dialect: Dialect) -> Vec<u8> {
    let node = Node {
        id: 7,
        element_id: if dialect == Dialect::SERVER {
            "4:abc:7".into()
        } else {
            "7".into()
        },
        labels: vec!["Person".into()],
        properties: [("name", Value::from("Ann")), ("born", Date::EPOCH.into())]
            .into_iter()
            .collect(),
    };
    let mut out = Output::new(dialect);
    out.one(|encoder| node.to_value(encoder)).unwrap();
    out.bytes
}

#[test]
fn a_node_becomes_a_struct_of_its_properties() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Person<'a> {
        name: &'a str,
        born: Date,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct Known<'a> {
        #[serde(rename = "elementId()")]
        element_id: String,
        #[serde(rename = "labels()", borrow)]
        labels: Vec<&'a str>,
        name: String,
    }
    let bytes = node(Dialect::SERVER);
    assert_eq!(
        decode(&bytes),
        Ok(Person {
            name: "Ann",
            born: Date::EPOCH
        })
    );
    let known = |element_id: &str| Known {
        element_id: element_id.into(),
        labels: vec!["Person"],
        name: "Ann".into(),
    };
    assert_eq!(decode(&bytes), Ok(known("4:abc:7")));
    let older = node(Dialect::Server {
        element_ids: false,
        utc: false,
    });
    assert_eq!(decode(&older), Ok(known("7")));
    let whole: BTreeMap<String, Value> = decode(&bytes).unwrap();
    assert_eq!(
        whole.keys().collect::<Vec<_>>(),
        ["born", "elementId()", "id()", "labels()", "name"]
    );

    // A row of one node is read as that node, unless the struct wants the column.
    let keys = Keys::new(["p"]);
    let row = RecordRef::new(&keys, 1, &bytes);
    assert_eq!(
        row.to(),
        Ok(Person {
            name: "Ann",
            born: Date::EPOCH
        })
    );
    assert_eq!(row.to::<BTreeMap<&str, Person<'_>>>().unwrap()["p"].name, "Ann");
    #[derive(Debug, PartialEq, Deserialize)]
    struct Row<'a> {
        #[serde(borrow)]
        p: Person<'a>,
    }
    assert_eq!(row.to::<Row<'_>>().unwrap().p.name, "Ann");
    #[derive(Debug, Deserialize)]
    struct Wrong {
        #[expect(dead_code, reason = "only read into")]
        name: i64,
    }
    let error = row.to::<Wrong>().unwrap_err().to_string();
    assert_eq!(
        error,
        r#"column "p", field "name": expected an integer, found a string"#
    );
}

#[test]
fn a_vector_is_a_list_and_a_point_a_map() {
    let bytes = encode(&(everything().vector, everything().point)).unwrap();
    let (list, point): ([i64; 2], BTreeMap<String, f64>) = match decode(&bytes) {
        Ok((list, PointMap { x, y, srid })) => (
            list,
            [("x".into(), x), ("y".into(), y), ("srid".into(), f64::from(srid))].into(),
        ),
        Err(error) => panic!("{error}"),
    };
    assert_eq!((list, point["srid"], point["y"]), ([1, 2], 7203.0, 2.5));
    assert!(decode::<([i64; 1], PointMap)>(&bytes).is_err());
}

#[derive(Debug, PartialEq, Deserialize)]
struct PointMap {
    srid: u32,
    x: f64,
    y: f64,
}

#[test]
fn entities_cannot_be_sent_by_serde_either() {
    let node: Node = FromValue::read(&mut Reader::new(&node(Dialect::SERVER))).unwrap();
    let error = encode(&BTreeMap::from([("n", &node)])).unwrap_err().to_string();
    assert_eq!(error, r#"field "n": a node cannot be sent: only servers can"#);
    assert!(encode(&Value::from(node)).is_err());
}

#[test]
fn a_forged_value_is_refused() {
    struct Forged(&'static [u8]);
    impl Serialize for Forged {
        fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            struct Bytes(&'static [u8]);
            impl Serialize for Bytes {
                fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_bytes(self.0)
                }
            }
            serializer.serialize_newtype_struct("$bolt_proto::value", &Bytes(self.0))
        }
    }
    for forged in [
        &b""[..],
        b"\x01",
        b"\x91\0\0\0\0\0\0\0\0\0",
        b"\x01\x01\0\0\0\0\0\0\0\0\0",
        b"\x01\0\0\0\x01\0\0\0\0\0",
    ] {
        assert!(encode(&Forged(forged)).is_err(), "{forged:02X?}");
    }
    assert_eq!(encode(&Forged(b"\x01\0\0\0\0\0\0\0\0\0")).unwrap(), [1]);
}

#[test]
fn nesting_is_counted_through_values() {
    let nest = |levels: u16| (0..levels).fold(Value::Null, |value, _| Value::List(vec![value]));
    assert!(encode(&[nest(MAX_DEPTH - 1)]).is_ok());
    assert!(encode(&[nest(MAX_DEPTH)]).is_err());
    let mut bytes = vec![0x91; 600];
    bytes.push(0xC0);
    assert!(decode::<Vec<Value>>(&bytes).is_err());
    let map: Map = [("a", 1)].into_iter().collect();
    let bytes = encode(&map).unwrap();
    assert_eq!(Serde::<Map>::read(&mut Reader::new(&bytes)), Ok(Serde(map)));
}
