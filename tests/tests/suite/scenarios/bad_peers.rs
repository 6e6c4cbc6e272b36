//! Wrong addresses, and peers that are not a Bolt server, or a faulty one.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bolt_client::{Address, ErrorKind};
use tests::misbehaving::{self, Peer};
use tests::scripted::{Script, Scripted};

use super::*;

pub(super) fn all() -> Vec<Scenario> {
    let mut all = scenarios_alone![
        an_invalid_uri_is_explained,
        a_host_that_does_not_resolve_is_named,
        an_address_where_nothing_listens_is_named,
        a_silent_peer_is_given_up_after_the_connection_timeout,
        a_silent_peer_is_given_up_at_the_deadline_of_the_call,
        server_info_ends_at_the_deadline_of_the_driver,
        an_http_server_is_recognised,
        a_peer_that_speaks_first_is_recognised,
        a_peer_that_answers_in_tls_is_recognised,
        an_address_without_a_bolt_server_is_followed_by_the_next,
        an_address_that_is_silent_is_followed_by_the_next_in_time,
        a_server_without_a_common_version_is_unsupported,
        a_version_that_was_not_proposed_is_a_violation,
        a_peer_that_closes_during_the_handshake_is_named,
        a_peer_that_closes_after_hello_is_named,
        a_peer_that_closes_in_a_message_is_named,
        garbage_in_the_handshake_is_a_violation,
        garbage_in_an_answer_is_a_violation,
        garbage_that_could_be_half_an_answer_is_given_up_at_the_deadline,
        a_slow_peer_is_awaited,
        a_server_that_falls_silent_in_an_answer_is_given_up_after_its_receive_timeout,
        a_pause_of_the_reader_does_not_count_as_silence,
    ];
    all.extend(scenarios![the_http_port_of_a_server_is_recognised needs Http]);
    all
}

const LIMIT: Duration = Duration::from_millis(400);

async fn an_invalid_uri_is_explained(_: Adapter) -> Outcome {
    for (uri, parts) in [
        (
            "neo4j://localhost?region=",
            ["neo4j://localhost", "\"region\"", "no value"],
        ),
        (
            "neo4j://localhost?address=x",
            ["neo4j://localhost", "\"address\"", "reserved"],
        ),
        (
            "bolt://localhost?region=eu",
            ["bolt://localhost", "routing context", "neo4j://"],
        ),
        (
            "http://localhost:7474",
            ["http://localhost:7474", "Bolt", "bolt://"],
        ),
        ("ftp://localhost", ["ftp://localhost", "scheme", "bolt"]),
        ("localhost:7687", ["localhost:7687", "scheme", "bolt://"]),
        (
            "bolt://localhost:99999",
            ["bolt://localhost:99999", "port", "65535"],
        ),
        (
            "bolt://localhost:bolt",
            ["bolt://localhost:bolt", "port", "65535"],
        ),
        ("bolt://localhost:", ["bolt://localhost:", "port", "65535"]),
        ("bolt://", ["bolt://", "host", ""]),
        ("bolt://::1:7687", ["bolt://::1:7687", "IPv6", "brackets"]),
    ] {
        let error = Config::new(uri, Auth::none()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{uri}: {error}");
        assert_says(&error, &parts);
    }
    for uri in [
        "bolt://localhost",
        "bolt://127.0.0.1:7687",
        "bolt://[::1]:7687",
        "bolt://[::1]",
        "bolt+s://localhost",
        "bolt+ssc://localhost:7687",
    ] {
        Config::new(uri, Auth::none())?;
    }
    Ok(())
}

async fn a_host_that_does_not_resolve_is_named(adapter: Adapter) -> Outcome {
    let error = error_of(adapter, "bolt://no-such-host.invalid:7687").await?;
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert_says(&error, &["no-such-host.invalid"]);
    Ok(())
}

async fn an_address_where_nothing_listens_is_named(adapter: Adapter) -> Outcome {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let error = error_of(adapter, &format!("bolt://{address}")).await?;
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert_says(&error, &[&address.to_string()]);
    assert!(error.is_retryable());
    Ok(())
}

async fn a_silent_peer_is_given_up_after_the_connection_timeout(adapter: Adapter) -> Outcome {
    let peer = misbehaving::silent()?;
    let config = Config::new(&peer.uri(), Auth::none())?.connection_timeout(LIMIT);
    let driver = driver_with(adapter, config)?;
    for round in 1..=2 {
        let started = Instant::now();
        let error = match round {
            1 => go!(driver.execute_query("RETURN 1")).unwrap_err(),
            _ => wait!(driver.verify_connectivity()).unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_says(&error, &[&peer.address().to_string()]);
        let took = started.elapsed();
        assert!(took >= LIMIT / 2 && took < 10 * LIMIT, "{took:?}");
        assert_at_rest(&driver);
    }
    Ok(())
}

async fn a_silent_peer_is_given_up_at_the_deadline_of_the_call(adapter: Adapter) -> Outcome {
    let peer = misbehaving::silent()?;
    let driver = driver_with(adapter, once(Config::new(&peer.uri(), Auth::none())?))?;
    for _ in 0..3 {
        let started = Instant::now();
        let error = go!(driver.execute_query("RETURN 1").deadline(LIMIT)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
        assert_says(&error, &[&peer.address().to_string()]);
        let took = started.elapsed();
        assert!(took >= LIMIT / 2 && took < 10 * LIMIT, "{took:?}");
    }
    // Later calls continue the connection that the first call began. Once they have waited for it for a second in
    // total, another one is begun beside it.
    let connections = peer.connections();
    assert!((1..=2).contains(&connections), "{connections}");
    wait!(driver.close());
    Ok(())
}

async fn server_info_ends_at_the_deadline_of_the_driver(adapter: Adapter) -> Outcome {
    let peer = misbehaving::silent()?;
    let config = Config::new(&peer.uri(), Auth::none())?.deadline(LIMIT);
    let driver = driver_with(adapter, config)?;
    let started = Instant::now();
    let error = wait!(driver.verify_connectivity()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(
        wait!(driver.supports_multi_db()).unwrap_err().kind(),
        ErrorKind::Timeout
    );
    let took = started.elapsed();
    assert!(took >= LIMIT && took < 20 * LIMIT, "{took:?}");
    Ok(())
}

async fn an_http_server_is_recognised(adapter: Adapter) -> Outcome {
    assert_fails(
        adapter,
        &misbehaving::http_server()?,
        &[ErrorKind::Protocol, ErrorKind::Connect],
        &["HTTP"],
    )
    .await
}

async fn the_http_port_of_a_server_is_recognised(world: World) -> Outcome {
    let http = world.server.http.ok_or("no HTTP")?;
    let driver = world.driver_with(once(Config::new(&format!("bolt://{http}"), world.auth())?))?;
    let by_name = wait!(driver.verify_connectivity()).unwrap_err();
    let by_query = go!(driver.execute_query("RETURN 1")).unwrap_err();
    for error in [by_name, by_query] {
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert_says(&error, &[&http.to_string(), "HTTP", "7687"]);
        assert!(!error.is_retryable());
    }
    assert_at_rest(&driver);
    Ok(())
}

async fn a_peer_that_speaks_first_is_recognised(adapter: Adapter) -> Outcome {
    assert_fails(
        adapter,
        &misbehaving::ssh_server()?,
        &[ErrorKind::Protocol],
        &["not Bolt", "SSH-"],
    )
    .await
}

async fn a_peer_that_answers_in_tls_is_recognised(adapter: Adapter) -> Outcome {
    assert_fails(
        adapter,
        &misbehaving::tls_server()?,
        &[ErrorKind::Tls],
        &["TLS", "port", "bolt+s://"],
    )
    .await
}

/// Like a name with an IPv6 and an IPv4 address and another service on the port of one of them.
async fn an_address_without_a_bolt_server_is_followed_by_the_next(adapter: Adapter) -> Outcome {
    let server = Scripted::start(Script::new())?;
    let others = [
        misbehaving::http_server()?,
        misbehaving::closes_in_handshake()?,
        misbehaving::no_common_version()?,
    ];
    let addresses: Vec<_> = others
        .iter()
        .map(Peer::address)
        .chain([server.address()])
        .collect();
    let config = once(found_at(&addresses)?);
    let driver = driver_with(adapter, config)?;
    go!(driver.execute_query("ROWS 1"))?;
    assert_eq!(server.connections(), 1);
    let connections = others.each_ref().map(Peer::connections);
    // The one that closed the connection was asked whether it wants TLS.
    assert_eq!(connections, [1, 2, 1]);
    Ok(())
}

async fn an_address_that_is_silent_is_followed_by_the_next_in_time(adapter: Adapter) -> Outcome {
    let (silent, server) = (misbehaving::silent()?, Scripted::start(Script::new())?);
    let config = once(found_at(&[silent.address(), server.address()])?);
    let limit = Duration::from_secs(2);
    let driver = driver_with(adapter, config.connection_timeout(limit))?;
    let started = Instant::now();
    go!(driver.execute_query("ROWS 1"))?;
    let took = started.elapsed();
    assert!(took >= limit / 2 && took < limit, "{took:?}");
    assert_eq!((silent.connections(), server.connections()), (1, 1));
    Ok(())
}

/// A server with a name that resolves to these addresses.
fn found_at(addresses: &[SocketAddr]) -> Result<Config, Error> {
    let found: Vec<_> = addresses
        .iter()
        .map(|address| Address::new(address.ip().to_string(), address.port()))
        .collect();
    Ok(Config::new("bolt://somewhere", Auth::none())?.resolver(move |_| found.clone()))
}

async fn a_server_without_a_common_version_is_unsupported(adapter: Adapter) -> Outcome {
    let peer = misbehaving::no_common_version()?;
    assert_fails(adapter, &peer, &[ErrorKind::Unsupported], &["version"]).await
}

async fn a_version_that_was_not_proposed_is_a_violation(adapter: Adapter) -> Outcome {
    assert_fails(
        adapter,
        &misbehaving::version_not_offered()?,
        &[ErrorKind::Protocol],
        &["5.5"],
    )
    .await
}

async fn a_peer_that_closes_during_the_handshake_is_named(adapter: Adapter) -> Outcome {
    assert_fails(
        adapter,
        &misbehaving::closes_in_handshake()?,
        &[ErrorKind::Connect],
        &["handshake"],
    )
    .await
}

async fn a_peer_that_closes_after_hello_is_named(adapter: Adapter) -> Outcome {
    assert_fails(
        adapter,
        &misbehaving::closes_after_hello()?,
        &[ErrorKind::Connect],
        &["login"],
    )
    .await
}

async fn a_peer_that_closes_in_a_message_is_named(adapter: Adapter) -> Outcome {
    let peer = misbehaving::closes_in_message()?;
    let error = error_of(adapter, &peer.uri()).await?;
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert_says(&error, &[&peer.address().to_string()]);
    Ok(())
}

async fn garbage_in_the_handshake_is_a_violation(adapter: Adapter) -> Outcome {
    assert_fails(
        adapter,
        &misbehaving::garbage_in_handshake()?,
        &[ErrorKind::Protocol],
        &[],
    )
    .await
}

async fn garbage_in_an_answer_is_a_violation(adapter: Adapter) -> Outcome {
    let peer = misbehaving::garbage_in_message()?;
    let error = error_of(adapter, &peer.uri()).await?;
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert_says(&error, &[&peer.address().to_string()]);
    Ok(())
}

async fn garbage_that_could_be_half_an_answer_is_given_up_at_the_deadline(adapter: Adapter) -> Outcome {
    let peer = misbehaving::garbage()?;
    let driver = driver_with(adapter, once(Config::new(&peer.uri(), Auth::none())?))?;
    let started = Instant::now();
    let error = go!(driver.execute_query("RETURN 1").deadline(LIMIT)).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Timeout),
        "{error}"
    );
    assert!(started.elapsed() < 10 * LIMIT);
    assert_at_rest(&driver);
    Ok(())
}

async fn a_slow_peer_is_awaited(adapter: Adapter) -> Outcome {
    let peer = misbehaving::slow(Duration::from_millis(100))?;
    let driver = driver_with(adapter, once(Config::new(&peer.uri(), Auth::none())?))?;
    let found = go!(driver.execute_query("RETURN 1"))?;
    assert!(found.records.is_empty());
    assert_eq!(wait!(driver.server_info())?.agent(), "Neo4j/5.26.0");
    Ok(())
}

async fn a_server_that_falls_silent_in_an_answer_is_given_up_after_its_receive_timeout(
    adapter: Adapter,
) -> Outcome {
    let peer = misbehaving::silent_in_answer()?;
    let driver = driver_with(adapter, Config::new(&peer.uri(), Auth::none())?)?;
    for (access, kind) in [
        (Access::Read, ErrorKind::ConnectionLost),
        // The query was sent, and may be carried out.
        (Access::Write, ErrorKind::UnknownCommit),
    ] {
        let mut session = driver.session().default_access_mode(access).build();
        let mut rows = go!(session.run("RETURN 1 AS x"))?;
        for _ in 0..3 {
            assert!(wait!(rows.try_next())?.is_some());
        }
        let started = Instant::now();
        let error = wait!(rows.try_next()).unwrap_err();
        let took = started.elapsed();
        assert_eq!(error.kind(), kind, "{error}");
        assert_says(
            &error,
            &[&peer.address().to_string(), "silent", "recv_timeout_seconds"],
        );
        assert!(
            took > Duration::from_millis(800) && took < Duration::from_secs(4),
            "{took:?}"
        );
        drop(rows);
        assert_at_rest(&driver);
    }
    // The silent connection is not used again.
    assert_eq!(peer.connections(), 2);
    Ok(())
}

/// Servers send nothing between requests, whatever receive timeout they announce.
async fn a_pause_of_the_reader_does_not_count_as_silence(adapter: Adapter) -> Outcome {
    let peer = misbehaving::announces_receive_timeout()?;
    let driver = driver_with(adapter, Config::new(&peer.uri(), Auth::none())?)?;
    let mut session = driver.session().fetch_size(3).build();
    let mut rows = go!(session.run("RETURN 1 AS x"))?;
    for row in 1..=9 {
        assert!(wait!(rows.try_next())?.is_some());
        // Once within a page, once at the end of one.
        if row == 2 || row == 6 {
            sleep(Duration::from_millis(1300)).await;
        }
    }
    wait!(rows.consume())?;
    sleep(Duration::from_millis(1300)).await;
    // Neither is a connection that was idle for longer.
    assert!(wait!(go!(session.run("RETURN 1 AS x"))?.try_next())?.is_some());
    assert_eq!(peer.connections(), 1);
    Ok(())
}

/// Asserts that a query and a connectivity check both fail like this, soon, and that the error names the peer.
async fn assert_fails(adapter: Adapter, peer: &Peer, kinds: &[ErrorKind], parts: &[&str]) -> Outcome {
    let driver = driver_with(
        adapter,
        once(Config::new(&peer.uri(), Auth::basic("neo4j", "password"))?),
    )?;
    for error in [
        error_of(adapter, &peer.uri()).await?,
        go!(driver.execute_query("RETURN 1")).unwrap_err(),
        wait!(driver.verify_connectivity()).unwrap_err(),
    ] {
        assert!(kinds.contains(&error.kind()), "{:?}: {error}", error.kind());
        assert_says(&error, parts);
        assert_says(&error, &[&peer.address().to_string()]);
    }
    let counts = driver.pool_counts();
    assert_eq!(
        (counts.in_use, counts.idle, counts.opening, counts.waiting),
        (0, 0, 0, 0)
    );
    Ok(())
}

/// Returns the error of a query to this URI, which must come long before any default limit.
async fn error_of(adapter: Adapter, uri: &str) -> Result<Error, Box<dyn std::error::Error + Send + Sync>> {
    let driver = driver_with(adapter, once(Config::new(uri, Auth::basic("neo4j", "password"))?))?;
    let started = Instant::now();
    let Err(error) = go!(driver.execute_query("RETURN 1")) else {
        return Err(format!("{uri} answered").into());
    };
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{error} after {:?}",
        started.elapsed()
    );
    assert_at_rest(&driver);
    Ok(error)
}
