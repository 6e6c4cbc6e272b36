//! What a driver reads of nearly every answer.

use core::time::Duration;

use crate::error::DecodeError;
use crate::message::{Counters, Metadata, QueryType};
use crate::packstream::{MapRef, ValueRef};

/// Entries of the answers to RUN, PULL, DISCARD, BEGIN and COMMIT, found in one pass.
///
/// Each is as the method of [`Metadata`] that is named alike would return it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Highlights<'a> {
    pub bookmark: Option<&'a str>,
    pub has_more: bool,
    pub database: Option<&'a str>,
    pub query_type: Option<QueryType>,
    stats: Option<Metadata<'a>>,
    pub available_after: Option<Duration>,
    pub consumed_after: Option<Duration>,
    /// There is a list of notifications, or of statuses.
    pub has_notifications: bool,
    /// There are notifications, statuses, or a plan.
    pub has_details: bool,
}

impl<'a> Highlights<'a> {
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.stats.map(Counters::read).unwrap_or_default()
    }

    pub(super) fn read(map: MapRef<'a>) -> Result<Self, DecodeError> {
        let mut reader = map.reader();
        let mut found = Self::default();
        // Of several entries with the same key the last one counts.
        for _ in 0..map.len() {
            match reader.key_bytes()? {
                b"bookmark" => found.bookmark = string(reader.value()?).filter(|text| !text.is_empty()),
                b"has_more" => found.has_more = reader.value()? == ValueRef::Boolean(true),
                b"db" => found.database = string(reader.value()?),
                b"type" => found.query_type = string(reader.value()?).map(QueryType::read),
                b"stats" => {
                    found.stats = match reader.value()? {
                        ValueRef::Map(counters) => Some(Metadata::new(counters)),
                        _ => None,
                    }
                }
                b"t_first" => found.available_after = milliseconds(reader.value()?),
                b"t_last" => found.consumed_after = milliseconds(reader.value()?),
                b"notifications" | b"statuses" => {
                    (found.has_notifications, found.has_details) = (true, true);
                    reader.skip()?;
                }
                b"plan" | b"profile" => {
                    found.has_details = true;
                    reader.skip()?;
                }
                _ => {
                    reader.skip()?;
                }
            }
        }
        Ok(found)
    }
}

const fn string(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::String(text) => Some(text),
        _ => None,
    }
}

fn milliseconds(value: ValueRef<'_>) -> Option<Duration> {
    match value {
        ValueRef::Integer(time) => u64::try_from(time).ok().map(Duration::from_millis),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packstream::Reader;

    fn map(bytes: &[u8]) -> Metadata<'_> {
        match Reader::new(bytes).value() {
            Ok(ValueRef::Map(map)) => Metadata::new(map),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn they_are_what_the_methods_of_the_metadata_return() {
        let all = map(
            b"\xAA\x88bookmark\x82FB\x82db\x85films\x84type\x81r\x85stats\xA1\x8Dnodes-created\x02\x87t_first\x01\x86t_last\x07\
              \x88has_more\xC3\x84plan\xA0\x88statuses\x91\xA0\x87unknown\x93\x01\x02\x03",
        );
        let found = all.highlights();
        assert_eq!(found.bookmark, all.bookmark());
        assert_eq!(found.has_more, all.has_more());
        assert_eq!(found.database, all.string("db"));
        assert_eq!(found.query_type, all.query_type());
        assert_eq!(found.counters(), all.counters());
        assert_eq!(found.available_after, all.milliseconds("t_first"));
        assert_eq!(found.consumed_after, Some(Duration::from_millis(7)));
        assert!(found.has_notifications && found.has_details);
    }

    #[test]
    fn of_several_entries_with_the_same_key_the_last_one_counts_even_if_it_has_another_type() {
        let found = map(b"\xA4\x82db\x81a\x82db\x81b\x84type\x81r\x84type\x01").highlights();
        assert_eq!((found.database, found.query_type), (Some("b"), None));
        assert!(!found.has_notifications && !found.has_details && !found.has_more);
    }

    #[test]
    fn an_empty_bookmark_and_a_negative_time_read_as_absent() {
        let found = map(b"\xA2\x88bookmark\x80\x87t_first\xF7").highlights();
        assert_eq!((found.bookmark, found.available_after), (None, None));
    }
}
