//! Proposals and answers.

use arbitrary::{Result as Drawn, Unstructured};
use bolt_proto::{Capabilities, Connection, Limits, Options, Versions};

use crate::requests::{feed, version};
use crate::trace::{Told, take_all};

/// Offers drawn versions and takes the rest of the input as the server's answer, at once and byte by byte.
pub fn handshake(data: &[u8]) {
    let mut draw = Unstructured::new(data);
    let Ok(versions) = offer(&mut draw) else { return };
    let answer = draw.take_rest();
    let (told, sent) = run(&versions, &[answer]);
    let bytes: Vec<&[u8]> = answer.chunks(1).collect();
    assert_eq!((told, sent), run(&versions, &bytes), "P1: one by one");
}

fn offer(draw: &mut Unstructured<'_>) -> Drawn<Versions> {
    let (a, b) = (version(draw)?, version(draw)?);
    Ok(Versions::between(a.min(b), a.max(b)).manifest(draw.arbitrary()?))
}

/// What is told, and what is sent.
fn run(versions: &Versions, portions: &[&[u8]]) -> (Told, Vec<u8>) {
    let options = Options::default()
        .versions(versions.clone())
        .limits(Limits::default().message(4096));
    let mut connection = Connection::new(options);
    let mut told = Told::new();
    assert_eq!(
        connection.pending_bytes().len(),
        20,
        "four offers behind the magic number"
    );
    for portion in portions {
        feed(&mut connection, portion);
        take_all(&mut connection, &mut told);
    }
    match connection.version() {
        Some(version) => {
            assert!(versions.contains(version), "{version} was not wanted");
            assert!(Capabilities::of(version) == connection.capabilities());
        }
        None => assert_eq!(
            connection.pending_bytes().len(),
            20,
            "nothing is sent before a version is agreed on"
        ),
    }
    (told, connection.pending_bytes().to_vec())
}
