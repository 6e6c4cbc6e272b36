//! Auto-commit queries: results, summaries and failures.

use engine::Engine;

use crate::client::{Client, DISCARD, PULL, RESET, RUN, Response, Value, map};

#[test]
fn a_result_has_its_columns_rows_and_summary() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let answer = client.run("UNWIND [1, 2] AS x RETURN x, x * x AS square");
    assert_eq!(answer.fields, ["x", "square"]);
    assert_eq!(answer.rows, [[1, 1].map(Value::from), [2, 4].map(Value::from)]);
    assert_eq!(answer.summary.get("type"), Some(&"r".into()));
    assert_eq!(answer.summary.get("db"), Some(&"neo4j".into()));
    assert!(matches!(answer.summary.get("bookmark"), Some(Value::String(_))));
    assert!(matches!(answer.summary.get("t_last"), Some(Value::Integer(0..))));
}

#[test]
fn an_empty_result_has_the_same_columns_as_a_full_one() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let query = "MATCH (n:Person) RETURN n.name AS name, n.age+1, n ORDER BY name";
    let empty = client.run(query);
    client.run("CREATE (:Person {name: 'Jo', age: 1})");
    let full = client.run(query);
    assert_eq!((empty.rows.len(), full.rows.len()), (0, 1));
    assert_eq!(empty.fields, ["name", "n.age+1", "n"]);
    assert_eq!(empty.fields, full.fields);
}

#[test]
fn the_type_of_a_query_is_that_of_neo4j() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    for (query, class) in [
        ("CREATE (:A)", "w"),
        ("MERGE (a:A) RETURN a", "rw"),
        ("MATCH (a) RETURN a", "r"),
        ("CREATE INDEX ON :A(x)", "s"),
    ] {
        assert_eq!(
            client.run(query).summary.get("type"),
            Some(&class.into()),
            "{query}"
        );
    }
}

#[test]
fn rows_arrive_in_the_requested_pages() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    client
        .call(RUN, ["UNWIND range(1, 5) AS x RETURN x".into(), map([]), map([])])
        .success();
    client.send(PULL, [map([("n", 2.into())])]);
    let (rows, page) = client.rows();
    assert_eq!(
        (rows.len(), page.get("has_more")),
        (2, Some(&Value::Boolean(true)))
    );
    let end = client.call(DISCARD, [map([("n", Value::Integer(-1))])]).success();
    assert_eq!(end.get("type"), Some(&"r".into()));
    assert_eq!(client.value("RETURN 7"), 7.into());
}

#[test]
fn more_rows_than_the_engines_default_limit_arrive() {
    let engine = Engine::start().expect("it starts");
    let answer = Client::connect(&engine).run("UNWIND range(1, 100001) AS x RETURN x");
    assert_eq!(answer.rows.len(), 100_001);
}

#[test]
fn failures_have_neo4j_codes_and_reset_recovers_the_connection() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    for (query, code) in [
        ("RETRUN 1", "Neo.ClientError.Statement.SyntaxError"),
        ("RETURN nothing", "Neo.ClientError.Statement.SyntaxError"),
        ("RETURN $missing", "Neo.ClientError.Statement.ParameterMissing"),
        ("RETURN 1 / 0", "Neo.ClientError.Statement.ArithmeticError"),
    ] {
        let (failure, _) = client.query(query, map([]), map([])).expect_err("it is wrong");
        assert_eq!(failure, code, "{query}");
        let ignored = client.call(RUN, ["RETURN 1".into(), map([]), map([])]);
        assert_eq!(ignored, Response::Ignored);
        client.call(RESET, []).success();
    }
    assert_eq!(client.value("RETURN 1"), 1.into());
}

#[test]
fn a_database_is_called_neo4j_or_not_found() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    for name in ["neo4j", "Neo4j"] {
        assert!(
            client
                .query("RETURN 1", map([]), map([("db", name.into())]))
                .is_ok()
        );
    }
    let (code, message) = client
        .query("RETURN 1", map([]), map([("db", "nope".into())]))
        .expect_err("the database does not exist");
    assert_eq!(code, "Neo.ClientError.Database.DatabaseNotFound");
    assert!(message.contains("nope"), "{message}");
}

#[test]
fn read_access_reads_and_does_not_write() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let read = || map([("mode", "r".into())]);
    assert!(client.query("MATCH (n) RETURN n", map([]), read()).is_ok());
    for query in ["CREATE (:A)", "MATCH (n) SET n.x = 1", "CREATE INDEX ON :A(x)"] {
        let (code, _) = client.query(query, map([]), read()).expect_err("it writes");
        assert_eq!(code, "Neo.ClientError.Statement.AccessMode", "{query}");
        client.call(RESET, []).success();
    }
    assert_eq!(client.value("MATCH (n) RETURN count(n)"), 0.into());
}
