//! Connections from the handshake to GOODBYE.

use std::time::{Duration, Instant};

use engine::Engine;

use crate::client::{Client, GOODBYE, HELLO, ROUTE, Response, Value, map};

#[test]
fn the_newest_version_of_a_slot_is_chosen_when_the_manifest_is_unknown() {
    let engine = Engine::start().expect("it starts");
    assert_eq!(Client::raw(&engine).handshake(), [0x00, 0x00, 0x04, 0x05]);
}

#[test]
fn the_bytes_of_a_real_driver_are_understood() {
    let engine = Engine::builder()
        .credentials("neo4j", "pass")
        .start()
        .expect("it starts");
    let mut client = Client::raw(&engine);
    client.handshake();
    client.write(b"\x00\x10\xB1\x01\xA1\x8Auser_agent\x81x\x00\x00");
    let server = client.receive().success();
    assert_eq!(server.get("server"), Some(&"graphdblite/0.2.0".into()));
    client.write(
        b"\x00\x31\xB1\x6A\xA3\x86scheme\x85basic\x89principal\x85neo4j\x8Bcredentials\x84pass\x00\x00",
    );
    assert_eq!(client.receive(), Response::Success([].into()));
    client.write(
        b"\x00\x12\xB3\x10\x8DRETURN 1 AS n\xA0\xA0\x00\x00\x00\x08\xB1\x3F\xA1\x81n\xC9\x03\xE8\x00\x00",
    );
    client.receive().success();
    let (rows, summary) = client.rows();
    assert_eq!(rows, [[Value::Integer(1)]]);
    assert_eq!(summary.get("type"), Some(&"r".into()));
}

#[test]
fn a_wrong_password_a_wrong_user_and_no_credentials_are_refused_alike() {
    let engine = Engine::start().expect("it starts");
    let token = |scheme: &str, user: &str, password: &str| {
        map([
            ("scheme", scheme.into()),
            ("principal", user.into()),
            ("credentials", password.into()),
        ])
    };
    for token in [
        token("basic", engine.user(), "wrong"),
        token("basic", "another", engine.password()),
        token("bearer", engine.user(), engine.password()),
        map([("scheme", "none".into())]),
    ] {
        let mut client = Client::raw(&engine);
        client.handshake();
        client.call(HELLO, [map([])]).success();
        let refused = client.call(crate::client::LOGON, [token]);
        assert_eq!(refused.code(), "Neo.ClientError.Security.Unauthorized");
        assert!(client.is_closed(), "a refused connection must end");
    }
}

#[test]
fn any_client_may_log_on_without_authentication() {
    let engine = Engine::builder()
        .without_authentication()
        .start()
        .expect("it starts");
    let mut client = Client::raw(&engine);
    client.handshake();
    client.call(HELLO, [map([])]).success();
    client
        .call(crate::client::LOGON, [map([("scheme", "none".into())])])
        .success();
    assert_eq!(client.value("RETURN 1"), 1.into());
}

#[test]
fn answers_do_not_wait_for_acknowledgements() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    client.value("RETURN 1");
    let started = Instant::now();
    for _ in 0..25 {
        client.value("RETURN 1");
    }
    // With Nagle's algorithm each of them takes 40 ms.
    assert!(
        started.elapsed() < Duration::from_millis(800),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn routing_tables_lead_to_the_engine_itself() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let answer = client
        .call(ROUTE, [map([]), Value::List(Vec::new()), map([])])
        .success();
    let Some(Value::Map(table)) = answer.get("rt") else {
        panic!("no table: {answer:?}");
    };
    let here = Value::List(vec![engine.address().to_string().as_str().into()]);
    let server = |role: &str| map([("addresses", here.clone()), ("role", role.into())]);
    let all = Value::List(vec![server("WRITE"), server("READ"), server("ROUTE")]);
    assert_eq!(table.get("servers"), Some(&all));
    assert_eq!(table.get("db"), Some(&"neo4j".into()));
}

#[test]
fn goodbye_ends_the_connection() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    client.send(GOODBYE, []);
    assert!(client.is_closed());
}

#[test]
fn engines_of_one_process_are_independent() {
    let (first, second) = (
        Engine::start().expect("it starts"),
        Engine::start().expect("it starts"),
    );
    assert_ne!(first.address(), second.address());
    Client::connect(&first).run("CREATE (:Here)");
    assert_eq!(
        Client::connect(&second).value("MATCH (n) RETURN count(n)"),
        0.into()
    );
}

#[test]
fn a_dropped_engine_closes_its_connections_and_its_port() {
    let engine = Engine::start().expect("it starts");
    let address = engine.address();
    let mut client = Client::connect(&engine);
    drop(engine);
    assert!(client.is_closed());
    assert!(std::net::TcpStream::connect(address).is_err());
}
