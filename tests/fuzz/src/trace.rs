//! Records events, so that two runs can be compared.

use bolt_proto::value::Value;
use bolt_proto::{Connection, Event, Head, Kind, ProtocolViolation, RecordRef};

/// The events of a connection.
pub(crate) type Trace = Vec<(Option<Head>, String)>;

/// Takes every event that has arrived. A violation is recorded once and returned.
pub(crate) fn take_all(connection: &mut Connection, trace: &mut Trace) -> Option<ProtocolViolation> {
    loop {
        match take(connection) {
            Ok(Some((head, text))) => trace.push((Some(head), text)),
            Ok(None) => return None,
            Err(violation) => {
                if trace.last().is_none_or(|(head, _)| head.is_some()) {
                    trace.push((None, violation.to_string()));
                }
                return Some(violation);
            }
        }
    }
}

/// Takes the next event, if there is one, and reads all of it.
pub(crate) fn take(connection: &mut Connection) -> Result<Option<(Head, String)>, ProtocolViolation> {
    let Some(head) = connection.has_event()? else {
        return Ok(None);
    };
    let event = connection.event().expect("an event was announced");
    let text = match &event {
        Event::Record(row) => read(*row),
        Event::Success(metadata) => {
            let known = (metadata.counters(), metadata.query_type(), metadata.has_more());
            format!("{:?} {known:?}", metadata.map())
        }
        Event::Failure(error) => format!("{error} {error:?} {}", error.is_retryable()),
        other => format!("{other:?}"),
    };
    let kind = match event {
        Event::Negotiated(_) => Kind::Negotiated,
        Event::Record(_) => Kind::Record,
        Event::Success(_) => Kind::Success,
        Event::Failure(_) => Kind::Failure,
        _ => Kind::Ignored,
    };
    assert_eq!(head.kind, kind, "the head announces another event");
    Ok(Some((head, text)))
}

/// A borrowed row and a kept row must have the same content.
fn read(row: RecordRef<'_>) -> String {
    let kept = row.to_record();
    let borrowed = format!("{row:?}");
    assert_eq!(
        (borrowed.as_str(), row.len()),
        (format!("{kept:?}").as_str(), kept.len())
    );
    for index in 0..row.len().min(16) {
        let (borrowed, kept) = (row.get::<Value>(index), kept.get::<Value>(index));
        assert_eq!(
            borrowed.is_ok(),
            kept.is_ok(),
            "column {index}: {borrowed:?}, {kept:?}"
        );
    }
    borrowed
}
