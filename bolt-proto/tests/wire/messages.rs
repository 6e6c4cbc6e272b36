//! Single messages.

use bolt_proto::peer::{Request, Response};
use bolt_proto::state::Message;
use bolt_proto::{Auth, Capabilities, Hello, Version, Versions};

use crate::data::{Order, framed, hex, reencode, unframed};
use crate::replay::Replay;

const SUCCESS: &[u8] = b"\xB1\x70\xA0";

fn vectors() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let lines = include_str!("../data/messages.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (name, bytes) = line.split_once(" | ").unwrap();
        (name, hex(bytes))
    })
}

#[test]
fn every_message_is_decoded_and_encoded_again_byte_for_byte() {
    let mut count = 0;
    for (name, bytes) in vectors() {
        let message = unframed(&bytes).remove(0);
        assert_eq!(reencode(&message, Order::Kept), message, "{name}");
        if !name.contains("8-byte chunks") {
            assert_eq!(framed(&message), bytes, "{name}");
        }
        let version = Capabilities::of(version_of(name)).unwrap();
        match Request::read(&message, version) {
            Ok(request) => assert!(name.starts_with(&request.message().to_string()), "{name}"),
            Err(_) => {
                let response = Response::read(&message).unwrap().to_string();
                assert!(name.starts_with(response.split(' ').next().unwrap()), "{name}");
            }
        }
        count += 1;
    }
    assert_eq!(count, 37);
}

#[test]
fn every_request_is_reproduced_by_its_call() {
    let mut driven = 0;
    for (name, bytes) in vectors() {
        let message = unframed(&bytes).remove(0);
        let version = version_of(name);
        let Ok(request) = Request::read(&message, Capabilities::of(version).unwrap()) else {
            continue;
        };
        let mut replay = Replay::new(Versions::only(version));
        prepare(&mut replay, version, request);
        replay
            .client(&message)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        driven += 1;
    }
    assert_eq!(driven, 32);
}

/// Returns the version in the name of a message. A name without one fits any version.
fn version_of(name: &str) -> Version {
    if name.contains("v3") {
        Version::V3
    } else if name.starts_with("HELLO 4.4") {
        // 4.4 itself would request a patch as well.
        Version::new(4, 2)
    } else if name.starts_with("ROUTE 4.3") {
        Version::new(4, 3)
    } else if name.starts_with("FAILURE ≤5.6") || name.starts_with("HELLO") {
        Version::new(5, 4)
    } else {
        Version::V6_1
    }
}

/// Brings a connection to a state in which the request is legal.
fn prepare(replay: &mut Replay, version: Version, request: Request<'_>) {
    if version >= Version::new(5, 7) {
        replay.feed(&[0, 0, 1, 0xFF, 1, 0, 0, version.minor(), version.major(), 0]);
    } else {
        replay.feed(&[0, 0, version.minor(), version.major()]);
    }
    replay.negotiated();
    replay.sent();
    match request.message() {
        Message::Hello => return,
        Message::Logon => return hello(replay),
        _ => replay.log_in(),
    }
    let mut say = |requests: &[&[u8]], answers: &[&[u8]]| {
        requests
            .iter()
            .for_each(|request| replay.client(request).unwrap());
        replay.server(&answers.iter().map(|answer| answer.to_vec()).collect::<Vec<_>>());
    };
    let run: &[u8] = b"\xB3\x10\x81Q\xA0\xA0";
    let begin: &[u8] = b"\xB1\x11\xA0";
    match request {
        Request::Commit | Request::Rollback => say(&[begin], &[SUCCESS]),
        Request::Pull(rows) | Request::Discard(rows) => match rows.query_id {
            None => say(&[run], &[SUCCESS]),
            // A result with a query id in the request must not be the newest.
            Some(query_id) => {
                let named = [
                    b"\xB1\x70\xA1\x83qid".to_vec(),
                    vec![u8::try_from(query_id).unwrap()],
                ]
                .concat();
                say(&[begin, run, run], &[SUCCESS, &named, b"\xB1\x70\xA1\x83qid\x2A"]);
            }
        },
        _ => {}
    }
}

fn hello(replay: &mut Replay) {
    replay.connection.hello(&Hello::new("x"), &Auth::none()).unwrap();
    replay.sent();
}
