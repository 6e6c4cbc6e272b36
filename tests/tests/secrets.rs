//! Nothing of a secret is in anything that the driver prints: a marker is password, token, ticket, parameter of a custom
//! scheme, parameter of a query and metadata of a transaction, and all that comes out is searched for it.

use std::error::Error as StdError;
use std::fmt::{Debug, Write as _};
use std::io;
use std::panic;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use adapter_blocking::{
    Auth, BasicAuthManager, BearerAuthManager, BlockingAuthManager, BlockingManager, BoxError, Config, Error,
    ExpiringAuth, Query, ServerError, Value,
};
use bolt_proto::state::Message;
use tests::misbehaving::{self, Peer};
use tests::scripted::{Script, Scripted};

const MARKER: &str = "m4rker-that-must-not-leak";

/// All that was printed, each with where it comes from.
#[derive(Default)]
struct Shown(Vec<(String, String)>);

impl Shown {
    fn debug(&mut self, what: &str, value: &impl Debug) {
        self.0.push((what.to_owned(), format!("{value:?} {value:#?}")));
    }

    fn error(&mut self, what: &str, error: &Error) {
        let mut text = format!("{error} {error:#} {error:?} {error:#?} {:?}", error.server());
        let mut source = error.source();
        while let Some(cause) = source {
            write!(text, " {cause} {cause:#} {cause:?} {cause:#?}").unwrap();
            source = cause.source();
        }
        self.0.push((what.to_owned(), text));
    }

    /// Notes the error of a call that must fail.
    #[track_caller]
    fn fails<T>(&mut self, what: &str, result: Result<T, Error>) {
        match result {
            Ok(_) => panic!("{what} should fail"),
            Err(error) => self.error(what, &error),
        }
    }

    /// Notes the error, if the call failed.
    fn may_fail<T>(&mut self, what: &str, result: Result<T, Error>) {
        if let Err(error) = result {
            self.error(what, &error);
        }
    }

    fn leaks(&self) -> Vec<String> {
        let leaks = self.0.iter().filter(|(_, text)| text.contains(MARKER));
        leaks.map(|(what, text)| format!("{what}: {text}")).collect()
    }

    fn check(&self) {
        let leaks = self.leaks();
        assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    }
}

fn deep() -> Value {
    (0..600).fold(Value::String(MARKER.to_owned()), |inner, _| {
        Value::List(vec![inner])
    })
}

/// Logins of every kind. The last cannot be encoded.
fn auths() -> Vec<Auth> {
    let custom = Auth::custom("own", "me", MARKER).realm("here");
    vec![
        Auth::basic("neo4j", MARKER),
        Auth::bearer(MARKER),
        Auth::kerberos(MARKER),
        custom
            .clone()
            .parameter("plain", MARKER)
            .parameter("list", [MARKER]),
        custom.parameter("deep", deep()),
    ]
}

fn query() -> Query {
    Query::new("ROWS 3")
        .param("secret", MARKER)
        .param("list", [MARKER])
}

fn config(uri: &str, auth: &Auth) -> Config {
    Config::new(uri, auth.clone())
        .unwrap()
        .max_transaction_retry_time(Duration::ZERO)
        .connection_timeout(Duration::from_millis(300))
}

/// The options of a driver whose manager has a new token each time.
fn config_of(server: &Scripted, auth: &Auth) -> Config {
    let (auth, now) = (auth.clone(), Duration::ZERO);
    let manager = BearerAuthManager::blocking(move || {
        Ok::<_, BoxError>(ExpiringAuth::new(auth.clone()).expires_in(now))
    });
    let config = Config::new(&server.uri(), manager).unwrap();
    config.max_transaction_retry_time(Duration::ZERO)
}

/// A manager that makes the options of a driver.
type Manage = Box<dyn FnOnce(&str) -> Config>;

/// A manager of the application.
struct Own(Auth);

impl BlockingAuthManager for Own {
    fn token(&self, _now: Instant) -> Result<Auth, BoxError> {
        Ok(self.0.clone())
    }

    fn rejected(&self, _auth: &Auth, _error: &ServerError) -> bool {
        true
    }
}

type Start = fn() -> io::Result<Peer>;

/// Peers that end a connection in each of its phases.
const PEERS: [(&str, Start); 12] = [
    ("silent", misbehaving::silent),
    ("HTTP", misbehaving::http_server),
    ("SSH", misbehaving::ssh_server),
    ("TLS", misbehaving::tls_server),
    ("no common version", misbehaving::no_common_version),
    ("a version that was not offered", misbehaving::version_not_offered),
    ("closes in the handshake", misbehaving::closes_in_handshake),
    ("garbage in the handshake", misbehaving::garbage_in_handshake),
    ("closes after HELLO", misbehaving::closes_after_hello),
    ("closes in a message", misbehaving::closes_in_message),
    ("garbage", misbehaving::garbage),
    ("garbage in a message", misbehaving::garbage_in_message),
];

/// Failures of a login: final ones, one with a remedy, and transient ones.
const REFUSALS: [&str; 5] = [
    "Neo.ClientError.Security.Unauthorized",
    "Neo.ClientError.Security.CredentialsExpired",
    "Neo.ClientError.Security.AuthenticationRateLimit",
    "Neo.ClientError.Security.AuthorizationExpired",
    "Neo.TransientError.General.DatabaseUnavailable",
];

fn failure(code: &str) -> ServerError {
    ServerError::new(code, "a text that echoes nothing")
}

/// The same tests for an adapter: `call` ends a builder, `wait` a method without options.
macro_rules! tests_of {
    ($module:ident: $adapter:ident, $run:expr, [$($async:tt)?], call: [$($call:tt)*], wait: [$($wait:tt)*]) => {
        mod $module {
            use super::*;

            #[test]
            fn no_phase_of_a_connection_shows_a_secret() {
                $run(phases())
            }

            #[test]
            fn no_refused_login_shows_a_secret() {
                $run(logins())
            }

            #[test]
            fn no_login_of_a_session_shows_a_secret() {
                $run(own_logins())
            }

            #[test]
            fn no_auth_manager_shows_a_secret() {
                $run(managers())
            }

            #[test]
            fn neither_work_nor_its_failures_show_a_secret() {
                $run(work())
            }

            #[test]
            fn a_text_of_the_server_is_passed_on_which_shows_that_the_search_finds_the_marker() {
                $run(echo())
            }

            $($async)? fn phases() {
                let mut shown = Shown::default();
                for auth in auths() {
                    let driver = $adapter::driver_with(config("bolt://127.0.0.1:1", &auth)).unwrap();
                    shown.fails("nothing listens", driver.execute_query(query()) $($call)*);
                    for (name, start) in PEERS {
                        let peer = start().unwrap();
                        let driver = $adapter::driver_with(config(&peer.uri(), &auth)).unwrap();
                        let query = driver.execute_query(query()).metadata("secret", MARKER);
                        shown.debug("a builder", &query);
                        shown.fails(name, query $($call)*);
                        shown.debug(name, &driver);
                    }
                }
                shown.check();
            }

            $($async)? fn logins() {
                let mut shown = Shown::default();
                for version in [(4, 4), (5, 0), (5, 4), (5, 8)] {
                    let server = Scripted::start(Script::new().version(version.0, version.1)).unwrap();
                    let message = if version >= (5, 1) { Message::Logon } else { Message::Hello };
                    // The last of the logins leaves nothing for the server to refuse.
                    for auth in auths().iter().take(4) {
                        for code in REFUSALS {
                            server.fail_next(message, failure(code));
                            let driver = $adapter::driver_with(config(&server.uri(), auth)).unwrap();
                            let result = driver.verify_connectivity() $($wait)*;
                            let error = result.unwrap_err();
                            assert_eq!(error.code(), Some(code));
                            let login = format!("logging in to {} ", server.address());
                            assert!(error.to_string().contains(&login), "{error}");
                            if code.ends_with("Unauthorized") {
                                assert!(!error.is_retryable());
                                assert_eq!(error.kind(), $adapter::ErrorKind::Auth);
                            }
                            shown.error(code, &error);
                            shown.debug("a driver that was refused", &driver);
                        }
                        server.close_at_next(message);
                        let driver = $adapter::driver_with(config(&server.uri(), auth)).unwrap();
                        shown.fails("closed during the login", driver.server_info() $($wait)*);
                    }
                }
                shown.check();
            }

            $($async)? fn own_logins() {
                let mut shown = Shown::default();
                for version in [(4, 4), (5, 0), (5, 4), (5, 8)] {
                    let server = Scripted::start(Script::new().version(version.0, version.1)).unwrap();
                    let driver = $adapter::driver_with(config(&server.uri(), &Auth::none())).unwrap();
                    (driver.execute_query("ROWS 1") $($call)*).unwrap();
                    for (number, auth) in auths().into_iter().enumerate() {
                        let query = driver.execute_query(query()).auth(auth.clone());
                        shown.debug("a query with a login", &query);
                        shown.may_fail("a query with a login", query $($call)*);
                        let builder = driver.session().auth(auth.clone());
                        shown.debug("a builder with a login", &builder);
                        let mut session = builder.build();
                        shown.debug("a session with a login", &session);
                        let begin = session.begin_transaction();
                        shown.debug("a transaction with a login, before it begins", &begin);
                        match begin $($call)* {
                            Ok(mut tx) => {
                                shown.may_fail("a transaction with a login", tx.run("ROWS 1") $($call)*);
                                shown.debug("a transaction with a login", &tx);
                            }
                            Err(error) => shown.error("a transaction with a login", &error),
                        }
                        shown.debug("a driver that has changed logins", &driver);
                        // Older versions, and what cannot be encoded, leave nothing for the server to refuse.
                        if version < (5, 1) || number == 4 {
                            shown.fails("a login", driver.verify_authentication(auth.clone()) $($wait)*);
                            shown.fails("a login", session.run("ROWS 1") $($call)*);
                            continue;
                        }
                        for code in REFUSALS {
                            // Another driver does not remember what was refused before.
                            let driver = $adapter::driver_with(config(&server.uri(), &Auth::none())).unwrap();
                            (driver.execute_query("ROWS 1") $($call)*).unwrap();
                            let mut session = driver.session().auth(auth.clone()).build();
                            server.fail_next(Message::Logon, failure(code));
                            let error = (session.run("ROWS 1") $($call)*).unwrap_err();
                            assert_eq!(error.code(), Some(code));
                            shown.error(code, &error);
                            shown.debug("a session that was refused", &session);
                            server.fail_next(Message::Logon, failure(code));
                            shown.may_fail(code, driver.verify_authentication(auth.clone()) $($wait)*);
                            server.forget_plans();
                        }
                        for message in [Message::Logoff, Message::Logon] {
                            (driver.execute_query("ROWS 1") $($call)*).unwrap();
                            server.close_at_next(message);
                            shown.may_fail("a lost change of the login", session.run("ROWS 1") $($call)*);
                            server.fail_next(message, failure("Neo.ClientError.Request.Invalid"));
                            shown.may_fail("a refused change", session.run("ROWS 1") $($call)*);
                            server.forget_plans();
                        }
                    }
                }
                shown.check();
            }

            $($async)? fn managers() {
                let mut shown = Shown::default();
                for auth in auths().into_iter().take(4) {
                    let expiring = ExpiringAuth::new(auth.clone()).expires_in(Duration::from_secs(60));
                    shown.debug("credentials that expire", &expiring);
                    let (of_basic, of_own) = (auth.clone(), Own(auth.clone()));
                    let basic = BasicAuthManager::blocking(move || Ok::<_, BoxError>(of_basic.clone()));
                    let bearer = BearerAuthManager::blocking(move || Ok::<_, BoxError>(expiring.clone()));
                    let sealed = || Err::<Auth, _>(io::Error::other("the vault is sealed"));
                    shown.debug("a manager", &basic);
                    shown.debug("a manager", &bearer);
                    for (number, manage) in [
                        Box::new(move |uri: &str| Config::new(uri, basic).unwrap()) as Manage,
                        Box::new(move |uri: &str| Config::new(uri, bearer).unwrap()),
                        Box::new(move |uri: &str| Config::new(uri, BlockingManager(of_own)).unwrap()),
                        Box::new(move |uri: &str| Config::new(uri, BasicAuthManager::blocking(sealed)).unwrap()),
                    ].into_iter().enumerate() {
                        let server = Scripted::start(Script::new()).unwrap();
                        let config = manage(&server.uri()).max_transaction_retry_time(Duration::ZERO);
                        shown.debug("a config", &config);
                        let driver = $adapter::driver_with(config).unwrap();
                        if number == 3 {
                            shown.fails("no credentials", driver.execute_query(query()) $($call)*);
                            continue;
                        }
                        // The last ones are answered from memory.
                        for _ in 0..4 {
                            server.fail_next(Message::Logon, failure(REFUSALS[0]));
                            shown.may_fail("a login", driver.execute_query(query()) $($call)*);
                            shown.debug("a driver that was refused", &driver);
                        }
                        server.forget_plans();
                        let driver = $adapter::driver_with(config_of(&server, &auth)).unwrap();
                        for code in ["Neo.ClientError.Security.TokenExpired", REFUSALS[3]] {
                            server.fail_next(Message::Run, failure(code));
                            shown.fails(code, driver.execute_query(query()) $($call)*);
                            shown.debug("a driver whose login has expired", &driver);
                        }
                    }
                }
                shown.check();
            }

            $($async)? fn work() {
                let mut shown = Shown::default();
                let mut not_encoded = 0;
                for auth in auths() {
                    let server = Scripted::start(Script::new()).unwrap();
                    let config = config(&server.uri(), &auth);
                    shown.debug("an auth", &auth);
                    shown.debug("a config", &config);
                    shown.debug("options", &config.options());
                    let driver = $adapter::driver_with(config).unwrap();
                    shown.debug("a driver", &driver);
                    let found = driver.execute_query(query()).metadata("secret", MARKER) $($call)*;
                    let Ok(found) = found else {
                        shown.fails("a login that cannot be encoded", found);
                        not_encoded += 1;
                        continue;
                    };
                    shown.debug("a summary", &found.summary);
                    shown.debug("a result", &found);
                    shown.debug("a server", &(driver.server_info() $($wait)*).unwrap());
                    shown.debug("a query", &query());

                    let builder = driver.session().database("films");
                    shown.debug("a session's builder", &builder);
                    let mut session = builder.build();
                    shown.debug("a session", &session);
                    let run = session.run(query()).metadata("secret", MARKER);
                    shown.debug("a run", &run);
                    let rows = (run $($call)*).unwrap();
                    shown.debug("rows", &rows);
                    drop(rows);
                    let begin = session.begin_transaction().metadata("secret", MARKER);
                    shown.debug("a transaction's builder", &begin);
                    let mut tx = (begin $($call)*).unwrap();
                    shown.debug("a run in a transaction", &tx.run(query()));
                    server.fail_next(Message::Run, failure("Neo.ClientError.Statement.SyntaxError"));
                    shown.may_fail("RUN", tx.run(query()) $($call)*);
                    shown.debug("a failed transaction", &tx);
                    shown.may_fail("a commit after a failure", tx.commit() $($wait)*);

                    for (message, code) in [
                        (Message::Run, "Neo.ClientError.Statement.ParameterMissing"),
                        (Message::Pull, "Neo.TransientError.Transaction.DeadlockDetected"),
                        (Message::Pull, "Neo.ClientError.Security.TokenExpired"),
                    ] {
                        server.fail_next(message, failure(code));
                        let query = driver.execute_query(query()).metadata("secret", MARKER);
                        shown.fails(code, query $($call)*);
                    }
                    for message in [Message::Run, Message::Commit] {
                        let mut session = driver.session().build();
                        let mut tx = (session.begin_transaction() $($call)*).unwrap();
                        server.close_at_next(message);
                        shown.may_fail("a lost connection", tx.run(query()) $($call)*);
                        shown.may_fail("a commit", tx.commit() $($wait)*);
                        shown.debug("a session that lost its connection", &session);
                    }

                    let deep = deep();
                    let unsendable = driver.execute_query("ROWS 1").param("deep", &deep);
                    shown.debug("a query that cannot be sent", &unsendable);
                    shown.fails("a parameter that cannot be sent", unsendable $($call)*);
                    let unsendable = driver.execute_query("ROWS 1").metadata("deep", &deep);
                    shown.fails("metadata that cannot be sent", unsendable $($call)*);
                    let twice = driver.execute_query(query()).param("secret", MARKER);
                    shown.fails("a parameter that is given twice", twice $($call)*);
                    let late = driver.execute_query(query()).deadline(Duration::ZERO);
                    shown.fails("too late", late $($call)*);
                    driver.close() $($wait)*;
                    shown.fails("a closed driver", driver.execute_query(query()) $($call)*);
                    shown.debug("a closed driver", &driver);
                }
                assert_eq!(not_encoded, 1);
                shown.check();
            }

            $($async)? fn echo() {
                let server = Scripted::start(Script::new()).unwrap();
                let driver = $adapter::driver_with(config(&server.uri(), &auths()[0])).unwrap();
                let error = ServerError::new("Neo.ClientError.Statement.SyntaxError", MARKER);
                server.fail_next(Message::Run, error);
                let mut shown = Shown::default();
                shown.fails("a text with the marker", driver.execute_query(query()) $($call)*);
                assert_eq!(shown.leaks().len(), 1);
            }
        }
    };
}

tests_of!(tokio: adapter_tokio, on_tokio, [async], call: [.await], wait: [.await]);
tests_of!(smol: adapter_smol, ::smol::block_on, [async], call: [.await], wait: [.await]);
tests_of!(async_std: adapter_async_std, ::async_std::task::block_on, [async], call: [.await], wait: [.await]);
tests_of!(blocking: adapter_blocking, at_once, [], call: [.call()], wait: []);

/// A blocking test has ended when its result is here.
const fn at_once(_: ()) {}

fn on_tokio(work: impl Future<Output = ()>) {
    let runtime = ::tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(work);
}

#[test]
fn no_refused_configuration_shows_a_secret() {
    let mut shown = Shown::default();
    for uri in [
        format!("bolt://neo4j:{MARKER}@localhost"),
        format!("bolt://{MARKER}@localhost:7687"),
        format!("neo4j+s://neo4j:{MARKER}@localhost"),
        format!("http://neo4j:{MARKER}@localhost"),
        format!("bolt://neo4j:{MARKER}@:70000"),
        format!("neo4j:{MARKER}@localhost"),
    ] {
        for auth in auths() {
            shown.fails(&uri.replace(MARKER, "…"), Config::new(&uri, auth));
        }
        let lookup = |name: &str| (name == "NEO4J_URI").then(|| uri.clone());
        shown.fails("a URI from the environment", Config::from_lookup(lookup));
    }
    let without_user = |name: &str| match name {
        "NEO4J_URI" => Some("bolt://localhost".to_owned()),
        "NEO4J_PASSWORD" => Some(MARKER.to_owned()),
        _ => None,
    };
    shown.fails("a password without a user", Config::from_lookup(without_user));
    for auth in auths() {
        let config = config("bolt://localhost", &auth).max_connection_pool_size(0);
        shown.fails("an option out of range", adapter_blocking::driver_with(config));
    }
    shown.check();
}

/// An application often reports errors by a panic.
#[test]
fn no_message_of_a_panic_shows_a_secret() {
    let messages = Arc::new(Mutex::new(String::new()));
    let usual = panic::take_hook();
    let hook = Arc::clone(&messages);
    panic::set_hook(Box::new(move |info| {
        writeln!(hook.lock().unwrap(), "{info}").unwrap();
    }));
    for auth in auths() {
        let work = move || {
            let server = Scripted::start(Script::new()).unwrap();
            server.fail_next(Message::Logon, failure(REFUSALS[0]));
            let driver = adapter_blocking::driver_with(config(&server.uri(), &auth)).unwrap();
            driver.execute_query(query()).call().unwrap()
        };
        assert!(panic::catch_unwind(work).is_err());
    }
    panic::set_hook(usual);
    let messages = messages.lock().unwrap();
    assert!(
        messages.contains("logging in to") && !messages.contains(MARKER),
        "{messages}"
    );
}
