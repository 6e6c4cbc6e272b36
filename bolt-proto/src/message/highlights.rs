//! What a driver reads of nearly every answer.

use core::time::Duration;

use crate::error::DecodeError;
use crate::message::{Counters, Metadata, QueryType};
use crate::packstream::{MapRef, Reader, ValueRef, utf8};

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
        let mut found = Found::default();
        for _ in 0..map.len() {
            let key = reader.key_bytes()?;
            if !found.take(key, &mut reader, map)? {
                reader.skip()?;
            }
        }
        Ok(found.highlights(map))
    }
}

/// What [`Highlights`] are made of, by positions in the map, so that a walk over the map for another purpose can keep them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    bookmark: Option<Span>,
    database: Option<Span>,
    stats: Option<Span>,
    query_type: Option<QueryType>,
    /// In milliseconds.
    available_after: Option<u64>,
    consumed_after: Option<u64>,
    pub(crate) has_more: bool,
    /// There is an entry that the answer to RUN never has.
    pub(crate) is_summary: bool,
    has_notifications: bool,
    has_details: bool,
}

/// Where a text or a value is, counted from the first entry. What is beyond the first 4 GiB of an answer reads as absent.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Returns the place of the last `len` bytes before what `reader` has not read.
    fn before(reader: &Reader<'_>, len: usize, map: MapRef<'_>) -> Option<Self> {
        let total = map.reader().rest().len();
        let end = total.checked_sub(reader.rest().len())?;
        Some(Self {
            start: u32::try_from(end.checked_sub(len)?).ok()?,
            end: u32::try_from(end).ok()?,
        })
    }

    fn of<'a>(self, map: MapRef<'a>) -> Option<&'a [u8]> {
        let (start, end) = (usize::try_from(self.start).ok()?, usize::try_from(self.end).ok()?);
        map.reader().rest().get(start..end)
    }
}

impl Found {
    /// Reads the value of this key if it belongs to the highlights, with the checks of [`Reader::value`]. Returns `false`, and
    /// reads nothing, if it does not. Of several entries with the same key the last one counts.
    #[inline]
    pub(crate) fn take<'a>(
        &mut self,
        key: &[u8],
        reader: &mut Reader<'a>,
        map: MapRef<'a>,
    ) -> Result<bool, DecodeError> {
        match key {
            b"bookmark" => {
                let text = reader.checked_string()?.filter(|text| !text.is_empty());
                self.bookmark = text.and_then(|text| Span::before(reader, text.len(), map));
                self.is_summary = true;
            }
            b"db" => {
                let text = reader.checked_string()?;
                self.database = text.and_then(|text| Span::before(reader, text.len(), map));
            }
            b"type" => {
                self.query_type = reader.checked_string()?.map(QueryType::read);
                self.is_summary = true;
            }
            b"has_more" => {
                self.has_more = match reader.boolean() {
                    Some(more) => more,
                    None => reader.pass_checked().map(|()| false)?,
                };
                self.is_summary = true;
            }
            b"stats" => {
                let before = reader.rest().len();
                let is_map = matches!(reader.value()?, ValueRef::Map(_));
                let len = before.saturating_sub(reader.rest().len());
                self.stats = Span::before(reader, len, map).filter(|_| is_map);
                self.is_summary = true;
            }
            b"t_first" => self.available_after = milliseconds(reader.value()?),
            b"t_last" => {
                self.consumed_after = milliseconds(reader.value()?);
                self.is_summary = true;
            }
            b"notifications" | b"statuses" => {
                (self.has_notifications, self.has_details) = (true, true);
                reader.pass_checked()?;
            }
            b"plan" | b"profile" => {
                self.has_details = true;
                reader.pass_checked()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the highlights of the map in which they were found.
    pub(crate) fn highlights<'a>(&self, map: MapRef<'a>) -> Highlights<'a> {
        let string = |span: Option<Span>| utf8::text(span?.of(map)?).ok();
        let stats = self.stats.and_then(|span| {
            let mut reader = Reader::nested(span.of(map)?, map.reader().depth());
            match reader.value() {
                Ok(ValueRef::Map(counters)) => Some(Metadata::new(counters)),
                _ => None,
            }
        });
        Highlights {
            bookmark: string(self.bookmark),
            has_more: self.has_more,
            database: string(self.database),
            query_type: self.query_type,
            stats,
            available_after: self.available_after.map(Duration::from_millis),
            consumed_after: self.consumed_after.map(Duration::from_millis),
            has_notifications: self.has_notifications,
            has_details: self.has_details,
        }
    }
}

fn milliseconds(value: ValueRef<'_>) -> Option<u64> {
    match value {
        ValueRef::Integer(time) => u64::try_from(time).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
