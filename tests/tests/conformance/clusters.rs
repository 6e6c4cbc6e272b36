//! Scenarios with routers, and the servers that their tables name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bolt_client::{Auth, BlockingAuthManager, BlockingManager, BoxError, Config, ErrorKind};
use bolt_proto::state::Message;

use super::scenarios::{Make, only};
use super::servers::MakeWithNames;
use crate::names::{NAME, Names};
use crate::peer::{Peer, Port};

fn routed(router: &Peer) -> Config {
    Config::new(&router.routed_uri(), Auth::none()).unwrap()
}

/// Starts a server for one connection with one write.
fn writer() -> Peer {
    Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.serve_query();
    })
}

/// Starts a server for one connection with one transaction. It then closes its port.
fn writer_of_a_transaction() -> Peer {
    Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.serve_transaction();
    })
}

/// Starts a router that names this writer, to one connection that asks once.
fn router_of(writer: &Peer) -> Peer {
    let new = writer.address();
    let port = Port::new();
    let own = port.address();
    port.serve(only(5, 4), 1, move |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.expect_route();
        talk.serve_table(own, own, &[new]);
        talk.nothing_but_reset_follows();
    })
}

pub(crate) async fn a_writer_that_has_gone_is_replaced_within_the_same_call(make: Make) {
    let writers = [(); 2].map(|()| writer_of_a_transaction());
    let addresses = writers.each_ref().map(Peer::address);
    let port = Port::new();
    let own = port.address();
    let router = port.serve(only(5, 4), 1, move |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        for writer in addresses {
            talk.expect_route();
            talk.serve_table(own, own, &[writer]);
        }
        talk.nothing_but_reset_follows();
    });
    let driver = make(routed(&router)).unwrap();
    let mut session = driver.session().database("neo4j").build();
    for writer in writers {
        let mut tx = go!(session.begin_transaction().eager(true)).unwrap();
        wait!(tx.run("CREATE (:Order)").consume()).unwrap();
        wait!(tx.commit()).unwrap();
        writer.finish();
    }
    drop(session);
    drop(driver);
    router.finish();
}

pub(crate) async fn a_router_that_is_slow_holds_a_call_up_no_longer_than_its_limit(make: Make) {
    let limit = Duration::from_millis(500);
    let writer = writer();
    let new = writer.address();
    let port = Port::new();
    let own = port.address();
    let router = port.serve(only(5, 4), 1, move |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        talk.expect_route();
        talk.pause(limit * 3);
        talk.serve_table(own, own, &[new]);
        // The next call asks on the same connection, on which RESET ends what is left of the first one.
        while let Some(message) = talk.next() {
            match message {
                Message::Reset => talk.success(),
                Message::Route => talk.serve_table(own, own, &[new]),
                other => assert_eq!(other, Message::Goodbye),
            }
        }
    });
    let driver = make(routed(&router).connection_acquisition_timeout(limit)).unwrap();
    let mut session = driver.session().database("neo4j").build();
    let begun = Instant::now();
    let error = wait!(session.run("CREATE (:Order)").consume()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(begun.elapsed() < limit * 3, "{:?}", begun.elapsed());
    std::thread::sleep(limit * 3);
    wait!(session.run("CREATE (:Order)").consume()).unwrap();
    drop(session);
    drop(driver);
    router.finish();
    writer.finish();
}

pub(crate) async fn the_name_of_a_router_is_looked_up_once_although_its_first_address_fails(
    make: MakeWithNames,
) {
    let writer = writer();
    let silent = Peer::start(only(5, 4), 1, |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        // The connection ends without an answer.
        talk.expect_route();
    });
    let router = router_of(&writer);
    let names = Names {
        addresses: vec![silent.address(), router.address()],
        ..Names::default()
    };
    let config = Config::new(&format!("neo4j://{NAME}"), Auth::none()).unwrap();
    let driver = make(config, &names).unwrap();
    wait!(
        driver
            .session()
            .database("neo4j")
            .build()
            .run("CREATE (:Order)")
            .consume()
    )
    .unwrap();
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    drop(driver);
    [silent, router, writer].into_iter().for_each(Peer::finish);
}

pub(crate) async fn a_login_is_verified_by_a_server_of_the_system_database(make: Make) {
    let reader = Peer::start(only(5, 4), 1, |_, talk| {
        talk.expect(&[Message::Hello]);
        talk.success();
        talk.expect(&[Message::Logon]);
        talk.fail("Neo.ClientError.Security.Unauthorized");
    });
    let port = Port::new();
    let (own, reads) = (port.address(), reader.address());
    let router = port.serve(only(5, 4), 1, move |_, talk| {
        talk.log_in("Neo4j/5.0.0");
        assert_eq!(talk.expect_route().as_deref(), Some("system"));
        talk.serve_table(own, reads, &[]);
        talk.nothing_but_reset_follows();
    });
    let driver = make(routed(&router)).unwrap();
    assert!(!wait!(driver.verify_authentication(Auth::basic("ada", "wrong"))).unwrap());
    drop(driver);
    router.finish();
    reader.finish();
}

/// A manager that counts how often it is asked, and keeps nothing.
#[derive(Debug)]
struct Counting(Arc<AtomicU32>);

impl BlockingAuthManager for Counting {
    fn token(&self, _now: Instant) -> Result<Auth, BoxError> {
        let call = self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Auth::bearer(call.to_string()))
    }
}

pub(crate) async fn a_manager_is_asked_once_more_after_the_search_for_a_table(make: Make) {
    let writer = writer();
    let router = router_of(&writer);
    let asked = Arc::new(AtomicU32::new(0));
    let manager = BlockingManager(Counting(Arc::clone(&asked)));
    let driver = make(Config::new(&router.routed_uri(), manager).unwrap()).unwrap();
    let mut session = driver.session().database("neo4j").build();
    wait!(session.run("CREATE (:Order)").consume()).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    drop(session);
    drop(driver);
    router.finish();
    writer.finish();
}
