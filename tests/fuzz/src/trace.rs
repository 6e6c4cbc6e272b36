//! Events, written down, so that two runs can be compared.

use bolt_proto::value::Value;
use bolt_proto::{Connection, Event, Head, Kind, ProtocolViolation, RecordRef};

/// What a connection has told.
pub(crate) type Told = Vec<(Option<Head>, String)>;

/// Takes every event that has arrived. A violation is noted once and returned.
pub(crate) fn take_all(connection: &mut Connection, told: &mut Told) -> Option<ProtocolViolation> {
    loop {
        match take(connection) {
            Ok(Some((head, text))) => told.push((Some(head), text)),
            Ok(None) => return None,
            Err(violation) => {
                if told.last().is_none_or(|(head, _)| head.is_some()) {
                    told.push((None, violation.to_string()));
                }
                return Some(violation);
            }
        }
    }
}

/// Takes the next event, if there is one, and looks at all of it.
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
    assert_eq!(head.kind, kind, "the head says which event comes");
    Ok(Some((head, text)))
}

/// A row lent and a row kept must tell the same.
fn read(row: RecordRef<'_>) -> String {
    let kept = row.to_record();
    let lent = format!("{row:?}");
    assert_eq!(
        (lent.as_str(), row.len()),
        (format!("{kept:?}").as_str(), kept.len())
    );
    for index in 0..row.len().min(16) {
        let (lent, kept) = (row.get::<Value>(index), kept.get::<Value>(index));
        assert_eq!(lent.is_ok(), kept.is_ok(), "column {index}: {lent:?}, {kept:?}");
    }
    lent
}
