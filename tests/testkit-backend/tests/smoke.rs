//! The backend's own protocol, on every adapter: what TestKit says first, a query on the embedded engine, an error, and
//! callbacks.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use engine::Engine;
use serde_json::{Value as Json, json};
use testkit_backend::{Adapter, serve};

/// The frontend's side of a connection.
struct Frontend {
    reader: BufReader<TcpStream>,
    writer: TcpStream,
}

impl Frontend {
    fn new(runtime: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let adapter: Adapter = runtime.parse().unwrap();
        // The thread ends with the process. The engine is no Neo4j.
        thread::spawn(move || serve(&listener, &adapter, None));
        let writer = TcpStream::connect(address).unwrap();
        let reader = BufReader::new(writer.try_clone().unwrap());
        Self { reader, writer }
    }

    /// Sends a message, and reads one.
    fn ask(&mut self, name: &str, data: Json) -> (String, Json) {
        let request = json!({"name": name, "data": data});
        write!(self.writer, "#request begin\n{request}\n#request end\n").unwrap();
        let mut message = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(
                self.reader.read_line(&mut line).unwrap(),
                0,
                "the backend has closed the connection"
            );
            match line.trim() {
                "#response begin" => {}
                "#response end" => break,
                text => message.push_str(text),
            }
        }
        let mut message: Json = serde_json::from_str(&message).unwrap();
        (
            message["name"].as_str().unwrap().to_owned(),
            message["data"].take(),
        )
    }

    /// As [`ask`](Self::ask), for an answer of this name.
    fn expect(&mut self, name: &str, data: Json, answer: &str) -> Json {
        let (received, data) = self.ask(name, data);
        assert_eq!(received, answer, "{name}: {data}");
        data
    }

    /// Makes a driver; returns its id.
    fn driver(&mut self, uri: &str, engine: &Engine, resolver: bool) -> Json {
        let token = json!({"scheme": "basic", "principal": engine.user(), "credentials": engine.password()});
        let driver = json!({
            "uri": uri,
            "authorizationToken": {"name": "AuthorizationToken", "data": token},
            "authTokenManagerId": null,
            "userAgent": null,
            "resolverRegistered": resolver,
            "domainNameResolverRegistered": false,
            "connectionTimeoutMs": null,
            "fetchSize": null,
            "maxTxRetryTimeMs": 0,
            "livenessCheckTimeoutMs": null,
            "maxConnectionPoolSize": null,
            "connectionAcquisitionTimeoutMs": null,
            "clientCertificate": null,
            "clientCertificateProviderId": null,
        });
        self.expect("NewDriver", driver, "Driver")["id"].take()
    }

    fn session(&mut self, driver: &Json) -> Json {
        let session = json!({
            "driverId": driver,
            "accessMode": "w",
            "bookmarks": null,
            "database": null,
            "fetchSize": null,
            "impersonatedUser": null,
        });
        self.expect("NewSession", session, "Session")["id"].take()
    }
}

fn query(cypher: &str) -> Json {
    json!({"cypher": cypher, "params": {"n": {"name": "CypherInt", "data": {"value": 7}}}, "txMeta": null})
}

fn with(mut data: Json, name: &str, value: &Json) -> Json {
    data[name] = value.clone();
    data
}

/// A whole test, as TestKit would run it.
fn a_test_runs(runtime: &str) {
    let engine = Engine::start().unwrap();
    let uri = format!("bolt://{}", engine.address());
    let mut frontend = Frontend::new(runtime);
    let features = frontend.expect("GetFeatures", json!({}), "FeatureList");
    assert!(
        features["features"]
            .as_array()
            .unwrap()
            .contains(&json!("Feature:Bolt:5.4"))
    );
    frontend.expect("StartTest", json!({"testName": "stub.smoke"}), "RunTest");

    let driver = frontend.driver(&uri, &engine, false);
    let session = frontend.session(&driver);
    let run = with(query("RETURN $n AS n"), "sessionId", &session);
    let result = frontend.expect("SessionRun", run, "Result");
    assert_eq!(result["keys"], json!(["n"]));
    let result = json!({"resultId": result["id"]});
    let row = frontend.expect("ResultNext", result.clone(), "Record");
    assert_eq!(
        row["values"],
        json!([{"name": "CypherInt", "data": {"value": 7}}])
    );
    frontend.expect("ResultNext", result.clone(), "NullRecord");
    let summary = frontend.expect("ResultConsume", result, "Summary");
    assert_eq!(summary["query"]["text"], "RETURN $n AS n");

    // An error of the server, in a transaction function that gives it back.
    let begin = json!({"sessionId": session, "txMeta": null});
    let tx = frontend.expect("SessionWriteTransaction", begin, "RetryableTry");
    let mut run = with(query("RETURN"), "txId", &tx["id"]);
    run.as_object_mut().unwrap().remove("txMeta");
    let error = frontend.expect("TransactionRun", run, "DriverError");
    assert!(
        error["code"].as_str().unwrap().contains("Statement.SyntaxError"),
        "{error}"
    );
    assert_eq!(error["errorType"], "<class 'neo4j.exceptions.CypherSyntaxError'>");
    let negative = json!({"sessionId": session, "errorId": error["id"]});
    let error = frontend.expect("RetryableNegative", negative, "DriverError");
    assert!(
        error["code"].as_str().unwrap().contains("Statement.SyntaxError"),
        "{error}"
    );
    frontend.expect("SessionClose", json!({"sessionId": session}), "Session");

    // A callback while a request is served.
    let other = frontend.driver("bolt://nowhere.invalid:1", &engine, true);
    let asked = frontend.expect(
        "VerifyConnectivity",
        json!({"driverId": other}),
        "ResolverResolutionRequired",
    );
    assert_eq!(asked["address"], "nowhere.invalid:1");
    let resolved = json!({"requestId": asked["id"], "addresses": [engine.address().to_string()]});
    frontend.expect("ResolverResolutionCompleted", resolved, "Driver");

    // Faults of the frontend or the backend are neither passes nor errors of the driver.
    frontend.expect("MakeCoffee", json!({}), "BackendError");
    frontend.expect("ResultNext", json!({"resultId": "nothing/1"}), "BackendError");
    frontend.expect("FakeTimeTick", json!({"incrementMs": 1}), "BackendError");
    frontend.expect("DriverClose", json!({"driverId": driver}), "Driver");
}

#[test]
fn a_test_runs_on_tokio() {
    a_test_runs("tokio");
}

#[test]
fn a_test_runs_on_async_std() {
    a_test_runs("async-std");
}

#[test]
fn a_test_runs_on_smol() {
    a_test_runs("smol");
}

#[test]
fn a_test_runs_on_the_blocking_adapter() {
    a_test_runs("blocking");
}
