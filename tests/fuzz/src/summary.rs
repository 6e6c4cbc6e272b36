//! What a server says at the end of a result: plans, notifications, statuses, counters.

use bolt_proto::packstream::Reader;
use bolt_proto::{Auth, Connection, Event, Extra, Fetch, Hello, Options, Page, Query, Version, Versions};

/// Sends the bytes as the entries of a SUCCESS that ends a result, and reads all that it may say.
pub fn summary(data: &[u8]) {
    let mut reader = Reader::new(data);
    if reader.skip().is_err() {
        return;
    }
    let map = &data[..data.len() - reader.rest().len()];
    let mut connection = streaming();
    let message = [&[0xB1, 0x70], map].concat();
    let Ok(size) = u16::try_from(message.len()) else {
        return;
    };
    feed(
        &mut connection,
        &[&size.to_be_bytes()[..], &message, &[0, 0]].concat(),
    );
    if !matches!(connection.has_event(), Ok(Some(_))) {
        return;
    }
    let Some(Event::Success(metadata)) = connection.event() else {
        return;
    };
    // Each may be asked for, in any order and more than once.
    let plans = [metadata.page(), metadata.page()].map(|page| match page {
        Page::End(end) => {
            let shown = [end.plan(), end.profile()]
                .map(|plan| plan.map(|plan| (plan.to_string(), format!("{plan:?}"))));
            format!(
                "{shown:?} {:?} {:?} {:?}",
                end.counters(),
                end.query_type(),
                end.notifications()
            )
        }
        other => format!("{other:?}"),
    });
    assert_eq!(plans[0], plans[1]);
    let owned = metadata.into_owned();
    assert_eq!(
        format!("{:?}", owned.as_ref().counters()),
        format!("{:?}", metadata_counters(map))
    );
}

/// Returns the counters of a copy of the same entries.
fn metadata_counters(map: &[u8]) -> bolt_proto::Counters {
    let mut connection = streaming();
    let message = [&[0xB1, 0x70], map].concat();
    let size = u16::try_from(message.len()).unwrap_or_default();
    feed(
        &mut connection,
        &[&size.to_be_bytes()[..], &message, &[0, 0]].concat(),
    );
    match (connection.has_event(), connection.event()) {
        (Ok(Some(_)), Some(Event::Success(metadata))) => metadata.counters(),
        (head, event) => panic!("the same bytes gave {head:?}, {event:?}"),
    }
}

/// A connection on which the end of a result is awaited.
fn streaming() -> Connection {
    let versions = Versions::only(Version::new(5, 8)).manifest(false);
    let mut connection = Connection::new(Options::default().versions(versions));
    feed(&mut connection, &[0, 0, 8, 5]);
    drain(&mut connection);
    connection.login(&Hello::new("fuzz/1"), &Auth::none()).unwrap();
    wrote(&mut connection);
    feed(
        &mut connection,
        b"\x00\x03\xB1\x70\xA0\x00\x00\x00\x03\xB1\x70\xA0\x00\x00",
    );
    drain(&mut connection);
    let (_, result) = connection.run(&Query::new("EXPLAIN"), &Extra::default()).unwrap();
    connection.pull(result, Fetch::All).unwrap();
    wrote(&mut connection);
    feed(&mut connection, b"\x00\x0B\xB1\x70\xA1\x86fields\x90\x00\x00");
    drain(&mut connection);
    connection
}

fn wrote(connection: &mut Connection) {
    let pending = connection.pending_bytes().len();
    connection.wrote(pending);
}

fn drain(connection: &mut Connection) {
    while connection.has_event().unwrap().is_some() {
        assert!(connection.event().is_some());
    }
}

fn feed(connection: &mut Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = connection.recv_space();
        let len = bytes.len().min(space.len());
        if len == 0 {
            return;
        }
        space[..len].copy_from_slice(&bytes[..len]);
        connection.received(len);
        bytes = &bytes[len..];
    }
}
