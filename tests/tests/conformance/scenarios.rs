//! The scenarios, each written once for every adapter.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use bolt_client::{Access, Auth, Config, Error, ErrorKind, QueryType, Tls, Version, Versions};
use bolt_proto::state::Message;

use super::Driver;
use crate::peer::Peer;

/// How an adapter makes a driver.
pub(super) type Make = fn(Config) -> Result<Driver, Error>;

pub(super) fn config(peer: &Peer) -> Config {
    Config::new(&peer.uri(), Auth::none()).unwrap()
}

pub(super) fn only(major: u8, minor: u8) -> Versions {
    Versions::only(Version::new(major, minor))
}

pub(crate) async fn a_provider_of_client_certificates_is_not_asked_before_a_connection_is_opened(make: Make) {
    let asked = Arc::new(AtomicU32::new(0));
    let tls = Tls::new().trust_any_certificate().client_certificate_provider({
        let asked = Arc::clone(&asked);
        move || {
            asked.fetch_add(1, Ordering::SeqCst);
            Err(Error::abort("there is no certificate"))
        }
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let uri = format!("bolt://{}", listener.local_addr().unwrap());
    let driver = make(Config::new(&uri, Auth::none()).unwrap().tls(tls)).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 0);
    let error = wait!(driver.verify_connectivity()).unwrap_err();
    assert!(error.to_string().contains("there is no certificate"), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

pub(crate) async fn a_server_that_knows_no_ranges_of_versions_is_offered_4_1_if_a_slot_is_left(make: Make) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let uri = format!("bolt://{}", listener.local_addr().unwrap());
    // The server half of `bolt-proto` knows ranges, as servers from 4.3 on do. Older ones look at single numbers.
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut offered = [0; 20];
        stream.read_exact(&mut offered).unwrap();
        stream.write_all(&[0; 4]).unwrap();
        offered[4..]
            .chunks(4)
            .map(|slot| (slot[3], slot[2]))
            .collect::<Vec<_>>()
    });
    let versions = Versions::between(Version::V3, Version::new(5, 8)).manifest(false);
    let driver = make(Config::new(&uri, Auth::none()).unwrap().versions(versions)).unwrap();
    let error = wait!(driver.verify_connectivity()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(server.join().unwrap(), [(5, 8), (4, 4), (3, 0), (4, 1)]);
}

pub(crate) async fn a_server_of_another_product_than_the_required_one_is_refused_before_a_query_reaches_it(
    make: Make,
) {
    let peer = Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Other/1.0");
        assert!(matches!(talk.next(), None | Some(Message::Goodbye)));
    });
    let driver = make(config(&peer).required_product("Neo4j/")).unwrap();
    let error = go!(driver.execute_query("CREATE (:Order)")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(!error.is_retryable());
    let text = error.to_string();
    assert!(
        text.contains("\"Other/1.0\"") && text.contains("\"Neo4j/\""),
        "{text}"
    );
    peer.finish();
}

pub(crate) async fn an_eager_transaction_function_runs_once_the_server_has_begun_the_transaction(make: Make) {
    let peer = Peer::start(only(5, 0), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        // A transient failure of BEGIN is retried before the function runs.
        talk.expect(&[Message::Begin]);
        talk.fail("Neo.TransientError.General.MadeUp");
        talk.expect(&[Message::Reset]);
        talk.success();
        talk.serve_transaction();
    });
    let pause = std::time::Duration::from_millis(1);
    let driver = make(config(&peer).initial_retry_delay(pause)).unwrap();
    let mut session = driver.session().build();
    let runs = Arc::new(AtomicU32::new(0));
    let done = go!(session
        .execute_write(work!(|tx, runs| {
            runs.fetch_add(1, Ordering::SeqCst);
            wait!(tx.run("CREATE (:Order)").consume()).map(drop)
        }))
        .eager(true));
    done.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    peer.finish();
}

pub(crate) async fn an_eager_transaction_function_does_not_run_if_the_transaction_cannot_begin(make: Make) {
    let peer = Peer::start(only(5, 0), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.expect(&[Message::Begin]);
        talk.fail("Neo.ClientError.MadeUp.Code");
        talk.expect(&[Message::Reset]);
        talk.success();
    });
    let driver = make(config(&peer)).unwrap();
    let mut session = driver.session().build();
    let runs = Arc::new(AtomicU32::new(0));
    let done = go!(session
        .execute_write(work!(|tx, runs| {
            runs.fetch_add(1, Ordering::SeqCst);
            wait!(tx.run("CREATE (:Order)").consume()).map(drop)
        }))
        .eager(true));
    assert_eq!(done.unwrap_err().code(), Some("Neo.ClientError.MadeUp.Code"));
    assert_eq!(runs.load(Ordering::SeqCst), 0);
    peer.finish();
}

pub(crate) async fn the_status_of_a_result_that_is_consumed_counts_the_rows_that_had_been_requested(
    make: Make,
) {
    for (rows, status) in [(1, "00000"), (0, "02000")] {
        let peer = Peer::start(only(5, 4), 1, move |_, talk| {
            talk.log_in("Neo4j/5.0.0");
            talk.serve_rows(rows);
        });
        let driver = make(config(&peer)).unwrap();
        let mut session = driver.session().build();
        let records = go!(session.run("MATCH (n) RETURN n")).unwrap();
        let summary = wait!(records.consume()).unwrap();
        let statuses: Vec<_> = summary
            .statuses()
            .iter()
            .map(|status| &*status.gql_status)
            .collect();
        assert_eq!(statuses, [status], "{rows} rows");
        peer.finish();
    }
}

pub(crate) async fn a_driver_that_is_closed_waits_for_the_answer_to_reset_before_it_says_goodbye(make: Make) {
    let peer = Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.expect(&[Message::Run]);
        talk.fail("Neo.ClientError.Statement.SyntaxError");
        talk.expect(&[Message::Pull]);
        talk.ignore();
        talk.expect(&[Message::Reset]);
        assert!(
            !talk.something_follows(),
            "the driver has closed the connection already"
        );
        talk.success();
        talk.expect(&[Message::Goodbye]);
    });
    let driver = make(config(&peer)).unwrap();
    let mut session = driver.session().build();
    wait!(session.run("RETURN").consume()).unwrap_err();
    drop(session);
    wait!(driver.close());
    peer.finish();
}

pub(crate) async fn the_connection_to_a_server_that_breaks_its_promise_to_be_heard_from_is_closed_at_once(
    make: Make,
) {
    let peer = Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in_and_promise("Neo4j/5.0.0", 1);
        talk.expect(&[Message::Begin]);
        talk.success();
        // The answer never comes.
        talk.expect(&[Message::Run]);
        assert!(matches!(talk.next(), None | Some(Message::Goodbye)));
    });
    let driver = make(config(&peer)).unwrap();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction().eager(true)).unwrap();
    let error = wait!(tx.run("CALL slow()").consume()).unwrap_err();
    assert!(error.to_string().contains("silent"), "{error}");
    // The transaction is still there. It holds no connection.
    peer.finish();
    wait!(tx.rollback()).unwrap();
}

pub(crate) async fn an_idle_connection_that_does_not_answer_the_liveness_check_is_given_up_after_the_promised_silence(
    make: Make,
) {
    let peer = Peer::start(only(5, 4), 2, |number, talk| {
        talk.log_in_and_promise("Neo4j/5.0.0", 1);
        talk.serve_query();
        if number == 1 {
            talk.expect(&[Message::Reset]);
            assert!(matches!(talk.next(), None | Some(Message::Goodbye)));
        }
    });
    let config = config(&peer).liveness_check_timeout(std::time::Duration::ZERO);
    let driver = make(config).unwrap();
    let mut session = driver.session().build();
    let limit = std::time::Duration::from_secs(8);
    for _ in 0..2 {
        wait!(session.run("CREATE (:Order)").deadline(limit).consume()).unwrap();
    }
    peer.finish();
}

pub(crate) async fn a_transaction_whose_rows_have_all_arrived_is_rolled_back_without_reset(make: Make) {
    let peer = Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.expect(&[Message::Begin]);
        talk.success();
        talk.serve_rows(1);
        talk.expect(&[Message::Rollback]);
        talk.success();
    });
    let driver = make(config(&peer)).unwrap();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction()).unwrap();
    let mut row = wait!(tx.run("MATCH (n) RETURN n").cursor()).unwrap();
    // The end arrives together with the row.
    assert!(wait!(row.try_next(&mut tx)).unwrap().is_some());
    wait!(tx.rollback()).unwrap();
    peer.finish();
}

pub(crate) async fn a_query_whose_columns_the_server_leaves_out_has_begun_once_it_is_accepted(make: Make) {
    let peer = Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.expect(&[Message::Begin]);
        talk.success();
        talk.expect(&[Message::Run]);
        talk.success();
        talk.expect(&[Message::Pull]);
    });
    let driver = make(config(&peer)).unwrap();
    let mut session = driver.session().build();
    let mut tx = go!(session.begin_transaction().eager(true)).unwrap();
    // The connection is lost afterwards.
    let rows = wait!(tx.run("MATCH (n) RETURN n").cursor()).unwrap();
    let error = wait!(rows.consume(&mut tx)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    drop(tx);
    peer.finish();
}

pub(crate) async fn a_query_in_pages_is_committed_after_the_last_one(make: Make) {
    for access in [Access::Read, Access::Write] {
        let peer = Peer::start(only(5, 4), 1, |_, talk| {
            talk.log_in("Neo4j/5.0.0");
            talk.expect(&[Message::Begin]);
            talk.success();
            talk.serve_page(2);
            for rows in [2, 1] {
                talk.expect(&[Message::Pull]);
                talk.rows(rows, rows == 2);
            }
            talk.expect(&[Message::Commit]);
            talk.success();
        });
        let driver = make(config(&peer)).unwrap();
        let query = driver.execute_query("MATCH (n) RETURN n").fetch_size(2);
        let result = go!(query.routing(access).pipeline_commit(true)).unwrap();
        assert_eq!(result.records.len(), 5);
        peer.finish();
    }
}

pub(crate) async fn a_summary_says_that_the_type_of_the_query_is_not_known(make: Make) {
    let peer = Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.serve_type("wr");
    });
    let driver = make(config(&peer)).unwrap();
    let mut session = driver.session().build();
    let summary = wait!(session.run("CREATE (:Order)").consume()).unwrap();
    assert_eq!(summary.query_type(), Some(QueryType::Unknown));
    peer.finish();
}

pub(crate) async fn a_server_that_is_too_old_for_impersonation_is_an_error_with_the_name_of_the_user(
    make: Make,
) {
    let peer = Peer::start(only(4, 3), 1, |_, talk| {
        talk.log_in("Neo4j/4.3.0");
        assert!(matches!(talk.next(), None | Some(Message::Goodbye)));
    });
    let driver = make(config(&peer)).unwrap();
    let query = driver.execute_query("RETURN 1").impersonated_user("ada");
    let error = go!(query).unwrap_err();
    assert!(error.to_string().contains("\"ada\""), "{error}");
    wait!(driver.close());
    peer.finish();
}

pub(crate) async fn a_login_that_is_verified_on_a_pooled_connection_fails_with_the_error_of_the_server(
    make: Make,
) {
    const EXPIRED: &str = "Neo.ClientError.Security.AuthorizationExpired";
    let peer = Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.serve_query();
        talk.expect(&[Message::Logoff]);
        talk.success();
        talk.expect(&[Message::Logon]);
        talk.fail(EXPIRED);
    });
    let driver = make(config(&peer)).unwrap();
    go!(driver.session().build().run("CREATE (:Order)")).unwrap();
    let error = wait!(driver.verify_authentication(Auth::basic("ada", "secret"))).unwrap_err();
    assert_eq!(error.code(), Some(EXPIRED), "{error}");
    peer.finish();
}
