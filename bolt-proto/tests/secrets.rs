//! No credential stays in the memory of the process once it is not needed any more: all of its memory is searched.
#![cfg(target_os = "linux")]

mod search;

use zeroize::Zeroize;

use bolt_proto::peer::{self as server, Server};
use bolt_proto::state::Message;
use bolt_proto::{Auth, Connection, Event, Extra, Hello, Options, Query, Version, Versions};

/// The password and its like, disguised, so that neither the program nor the search contains it.
const DISGUISED: &[u8] =
    b"\x4F\x12\x34\x07\x2B\x3C\x2A\x35\x2F\x62\x17\x2D\x27\x0E\x2A\x36\x2F\x37\x1F\x29\x62\x20\x2D\x38\x2D";
const MASK: u8 = 0x5A;

fn secret() -> String {
    let mut text = String::with_capacity(DISGUISED.len());
    text.extend(DISGUISED.iter().map(|byte| char::from(byte ^ MASK)));
    text
}

/// Counts the places in the memory of this process that hold the secret.
fn copies(buffer: &mut [u8]) -> usize {
    search::copies(DISGUISED, MASK, buffer)
}

/// A connection of this version, after the handshake.
fn connected(version: Version) -> Connection {
    let versions = Versions::only(version).manifest(false);
    let mut connection = Connection::new(Options::default().versions(versions));
    arrive(&mut connection, &[0, 0, version.minor(), version.major()]);
    assert!(matches!(connection.event(), Some(Event::Negotiated(_))));
    connection
}

/// Lets a server read a login, and then RUN, which arrive in pieces of this size.
fn serve(auth: &Auth, version: Version, piece: usize) -> Server {
    let mut connection = connected(version);
    let mut server = Server::new(server::Options::strict());
    let mut messages = Vec::new();
    server.recv_space()[..20].copy_from_slice(connection.pending_bytes());
    server.received(20);
    assert_eq!(server.has_request(), Ok(None));
    connection.wrote(connection.pending_bytes().len());
    connection.login(&Hello::new("t/1"), auth).unwrap();
    while !connection.pending_bytes().is_empty() {
        let bytes = connection.pending_bytes();
        let len = bytes.len().min(piece);
        server.recv_space()[..len].copy_from_slice(&bytes[..len]);
        server.received(len);
        connection.wrote(len);
        while let Ok(Some(head)) = server.has_request() {
            assert!(server.request().is_some());
            messages.push(head.message);
            server.success(|_| Ok(())).unwrap();
        }
    }
    assert!(matches!(
        messages[..],
        [Message::Hello] | [Message::Hello, Message::Logon]
    ));
    server
}

fn arrive(connection: &mut Connection, bytes: &[u8]) {
    connection.recv_space()[..bytes.len()].copy_from_slice(bytes);
    connection.received(bytes.len());
    connection.has_event().unwrap();
}

fn auths() -> Vec<Auth> {
    let mut auths = vec![
        Auth::basic("neo4j", secret()),
        Auth::bearer(secret()),
        Auth::kerberos(secret()),
        Auth::custom("own", "me", secret()),
    ];
    let mut custom = Auth::custom("own", "me", "");
    for number in 0..10 {
        let (text, list) = (Hidden(secret()), vec![Hidden(secret()), Hidden(secret())]);
        custom = custom.parameter(format!("text{number}"), text);
        custom = custom.parameter(format!("list{number}"), list);
    }
    auths.push(custom);
    auths
}

/// A value of the test that is wiped when it is dropped.
struct Hidden(String);

impl bolt_proto::ToValue for Hidden {
    fn to_value(&self, out: bolt_proto::value::Encoder<'_>) -> Result<(), bolt_proto::EncodeError> {
        out.string(&self.0)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// One test, since others would run at the same time in the same memory.
#[test]
fn no_credential_stays_in_memory_when_it_is_not_needed_any_more() {
    let mut buffer = vec![0; 1 << 20];
    assert_eq!(copies(&mut buffer), 0, "before the test");
    let mut kept = secret();
    assert_eq!(copies(&mut buffer), 1, "a copy that is known must be found");
    kept.zeroize();
    buffer.fill(0);
    assert_eq!(copies(&mut buffer), 0, "a copy that was wiped");

    let count = auths().len();
    for version in [Version::new(4, 4), Version::new(5, 8)] {
        for number in 0..count {
            let case = format!("{:?} on {version}", auths()[number]);
            let check = |buffer: &mut [u8], what: &str| {
                assert_eq!(copies(buffer), 0, "{case}: {what}");
                buffer.fill(0);
            };
            check(&mut buffer, "dropped unused");

            let mut connection = connected(version);
            let login = |connection: &mut Connection| {
                connection.login(&Hello::new("t/1"), &auths()[number]).unwrap();
            };
            login(&mut connection);
            assert!(
                copies(&mut buffer) > 0,
                "{case}: the search must find unwritten credentials"
            );
            buffer.fill(0);
            while !connection.pending_bytes().is_empty() {
                connection.wrote(7);
            }
            check(&mut buffer, "written");

            let mut connection = connected(version);
            login(&mut connection);
            assert!(connection.unqueue().is_some());
            check(&mut buffer, "taken back");
            login(&mut connection);
            drop(connection);
            check(&mut buffer, "dropped with the connection");

            for piece in [7, 4096] {
                let mut server = serve(&auths()[number], version, piece);
                assert!(!server.recv_space().is_empty());
                check(&mut buffer, "taken by a server, which reads on");
                drop(serve(&auths()[number], version, piece));
                check(&mut buffer, "taken by a server and dropped");
            }

            // The buffer moves while the credentials are in it.
            let mut connection = connected(version);
            login(&mut connection);
            let query = Query::new("RETURN $x").param("x", "x".repeat(100_000));
            if connection.run(&query, &Extra::default()).is_ok() {
                let len = connection.pending_bytes().len();
                assert!(len > 100_000);
                connection.wrote(len);
                check(&mut buffer, "moved and written");
            }
        }
    }
}
