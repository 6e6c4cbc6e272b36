//! Scenarios with a single server that fails, ends or cannot be reached.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bolt_client::{Auth, Config, Error, ErrorKind};
use bolt_proto::state::Message;

use super::Driver;
use super::scenarios::{Make, config, only};
use crate::names::{NAME, Names};
use crate::peer::{Peer, Port};

/// How an adapter makes a driver that looks names up here.
pub(super) type MakeWithNames = fn(Config, &Names) -> Result<Driver, Error>;

const SHUTS_DOWN: &str = "Neo.TransientError.General.DatabaseUnavailable";

pub(crate) async fn a_commit_that_a_server_answers_while_it_shuts_down_is_unknown_and_not_repeated(
    make: Make,
) {
    let peer = Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.expect(&[Message::Begin]);
        talk.success();
        talk.serve_query();
        talk.expect(&[Message::Commit]);
        // The script says so although it has committed, as real servers do.
        talk.fail(SHUTS_DOWN);
        talk.nothing_but_reset_follows();
    });
    let driver = make(config(&peer)).unwrap();
    let mut session = driver.session().build();
    let runs = Arc::new(AtomicU32::new(0));
    let done = go!(session.execute_write(work!(|tx, runs| {
        runs.fetch_add(1, Ordering::SeqCst);
        wait!(tx.run("CREATE (:Order)").consume()).map(drop)
    })));
    let error = done.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownCommit);
    assert!(error.to_string().contains(SHUTS_DOWN), "{error}");
    assert!(!error.is_retryable());
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    drop(session);
    drop(driver);
    peer.finish();
}

pub(crate) async fn a_transaction_of_a_server_that_shuts_down_before_its_commit_is_repeated(make: Make) {
    let peer = Peer::start(only(5, 4), 2, |number, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.expect(&[Message::Begin]);
        talk.success();
        if number == 1 {
            talk.serve_query();
            talk.expect(&[Message::Run]);
            talk.fail(SHUTS_DOWN);
            talk.expect(&[Message::Pull]);
            talk.ignore();
            return;
        }
        talk.serve_query();
        talk.serve_query();
        talk.expect(&[Message::Commit]);
        talk.success();
    });
    let driver = make(config(&peer).initial_retry_delay(Duration::from_millis(1))).unwrap();
    let mut session = driver.session().build();
    let runs = Arc::new(AtomicU32::new(0));
    let done = go!(session.execute_write(work!(|tx, runs| {
        runs.fetch_add(1, Ordering::SeqCst);
        for _ in 0..2 {
            wait!(tx.run("CREATE (:Order)").consume())?;
        }
        Ok(())
    })));
    done.unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 2);
    peer.finish();
}

pub(crate) async fn all_idle_connections_that_a_server_has_lost_are_found_before_a_new_one_is_opened(
    make: Make,
) {
    let peer = Port::new().serve_at_once(only(5, 4), 4, |number, talk| {
        talk.log_in("Neo4j/5.0.0");
        if number < 4 {
            talk.serve_transaction();
            // The connection ends without an answer.
            talk.expect(&[Message::Reset]);
        } else {
            talk.serve_query();
            talk.expect(&[Message::Goodbye]);
        }
    });
    let driver = make(config(&peer).liveness_check_timeout(Duration::ZERO)).unwrap();
    let mut sessions = [(); 3].map(|()| driver.session().build());
    let mut open = Vec::new();
    for session in &mut sessions {
        open.push(go!(session.begin_transaction().eager(true)).unwrap());
    }
    for mut tx in open {
        wait!(tx.run("CREATE (:Order)").consume()).unwrap();
        wait!(tx.commit()).unwrap();
    }
    assert_eq!(driver.pool_counts().idle, 3);
    wait!(driver.session().build().run("CREATE (:Order)").consume()).unwrap();
    assert_eq!(driver.pool_counts().idle, 1, "the dead ones have left the pool");
    wait!(driver.close());
    peer.finish();
}

pub(crate) async fn an_address_that_accepts_no_connection_is_given_up_after_the_limit_for_that(
    make: MakeWithNames,
) {
    let peer = Peer::start(only(5, 4), 1, |_, talk| {
        // The limit is for the connection alone: this server takes longer for the login.
        talk.pause(Duration::from_millis(400));
        talk.log_in("Neo4j/5.0.0");
        talk.serve_query();
    });
    let nowhere: SocketAddr = "192.0.2.1:7687".parse().unwrap();
    let names = Names {
        addresses: vec![nowhere, peer.address()],
        swallowing: Some(nowhere),
        ..Names::default()
    };
    let config = Config::new(&format!("bolt://{NAME}"), Auth::none()).unwrap();
    let config = config.tcp_connect_timeout(Duration::from_millis(200));
    let driver = make(config, &names).unwrap();
    let begun = Instant::now();
    wait!(driver.session().build().run("CREATE (:Order)").consume()).unwrap();
    // By default an address has half of `connection_timeout`, which is 30 s.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    peer.finish();
}

pub(crate) async fn a_login_that_a_server_refuses_is_verified_as_wrong_and_harms_no_other(make: Make) {
    let peer = Port::new().serve_at_once(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.serve_query();
        talk.expect(&[Message::Logoff]);
        talk.success();
        talk.expect(&[Message::Logon]);
        talk.fail("Neo.ClientError.Security.Unauthorized");
    });
    let driver = make(config(&peer)).unwrap();
    wait!(driver.session().build().run("CREATE (:Order)").consume()).unwrap();
    let accepted = wait!(driver.verify_authentication(Auth::basic("ada", "wrong"))).unwrap();
    assert!(!accepted);
    peer.finish();
}
