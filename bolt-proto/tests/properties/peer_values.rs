//! A strict server neither sends nor accepts a value that its version lacks.

use bolt_proto::peer::{AnswerError, Options as PeerOptions, Request, Server};
use bolt_proto::types::{
    Date, DateTime, Duration, Node, Path, Relationship, UnboundRelationship, UnsupportedType, Uuid, Vector,
    ZonedDateTime,
};
use bolt_proto::value::{Map, Value};
use bolt_proto::{
    Auth, Connection, Event, Extra, Fetch, Hello, Options, ProtocolViolation, Query, Version, Versions,
};

use crate::values::{carry, carry_to};
use crate::world::feed;

/// Both halves after the login.
fn logged_in(version: Version) -> (Connection, Server) {
    let versions = Versions::only(version);
    let mut client = Connection::new(Options::default().versions(versions.clone()));
    let mut server = Server::new(PeerOptions::strict().versions(versions));
    carry(&mut client, &mut server);
    client.login(&Hello::new("t/1"), &Auth::none()).unwrap();
    carry(&mut client, &mut server);
    (client, server)
}

/// Sends the value as a row. Returns what the client reads.
fn sent(version: Version, value: &Value) -> Result<Value, AnswerError> {
    let (mut client, mut server) = logged_in(version);
    let (_, result) = client
        .run(&Query::new("RETURN 1 AS v"), &Extra::default())
        .unwrap();
    client.pull(result, Fetch::All).unwrap();
    carry_to(&mut client, &mut server);
    assert!(server.has_request().unwrap().is_some());
    let _ = server.request().unwrap();
    server.success(|map| map.entry("fields", &["v"])).unwrap();
    assert!(server.has_request().unwrap().is_some());
    let _ = server.request().unwrap();
    server.record(|row| row.item(value))?;
    server.success(|_| Ok(())).unwrap();
    feed(&mut client, server.pending_bytes());
    client.has_event().unwrap();
    let _ = client.event();
    client.has_event().unwrap();
    let Some(Event::Record(row)) = client.event() else {
        panic!("no row")
    };
    Ok(row.get("v").unwrap())
}

/// Passes a value as a parameter, encoded by hand as no client would. Returns why the server refuses it.
fn received(version: Version, value: &[u8]) -> Option<String> {
    let (_, mut server) = logged_in(version);
    let mut message = b"\xB3\x10\x80\xA1\x81v".to_vec();
    message.extend(value);
    message.push(0xA0);
    let mut bytes = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(message);
    bytes.extend([0, 0]);
    let space = server.recv_space();
    space[..bytes.len()].copy_from_slice(&bytes);
    server.received(bytes.len());
    match server.has_request() {
        Ok(head) => {
            assert!(head.is_some());
            let Some(Request::Run(_)) = server.request() else {
                panic!("no RUN")
            };
            None
        }
        Err(violation) => {
            assert!(
                matches!(violation, ProtocolViolation::UnknownValue { .. }),
                "{violation}"
            );
            // As real servers do, it says why before it closes the connection.
            let answer = server.pending_bytes();
            assert!(
                answer.windows(2).any(|window| window == b"\xB1\x7F"),
                "{answer:02X?}"
            );
            Some(violation.to_string())
        }
    }
}

#[test]
fn a_value_that_the_version_lacks_is_not_sent_and_named() {
    let vector: Value = Vector::from(vec![1_i8]).into();
    let uuid: Value = Uuid::from(7).into();
    let stand_in: Value = UnsupportedType::new("X".into(), Version::V6_1, None).into();
    for version in Version::all() {
        for (value, kind, needs) in [
            (&vector, "a vector", Version::V6_0),
            (&stand_in, "a value", Version::V6_0),
            (&uuid, "a UUID", Version::V6_1),
        ] {
            for value in [
                value.clone(),
                vec![Value::from(Map::from([("x", value.clone())]))].into(),
            ] {
                match sent(version, &value) {
                    Ok(read) => assert!(version >= needs && read == value, "{version}: {read}"),
                    Err(error) => {
                        assert!(version < needs);
                        let kind = if kind == "a value" { "a vector" } else { kind };
                        let message =
                            format!("{kind} needs Bolt {needs} or newer, and this connection uses {version}");
                        assert!(error.to_string().contains(&message), "{error}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_other_value_is_sent_in_the_form_of_the_version() {
    let mut node = Node::new(7, ["A"], Map::from([("x", 1)]));
    let mut relationship = Relationship::new(1, 7, 8, "R", Map::new());
    let time: DateTime = "2024-07-01T12:00:00+02:00".parse().unwrap();
    let zoned: ZonedDateTime = "2024-07-01T12:00:00+02:00[Europe/Berlin]".parse().unwrap();
    for version in Version::all() {
        if version >= Version::V5_0 {
            node.element_id = "4:x:7".into();
            relationship.element_id = "5:x:1".into();
        }
        let unbound = UnboundRelationship::new(1, "R", Map::new());
        let path = Path::new(vec![node.clone()], vec![unbound], &[1, 0]).unwrap();
        let values: [Value; 6] = [
            node.clone().into(),
            relationship.clone().into(),
            path.into(),
            time.into(),
            Date::EPOCH.into(),
            Duration::default().into(),
        ];
        for value in values {
            assert_eq!(sent(version, &value), Ok(value), "{version}");
        }
        let Ok(Value::ZonedDateTime(read)) = sent(version, &zoned.clone().into()) else {
            panic!("no date-time")
        };
        if version >= Version::V5_0 {
            assert_eq!(read.unix_seconds(), zoned.unix_seconds());
        } else {
            assert_eq!(read.local(), zoned.local());
        }
    }
}

#[test]
fn a_value_that_the_version_lacks_is_refused_by_name() {
    const VECTOR: &[u8] = b"\xB2\x56\xCC\x01\xC8\xCC\x01\x07";
    const UUID: &[u8] = b"\xE0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x07";
    const DATE_TIME: &[u8] = b"\xB3I\0\0\0";
    const LEGACY: &[u8] = b"\xB3F\0\0\0";
    const NODE: &[u8] = b"\xB3N\x01\x90\xA0";
    for version in Version::all() {
        let new = version >= Version::V5_0;
        // The server has not agreed to the patch of 4.3 and 4.4.
        for (value, allowed, name) in [
            (VECTOR, version >= Version::V6_0, "a vector"),
            (UUID, version >= Version::V6_1, "a UUID"),
            (DATE_TIME, new, "a date-time in the form of Bolt 5"),
            (LEGACY, !new, "a date-time in the form before Bolt 5"),
            (NODE, false, "a node"),
            (b"\xB1D\0", true, ""),
            (b"\xB1!\0", false, "a structure of an unknown kind"),
        ] {
            for value in [
                value.to_vec(),
                [b"\x92\xA1\x81x", value, b"\x85\xE0\xB2V\xE0!"].concat(),
            ] {
                let expected =
                    format!("the client sent RUN with {name}, which clients do not send in Bolt {version}");
                match received(version, &value) {
                    None => assert!(allowed, "{version}: {name}"),
                    Some(message) => {
                        assert!(!allowed, "{version}: {name}");
                        assert_eq!(message, expected);
                    }
                }
            }
        }
    }
}
