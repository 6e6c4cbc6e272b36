//! P7: each half reads what the other half writes.

use bolt_proto::peer::{Options as PeerOptions, Request, Server};
use bolt_proto::value::{Map, Value};
use bolt_proto::{Auth, Connection, Event, Extra, Fetch, Hello, Options, Query, Version};
use proptest::prelude::*;

use crate::world::{events, feed};

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        // NaN is not equal to itself.
        any::<f64>()
            .prop_filter("a number", |number| !number.is_nan())
            .prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..20).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,5}", inner, 0..20)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map>())),
        ]
    })
}

proptest! {
    #[test]
    fn p7_each_half_reads_what_the_other_half_writes(
        value in value(),
        version in prop::sample::select(Version::all().collect::<Vec<_>>()),
        chunk in 1..200_usize,
    ) {
        let versions = bolt_proto::Versions::only(version);
        let mut client = Connection::new(Options::default().versions(versions.clone()));
        let mut server = Server::new(PeerOptions::strict().versions(versions).chunk_size(chunk));
        carry(&mut client, &mut server);
        client.login(&Hello::new("t/1"), &Auth::none()).unwrap();
        carry(&mut client, &mut server);
        let query = Query::new("RETURN $value AS value").param("value", value.clone());
        let (_, result) = client.run(&query, &Extra::default()).unwrap();
        client.pull(result, Fetch::All).unwrap();
        carry_to(&mut client, &mut server);

        // As a parameter.
        assert!(server.has_request().unwrap().is_some());
        let Some(Request::Run(run)) = server.request() else { panic!("no RUN") };
        prop_assert_eq!(run.query, "RETURN $value AS value");
        let read = run.parameters.get("value").unwrap().unwrap();
        let echo = Query::new("").param("", read);
        let sent = Query::new("").param("", value.clone());
        prop_assert_eq!(echo.parameters().bytes, sent.parameters().bytes);
        server.success(|map| map.entry("fields", &["value"])).unwrap();

        // As a row.
        assert!(server.has_request().unwrap().is_some());
        let _ = server.request().unwrap();
        server.record(|row| row.item(&value)).unwrap();
        server.success(|_| Ok(())).unwrap();
        feed(&mut client, server.pending_bytes());
        client.has_event().unwrap();
        let _ = client.event();
        client.has_event().unwrap();
        let Some(Event::Record(row)) = client.event() else { panic!("no row") };
        prop_assert_eq!(row.get::<Value>("value").unwrap(), value);
    }
}

pub(crate) fn carry_to(client: &mut Connection, server: &mut Server) {
    let bytes = client.pending_bytes().to_vec();
    client.wrote(bytes.len());
    let mut rest = &*bytes;
    while !rest.is_empty() {
        let space = server.recv_space();
        let len = space.len().min(rest.len());
        space[..len].copy_from_slice(&rest[..len]);
        server.received(len);
        rest = &rest[len..];
    }
}

/// Carries bytes both ways until both sides are idle. The server answers every request by SUCCESS.
pub(crate) fn carry(client: &mut Connection, server: &mut Server) {
    while !client.pending_bytes().is_empty() {
        carry_to(client, server);
        while server.has_request().unwrap().is_some() {
            let _ = server.request();
            server.success(|_| Ok(())).unwrap();
        }
        let bytes = server.pending_bytes().to_vec();
        server.wrote(bytes.len());
        feed(client, &bytes);
        events(client);
    }
}
