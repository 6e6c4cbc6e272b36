//! Explicit transactions: visibility, waiting, and clean ends.

use std::thread;
use std::time::{Duration, Instant};

use engine::Engine;

use crate::client::{BEGIN, COMMIT, Client, PULL, RESET, ROLLBACK, RUN, Response, Value, map, message};

const COUNT: &str = "MATCH (n) RETURN count(n)";

#[test]
fn a_commit_makes_writes_visible_and_a_rollback_does_not() {
    let engine = Engine::start().expect("it starts");
    let (mut writer, mut reader) = (Client::connect(&engine), Client::connect(&engine));
    for (end, seen) in [(ROLLBACK, 0), (COMMIT, 1)] {
        writer.call(BEGIN, [map([])]).success();
        writer.run("CREATE (:A)");
        assert_eq!(writer.value(COUNT), 1.into());
        assert_eq!(
            reader.value(COUNT),
            0.into(),
            "the reader does not wait, and sees nothing yet"
        );
        writer.call(end, []).success();
        assert_eq!(reader.value(COUNT), seen.into());
    }
}

#[test]
fn each_commit_has_its_own_bookmark() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let mut bookmark = || {
        client.call(BEGIN, [map([])]).success();
        client.run("CREATE (:A)");
        client
            .call(COMMIT, [])
            .success()
            .remove("bookmark")
            .expect("a bookmark")
    };
    assert_ne!(bookmark(), bookmark());
}

#[test]
fn a_whole_transaction_fits_into_one_write() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let mut flight = message(BEGIN, [map([("mode", "r".into())])]);
    flight.extend(message(RUN, ["RETURN 1 AS n".into(), map([]), map([])]));
    flight.extend(message(PULL, [map([("n", Value::Integer(-1))])]));
    flight.extend(message(COMMIT, []));
    client.write(&flight);
    client.receive().success();
    client.receive().success();
    assert_eq!(client.rows().0, [[Value::Integer(1)]]);
    assert!(client.receive().success().contains_key("bookmark"));
}

#[test]
fn after_a_failure_everything_is_ignored_until_reset() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let mut flight = message(BEGIN, [map([])]);
    flight.extend(message(RUN, ["RETRUN 1".into(), map([]), map([])]));
    flight.extend(message(PULL, [map([("n", Value::Integer(-1))])]));
    flight.extend(message(COMMIT, []));
    flight.extend(message(RESET, []));
    client.write(&flight);
    client.receive().success();
    assert_eq!(client.receive().code(), "Neo.ClientError.Statement.SyntaxError");
    assert_eq!(client.receive(), Response::Ignored);
    assert_eq!(client.receive(), Response::Ignored);
    client.receive().success();
    assert_eq!(client.value("RETURN 1"), 1.into());
}

#[test]
fn several_results_are_open_at_once() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    client.call(BEGIN, [map([])]).success();
    let mut open = |query: &str| {
        let answer = client.call(RUN, [query.into(), map([]), map([])]).success();
        answer.get("qid").cloned().expect("a qid")
    };
    let first = open("UNWIND [1, 2] AS x RETURN x");
    let second = open("UNWIND [3, 4] AS x RETURN x");
    let mut pull = |qid: &Value| {
        client.send(PULL, [map([("n", 1.into()), ("qid", qid.clone())])]);
        client.rows().0
    };
    assert_eq!(pull(&first), [[Value::Integer(1)]]);
    assert_eq!(pull(&second), [[Value::Integer(3)]]);
    assert_eq!(pull(&first), [[Value::Integer(2)]]);
    assert_eq!(pull(&second), [[Value::Integer(4)]]);
    client.call(COMMIT, []).success();
}

#[test]
fn reset_rolls_back_and_admits_the_next_writer() {
    let engine = Engine::start().expect("it starts");
    let (mut first, mut second) = (Client::connect(&engine), Client::connect(&engine));
    first.call(BEGIN, [map([])]).success();
    first.run("CREATE (:A)");
    first.call(RESET, []).success();
    second.run("CREATE (:B)");
    assert_eq!(second.value(COUNT), 1.into());
}

#[test]
fn a_failed_statement_admits_the_next_writer_before_the_client_reacts() {
    let engine = Engine::start().expect("it starts");
    let (mut first, mut second) = (Client::connect(&engine), Client::connect(&engine));
    first.call(BEGIN, [map([])]).success();
    first.run("CREATE (:A)");
    first
        .query("RETURN 1 / 0", map([]), map([]))
        .expect_err("it fails");
    second.run("CREATE (:B)");
    assert_eq!(second.value(COUNT), 1.into());
}

#[test]
fn a_lost_connection_rolls_back_and_admits_the_next_writer() {
    let engine = Engine::start().expect("it starts");
    let (mut first, mut second) = (Client::connect(&engine), Client::connect(&engine));
    first.call(BEGIN, [map([])]).success();
    first.run("CREATE (:A)");
    drop(first);
    second.run("CREATE (:B)");
    assert_eq!(second.value(COUNT), 1.into());
}

#[test]
fn writers_wait_for_each_other() {
    let engine = Engine::start().expect("it starts");
    let (mut first, mut second) = (Client::connect(&engine), Client::connect(&engine));
    first.call(BEGIN, [map([])]).success();
    first.run("CREATE (:A {n: 1})");
    let waiting = thread::spawn(move || second.value("MATCH (a:A) SET a.n = a.n + 1 RETURN a.n"));
    // A waiting transaction is not observable from outside; if it has not begun yet, the test is only weaker.
    thread::sleep(Duration::from_millis(50));
    assert!(!waiting.is_finished(), "there are two writers");
    first.call(COMMIT, []).success();
    assert_eq!(waiting.join().expect("it gets its turn"), 2.into());
}

#[test]
fn a_transaction_that_has_read_can_write_after_commits_of_others() {
    let engine = Engine::start().expect("it starts");
    let (mut first, mut second) = (Client::connect(&engine), Client::connect(&engine));
    first.call(BEGIN, [map([])]).success();
    assert_eq!(first.value(COUNT), 0.into());
    second.run("CREATE (:A)");
    first.run("CREATE (:A)");
    assert_eq!(first.value(COUNT), 2.into());
    first.call(COMMIT, []).success();
    assert_eq!(second.value(COUNT), 2.into());
}

#[test]
fn waiting_to_write_times_out() {
    let engine = Engine::builder()
        .lock_timeout(Duration::from_millis(50))
        .start()
        .expect("it starts");
    let (mut first, mut second) = (Client::connect(&engine), Client::connect(&engine));
    first.call(BEGIN, [map([])]).success();
    first.run("CREATE (:A)");
    let (code, _) = second
        .query("CREATE (:B)", map([]), map([]))
        .expect_err("the first one writes");
    assert_eq!(code, "Neo.TransientError.Transaction.LockAcquisitionTimeout");
    first.call(COMMIT, []).success();
}

#[test]
fn transactions_beyond_the_limit_wait_for_a_place() {
    let engine = Engine::builder().max_transactions(2).start().expect("it starts");
    let mut clients = [(); 3].map(|()| Client::connect(&engine));
    let [first, second, third] = &mut clients;
    first.call(BEGIN, [map([])]).success();
    second.call(BEGIN, [map([])]).success();
    assert_eq!((first.value(COUNT), second.value(COUNT)), (0.into(), 0.into()));
    third.send(RUN, [COUNT.into(), map([]), map([])]);
    first.call(ROLLBACK, []).success();
    third.receive().success();
}

#[test]
fn a_transaction_ends_with_its_own_timeout() {
    let engine = Engine::start().expect("it starts");
    let (mut first, mut second) = (Client::connect(&engine), Client::connect(&engine));
    let limited = || map([("tx_timeout", 50.into())]);
    first.call(BEGIN, [map([])]).success();
    first.run("CREATE (:A)");
    let started = Instant::now();
    let (code, _) = second
        .query("CREATE (:B)", map([]), limited())
        .expect_err("the first one writes");
    assert_eq!(code, "Neo.ClientError.Transaction.TransactionTimedOut");
    assert!(started.elapsed() >= Duration::from_millis(50));
    first.call(ROLLBACK, []).success();

    second.call(RESET, []).success();
    second.call(BEGIN, [limited()]).success();
    second.run("CREATE (:B)");
    thread::sleep(Duration::from_millis(60));
    assert_eq!(
        second.call(COMMIT, []).code(),
        "Neo.ClientError.Transaction.TransactionTimedOut"
    );
    assert_eq!(first.value(COUNT), 0.into());
}

#[test]
fn a_read_transaction_that_tries_to_write_ends() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    client.call(BEGIN, [map([("mode", "r".into())])]).success();
    assert_eq!(client.value(COUNT), 0.into());
    let (code, _) = client
        .query("CREATE (:A)", map([]), map([]))
        .expect_err("it writes");
    assert_eq!(code, "Neo.ClientError.Statement.AccessMode");
    client.call(RESET, []).success();
    assert_eq!(client.value(COUNT), 0.into());
}

#[test]
fn a_transaction_in_an_unknown_database_does_not_begin() {
    let engine = Engine::start().expect("it starts");
    let mut client = Client::connect(&engine);
    let refused = client.call(BEGIN, [map([("db", "nope".into())])]);
    assert_eq!(refused.code(), "Neo.ClientError.Database.DatabaseNotFound");
}
