//! Proposals and answers.

use arbitrary::{Result as Drawn, Unstructured};
use bolt_proto::{Capabilities, Connection, Limits, Options, Versions};

use crate::requests::{feed, version};
use crate::trace::{Trace, take_all};

/// Proposes drawn versions and takes the rest of the input as the server's answer, at once and byte by byte.
pub fn handshake(data: &[u8]) {
    let mut draw = Unstructured::new(data);
    let Ok(versions) = offer(&mut draw) else { return };
    let answer = draw.take_rest();
    let (trace, sent) = run(&versions, &[answer]);
    let bytes: Vec<&[u8]> = answer.chunks(1).collect();
    assert_eq!((trace, sent), run(&versions, &bytes), "P1: one by one");
}

fn offer(draw: &mut Unstructured<'_>) -> Drawn<Versions> {
    let (a, b) = (version(draw)?, version(draw)?);
    Ok(Versions::between(a.min(b), a.max(b)).manifest(draw.arbitrary()?))
}

/// Returns the events, and the bytes sent.
fn run(versions: &Versions, portions: &[&[u8]]) -> (Trace, Vec<u8>) {
    let options = Options::default()
        .versions(versions.clone())
        .limits(Limits::default().message(4096));
    let mut connection = Connection::new(options);
    let mut trace = Trace::new();
    assert_eq!(
        connection.pending_bytes().len(),
        20,
        "the magic number and four proposals"
    );
    for portion in portions {
        feed(&mut connection, portion);
        take_all(&mut connection, &mut trace);
    }
    match connection.version() {
        Some(version) => {
            assert!(versions.contains(version), "{version} was not proposed");
            assert!(Capabilities::of(version) == connection.capabilities());
        }
        None => assert_eq!(
            connection.pending_bytes().len(),
            20,
            "bytes were sent before a version was agreed on"
        ),
    }
    (trace, connection.pending_bytes().to_vec())
}
