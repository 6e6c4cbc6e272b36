//! Which servers are trusted, and what is said about others.

use std::fs;

use rcgen::date_time_ymd;
use rustls::version::{TLS12, TLS13};

use super::*;

#[test]
fn a_server_of_a_trusted_authority_is_accepted_by_its_name_and_by_its_ip_address() {
    let ca = Authority::new();
    for (host, name) in [
        ("db.example", "db.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("::1%lo", "::1"),
    ] {
        assert_eq!(
            outcome(ca.trusted(), host, ca.issue(name).server()),
            Ok(()),
            "{host}"
        );
    }
}

#[test]
fn an_unknown_authority_is_refused_and_the_error_says_what_to_trust() {
    let (ca, other) = (Authority::new(), Authority::new());
    let error = outcome(other.trusted(), "db.example", ca.issue("db.example").server()).unwrap_err();
    assert!(
        error.contains("UnknownIssuer") && error.contains("Tls::ca_file"),
        "{error}"
    );
    let error = outcome(Tls::new(), "db.example", ca.issue("db.example").server()).unwrap_err();
    assert!(
        error.contains("UnknownIssuer") && error.contains("Tls::ca_file"),
        "{error}"
    );
}

#[test]
fn a_wrong_host_is_refused_and_the_error_has_the_names_of_the_certificate() {
    let ca = Authority::new();
    let error = outcome(ca.trusted(), "127.0.0.1", ca.issue("db.example").server()).unwrap_err();
    assert!(
        error.contains("127.0.0.1") && error.contains("db.example"),
        "{error}"
    );
    assert!(error.contains("connect by a name"), "{error}");
}

#[test]
fn a_certificate_out_of_its_time_is_refused() {
    let ca = Authority::new();
    let expired = ca.issue_with("db.example", |params| {
        params.not_after = date_time_ymd(2020, 1, 1)
    });
    let error = outcome(ca.trusted(), "db.example", expired.server()).unwrap_err();
    assert!(error.contains("expired") && error.contains("renew"), "{error}");
    let early = ca.issue_with("db.example", |params| {
        params.not_before = date_time_ymd(4000, 1, 1)
    });
    let error = outcome(ca.trusted(), "db.example", early.server()).unwrap_err();
    assert!(
        error.contains("not valid yet") && error.contains("clock"),
        "{error}"
    );
}

#[test]
fn any_certificate_is_accepted_only_when_that_was_asked_for() {
    let ca = Authority::new();
    let any = || Tls::new().trust_any_certificate();
    for server in [
        ca.issue("elsewhere").server(),
        ca.issue("elsewhere").server_of(&[&TLS12]),
    ] {
        assert_eq!(outcome(any(), "db.example", server), Ok(()));
    }
}

#[test]
fn both_versions_are_spoken_and_each_can_be_excluded() {
    let ca = Authority::new();
    let server = |version| ca.issue("db.example").server_of(&[version]);
    assert_eq!(outcome(ca.trusted(), "db.example", server(&TLS12)), Ok(()));
    assert_eq!(outcome(ca.trusted(), "db.example", server(&TLS13)), Ok(()));
    let error = outcome(ca.trusted().only_tls_1_2(), "db.example", server(&TLS13)).unwrap_err();
    assert!(error.contains("common version"), "{error}");
    let error = outcome(ca.trusted().only_tls_1_3(), "db.example", server(&TLS12)).unwrap_err();
    assert!(
        error.contains("common version") || error.contains("TLS 1.2 or 1.3"),
        "{error}"
    );
}

#[test]
fn a_client_certificate_is_presented_and_its_lack_is_explained() {
    let ca = Authority::new();
    let server = || ca.issue("db.example").server_for_clients_of(&ca);
    let client = ca.issue("client").for_client();
    assert_eq!(
        outcome(ca.trusted().client_certificate(client), "db.example", server()),
        Ok(())
    );
    let error = outcome(ca.trusted(), "db.example", server()).unwrap_err();
    assert!(error.contains("client certificate: set"), "{error}");
    let stranger = Authority::new().issue("client").for_client();
    let error = outcome(ca.trusted().client_certificate(stranger), "db.example", server()).unwrap_err();
    assert!(error.contains("refused the client certificate"), "{error}");
}

#[test]
fn a_server_without_tls_is_told_from_one_that_closes() {
    let ca = Authority::new();
    let attempt = |answer: &[u8]| {
        let (inner, mut server) = pair(ca.issue("db.example").server());
        let mut client = client(ca.trusted(), "db.example", inner);
        write_all(&mut *client, b"hello");
        client.try_flush().unwrap_err();
        server.send_raw(answer);
        server.end();
        client.try_read(&mut [0; 10]).unwrap_err().to_string()
    };
    let error = attempt(b"HTTP/1.1 400 Bad Request\r\n");
    assert!(error.contains("no TLS") && error.contains("bolt://"), "{error}");
    let error = attempt(b"");
    assert!(
        error.contains("closed the connection") && error.contains("bolt://"),
        "{error}"
    );
}

#[test]
fn a_session_is_resumed_by_the_next_connection_of_the_same_driver() {
    let ca = Authority::new();
    for version in [&TLS12, &TLS13] {
        let config = Arc::new(ca.issue("db.example").server_of(&[version]));
        let connector = TlsConnector::new(ca.trusted()).unwrap();
        for expected in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
            let (inner, mut server) = pair(Arc::clone(&config));
            let mut client = connector.wrap("db.example", inner).unwrap();
            write_all(&mut *client, b"hello");
            settle(&mut *client, &mut server).unwrap();
            assert_eq!(server.tls.handshake_kind(), Some(expected));
        }
    }
}

#[test]
fn certificates_that_are_replaced_are_used_by_new_connections() {
    let dir = std::env::temp_dir().join(format!("bolt-client-tls-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let (old, new) = (Authority::new(), Authority::new());
    let file = dir.join("ca.pem");
    fs::write(&file, &old.pem).unwrap();
    let connector = TlsConnector::new(Tls::new().ca_file(&file)).unwrap();
    let accepts = |ca: &Authority| {
        let (inner, mut server) = pair(ca.issue("db.example").server());
        let mut client = connector.wrap("db.example", inner).unwrap();
        write_all(&mut *client, b"hello");
        settle(&mut *client, &mut server).is_ok()
    };
    assert!(accepts(&old) && !accepts(&new));
    fs::write(&file, "half of a fi").unwrap();
    assert!(accepts(&old), "a file that cannot be read changes nothing");
    fs::write(&file, format!("{}\n", new.pem)).unwrap();
    assert!(accepts(&new) && !accepts(&old));
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_provider_replaces_the_client_certificate() {
    let ca = Authority::new();
    let stranger = Authority::new().issue("client").for_client();
    let current = Arc::new(Mutex::new(stranger));
    let provided = Arc::clone(&current);
    let options = ca
        .trusted()
        .client_certificate_provider(move || Ok(Some(provided.lock().unwrap().clone())));
    let connector = TlsConnector::new(options).unwrap();
    let accepted = || {
        let (inner, mut server) = pair(ca.issue("db.example").server_for_clients_of(&ca));
        let mut client = connector.wrap("db.example", inner).unwrap();
        write_all(&mut *client, b"hello");
        settle(&mut *client, &mut server).is_ok()
    };
    assert!(!accepted());
    *current.lock().unwrap() = ca.issue("client").for_client();
    assert!(accepted());
}

#[test]
fn what_cannot_be_read_is_named_when_the_driver_is_made() {
    let error = |options| TlsConnector::new(options).unwrap_err().to_string();
    let missing = error(Tls::new().ca_file("/nowhere/ca.pem"));
    assert!(missing.contains("/nowhere/ca.pem"), "{missing}");
    assert!(error(Tls::new().ca_pem("nothing")).contains("no certificate"));
    let ca = Authority::new();
    let client = ClientCertificate::from_pem(ca.pem.clone(), "nothing");
    let error = error(ca.trusted().client_certificate(client));
    assert!(error.contains("no private key"), "{error}");
}

#[test]
fn debug_shows_nothing_of_a_key() {
    let ca = Authority::new();
    let issued = ca.issue("client");
    let shown = format!("{:?}", ca.trusted().client_certificate(issued.for_client()));
    assert!(
        !shown.contains("PRIVATE") && !shown.contains(&issued.key[40..60]),
        "{shown}"
    );
}

#[cfg(not(feature = "encrypted-keys"))]
#[test]
fn an_encrypted_key_is_refused_by_the_name_of_the_feature() {
    let ca = Authority::new();
    let client = ClientCertificate::from_pem(ca.pem.clone(), "-----BEGIN ENCRYPTED PRIVATE KEY-----");
    let error = TlsConnector::new(ca.trusted().client_certificate(client)).unwrap_err();
    assert!(error.to_string().contains("`encrypted-keys`"), "{error}");
}

#[cfg(feature = "encrypted-keys")]
#[test]
fn an_encrypted_key_is_decrypted_by_its_password() {
    use pkcs8::{LineEnding, PrivateKeyInfo, SecretDocument};

    let ca = Authority::new();
    let issued = ca.issue("client");
    let (_, key) = SecretDocument::from_pem(&issued.key).unwrap();
    let parameters =
        pkcs8::pkcs5::pbes2::Parameters::pbkdf2_sha256_aes256cbc(2048, &[7; 16], &[8; 16]).unwrap();
    let encrypted = PrivateKeyInfo::try_from(key.as_bytes())
        .unwrap()
        .encrypt_with_params(parameters, "hunter2")
        .unwrap()
        .to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF)
        .unwrap();
    // Both in one file, as some tools write them.
    let both = format!("{}{}", issued.certificate, &*encrypted);
    let client = ClientCertificate::from_pem(both.clone(), both);
    let outcome = |client: ClientCertificate| outcome_of_client(&ca, ca.trusted().client_certificate(client));
    assert_eq!(outcome(client.clone().password("hunter2")), Ok(()));
    let error = outcome(client.clone().password("other")).unwrap_err();
    assert!(
        error.contains("the password is wrong") && !error.contains("other"),
        "{error}"
    );
    let error = outcome(client.clone()).unwrap_err();
    assert!(error.contains("ClientCertificate::password"), "{error}");
    let shown = format!("{:?}", client.password("hunter2"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[cfg(feature = "encrypted-keys")]
fn outcome_of_client(ca: &Authority, options: Tls) -> Result<(), String> {
    TlsConnector::new(options.clone()).map_err(|error| error.to_string())?;
    outcome(
        options,
        "db.example",
        ca.issue("db.example").server_for_clients_of(ca),
    )
}
