//! Every type that the engine supports, over the wire.

use engine::Engine;

use crate::client::{Client, RESET, Value, map};

fn echoed(client: &mut Client, value: &Value) -> Value {
    let answer = client.query("RETURN $value AS value", map([("value", value.clone())]), map([]));
    answer.expect("the engine has it").rows.remove(0).remove(0)
}

#[test]
fn parameters_come_back_unchanged() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let structure = |tag, fields: &[Value]| Value::Structure(tag, fields.to_vec());
    for value in [
        Value::Null,
        Value::Boolean(true),
        Value::Boolean(false),
        Value::Integer(i64::MIN),
        Value::Integer(i64::MAX),
        Value::Float(-0.5),
        Value::Float(f64::INFINITY),
        "".into(),
        "naïve 漢字 🦀".into(),
        Value::String("x".repeat(100_000)),
        Value::List(vec![1.into(), "two".into(), Value::List(vec![Value::Null])]),
        map([]),
        map([("a", 1.into()), ("b", map([("c", Value::Float(1.0))]))]),
        structure(0x44, &[Value::Integer(-1)]),
        structure(0x74, &[Value::Integer(86_399_999_999_999)]),
        structure(0x54, &[1.into(), Value::Integer(-3_600)]),
        structure(0x64, &[Value::Integer(-1), 999_999_999.into()]),
        structure(0x49, &[0.into(), 1.into(), 7_200.into()]),
        structure(0x69, &[1_700_000_000.into(), 2.into(), "Europe/Stockholm".into()]),
        structure(0x45, &[1.into(), Value::Integer(-2), 3.into(), 4.into()]),
    ] {
        assert_eq!(echoed(&mut client, &value), value);
    }
}

#[test]
fn nan_and_infinities_come_back() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let Value::Float(number) = echoed(&mut client, &Value::Float(f64::NAN)) else {
        panic!("not a float");
    };
    assert!(number.is_nan());
}

#[test]
fn temporal_values_equal_their_cypher_expressions() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let epoch = Value::Structure(0x44, vec![0.into()]);
    let zoned = Value::Structure(
        0x69,
        vec![1_700_000_000.into(), 0.into(), "Europe/Stockholm".into()],
    );
    for (expression, value) in [
        ("date('1970-01-01')", epoch),
        ("datetime('2023-11-14T23:13:20[Europe/Stockholm]')", zoned),
    ] {
        assert_eq!(client.value(&format!("RETURN {expression}")), value);
        let same = client.query(
            &format!("RETURN {expression} = $value"),
            map([("value", value)]),
            map([]),
        );
        assert_eq!(
            same.expect("it compares").rows,
            [[Value::Boolean(true)]],
            "{expression}"
        );
    }
}

#[test]
fn nodes_and_relationships_have_all_their_fields() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let created = "CREATE (a:Person:Singer {name: 'A'})-[r:KNOWS {since: 1}]->(b) RETURN a, r, b";
    let row = client.run(created).rows.remove(0);
    let [
        Value::Structure(0x4E, a),
        Value::Structure(0x52, r),
        Value::Structure(0x4E, b),
    ] = row.as_slice()
    else {
        panic!("not a node, a relationship and a node: {row:?}");
    };
    let [id, labels, properties, element_id] = a.as_slice() else {
        panic!("not the fields of a node: {a:?}");
    };
    assert_eq!(labels, &Value::List(vec!["Person".into(), "Singer".into()]));
    assert_eq!(properties, &map([("name", "A".into())]));
    assert_eq!(
        r[1..5],
        [
            id.clone(),
            b[0].clone(),
            "KNOWS".into(),
            map([("since", 1.into())])
        ]
    );
    assert_eq!(r[6..], [element_id.clone(), b[3].clone()]);
    assert_ne!(element_id, &b[3]);
}

#[test]
fn a_path_can_be_traversed_by_its_indices() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    client.run("CREATE (:S {n: 1})-[:R]->(:S {n: 2})<-[:R]-(:S {n: 3})");
    let path = client.value("MATCH p = (:S {n: 1})-[:R]->(:S)<-[:R]-(:S {n: 3}) RETURN p");
    let Value::Structure(0x50, fields) = path else {
        panic!("not a path: {path:?}");
    };
    let [Value::List(nodes), Value::List(relationships), indices] = fields.as_slice() else {
        panic!("not the fields of a path: {fields:?}");
    };
    assert_eq!((nodes.len(), relationships.len()), (3, 2));
    assert!(
        relationships
            .iter()
            .all(|item| matches!(item, Value::Structure(0x72, fields) if fields.len() == 4))
    );
    assert_eq!(indices, &Value::List([1, 1, -2, 2].map(Value::from).to_vec()));
}

#[test]
fn unsupported_types_are_refused_by_name() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let point = Value::Structure(0x58, vec![7_203.into(), Value::Float(1.0), Value::Float(2.0)]);
    for (value, reason) in [
        (Value::Bytes(vec![1, 2, 3]), "no byte arrays"),
        (point, "no points"),
    ] {
        let refused = client.query("RETURN $here", map([("here", Value::List(vec![value]))]), map([]));
        let (code, message) = refused.expect_err("the engine does not have it");
        assert_eq!(code, "Neo.ClientError.Statement.TypeError");
        assert!(
            message.contains("`here`") && message.contains(reason),
            "{message}"
        );
        client.call(RESET, []).success();
    }
}
