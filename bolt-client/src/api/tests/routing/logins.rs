//! Failures of requests for a routing table that are about the login, or about what else one caller has sent.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bolt_proto::{Version, Versions};

use super::*;
use crate::auth::BoxError;
use crate::{
    Auth, BearerAuthManager, BlockingAuthManager, BlockingManager, Bookmarks, ExpiringAuth, PoolCounts,
    Session,
};

const TOKEN_EXPIRED: &str = "Neo.ClientError.Security.TokenExpired";
const AUTHORIZATION_EXPIRED: &str = "Neo.ClientError.Security.AuthorizationExpired";

/// Servers whose tables expire after a second, and a driver whose tokens are the numbers of the calls of its manager.
fn with_tokens() -> (Scripted, Driver, Arc<AtomicU32>) {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 1);
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let manager = BearerAuthManager::blocking(move || {
        let call = count.fetch_add(1, Ordering::Relaxed);
        Ok::<_, BoxError>(ExpiringAuth::new(Auth::bearer(call.to_string())))
    });
    let driver = servers.driver_with(Config::new("neo4j://s1:1", manager).unwrap());
    (servers, driver, calls)
}

/// Runs a query in a session, which is not retried.
fn run(driver: &Driver, auth: impl Into<Option<Auth>>) -> Result<(), Error> {
    let mut session = driver.session().database("db").auth(auth).build();
    now(session.run("RETURN 1").consume()).map(drop)
}

#[test]
fn a_token_that_expires_before_a_request_for_a_table_is_replaced_as_one_before_a_query() {
    let (servers, driver, calls) = with_tokens();
    read(&driver);
    servers.pass(SECOND);
    servers.fail(Message::Route, TOKEN_EXPIRED);
    let error = run(&driver, None).unwrap_err();
    assert!(
        error.is_retryable() && error.code() == Some(TOKEN_EXPIRED),
        "{error}"
    );
    servers.fail(Message::Route, TOKEN_EXPIRED);
    let mut reading = reading(&driver);
    assert!(reading.run().is_none(), "it pauses");
    servers.pass(2 * SECOND);
    reading.run().unwrap().unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    assert_eq!(servers.ran().last().unwrap().1, "bearer:2");
    assert_eq!(servers.connections(), 1, "its login is changed");
}

#[test]
fn a_new_connection_that_requests_a_table_reports_to_the_manager_too() {
    let (servers, driver, calls) = with_tokens();
    servers.fail(Message::Route, TOKEN_EXPIRED);
    assert!(run(&driver, None).unwrap_err().is_retryable());
    run(&driver, None).unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn the_manager_is_not_asked_about_a_login_of_a_session() {
    let (servers, driver, calls) = with_tokens();
    read(&driver);
    servers.pass(SECOND);
    servers.fail(Message::Route, TOKEN_EXPIRED);
    let error = run(&driver, Auth::bearer("mine")).unwrap_err();
    assert!(
        !error.is_retryable() && error.code() == Some(TOKEN_EXPIRED),
        "{error}"
    );
    servers.fail(Message::Route, "Neo.ClientError.Security.Forbidden");
    assert!(!run(&driver, Auth::bearer("mine")).unwrap_err().is_retryable());
    read(&driver);
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}

#[test]
fn an_authorization_that_expires_before_a_request_for_a_table_ends_all_logins_of_that_server() {
    let (servers, driver, calls) = with_tokens();
    let mut sessions = [
        driver.session().database("db").build(),
        driver.session().database("db").build(),
    ];
    let [first, second] = &mut sessions;
    let (mut one, mut other) = (
        now(first.begin_transaction()).unwrap(),
        now(second.begin_transaction()).unwrap(),
    );
    now(one.run("A").consume()).unwrap();
    now(other.run("B").consume()).unwrap();
    now(one.commit()).unwrap();
    now(other.commit()).unwrap();
    assert_eq!(servers.connections(), 2);
    servers.pass(SECOND);
    servers.fail(Message::Route, AUTHORIZATION_EXPIRED);
    let error = run(&driver, None).unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let [first, second] = &mut sessions;
    let (mut one, mut other) = (
        now(first.begin_transaction()).unwrap(),
        now(second.begin_transaction()).unwrap(),
    );
    now(one.run("C").consume()).unwrap();
    now(other.run("D").consume()).unwrap();
    assert_eq!(servers.connections(), 2);
    assert_eq!(servers.count(Message::Logoff), 2, "both log in again");
    assert_eq!(calls.load(Ordering::Relaxed), 1, "the token is still good");
}

#[test]
fn a_failure_that_its_caller_did_not_wait_for_is_reported_by_the_next_work_on_the_connection() {
    let (servers, driver, calls) = with_tokens();
    servers.hold_new(1);
    servers.fail(Message::Route, TOKEN_EXPIRED);
    let mut dropped = reading(&driver);
    assert!(dropped.run().is_none());
    until_asked(&servers, 0, &mut dropped);
    drop(dropped);
    servers.answer_new(1);
    servers.release(0);
    let mut next = Task::new(query(&driver, Access::Read));
    for _ in 0..3 {
        if let Some(result) = next.run() {
            result.unwrap();
            assert_eq!(calls.load(Ordering::Relaxed), 2);
            return;
        }
        servers.pass(2 * SECOND);
    }
    panic!("it waits for ever");
}

#[test]
fn a_search_changes_the_login_of_a_connection_after_the_answer_to_the_question_that_another_user_left_there()
{
    for (database, fails) in [("db", false), ("db", true), ("other", false), ("other", true)] {
        let servers = Scripted::new();
        servers.table([&[1], &[1], &[1]], 300);
        servers.hold_new(1);
        let driver = servers.routed();
        let mut session = driver
            .session()
            .database(database)
            .auth(Auth::basic("ada", "secret"))
            .build();
        let mut dropped = Task::new(session.run("RETURN 1").consume());
        if fails {
            servers.fail(Message::Route, UNAVAILABLE);
        }
        assert!(dropped.run().is_none());
        until_asked(&servers, 0, &mut dropped);
        drop(dropped);
        servers.answer_new(1);
        servers.release(0);
        read(&driver);
        assert_eq!(servers.ran().last().unwrap().1, "none:", "{database} {fails}");
        assert_eq!(servers.connections(), 1, "{database} {fails}");
    }
}

/// Runs a query in each of the sessions, which wait for the same search, and returns which of them succeed.
fn succeed_in_one_search(servers: &Scripted, sessions: &mut [Session]) -> Vec<bool> {
    let mut calls: Vec<_> = sessions
        .iter_mut()
        .map(|session| Task::new(session.run("RETURN 1").consume()))
        .collect();
    for call in &mut calls {
        assert!(call.run().is_none(), "all wait for one search");
    }
    servers.answer_new(1);
    servers.release(0);
    calls
        .iter_mut()
        .map(|call| call.run().expect("it ends").is_ok())
        .collect()
}

#[test]
fn a_search_that_fails_due_to_a_wrong_password_fails_for_its_own_callers_only() {
    let servers = Scripted::new();
    servers.set_password("ada", "right");
    servers.table([&[1], &[1], &[1]], 300);
    servers.hold_new(1);
    let driver = servers.driver_with(Scripted::routed_config());
    let session = |auth: Option<Auth>| {
        let builder = driver.session().database("db").impersonated_user("bob");
        builder.auth(auth).build()
    };
    let mut sessions = [
        session(Some(Auth::basic("ada", "wrong"))),
        session(Some(Auth::basic("ada", "right"))),
        session(None),
    ];
    assert_eq!(
        succeed_in_one_search(&servers, &mut sessions),
        [false, true, true]
    );
}

#[test]
fn a_caller_that_carries_a_search_on_does_not_fail_due_to_the_login_of_the_one_that_began_it() {
    let servers = Scripted::new();
    servers.set_password("ada", "right");
    servers.table([&[1], &[1], &[1]], 300);
    let driver = servers.routed();
    // The search gets a connection whose login it changes.
    now(driver.warm_up()).unwrap();
    servers.hold(0);
    let mut session = driver
        .session()
        .database("db")
        .auth(Auth::basic("ada", "wrong"))
        .build();
    let mut dropped = Task::new(session.run("RETURN 1").consume());
    let mut next = reading(&driver);
    assert!(dropped.run().is_none() && next.run().is_none());
    assert!(servers.asked(0).contains(&Message::Route), "it has asked");
    drop(dropped);
    servers.answer_new(1);
    servers.release(0);
    next.run().expect("it ends").unwrap();
}

#[test]
fn a_search_that_fails_due_to_its_bookmarks_fails_for_callers_with_the_same_ones_only() {
    for code in ["InvalidBookmark", "InvalidBookmarkMixture"] {
        let servers = Scripted::new();
        servers.table([&[1], &[1], &[1]], 300);
        servers.hold_new(1);
        servers.fail(Message::Route, &format!("Neo.ClientError.Transaction.{code}"));
        let driver = servers.routed();
        let mut sessions = [["old"], ["old"], ["new"]].map(|values| {
            let bookmarks = Bookmarks::from_raw_values(values).unwrap();
            driver.session().database("db").bookmarks(bookmarks).build()
        });
        assert_eq!(
            succeed_in_one_search(&servers, &mut sessions),
            [false, false, true],
            "{code}"
        );
        assert_eq!(servers.count(Message::Route), 2, "{code}");
    }
}

#[test]
fn a_login_that_a_server_is_too_old_for_leaves_no_table_and_no_connection_behind() {
    for version in [Version::new(4, 2), Version::new(4, 3), Version::new(5, 0)] {
        let servers = Scripted::new();
        servers.table([&[1], &[2], &[2]], 300);
        let driver = servers.driver_with(Scripted::routed_config().versions(Versions::only(version)));
        let mut session = driver.session().auth(Auth::basic("ada", "secret")).build();
        let error = now(session.run("RETURN 1").consume()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{version}: {error}");
        assert!(error.to_string().contains("needs Bolt 5.1"), "{error}");
        assert_eq!(driver.pool_counts(), PoolCounts::default(), "{version}");
        // It would be that of ada, and name no database.
        servers.table([&[1], &[3], &[3]], 300);
        let found = now(driver.execute_query("RETURN 1")).unwrap();
        assert_eq!(found.summary.server().address().port(), 3, "{version}");
    }
}

#[test]
fn a_login_is_verified_by_the_table_of_the_system_database() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[3]], 300);
    let driver = servers.routed();
    for _ in 0..2 {
        assert!(now(driver.verify_authentication(Auth::basic("ada", "secret"))).unwrap());
    }
    let tables: Vec<_> = servers.routes().into_iter().map(|route| route.database).collect();
    assert_eq!(tables, [Some("system".to_owned())]);
}

#[test]
fn a_caller_whose_server_leads_no_more_when_it_gets_a_token_goes_elsewhere() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[2]], 300);
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let manager = BearerAuthManager::new(move || {
        let held = Arc::clone(&held);
        async move {
            poll_fn(|cx| held.poll(cx)).await;
            Ok::<_, BoxError>(ExpiringAuth::new(Auth::bearer("token")).expires_in(SECOND * 10))
        }
    });
    let config = Config::new("neo4j://s1:1", manager).unwrap();
    let driver = servers.driver_with(config.max_connection_pool_size(2));
    let mut sessions = [(); 2].map(|()| driver.session().database("db").build());
    let [first, second] = &mut sessions;
    let mut one = now(first.begin_transaction()).unwrap();
    let mut other = now(second.begin_transaction()).unwrap();
    now(one.run("A").consume()).unwrap();
    now(other.run("B").consume()).unwrap();

    let mut call = Task::new(query(&driver, Access::Write));
    assert!(call.run().is_none(), "it waits for a connection");
    gate.close();
    servers.pass(SECOND * 20);
    now(one.commit()).unwrap();
    assert!(call.run().is_none(), "it has one, and waits for a token");
    servers.fail_at(2, Message::Run, NOT_A_LEADER);
    now(other.run("C").consume()).unwrap_err();
    servers.table([&[1], &[2], &[3]], 300);
    gate.open();
    let result = call.run().expect("it ends").unwrap();
    assert_eq!(result.summary.server().address().port(), 3);
}

/// Holds calls of a manager.
#[derive(Default)]
struct Gate {
    is_closed: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

impl Gate {
    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    fn open(&self) {
        self.is_closed.store(false, Ordering::Relaxed);
        self.waiting.lock().unwrap().take().unwrap().wake();
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_closed.load(Ordering::Relaxed) {
            *self.waiting.lock().unwrap() = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

#[test]
fn a_single_server_that_is_too_old_for_a_login_keeps_the_connections_of_others_only() {
    let servers = Scripted::new();
    let versions = Versions::only(Version::new(5, 0));
    let driver = servers.driver_with(Scripted::config().versions(versions));
    assert_eq!(
        run(&driver, Auth::basic("ada", "secret")).unwrap_err().kind(),
        ErrorKind::Config
    );
    assert_eq!(driver.pool_counts(), PoolCounts::default());
    run(&driver, None).unwrap();
    assert_eq!(
        run(&driver, Auth::basic("ada", "secret")).unwrap_err().kind(),
        ErrorKind::Config
    );
    assert_eq!(driver.pool_counts().idle, 1);
    assert_eq!(servers.connections(), 2);
}

/// A manager that counts how often it is asked, and keeps nothing.
#[derive(Debug)]
struct Counting(Arc<AtomicU32>);

impl BlockingAuthManager for Counting {
    fn token(&self, _now: Instant) -> Result<Auth, BoxError> {
        let call = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Auth::bearer(call.to_string()))
    }
}

#[test]
fn the_manager_is_asked_once_more_after_a_search_for_a_table() {
    let servers = Scripted::new();
    servers.table([&[1], &[2], &[3]], 300);
    let calls = Arc::new(AtomicU32::new(0));
    let manager = BlockingManager(Counting(Arc::clone(&calls)));
    let driver = servers.driver_with(Config::new("neo4j://s1:1", manager).unwrap());
    read(&driver);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(servers.ran().last().unwrap().1, "bearer:1", "the later one");
    read(&driver);
    assert_eq!(calls.load(Ordering::Relaxed), 3, "the table is known");
}
