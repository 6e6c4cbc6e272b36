//! Logins of drivers, sessions and queries on scripted servers.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bolt_proto::state::Message;
use bolt_proto::{Access, Auth, ServerError, Version, Versions};

use crate::auth::{BasicAuthManager, BearerAuthManager, BoxError, ExpiringAuth};
use crate::deadline::Deadline;
use crate::runtime::Runtime;
use crate::scripted::{Scripted, Task, now};
use crate::{Config, Driver, Error, ErrorKind};

use super::{Login, Logins};

const SECOND: Duration = Duration::from_secs(1);

fn ada() -> Auth {
    Auth::basic("ada", "secret")
}

fn bob() -> Auth {
    Auth::basic("bob", "secret")
}

/// A driver that logs in as Ada.
fn driver(servers: &Scripted) -> Driver {
    servers.driver_with(Config::new("bolt://test", ada()).unwrap())
}

fn versions(config: Config, major: u8, minor: u8) -> Config {
    config.versions(Versions::only(Version::new(major, minor)))
}

/// Runs a query in a session of its own.
fn run(driver: &Driver, auth: impl Into<Option<Auth>>, query: &str) -> Result<(), Error> {
    let mut session = driver.session().auth(auth).build();
    now(session.run(query).consume()).map(drop)
}

fn ran(servers: &Scripted) -> Vec<String> {
    let ran = servers.ran().into_iter();
    ran.map(|(query, login)| format!("{query} {login}")).collect()
}

#[test]
fn a_session_with_a_login_of_its_own_changes_that_of_a_pooled_connection_in_front_of_its_first_request() {
    let servers = Scripted::new();
    let driver = driver(&servers);
    run(&driver, None, "A").unwrap();
    servers.news(0);
    run(&driver, bob(), "B").unwrap();
    let news = servers.news(0);
    let login = [Message::Logoff, Message::Logon, Message::Run, Message::Pull];
    assert_eq!(news, login);
    run(&driver, bob(), "C").unwrap();
    assert_eq!(servers.news(0), login[2..], "the connection carries it already");
    run(&driver, ada(), "D").unwrap();
    run(&driver, None, "E").unwrap();
    assert_eq!(
        ran(&servers),
        [
            "A ada:secret",
            "B bob:secret",
            "C bob:secret",
            "D ada:secret",
            "E ada:secret"
        ]
    );
    assert_eq!((servers.connections(), servers.count(Message::Logoff)), (1, 2));
}

#[test]
fn a_query_with_a_login_of_its_own_runs_under_it() {
    let servers = Scripted::new();
    let driver = driver(&servers);
    now(driver.execute_query("A").auth(bob())).unwrap();
    now(driver.execute_query("B")).unwrap();
    assert_eq!(ran(&servers), ["A bob:secret", "B ada:secret"]);
    assert_eq!(servers.connections(), 1);
}

#[test]
fn a_change_of_the_login_is_kept_when_a_request_after_it_is_taken_back() {
    let servers = Scripted::new();
    let config = Config::new("bolt://test", ada()).unwrap();
    let driver = servers.driver_with(versions(config, 5, 8));
    run(&driver, None, "A").unwrap();
    let mut session = driver.session().auth(bob()).build();
    let mut tx = now(session.begin_transaction()).unwrap();
    // The dropped future takes its requests back, which have not left.
    drop(Task::new(tx.run("B")));
    let vector = bolt_proto::value::Vector::from(vec![1_i64]);
    let refused = now(tx.run("C").param("x", vector).consume()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Parameter, "{refused}");
    now(tx.run("D").consume()).unwrap();
    now(tx.commit()).unwrap();
    assert_eq!(ran(&servers), ["A ada:secret", "D bob:secret"]);
}

#[test]
fn a_refused_login_names_address_and_user_ends_the_connection_and_concerns_no_other_session() {
    let servers = Scripted::new();
    servers.set_password("bob", "other");
    let driver = driver(&servers);
    run(&driver, None, "A").unwrap();
    let error = run(&driver, bob(), "B").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(!error.is_retryable());
    let text = error.to_string();
    assert!(text.contains("logging in to test:7687 as \"bob\""), "{text}");
    assert!(!text.contains("secret"), "{text}");
    run(&driver, None, "C").unwrap();
    assert_eq!(ran(&servers), ["A ada:secret", "C ada:secret"]);
    assert_eq!(driver.pool_counts().idle, 1);
}

#[test]
fn before_bolt_5_1_a_login_of_a_session_is_an_error_that_names_the_version() {
    let servers = Scripted::new();
    let config = versions(Config::new("bolt://test", ada()).unwrap(), 5, 0);
    let driver = servers.driver_with(config);
    let error = now(driver.verify_authentication(None)).unwrap_err();
    assert!(
        error.to_string().contains("Bolt 5.1"),
        "on a new connection: {error}"
    );
    run(&driver, None, "A").unwrap();
    for _ in 0..2 {
        let error = run(&driver, bob(), "B").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("test:7687 speaks Bolt 5.0"), "{error}");
    }
    let error = now(driver.verify_authentication(None)).unwrap_err();
    assert!(error.to_string().contains("Bolt 5.1"), "{error}");
    // The driver's own credentials may be repeated.
    run(&driver, ada(), "C").unwrap();
    assert_eq!(ran(&servers), ["A ada:secret", "C ada:secret"]);
}

/// A manager whose password is the number of the calls of its provider.
fn counting() -> (BasicAuthManager, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let manager = BasicAuthManager::blocking(move || {
        let call = count.fetch_add(1, Ordering::Relaxed);
        Ok::<_, BoxError>(Auth::basic("ada", call.to_string()))
    });
    (manager, calls)
}

#[test]
fn a_rotated_password_is_requested_once_and_the_work_is_tried_again_at_once() {
    let servers = Scripted::new();
    let (manager, calls) = counting();
    let driver = servers.driver_with(Config::new("bolt://test", manager).unwrap());
    run(&driver, None, "A").unwrap();
    servers.set_password("ada", "1");
    // The connection stays logged in. A new one does not come to be with the old password.
    let mut first = driver.session().build();
    let mut tx = now(first.begin_transaction()).unwrap();
    now(tx.run("B").consume()).unwrap();
    run(&driver, None, "C").unwrap();
    now(tx.commit()).unwrap();
    // Afterwards, that one logs in again.
    let mut second = driver.session().build();
    let mut other = now(second.begin_transaction()).unwrap();
    now(other.run("D").consume()).unwrap();
    run(&driver, None, "E").unwrap();
    now(other.commit()).unwrap();
    assert_eq!(
        ran(&servers),
        ["A ada:0", "B ada:0", "C ada:1", "D ada:1", "E ada:1"]
    );
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(servers.logins(), ["ada:0", "ada:0", "ada:1", "ada:1"]);
}

#[test]
fn before_bolt_5_1_a_rotated_password_replaces_connections() {
    let servers = Scripted::new();
    let (manager, _) = counting();
    let config = Config::new("bolt://test", manager).unwrap();
    let driver = servers.driver_with(versions(config, 4, 4));
    run(&driver, None, "A").unwrap();
    servers.fail(Message::Run, "Neo.ClientError.Security.Unauthorized");
    let error = run(&driver, None, "B").unwrap_err();
    assert!(error.is_retryable(), "{error}");
    run(&driver, None, "C").unwrap();
    assert_eq!(ran(&servers), ["A ada:0", "C ada:1"]);
    assert_eq!(driver.pool_counts().idle, 1);
    assert_eq!(servers.connections(), 2);
}

#[test]
fn a_token_that_expires_during_work_is_replaced_and_the_work_is_retried_where_that_is_allowed() {
    let servers = Scripted::new();
    let (manager, calls) = tokens(None);
    let driver = servers.driver_with(Config::new("bolt://test", manager).unwrap());
    let expired = "Neo.ClientError.Security.TokenExpired";
    run(&driver, None, "A").unwrap();
    servers.fail(Message::Run, expired);
    let error = run(&driver, None, "B").unwrap_err();
    assert!(error.is_retryable() && error.code() == Some(expired), "{error}");
    servers.fail(Message::Run, expired);
    let mut query = Task::new(driver.execute_query("C"));
    assert!(query.run().is_none(), "it pauses");
    servers.pass(2 * SECOND);
    query.run().unwrap().unwrap();
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    assert_eq!(ran(&servers), ["A bearer:0", "C bearer:2"]);
    assert_eq!(servers.connections(), 1);
}

/// A manager whose tokens are the numbers of the calls of its provider.
fn tokens(lifetime: Option<Duration>) -> (BearerAuthManager, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&calls);
    let manager = BearerAuthManager::blocking(move || {
        let call = count.fetch_add(1, Ordering::Relaxed);
        Ok::<_, BoxError>(ExpiringAuth::new(Auth::bearer(call.to_string())).expires_in(lifetime))
    });
    (manager, calls)
}

#[test]
fn a_token_that_expires_while_its_caller_waits_for_a_connection_is_replaced_before_it_is_used() {
    let servers = Scripted::new();
    let (manager, _) = tokens(Some(10 * SECOND));
    let config = Config::new("bolt://test", manager).unwrap();
    let driver = servers.driver_with(config.max_connection_pool_size(1));
    let mut holder = driver.session().build();
    let tx = now(holder.begin_transaction().eager(true)).unwrap();
    let mut waiting = driver.session().build();
    let mut waiter = Task::new(waiting.run("A").consume());
    assert!(waiter.run().is_none());
    servers.pass(11 * SECOND);
    now(tx.rollback()).unwrap();
    waiter.run().unwrap().unwrap();
    assert_eq!(ran(&servers), ["A bearer:1"]);
    assert_eq!(servers.connections(), 1);
}

/// A manager whose provider waits until the gate is open.
struct Gate {
    open: Arc<AtomicBool>,
    fails: Arc<AtomicBool>,
    calls: Arc<AtomicU32>,
    wakers: Arc<std::sync::Mutex<Vec<std::task::Waker>>>,
}

impl Gate {
    fn new() -> Self {
        Self {
            open: Arc::default(),
            fails: Arc::default(),
            calls: Arc::default(),
            wakers: Arc::default(),
        }
    }

    fn manager(&self) -> BasicAuthManager {
        let (open, fails) = (Arc::clone(&self.open), Arc::clone(&self.fails));
        let (calls, wakers) = (Arc::clone(&self.calls), Arc::clone(&self.wakers));
        BasicAuthManager::new(move || {
            calls.fetch_add(1, Ordering::Relaxed);
            let (open, fails, wakers) = (Arc::clone(&open), Arc::clone(&fails), Arc::clone(&wakers));
            async move {
                std::future::poll_fn(|cx| {
                    if open.load(Ordering::Relaxed) {
                        return std::task::Poll::Ready(());
                    }
                    // It remembers the last waker only.
                    *wakers.lock().unwrap() = vec![cx.waker().clone()];
                    std::task::Poll::Pending
                })
                .await;
                if fails.load(Ordering::Relaxed) {
                    return Err(io::Error::other("the vault is sealed"));
                }
                Ok(Auth::basic("ada", "secret"))
            }
        })
    }

    fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
        let wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
        wakers.into_iter().for_each(std::task::Waker::wake);
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }
}

#[test]
fn callers_that_need_credentials_at_the_same_time_wait_for_one_call_of_the_manager_and_survive_each_other() {
    let servers = Scripted::new();
    let gate = Gate::new();
    let driver = servers.driver_with(Config::new("bolt://test", gate.manager()).unwrap());
    let mut calls: Vec<_> = (0..5).map(|_| Task::new(driver.execute_query("A"))).collect();
    assert!(calls.iter_mut().all(|call| call.run().is_none()));
    assert_eq!(gate.calls(), 1);
    // The last one has polled the manager last, and is dropped. Another one has to be woken for that.
    drop(calls.pop());
    assert!(calls.iter().any(Task::is_woken), "another caller carries on");
    assert!(calls.iter_mut().all(|call| call.run().is_none()));
    gate.open();
    assert!(calls.iter().any(Task::is_woken));
    for call in &mut calls {
        call.run().unwrap().unwrap();
    }
    assert_eq!((gate.calls(), servers.ran().len()), (1, 4));
}

#[test]
fn a_failure_of_the_manager_is_that_of_exactly_the_callers_that_waited_for_it() {
    let servers = Scripted::new();
    let gate = Gate::new();
    gate.fails.store(true, Ordering::Relaxed);
    let driver = servers.driver_with(Config::new("bolt://test", gate.manager()).unwrap());
    let mut waiting: Vec<_> = (0..3).map(|_| Task::new(driver.execute_query("A"))).collect();
    assert!(waiting.iter_mut().all(|call| call.run().is_none()));
    gate.open();
    // The one that is woken ends the call. A caller that comes then makes a call of its own.
    let woken = waiting.iter().position(Task::is_woken).unwrap();
    let mut failures = vec![waiting.remove(woken).run().unwrap().unwrap_err()];
    gate.fails.store(false, Ordering::Relaxed);
    now(driver.execute_query("B")).unwrap();
    failures.extend(waiting.iter_mut().map(|call| call.run().unwrap().unwrap_err()));
    for error in failures {
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            "the auth manager failed to provide credentials: the vault is sealed"
        );
        assert!(std::error::Error::source(&error).is_some());
    }
    assert_eq!(gate.calls(), 2);
    assert_eq!(servers.logins(), ["ada:secret"]);
}

#[test]
fn a_call_of_the_manager_without_callers_waits_for_the_next_one_until_it_expires() {
    let servers = Scripted::new();
    let gate = Gate::new();
    let config = Config::new("bolt://test", gate.manager()).unwrap();
    let driver = servers.driver_with(config.connection_timeout(10 * SECOND).deadline(SECOND));
    let mut call = Task::new(driver.execute_query("A"));
    assert!(call.run().is_none());
    servers.pass(SECOND);
    let error = call.run().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(
        error.to_string().contains("waited for the credentials"),
        "{error}"
    );
    servers.pass(8 * SECOND);
    let mut next = Task::new(driver.execute_query("B"));
    assert!(next.run().is_none());
    assert_eq!(gate.calls(), 1, "the second call continues it");
    drop(next);
    servers.pass(2 * SECOND);
    let mut last = Task::new(driver.execute_query("C"));
    assert!(last.run().is_none());
    assert_eq!(gate.calls(), 2, "it has expired");
}

#[test]
fn an_authorization_that_expires_after_its_caller_has_left_is_renewed_too() {
    let servers = Scripted::new();
    let driver = driver(&servers);
    run(&driver, None, "A").unwrap();
    servers.hold(0);
    servers.fail(Message::Run, "Neo.ClientError.Security.AuthorizationExpired");
    let mut reader = driver.session().default_access_mode(Access::Read).build();
    let mut dropped = Task::new(reader.run("B").consume());
    assert!(dropped.run().is_none());
    drop(dropped);
    servers.release(0);
    run(&driver, None, "C").unwrap();
    assert_eq!((servers.connections(), servers.count(Message::Logoff)), (1, 1));
}

#[test]
fn a_login_that_was_rejected_twice_is_not_tried_again_for_a_while() {
    let servers = Scripted::new();
    servers.set_password("ada", "other");
    let driver = driver(&servers);
    let mut errors: Vec<_> = (0..20).map(|_| run(&driver, None, "A").unwrap_err()).collect();
    assert_eq!(servers.logins().len(), 2);
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Auth));
    let last = errors.pop().unwrap().to_string();
    assert!(
        last.contains("not tried again") && last.contains("rejected 2 times"),
        "{last}"
    );
    // A session's own login does not hammer the server either, on a connection of the pool.
    servers.set_password("ada", "secret");
    servers.pass(5 * SECOND);
    run(&driver, None, "B").unwrap();
    servers.set_password("bob", "other");
    assert!((0..20).all(|_| run(&driver, bob(), "C").is_err()));
    assert_eq!(
        servers
            .logins()
            .iter()
            .filter(|login| login.starts_with("bob"))
            .count(),
        2
    );
    // The password is right from now on.
    servers.set_password("bob", "secret");
    servers.pass(5 * SECOND);
    run(&driver, bob(), "D").unwrap();
    run(&driver, bob(), "E").unwrap();
    assert_eq!(ran(&servers), ["B ada:secret", "D bob:secret", "E bob:secret"]);
}

#[test]
fn a_login_that_was_queued_before_others_were_rejected_does_not_leave() {
    let servers = Scripted::new();
    let driver = driver(&servers);
    run(&driver, None, "A").unwrap();
    servers.set_password("bob", "other");
    // Its connection has the login in front of what comes first.
    let mut session = driver.session().auth(bob()).build();
    let mut tx = now(session.begin_transaction()).unwrap();
    assert!((0..2).all(|_| run(&driver, bob(), "B").is_err()));
    let of_bob = || {
        servers
            .logins()
            .iter()
            .filter(|login| login.starts_with("bob"))
            .count()
    };
    assert_eq!(of_bob(), 2);
    let error = now(tx.run("C").consume()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.to_string().contains("not tried again"), "{error}");
    assert!(now(tx.run("D").consume()).is_err());
    drop(tx);
    assert_eq!(of_bob(), 0, "no other login than those before");
    // The connection carries the login that it had.
    run(&driver, None, "E").unwrap();
    assert_eq!(ran(&servers), ["A ada:secret", "E ada:secret"]);
}

#[test]
fn a_login_that_was_rejected_counts_although_its_call_was_dropped() {
    let servers = Scripted::new();
    let driver = driver(&servers);
    run(&driver, None, "A").unwrap();
    servers.set_password("bob", "other");
    let mut session = driver.session().auth(bob()).build();
    for at in 0..2 {
        let mut tx = now(session.begin_transaction()).unwrap();
        servers.hold(at);
        let mut running = Task::new(async { tx.run("B").consume().await.map(drop) });
        assert!(running.run().is_none(), "the login has left");
        servers.release(at);
        drop(running);
        drop(tx);
        run(&driver, None, "C").unwrap();
    }
    servers.logins();
    let error = run(&driver, bob(), "D").unwrap_err();
    assert!(error.to_string().contains("not tried again"), "{error}");
    assert_eq!(servers.logins(), [""; 0]);
}

#[test]
fn a_caller_that_still_holds_rejected_credentials_may_try_again_if_the_manager_has_others() {
    let servers = Scripted::new();
    let runtime: &dyn Runtime = &servers;
    let at = runtime.now();
    let (manager, _) = counting();
    let logins = Logins::new(&Config::new("bolt://test", manager).unwrap());
    let credentials = || now(logins.credentials(&Login::Driver, runtime, Deadline::NONE)).unwrap();
    let old = credentials();
    assert_eq!(old.auth, credentials().auth);
    for _ in 0..2 {
        let error = ServerError::new("Neo.ClientError.Security.Unauthorized", "wrong");
        let error = Error::login(error, &"test:7687", &old.auth);
        assert!(logins.refused(&old, error, at).is_new_login());
    }
    let error = logins.remembered(&old, at).unwrap();
    assert!(error.is_new_login(), "none is at hand: {error}");
    let new = credentials();
    assert!(logins.remembered(&old, at).unwrap().is_new_login());
    assert!(logins.remembered(&new, at).is_none());

    let fixed = Logins::new(&Config::new("bolt://test", old.auth.clone()).unwrap());
    for _ in 0..2 {
        let error = ServerError::new("Neo.ClientError.Security.Unauthorized", "wrong");
        let error = Error::login(error, &"test:7687", &old.auth);
        assert!(!fixed.refused(&old, error, at).is_new_login());
    }
    assert!(!fixed.remembered(&old, at).unwrap().is_retryable());
}

#[test]
fn a_manager_that_always_has_other_credentials_does_not_hammer_the_server() {
    let servers = Scripted::new();
    servers.set_password("ada", "none of them");
    let (manager, _) = counting();
    let driver = servers.driver_with(Config::new("bolt://test", manager).unwrap());
    let error = run(&driver, None, "A").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(servers.logins(), ["ada:0", "ada:1"]);
    let mut query = Task::new(driver.execute_query("B"));
    assert!(query.run().is_none(), "it pauses after two logins");
    assert_eq!(servers.logins().len(), 2);
}

#[test]
fn credentials_are_verified_without_a_query() {
    let servers = Scripted::new();
    servers.set_password("bob", "other");
    let driver = driver(&servers);
    assert!(now(driver.verify_authentication(None)).unwrap());
    assert_eq!(
        servers.logins(),
        ["ada:secret"],
        "a new connection logs in anyway"
    );
    assert!(now(driver.verify_authentication(None)).unwrap());
    assert_eq!(servers.logins(), ["ada:secret"], "an open one logs in again");
    assert!(!now(driver.verify_authentication(bob())).unwrap());
    assert!(now(driver.verify_authentication(Auth::basic("bob", "other"))).unwrap());
    assert_eq!(servers.count(Message::Run), 0);
    run(&driver, None, "A").unwrap();
    assert_eq!(ran(&servers), ["A ada:secret"]);
    servers.fail(Message::Logon, "Neo.ClientError.Security.AuthenticationRateLimit");
    let error = now(driver.verify_authentication(Auth::basic("eve", "guess"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
}

#[test]
fn a_connection_that_died_while_it_was_idle_is_replaced_although_its_login_changes() {
    let servers = Scripted::new();
    let driver = driver(&servers);
    run(&driver, None, "A").unwrap();
    servers.cut_at(Message::Logoff);
    now(driver.execute_query("B").auth(bob())).unwrap();
    assert_eq!(ran(&servers), ["A ada:secret", "B bob:secret"]);
    assert_eq!(servers.connections(), 2);
}

#[test]
fn connectivity_is_verified_on_a_connection_whose_login_changes() {
    let servers = Scripted::new();
    let driver = driver(&servers);
    run(&driver, bob(), "A").unwrap();
    servers.news(0);
    now(driver.verify_connectivity()).unwrap();
    assert_eq!(servers.news(0), [Message::Logoff, Message::Logon]);
    now(driver.verify_connectivity()).unwrap();
    assert_eq!(servers.news(0), [Message::Reset]);
}
