//! TLS on every adapter, against a server of rustls that decrypts for a scripted Bolt server.
//!
//! Each requirement is one generic function over [`Adapter`]. Its tests are named `adapter::requirement`.

use std::error::Error as _;
use std::net::TcpListener;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use bolt_client::{Address, Auth, Config, Error, ErrorKind, Tls};
use bolt_proto::state::Message;
use rustls::HandshakeKind;
use rustls::version::{TLS12, TLS13};
use tests::relay::{Relay, Traffic};
use tests::scripted::{Script, Scripted};
use tests::tls::{Authority, TlsFront};

/// Generates the tests of every requirement for an adapter.
macro_rules! contract {
    ($module:ident, $adapter:ident) => {
        mod $module {
            contract! {
                $adapter:
                rows_arrive_over_tls
                a_certificate_that_is_not_trusted_is_a_final_error
                any_certificate_is_accepted_by_its_own_scheme_only
                either_version_is_spoken_and_no_common_one_is_a_final_error
                a_client_certificate_is_presented_and_its_lack_explained
                a_client_certificate_is_rotated_under_an_open_driver
                a_server_without_tls_is_a_final_error
                a_server_that_requires_tls_is_named_as_such
                a_server_that_only_closes_plain_connections_is_named_as_such
                a_server_that_has_spoken_without_tls_is_tried_again_without_a_question
                a_server_that_closes_every_connection_is_tried_again
                sessions_are_resumed_across_the_pool
                the_end_of_a_connection_is_announced
                a_truncated_stream_is_a_lost_connection
                a_server_that_restarts_is_tried_again
                other_addresses_are_tried_and_then_the_error_is_final
                a_new_connection_costs_the_round_trips_of_its_version_and_a_warm_one_none
            }
        }
    };
    ($adapter:ident: $($requirement:ident)+) => {
        $(
            #[test]
            fn $requirement() {
                super::$requirement::<super::$adapter>();
            }
        )+
    };
}

contract!(tokio, Tokio);
contract!(smol, Smol);
contract!(async_std, AsyncStd);
contract!(blocking, Blocking);

/// The driver of one adapter.
trait Adapter: Sized {
    fn new(config: Config) -> Result<Self, Error>;

    /// Runs a query; returns the number of rows.
    fn rows(&self, query: &str) -> Result<usize, Error>;

    fn close(&self);
}

/// Implements [`Adapter`] for an asynchronous driver.
macro_rules! asynchronous {
    ($name:ident, $krate:ident, $block_on:expr) => {
        struct $name($krate::Driver);

        impl Adapter for $name {
            fn new(config: Config) -> Result<Self, Error> {
                $krate::driver_with(config).map(Self)
            }

            fn rows(&self, query: &str) -> Result<usize, Error> {
                let result = $block_on(async { self.0.execute_query(query).await })?;
                Ok(result.records.len())
            }

            fn close(&self) {
                $block_on(self.0.close());
            }
        }
    };
}

static TOKIO: LazyLock<::tokio::runtime::Runtime> =
    LazyLock::new(|| ::tokio::runtime::Runtime::new().unwrap());

asynchronous!(Tokio, adapter_tokio, (|future| TOKIO.block_on(future)));
asynchronous!(Smol, adapter_smol, ::smol::block_on);
asynchronous!(AsyncStd, adapter_async_std, ::async_std::task::block_on);

struct Blocking(adapter_blocking::Driver);

impl Adapter for Blocking {
    fn new(config: Config) -> Result<Self, Error> {
        adapter_blocking::driver_with(config).map(Self)
    }

    fn rows(&self, query: &str) -> Result<usize, Error> {
        Ok(self.0.execute_query(query).call()?.records.len())
    }

    fn close(&self) {
        self.0.close();
    }
}

/// A Bolt server, and TLS in front of it.
struct Server {
    bolt: Scripted,
    tls: TlsFront,
}

impl Server {
    fn start(config: rustls::ServerConfig) -> Self {
        let bolt = Scripted::start(Script::new()).unwrap();
        let tls = TlsFront::to(bolt.address(), config).unwrap();
        Self { bolt, tls }
    }

    fn config(&self, scheme: &str) -> Config {
        config(scheme, self.tls.address())
    }
}

fn config(scheme: &str, address: std::net::SocketAddr) -> Config {
    Config::new(&format!("{scheme}://{address}"), Auth::none()).unwrap()
}

/// Asserts an error that is about TLS, final, at once, and says this.
#[track_caller]
fn assert_final<A: Adapter>(config: Config, words: &[&str]) {
    let started = Instant::now();
    let error = A::new(config).unwrap().rows("ROWS 1").unwrap_err();
    let took = started.elapsed();
    let text = error.to_string();
    println!("{text}");
    assert_eq!(error.kind(), ErrorKind::Tls, "{text}");
    assert!(!error.is_retryable(), "{text}");
    assert!(took < Duration::from_secs(5), "{text} took {took:?}");
    assert!(text.contains("127.0.0.1:"), "{text}");
    assert!(error.source().is_some(), "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

const HOST: &str = "127.0.0.1";

fn rows_arrive_over_tls<A: Adapter>() {
    let ca = Authority::new();
    let server = Server::start(ca.issue(HOST).server());
    for scheme in ["bolt", "bolt+s"] {
        let config = server.config(scheme).tls(ca.trusted());
        assert!(config.options().is_encrypted());
        let driver = A::new(config).unwrap();
        assert_eq!(driver.rows("ROWS 30000").unwrap(), 30_000);
        assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
        driver.close();
    }
    assert!(server.bolt.take_requests().len() >= 8);
}

fn a_certificate_that_is_not_trusted_is_a_final_error<A: Adapter>() {
    let (ca, other) = (Authority::new(), Authority::new());
    let server = Server::start(ca.issue(HOST).server());
    assert_final::<A>(
        server.config("bolt+s").tls(other.trusted()),
        &["UnknownIssuer", "Tls::ca_file"],
    );
    assert_final::<A>(server.config("bolt+s"), &["UnknownIssuer", "Tls::ca_file"]);
    server.tls.replace(ca.issue("db.example").server());
    assert_final::<A>(
        server.config("bolt+s").tls(ca.trusted()),
        &["db.example", "connect by a name"],
    );
    let old = ca.issue_with(HOST, |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    server.tls.replace(old.server());
    assert_final::<A>(server.config("bolt+s").tls(ca.trusted()), &["expired", "renew"]);
    let early = ca.issue_with(HOST, |params| {
        params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    });
    server.tls.replace(early.server());
    assert_final::<A>(
        server.config("bolt+s").tls(ca.trusted()),
        &["not valid yet", "clock"],
    );
    assert_eq!(server.bolt.take_requests().len(), 0);
}

fn any_certificate_is_accepted_by_its_own_scheme_only<A: Adapter>() {
    let server = Server::start(Authority::new().issue("elsewhere").server());
    let driver = A::new(server.config("bolt+ssc")).unwrap();
    assert_eq!(driver.rows("ROWS 3").unwrap(), 3);
    let contradiction = server.config("bolt+s").tls(Tls::new().trust_any_certificate());
    let error = A::new(contradiction).err().expect("a contradiction");
    assert_eq!(error.kind(), ErrorKind::Config);
}

fn either_version_is_spoken_and_no_common_one_is_a_final_error<A: Adapter>() {
    let ca = Authority::new();
    let server = Server::start(ca.issue(HOST).server());
    for (version, tls, other) in [
        (&TLS12, ca.trusted().only_tls_1_2(), ca.trusted().only_tls_1_3()),
        (&TLS13, ca.trusted().only_tls_1_3(), ca.trusted().only_tls_1_2()),
    ] {
        server.tls.replace(ca.issue(HOST).server_of(&[version]));
        for tls in [tls, ca.trusted()] {
            let driver = A::new(server.config("bolt+s").tls(tls)).unwrap();
            assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
            let observed = server.tls.observed();
            assert_eq!(observed.last().unwrap().version, Some(version.version));
        }
        assert_final::<A>(server.config("bolt+s").tls(other), &["must allow"]);
    }
}

fn a_client_certificate_is_presented_and_its_lack_explained<A: Adapter>() {
    let ca = Authority::new();
    for version in [&TLS13, &TLS12] {
        let server = Server::start(ca.issue(HOST).server_for_clients_of(&ca, &[version]));
        let config = |tls: Tls| server.config("bolt+s").tls(tls);
        let known = ca.issue("client").for_client();
        let driver = A::new(config(ca.trusted().client_certificate(known))).unwrap();
        assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
        assert_final::<A>(
            config(ca.trusted()),
            &["client certificate", "Tls::client_certificate"],
        );
        let stranger = Authority::new().issue("client").for_client();
        assert_final::<A>(
            config(ca.trusted().client_certificate(stranger)),
            &["refused the client certificate"],
        );
    }
}

fn a_client_certificate_is_rotated_under_an_open_driver<A: Adapter>() {
    let (old, new) = (Authority::new(), Authority::new());
    let server = Server::start(old.issue(HOST).server_for_clients_of(&old, &[&TLS13]));
    let current = Arc::new(Mutex::new(old.issue("client").for_client()));
    let provided = Arc::clone(&current);
    let tls = old
        .trusted()
        .client_certificate_provider(move || Ok(Some(provided.lock().unwrap().clone())));
    let driver = A::new(server.config("bolt+s").tls(tls)).unwrap();
    assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
    server
        .tls
        .replace(old.issue(HOST).server_for_clients_of(&new, &[&TLS13]));
    *current.lock().unwrap() = new.issue("client").for_client();
    server.tls.cut();
    assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
    assert_eq!(server.tls.observed().len(), 2);
}

fn a_server_without_tls_is_a_final_error<A: Adapter>() {
    let ca = Authority::new();
    let bolt = Scripted::start(Script::new()).unwrap();
    assert_final::<A>(
        config("bolt+s", bolt.address()).tls(ca.trusted()),
        &["if it does not use TLS at this port, connect by bolt://"],
    );
}

fn a_server_that_requires_tls_is_named_as_such<A: Adapter>() {
    let ca = Authority::new();
    let server = Server::start(ca.issue(HOST).server());
    assert_final::<A>(server.config("bolt"), &["requires TLS", "bolt+s://"]);
    assert!(!server.config("bolt").options().is_encrypted());
}

fn a_server_that_only_closes_plain_connections_is_named_as_such<A: Adapter>() {
    let ca = Authority::new();
    let any = || ca.issue("elsewhere");
    for config in [
        any().server(),
        any().server_of(&[&TLS12]),
        // Neither the lack of a certificate nor of a common version hides that it speaks TLS.
        any().server_for_clients_of(&ca, &[&TLS13]),
        any().server_for_clients_of(&ca, &[&TLS12]),
    ] {
        let server = Server::start(config);
        server.tls.answer_only_tls();
        assert_final::<A>(
            server.config("bolt"),
            &["closes connections without TLS", "bolt+s://"],
        );
        // One to be refused, and one to find out why.
        assert_eq!(server.tls.observed().len(), 2);
        assert_eq!(server.bolt.take_requests().len(), 0);
    }
}

/// It is restarting.
fn a_server_that_has_spoken_without_tls_is_tried_again_without_a_question<A: Adapter>() {
    let bolt = Scripted::start(Script::new()).unwrap();
    let relay = Relay::to(bolt.address()).unwrap();
    let config = config("bolt", relay.address()).initial_retry_delay(Duration::from_millis(10));
    let driver = A::new(config).unwrap();
    assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
    relay.cut();
    relay.cut_at_answer_to_flight(1);
    assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
    // Two that work, and one that was closed.
    assert_eq!(relay.traffic().connections, 3);
}

/// It may be restarting, or be no Bolt server.
fn a_server_that_closes_every_connection_is_tried_again<A: Adapter>() {
    let peer = tests::misbehaving::closes_in_handshake().unwrap();
    let config = config("bolt", peer.address()).max_transaction_retry_time(Duration::ZERO);
    let error = A::new(config).unwrap().rows("ROWS 1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.is_retryable(), "{error}");
    assert_eq!(peer.connections(), 2);
}

fn sessions_are_resumed_across_the_pool<A: Adapter>() {
    let ca = Authority::new();
    for version in [&TLS13, &TLS12] {
        let server = Server::start(ca.issue(HOST).server_of(&[version]));
        let driver = A::new(server.config("bolt+s").tls(ca.trusted())).unwrap();
        for _ in 0..3 {
            assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
            server.tls.cut();
        }
        let handshakes: Vec<_> = server.tls.observed().iter().map(|seen| seen.handshake).collect();
        let [first, rest @ ..] = &handshakes[..] else {
            panic!("no connection")
        };
        assert_eq!(*first, Some(HandshakeKind::Full));
        assert_eq!(rest, [Some(HandshakeKind::Resumed); 2]);
    }
}

fn the_end_of_a_connection_is_announced<A: Adapter>() {
    let ca = Authority::new();
    let server = Server::start(ca.issue(HOST).server());
    let driver = A::new(server.config("bolt+s").tls(ca.trusted())).unwrap();
    assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
    assert!(!server.tls.observed()[0].closed);
    driver.close();
    let started = Instant::now();
    while !server.tls.observed()[0].closed {
        assert!(started.elapsed() < Duration::from_secs(10), "no close_notify");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn a_truncated_stream_is_a_lost_connection<A: Adapter>() {
    let ca = Authority::new();
    let server = Server::start(ca.issue(HOST).server());
    server.tls.truncate();
    server.bolt.close_at_next(Message::Run);
    let config = server.config("bolt+s").tls(ca.trusted());
    let driver = A::new(config.max_transaction_retry_time(Duration::ZERO)).unwrap();
    let error = driver.rows("ROWS 1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(
        error.to_string().contains("without the end of the TLS stream"),
        "{error}"
    );
}

fn a_server_that_restarts_is_tried_again<A: Adapter>() {
    let ca = Authority::new();
    let server = Server::start(ca.issue(HOST).server());
    let config = || {
        server
            .config("bolt+s")
            .tls(ca.trusted())
            .initial_retry_delay(Duration::from_millis(10))
    };
    server.tls.refuse(1);
    assert_final::<A>(
        config(),
        &["closed the connection during the TLS handshake", "bolt://"],
    );
    let driver = A::new(config()).unwrap();
    assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
    server.tls.refuse(2);
    server.tls.cut();
    assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
}

fn other_addresses_are_tried_and_then_the_error_is_final<A: Adapter>() {
    let ca = Authority::new();
    let untrusted = Server::start(Authority::new().issue(HOST).server());
    let trusted = Server::start(ca.issue(HOST).server());
    let config = |addresses: [std::net::SocketAddr; 2]| {
        let found = addresses.map(|address| Address::new(HOST, address.port()));
        Config::new("bolt+s://cluster.example", Auth::none())
            .unwrap()
            .tls(ca.trusted())
            .resolver(move |_| found.to_vec())
    };
    let driver = A::new(config([untrusted.tls.address(), trusted.tls.address()])).unwrap();
    assert_eq!(driver.rows("ROWS 1").unwrap(), 1);
    let closed = TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap();
    for addresses in [
        [closed, untrusted.tls.address()],
        [untrusted.tls.address(), closed],
    ] {
        assert_final::<A>(config(addresses), &["no address can be reached", "UnknownIssuer"]);
    }
}

fn a_new_connection_costs_the_round_trips_of_its_version_and_a_warm_one_none<A: Adapter>() {
    let ca = Authority::new();
    let costs = |server: &Server, tls: Option<Tls>| -> [u64; 2] {
        let to = if tls.is_some() {
            server.tls.address()
        } else {
            server.bolt.address()
        };
        let relay = Relay::to(to).unwrap();
        let driver = A::new(config("bolt", relay.address()).tls(tls)).unwrap();
        [(); 2].map(|()| {
            let before: Traffic = relay.traffic();
            driver.rows("ROWS 1").unwrap();
            (relay.traffic() - before).flights
        })
    };
    let server = Server::start(ca.issue(HOST).server());
    let [new, warm] = costs(&server, None);
    assert_eq!(costs(&server, Some(ca.trusted().only_tls_1_3())), [new + 1, warm]);
    assert_eq!(costs(&server, Some(ca.trusted().only_tls_1_2())), [new + 2, warm]);
}
