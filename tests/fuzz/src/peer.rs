//! The server's half, with arbitrary clients.

use arbitrary::{Result as Drawn, Unstructured};
use bolt_proto::peer::{Options, Server};
use bolt_proto::{Limits, ProtocolViolation, ServerError, Version};

/// The most bytes of a message.
const LIMIT: usize = 4096;

/// Sends a client's bytes to a strict or a relaying server, and answers as the input says.
pub fn peer(data: &[u8]) {
    let mut draw = Unstructured::new(data);
    let Ok(mut server) = start(&mut draw) else { return };
    let mut over = None;
    while !draw.is_empty() && step(&mut server, &mut draw, &mut over).is_ok() {}
    server.recv_space();
    server.received(0);
    drain(&mut server);
    assert!(
        server.has_request().is_err() || is_waiting(&mut server),
        "no violation after the end of the stream"
    );
}

/// A server after one of the handshakes, or before it.
fn start(draw: &mut Unstructured<'_>) -> Drawn<Server> {
    let strict: bool = draw.arbitrary()?;
    let options = if strict {
        Options::strict()
    } else {
        Options::relaying()
    };
    let chunk = *draw.choose(&[1, 7, 65_535])?;
    let limits = Limits::default().message(LIMIT).nesting(20).collection(100);
    let mut server = Server::new(options.limits(limits).chunk_size(chunk));
    let all: Vec<Version> = Version::all().collect();
    if draw.int_in_range(0..=7)? > 0 {
        let version = *draw.choose(&all)?;
        let slot = [0, 0, version.minor(), version.major()];
        feed(&mut server, &[&b"\x60\x60\xB0\x17"[..], &slot, &[0; 12]].concat());
        assert_eq!(
            server.has_request(),
            Ok(None),
            "a handshake was reported as a request"
        );
        assert_eq!(server.version(), Some(version));
    }
    Ok(server)
}

fn step(server: &mut Server, draw: &mut Unstructured<'_>, over: &mut Option<ProtocolViolation>) -> Drawn<()> {
    match draw.int_in_range(0..=7)? {
        0..=3 => feed(server, &said(draw)?),
        4 => {
            let pending = server.pending_bytes().len();
            server.wrote(pending.min(draw.arbitrary::<u8>()?.into()));
        }
        _ => serve(server, draw)?,
    }
    if let Err(violation) = server.has_request() {
        assert_eq!(over.get_or_insert_with(|| violation.clone()), &violation, "P6");
        assert!(server.request().is_none(), "a request after a violation");
    } else {
        assert_eq!(*over, None, "P6: after a violation every call reports it");
    }
    Ok(())
}

/// A client's bytes: mostly proper requests.
fn said(draw: &mut Unstructured<'_>) -> Drawn<Vec<u8>> {
    const REQUESTS: [&[u8]; 16] = [
        b"\xB1\x01\xA2\x8Auser_agent\x81x\x86scheme\x84none",
        b"\xB1\x01\xA1\x8Auser_agent\x81x",
        b"\xB1\x6A\xA1\x86scheme\x84none",
        b"\xB0\x6B",
        b"\xB0\x02",
        b"\xB0\x0F",
        b"\xB3\x10\x88RETURN 1\xA1\x81a\x01\xA0",
        b"\xB2\x10\x88RETURN 1\xA0",
        b"\xB1\x3F\xA1\x81n\xFF",
        b"\xB1\x3F\xA2\x81n\x0A\x83qid\x00",
        b"\xB1\x2F\xA1\x81n\xFF",
        b"\xB1\x11\xA1\x84mode\x81r",
        b"\xB0\x12",
        b"\xB0\x13",
        b"\xB3\x66\xA0\x90\xA1\x82db\x81m",
        b"\xB1\x54\x02",
    ];
    let message = match draw.int_in_range(0..=7)? {
        0 => {
            let len = draw.int_in_range(0..=8)?;
            return Ok(draw.bytes(usize::min(len, draw.len()))?.to_vec());
        }
        1 => {
            let len = draw.int_in_range(0..=64)?;
            draw.bytes(usize::min(len, draw.len()))?
        }
        _ => *draw.choose(&REQUESTS)?,
    };
    let size = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
    Ok([&size, message, &[0, 0]].concat())
}

/// Takes a request if there is one, and answers. Illegal answers must be refused and change nothing.
fn serve(server: &mut Server, draw: &mut Unstructured<'_>) -> Drawn<()> {
    if draw.arbitrary()?
        && let Ok(Some(head)) = server.has_request()
    {
        let request = server.request().expect("a request was announced");
        assert_eq!(request.message(), head.message);
        assert!(!request.to_string().contains("secret"));
    }
    let before = (server.state(), server.pending_bytes().len());
    let answered = match draw.int_in_range(0..=5)? {
        0 => server.success(|_| Ok(())),
        1 => server.success(|map| map.entry("has_more", &true)),
        2 => server.success(|map| map.entry("fields", &["n"])),
        3 => server.record(|row| row.item(&1)),
        4 => server.failure(&ServerError::new("Neo.ClientError.Statement.SyntaxError", "no")),
        _ => server.ignored(),
    };
    if let Err(error) = answered {
        assert_eq!(
            before,
            (server.state(), server.pending_bytes().len()),
            "{error} must change nothing"
        );
    }
    Ok(())
}

/// Takes and ignores every available request, so that none is waiting.
fn drain(server: &mut Server) {
    while let Ok(Some(_)) = server.has_request() {
        assert!(server.request().is_some());
        let _refused = server.success(|_| Ok(())).or_else(|_| server.ignored());
    }
}

/// Whether a request was taken and not answered yet.
fn is_waiting(server: &mut Server) -> bool {
    server.success(|_| Ok(())).or_else(|_| server.ignored()).is_ok()
}

pub(crate) fn feed(server: &mut Server, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = server.recv_space();
        assert!(!space.is_empty(), "there is always room");
        let (now, later) = bytes.split_at(bytes.len().min(space.len()));
        space[..now.len()].copy_from_slice(now);
        server.received(now.len());
        bytes = later;
    }
}
