//! What a SUCCESS says, unread.

use core::time::Duration;

use crate::message::{Counters, QueryType};
use crate::packstream::{ListRef, MapRef, ValueRef};

/// The metadata of a SUCCESS, read where it lies. Keys that are missing, or of another type than the manual gives
/// them, read as absent: servers differ.
///
/// What the manual promises for each request has a view of its own: [`hello`](Self::hello), [`logon`](Self::logon),
/// [`begin`](Self::begin), [`run`](Self::run), [`page`](Self::page) for PULL and DISCARD, [`bookmark`](Self::bookmark)
/// for COMMIT, [`routing_table`](Self::routing_table) for ROUTE. ROLLBACK, RESET, LOGOFF and TELEMETRY have nothing to
/// say.
#[derive(Debug, Clone, Copy)]
pub struct Metadata<'a>(MapRef<'a>);

impl<'a> Metadata<'a> {
    pub(crate) const fn new(map: MapRef<'a>) -> Self {
        Self(map)
    }

    /// All of it.
    #[must_use]
    pub const fn map(self) -> MapRef<'a> {
        self.0
    }

    /// One entry. The machine has walked the whole map before it hands it out, so decoding does not fail.
    #[must_use]
    pub fn value(self, key: &str) -> Option<ValueRef<'a>> {
        self.0.get(key).ok().flatten()
    }

    /// An entry that is a string.
    #[must_use]
    pub fn string(self, key: &str) -> Option<&'a str> {
        match self.value(key) {
            Some(ValueRef::String(text)) => Some(text),
            _ => None,
        }
    }

    /// An entry that is an integer.
    #[must_use]
    pub fn integer(self, key: &str) -> Option<i64> {
        match self.value(key) {
            Some(ValueRef::Integer(number)) => Some(number),
            _ => None,
        }
    }

    /// An entry that is a float.
    #[must_use]
    pub fn float(self, key: &str) -> Option<f64> {
        match self.value(key) {
            Some(ValueRef::Float(number)) => Some(number),
            _ => None,
        }
    }

    /// An entry that is a boolean.
    #[must_use]
    pub fn boolean(self, key: &str) -> Option<bool> {
        match self.value(key) {
            Some(ValueRef::Boolean(truth)) => Some(truth),
            _ => None,
        }
    }

    /// An entry that is a map.
    #[must_use]
    pub fn nested(self, key: &str) -> Option<Self> {
        match self.value(key) {
            Some(ValueRef::Map(map)) => Some(Self(map)),
            _ => None,
        }
    }

    /// An entry that is a list.
    #[must_use]
    pub fn list(self, key: &str) -> Option<ListRef<'a>> {
        match self.value(key) {
            Some(ValueRef::List(list)) => Some(list),
            _ => None,
        }
    }

    /// The strings of an entry that is a list; what else is in there is left out.
    pub fn strings(self, key: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let items = self.list(key).into_iter().flatten();
        items.filter_map(|item| {
            if let Ok(ValueRef::String(text)) = item {
                Some(text)
            } else {
                None
            }
        })
    }

    /// The maps of an entry that is a list; what else is in there is left out.
    pub fn maps(self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        let items = self.list(key).into_iter().flatten();
        items.filter_map(|item| {
            if let Ok(ValueRef::Map(map)) = item {
                Some(Self(map))
            } else {
                None
            }
        })
    }

    /// As [`maps`](Self::maps), as long as they have not more than this many bytes together.
    pub(crate) fn maps_within(self, key: &str, bytes: usize) -> impl Iterator<Item = Self> + use<'a> {
        self.maps(key).scan(bytes, |left, map| {
            *left = left.checked_sub(map.0.encoded_len())?;
            Some(map)
        })
    }

    /// An entry that counts milliseconds.
    #[must_use]
    pub fn milliseconds(self, key: &str) -> Option<Duration> {
        self.integer(key)
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Duration::from_millis)
    }

    /// `has_more`: whether the result goes on behind this page.
    #[must_use]
    pub fn has_more(self) -> bool {
        self.boolean("has_more") == Some(true)
    }

    /// `bookmark`: what the transaction that just ended stands for: in the answer to COMMIT, and at the end of a
    /// result that was its own transaction. Empty ones read as absent: nothing is new then.
    #[must_use]
    pub fn bookmark(self) -> Option<&'a str> {
        self.string("bookmark").filter(|bookmark| !bookmark.is_empty())
    }

    /// `type`: what kind of query it was.
    #[must_use]
    pub fn query_type(self) -> Option<QueryType> {
        self.string("type").and_then(QueryType::read)
    }

    /// `stats`: what the query changed. All zero when the server sends none.
    #[must_use]
    pub fn counters(self) -> Counters {
        self.nested("stats").map(Counters::read).unwrap_or_default()
    }
}
