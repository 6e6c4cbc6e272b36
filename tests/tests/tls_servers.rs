//! TLS with real servers, on tokio and blocking.

use std::env;
use std::time::{Duration, Instant};

use bolt_client::{Auth, Config, Error, ErrorKind, Tls};
use servers::{Neo4j, Release, TlsPolicy};
use tests::tls::Authority;

#[test]
fn servers_are_reached_by_tls_and_errors_say_what_to_do() {
    let asked = env::var("BOLT_TEST_SERVERS").unwrap_or_default();
    let names = asked.split(',').filter(|name| !name.is_empty());
    let mut tested = 0;
    for name in names {
        let release: Release = name.trim().parse().unwrap();
        tls_is_required(release);
        tls_is_optional(release);
        clients_need_a_certificate(release);
        there_is_no_tls(release);
        tested += 1;
    }
    println!("{tested} servers were reached by TLS (BOLT_TEST_SERVERS={asked:?})");
}

fn tls_is_required(release: Release) {
    let (ca, other) = (Authority::new(), Authority::new());
    let server = start(release, required(&ca));
    for scheme in ["bolt", "bolt+s"] {
        works(&|| config(&server, scheme).tls(ca.trusted()));
    }
    works(&|| config(&server, "bolt+ssc"));
    works(&|| config(&server, "bolt+s").tls(ca.trusted().only_tls_1_2()));
    works(&|| config(&server, "bolt+s").tls(ca.trusted().only_tls_1_3()));
    let untrusted = || config(&server, "bolt+s").tls(other.trusted());
    fails(&untrusted, ErrorKind::Tls, "Tls::ca_file");
    fails(&|| config(&server, "bolt+s"), ErrorKind::Tls, "Tls::ca_file");
    let by_name = || {
        let uri = format!("bolt+s://localhost:{}", server.address().port());
        let auth = Auth::basic(server.username(), server.password());
        Config::new(&uri, auth).unwrap().tls(ca.trusted())
    };
    fails(&by_name, ErrorKind::Tls, "connect by a name");
    // This server only closes such connections, as one that restarts does.
    let plain = || config(&server, "bolt");
    fails(&plain, ErrorKind::Tls, "closes connections without TLS");
}

fn tls_is_optional(release: Release) {
    let ca = Authority::new();
    let server = start(release, required(&ca).optional());
    works(&|| config(&server, "bolt"));
    works(&|| config(&server, "bolt+s").tls(ca.trusted()));
}

fn clients_need_a_certificate(release: Release) {
    let ca = Authority::new();
    let server = start(release, required(&ca).clients_of(&ca.pem));
    for tls in [ca.trusted().only_tls_1_3(), ca.trusted().only_tls_1_2()] {
        let known = ca.issue("client").for_client();
        works(&|| config(&server, "bolt+s").tls(tls.clone().client_certificate(known.clone())));
        let none = || config(&server, "bolt+s").tls(tls.clone());
        fails(&none, ErrorKind::Tls, "Tls::client_certificate");
        let stranger = Authority::new().issue("client").for_client();
        let refused = || config(&server, "bolt+s").tls(tls.clone().client_certificate(stranger.clone()));
        fails(&refused, ErrorKind::Tls, "Tls::client_certificate");
    }
}

fn there_is_no_tls(release: Release) {
    let server = Neo4j::start(release).unwrap();
    let config = || config(&server, "bolt+s").tls(Tls::new());
    fails(&config, ErrorKind::Tls, "connect by bolt://");
}

/// Returns the policy of a server at 127.0.0.1.
fn required(ca: &Authority) -> TlsPolicy {
    let issued = ca.issue("127.0.0.1");
    TlsPolicy::required(issued.certificate, issued.key)
}

fn start(release: Release, policy: TlsPolicy) -> Neo4j {
    Neo4j::builder(release).tls(policy).start().unwrap()
}

fn config(server: &Neo4j, scheme: &str) -> Config {
    let auth = Auth::basic(server.username(), server.password());
    Config::new(&format!("{scheme}://{}", server.address()), auth).unwrap()
}

/// Runs queries on tokio, and then on blocking.
fn outcomes(config: &dyn Fn() -> Config) -> [Result<(), Error>; 2] {
    const QUERY: &str = "UNWIND range(1, 20000) AS n RETURN n, 'text' AS text";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let on_tokio = runtime.block_on(async {
        let driver = adapter_tokio::driver_with(config())?;
        for _ in 0..2 {
            assert_eq!(driver.execute_query(QUERY).await?.records.len(), 20_000);
        }
        driver.close().await;
        Ok(())
    });
    let on_blocking = || {
        let driver = adapter_blocking::driver_with(config())?;
        for _ in 0..2 {
            assert_eq!(driver.execute_query(QUERY).call()?.records.len(), 20_000);
        }
        driver.close();
        Ok(())
    };
    [on_tokio, on_blocking()]
}

#[track_caller]
fn works(config: &dyn Fn() -> Config) {
    for outcome in outcomes(config) {
        outcome.unwrap();
    }
}

#[track_caller]
fn fails(config: &dyn Fn() -> Config, kind: ErrorKind, words: &str) {
    let started = Instant::now();
    for outcome in outcomes(config) {
        let error = outcome.unwrap_err();
        println!("{error}");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(words), "{words:?} is not in: {error}");
    }
    assert!(started.elapsed() < Duration::from_secs(10));
}
