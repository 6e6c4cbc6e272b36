//! Logins that a real server limits, on every adapter.

use std::env;
use std::thread;
use std::time::{Duration, Instant};

use bolt_client::{Auth, Config, Error, ErrorKind};
use servers::{Neo4j, Release};
use tests::relay::Relay;

/// For how long the server refuses every login of a user after three wrong passwords.
const LOCKED: Duration = Duration::from_secs(5);

const LIMITED: &str = "Neo.ClientError.Security.AuthenticationRateLimit";

#[test]
fn a_server_that_limits_logins_is_not_asked_again_before_the_limit_has_passed() {
    let asked = env::var("BOLT_TEST_SERVERS").unwrap_or_default();
    let names = asked.split(',').filter(|name| !name.is_empty());
    let mut tested = 0;
    for name in names {
        let release: Release = name.trim().parse().unwrap();
        let server = Neo4j::builder(release)
            .setting("dbms.security.auth_max_failed_attempts", "3")
            .setting("dbms.security.auth_lock_time", "5s")
            .start()
            .unwrap();
        // They wait for the same time.
        thread::scope(|scope| {
            for (adapter, connect) in ADAPTERS {
                let server = &server;
                scope.spawn(move || is_limited(server, adapter, connect));
            }
        });
        tested += 1;
    }
    println!("{tested} servers limited logins (BOLT_TEST_SERVERS={asked:?})");
}

fn is_limited(server: &Neo4j, adapter: &str, connect: Connect) {
    let admin = Auth::basic(server.username(), server.password());
    let admin = adapter_blocking::driver(&server.uri(), admin).unwrap();
    let create = format!("CREATE USER {adapter} SET PLAINTEXT PASSWORD 'long-enough' CHANGE NOT REQUIRED");
    admin.execute_query(create).database("system").call().unwrap();

    let relay = Relay::to(server.address()).unwrap();
    let driver = |password: &str| connect(Config::new(&relay.uri(), Auth::basic(adapter, password)).unwrap());
    // A driver tries a wrong password twice, the next one for the third time.
    for (calls, logins) in [(5, 2), (1, 3)] {
        let driver = driver("wrong");
        for _ in 0..calls {
            let error = driver().unwrap_err();
            assert_eq!(
                error.code(),
                Some("Neo.ClientError.Security.Unauthorized"),
                "{error}"
            );
        }
        assert_eq!(relay.traffic().connections, logins, "{adapter}");
    }
    let right = driver("long-enough");
    let locked = Instant::now();
    for _ in 0..5 {
        let error = right().unwrap_err();
        println!("{error}");
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Auth, Some(LIMITED)),
            "{error}"
        );
        assert!(!error.is_retryable(), "{error}");
        let login = format!("logging in to {} as {adapter:?}", relay.address());
        assert!(error.to_string().contains(&login), "{error}");
    }
    assert!(locked.elapsed() < LOCKED, "{:?}", locked.elapsed());
    assert_eq!(relay.traffic().connections, 4, "{adapter}");
    // The driver tries again by itself once the limit may have passed.
    while right().is_err() {
        assert!(locked.elapsed() < 6 * LOCKED, "{adapter}");
        thread::sleep(Duration::from_millis(500));
    }
    let logins = relay.traffic().connections - 4;
    assert!((1..=4).contains(&logins), "{adapter}: {logins} logins");
}

/// Makes a driver; returns a function that runs a query.
type Connect = fn(Config) -> Box<dyn Fn() -> Result<(), Error>>;

const ADAPTERS: [(&str, Connect); 4] = [
    ("tokio", |config| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let driver = adapter_tokio::driver_with(config).unwrap();
        Box::new(move || runtime.block_on(async { driver.execute_query("RETURN 1").await.map(drop) }))
    }),
    ("smol", |config| {
        let driver = adapter_smol::driver_with(config).unwrap();
        Box::new(move || smol::block_on(async { driver.execute_query("RETURN 1").await.map(drop) }))
    }),
    ("async_std", |config| {
        let driver = adapter_async_std::driver_with(config).unwrap();
        Box::new(move || {
            async_std::task::block_on(async { driver.execute_query("RETURN 1").await.map(drop) })
        })
    }),
    ("blocking", |config| {
        let driver = adapter_blocking::driver_with(config).unwrap();
        Box::new(move || driver.execute_query("RETURN 1").call().map(drop))
    }),
];
