//! P5 and P6: arbitrary bytes.

use bolt_proto::peer::{Options as PeerOptions, Server};
use bolt_proto::{
    Connection, Disposition, Limits, Options, ProtocolViolation, UsageError, Version, Versions,
};
use proptest::prelude::*;

use crate::world::{Op, Plan, Step, World, call, events, feed, plan};

/// Arbitrary bytes, among them messages with wrong length fields.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..20),
        // Messages with any tag, known or not, and any fields.
        4 => (0xB0..=0xB3_u8, prop::sample::select(TAGS), prop::collection::vec(field(), 0..12))
            .prop_map(|(header, tag, fields)| framed(&[&[header, tag][..], &fields.concat()].concat())),
        1 => Just(vec![0, 0]),
        1 => Just(vec![0xFF, 0xFF]),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| pieces.concat())
}

const TAGS: &[u8] = &[
    0x01, 0x02, 0x0F, 0x10, 0x11, 0x12, 0x13, 0x2F, 0x3F, 0x54, 0x66, 0x6A, 0x6B, 0x70, 0x71, 0x7E, 0x7F,
    0x00, 0x4E,
];

const FIELDS: &[&[u8]] = &[
    b"\xA0",
    b"\xA1\x86fields\x91\x81n",
    b"\xA1\x88has_more\xC3",
    b"\xA1\x84code\x81x",
    b"\xA1\x85cause\xA1\x85cause\xA1\x87message\x81m",
    b"\x91\x01",
    b"\x90",
    b"\x81x",
    b"\xA1\x81n\xFF",
    b"\xA1\x01\x01",
    b"\xA1\x81\xFF\x01",
    b"\xD6\xFF\xFF\xFF\xFF",
    b"\xDA\x7F\xFF\xFF\xFF",
    b"\xD2\x00\x10\x00\x00",
    b"\xC4",
];

fn field() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(FIELDS).prop_map(<[u8]>::to_vec)
}

fn framed(message: &[u8]) -> Vec<u8> {
    let size = u16::try_from(message.len())
        .expect("a short message")
        .to_be_bytes();
    [&size[..], message, &[0, 0]].concat()
}

/// A world with a server that sends garbage from some point on.
fn garbage_server() -> impl Strategy<Value = (Plan, Vec<u8>)> {
    (plan(), garbage())
}

const LIMIT: usize = 1 << 12;

proptest! {
    #[test]
    fn p5_a_client_survives_any_bytes((plan, garbage) in garbage_server()) {
        let mut world = World::played(&plan);
        feed(&mut world.client, &garbage);
        events(&mut world.client);
        for op in [Op::Reset, Op::Run(1), Op::Pull(0, 0), Op::Commit, Op::Unqueue, Op::Goodbye] {
            let _ = call(&mut world.client, op, &mut Vec::new());
        }
    }

    #[test]
    fn p5_a_client_survives_a_recorded_stream_with_some_bytes_changed(
        plan in plan(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut world = World::played(&plan);
        let mut connection = Connection::new(Options::default().versions(Versions::only(plan.version).manifest(plan.manifest)));
        for step in &mut world.log {
            match step {
                Step::Inbound(bytes) if !bytes.is_empty() => {
                    for (at, byte) in &changes {
                        *at.get_mut(bytes) = *byte;
                    }
                    feed(&mut connection, bytes);
                    events(&mut connection);
                }
                Step::Call(op) => drop(call(&mut connection, *op, &mut Vec::new())),
                _ => {}
            }
        }
    }

    #[test]
    fn p5_a_server_survives_any_bytes((plan, garbage) in garbage_server(), relaying in any::<bool>()) {
        let mut world = World::played(&plan);
        survive(&mut world.server, &garbage);
        let options = if relaying { PeerOptions::relaying() } else { PeerOptions::strict() };
        let mut fresh = Server::new(options.limits(Limits::default().message(LIMIT).nesting(10)));
        survive(&mut fresh, &garbage);
        let mut fresh = Server::new(PeerOptions::relaying());
        survive(&mut fresh, &[&b"\x60\x60\xB0\x17\0\0\x08\x05\0\0\0\0\0\0\0\0\0\0\0\0"[..], &garbage].concat());
    }

    #[test]
    fn p5_a_claimed_length_takes_no_memory(claimed in 1000..u32::MAX, list in any::<bool>()) {
        let mut connection = Connection::new(Options::default().limits(Limits::default().message(LIMIT)));
        feed(&mut connection, &[0, 0, 4, 5]);
        events(&mut connection);
        call(&mut connection, Op::Login, &mut Vec::new()).unwrap();
        write_all(&mut connection);
        let [a, b, c, d] = claimed.to_be_bytes();
        let message = [0xB1, 0x70, if list { 0xD6 } else { 0xDA }, a, b, c, d];
        feed(&mut connection, &framed(&message));
        prop_assert!(matches!(connection.has_event(), Err(ProtocolViolation::Malformed(_))));
    }

    #[test]
    fn p6_after_a_violation_every_call_returns_it((plan, garbage) in garbage_server()) {
        let mut world = World::played(&plan);
        feed(&mut world.client, &garbage);
        // A message with an unknown tag.
        feed(&mut world.client, &[0, 0, 0, 2, 0xB0, 0x7D, 0, 0]);
        world.client.received(0);
        events(&mut world.client);
        let violation = world.client.has_event().unwrap_err();
        prop_assert_eq!(world.client.disposition(), Disposition::Dead);
        let all = [
            Op::Hello, Op::Login, Op::Logon(0), Op::Logoff, Op::Begin(7), Op::Run(1), Op::Commit, Op::Rollback, Op::Reset,
            Op::Route(0), Op::Telemetry(0), Op::Goodbye,
        ];
        for op in all {
            let refused = call(&mut world.client, op, &mut Vec::new()).unwrap_err();
            prop_assert_eq!(refused, UsageError::Ended(violation.clone()));
        }
        feed(&mut world.client, b"\x00\x03\xB1\x70\xA0\x00\x00");
        prop_assert_eq!(world.client.has_event().unwrap_err(), violation);
    }
}

/// Sends everything that is queued: only then can it be answered.
fn write_all(connection: &mut Connection) {
    let len = connection.pending_bytes().len();
    connection.wrote(len);
}

fn survive(server: &mut Server, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = server.recv_space();
        let len = space.len().min(bytes.len());
        space[..len].copy_from_slice(&bytes[..len]);
        server.received(len);
        bytes = &bytes[len..];
        while let Ok(Some(_)) = server.has_request() {
            let request = server.request().expect("an announced request");
            let _ = request.to_string();
            let _ = server.success(|map| map.entry("has_more", &true));
            let _ = server.record(|row| row.item(&1));
            let _ = server.ignored();
        }
    }
}

#[test]
fn waiting_requests_are_bounded() {
    let limits = Limits::default().buffered(10_000);
    let mut connection = Connection::new(
        Options::default()
            .versions(Versions::only(Version::new(5, 4)))
            .limits(limits),
    );
    feed(&mut connection, &[0, 0, 4, 5]);
    events(&mut connection);
    call(&mut connection, Op::Login, &mut Vec::new()).unwrap();
    write_all(&mut connection);
    feed(&mut connection, &framed(b"\xB1\x70\xA0").repeat(2));
    events(&mut connection);
    let mut results = Vec::new();
    call(&mut connection, Op::Run(1), &mut results).unwrap();
    call(&mut connection, Op::Pull(0, 0), &mut results).unwrap();
    write_all(&mut connection);
    feed(&mut connection, &framed(b"\xB1\x70\xA0"));
    feed(&mut connection, &framed(b"\xB1\x71\x91\x01").repeat(1000));
    let (requests, _) = events(&mut connection);
    assert_eq!(requests.len(), 1001, "requests that arrived are returned first");
    assert_eq!(
        connection.has_event(),
        Err(ProtocolViolation::BufferFull { limit: 10_000 })
    );
}
