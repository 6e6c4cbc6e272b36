//! Many clients at once.

use std::thread;

use engine::Engine;

use crate::client::{BEGIN, COMMIT, Client, PULL, RUN, Value, map, message};

const CONNECTIONS: i64 = 50;

#[test]
fn thousands_of_small_queries_over_fifty_connections_are_all_answered() {
    let engine = Engine::start().expect("it starts");
    Client::connect(&engine).run("UNWIND range(1, 20) AS n CREATE (:Person {n: n})");
    each_connection(&engine, |client, number| {
        for round in 0..40_i64 {
            let n = (number + round) % 20 + 1;
            let query = "MATCH (p:Person {n: $n}) RETURN p.n AS n";
            let rows = read_in_one_flight(client, query, map([("n", n.into())]));
            assert_eq!(rows, [[Value::Integer(n)]]);
        }
    });
}

#[test]
fn readers_and_writers_do_not_affect_each_other() {
    let engine = Engine::start().expect("it starts");
    Client::connect(&engine).run("CREATE (:Counter {n: 0})");
    each_connection(&engine, |client, number| {
        for _ in 0..4 {
            if number % 2 == 0 {
                client.call(BEGIN, [map([])]).success();
                client.run("MATCH (c:Counter) SET c.n = c.n + 1");
                client.call(COMMIT, []).success();
            } else {
                let rows = read_in_one_flight(client, "MATCH (c:Counter) RETURN c.n", map([]));
                assert!(matches!(rows.as_slice(), [row] if matches!(row.as_slice(), [Value::Integer(0..)])));
            }
        }
    });
    let counted = Client::connect(&engine).value("MATCH (c:Counter) RETURN c.n");
    assert_eq!(counted, Value::Integer(CONNECTIONS / 2 * 4));
}

/// BEGIN, RUN, PULL and COMMIT in one write, as drivers send them.
fn read_in_one_flight(client: &mut Client, query: &str, parameters: Value) -> Vec<Vec<Value>> {
    let mut flight = message(BEGIN, [map([("mode", "r".into())])]);
    flight.extend(message(RUN, [query.into(), parameters, map([])]));
    flight.extend(message(PULL, [map([("n", Value::Integer(-1))])]));
    flight.extend(message(COMMIT, []));
    client.write(&flight);
    client.receive().success();
    client.receive().success();
    let (rows, _) = client.rows();
    client.receive().success();
    rows
}

/// Does the same on fifty connections at once.
fn each_connection(engine: &Engine, work: impl Fn(&mut Client, i64) + Sync) {
    thread::scope(|scope| {
        for number in 0..CONNECTIONS {
            let work = &work;
            scope.spawn(move || work(&mut Client::connect(engine), number));
        }
    });
}
