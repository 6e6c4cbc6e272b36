//! The metadata of a SUCCESS, not decoded yet.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use crate::message::{Counters, Found, Highlights, QueryType};
use crate::packstream::{ListRef, MapRef, Reader, ValueRef};

/// The metadata of a SUCCESS that has been copied out of the receive buffer, to be decoded later or not at all.
#[derive(Clone)]
pub struct OwnedMetadata {
    entries: Arc<[u8]>,
    len: usize,
    depth: u16,
}

impl OwnedMetadata {
    /// Borrows the metadata.
    #[must_use]
    pub fn as_ref(&self) -> Metadata<'_> {
        Metadata::new(MapRef::new(Reader::nested(&self.entries, self.depth), self.len))
    }
}

/// Shows only the size.
impl fmt::Debug for OwnedMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedMetadata")
            .field("bytes", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// The metadata of a SUCCESS, decoded in place.
///
/// Servers differ, so an entry that is missing, or has another type than the manual defines, reads as absent.
///
/// The metadata of each request has its own view: [`hello`](Self::hello), [`logon`](Self::logon),
/// [`begin`](Self::begin), [`run`](Self::run), [`page`](Self::page) for PULL and DISCARD,
/// [`bookmark`](Self::bookmark) for COMMIT, [`routing_table`](Self::routing_table) for ROUTE. ROLLBACK, RESET,
/// LOGOFF and TELEMETRY have none.
#[derive(Debug, Clone, Copy)]
pub struct Metadata<'a>(MapRef<'a>, Option<&'a Found>);

impl<'a> Metadata<'a> {
    pub(crate) const fn new(map: MapRef<'a>) -> Self {
        Self(map, None)
    }

    /// Keeps what was found in the map before.
    pub(crate) const fn with(map: MapRef<'a>, found: &'a Found) -> Self {
        Self(map, Some(found))
    }

    /// Returns all entries.
    #[must_use]
    pub const fn map(self) -> MapRef<'a> {
        self.0
    }

    /// Copies the metadata out of the buffer, in one allocation.
    #[must_use]
    pub fn into_owned(self) -> OwnedMetadata {
        let reader = self.0.reader();
        OwnedMetadata {
            entries: reader.rest().into(),
            len: self.0.len(),
            depth: reader.depth(),
        }
    }

    /// Returns one entry. Decoding does not fail: the connection has checked the whole map before.
    #[must_use]
    pub fn value(self, key: &str) -> Option<ValueRef<'a>> {
        self.0.get(key).ok().flatten()
    }

    /// Returns several entries in one pass, each as [`value`](Self::value) does.
    #[doc(hidden)]
    #[must_use]
    pub fn values<const N: usize>(self, keys: [&str; N]) -> [Option<ValueRef<'a>>; N] {
        self.0.get_all(keys).unwrap_or([None; N])
    }

    /// Returns what a driver reads of nearly every answer: what the connection has found in it, or else in one pass.
    #[doc(hidden)]
    #[must_use]
    pub fn highlights(self) -> Highlights<'a> {
        match self.1 {
            Some(found) => found.highlights(self.0),
            // The connection has checked the whole map before.
            None => Highlights::read(self.0).unwrap_or_default(),
        }
    }

    /// Returns an entry if it is a string.
    #[must_use]
    pub fn string(self, key: &str) -> Option<&'a str> {
        match self.value(key) {
            Some(ValueRef::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns an entry if it is an integer.
    #[must_use]
    pub fn integer(self, key: &str) -> Option<i64> {
        match self.value(key) {
            Some(ValueRef::Integer(number)) => Some(number),
            _ => None,
        }
    }

    /// Returns an entry if it is a float.
    #[must_use]
    pub fn float(self, key: &str) -> Option<f64> {
        match self.value(key) {
            Some(ValueRef::Float(number)) => Some(number),
            _ => None,
        }
    }

    /// Returns an entry if it is a boolean.
    #[must_use]
    pub fn boolean(self, key: &str) -> Option<bool> {
        match self.value(key) {
            Some(ValueRef::Boolean(truth)) => Some(truth),
            _ => None,
        }
    }

    /// Returns an entry if it is a map.
    #[must_use]
    pub fn nested(self, key: &str) -> Option<Self> {
        match self.value(key) {
            Some(ValueRef::Map(map)) => Some(Self::new(map)),
            _ => None,
        }
    }

    /// Returns an entry if it is a list.
    #[must_use]
    pub fn list(self, key: &str) -> Option<ListRef<'a>> {
        match self.value(key) {
            Some(ValueRef::List(list)) => Some(list),
            _ => None,
        }
    }

    /// Returns the strings of an entry that is a list. Other items are skipped.
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

    /// Returns the maps of an entry that is a list. Other items are skipped.
    pub fn maps(self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        let items = self.list(key).into_iter().flatten();
        items.filter_map(|item| {
            if let Ok(ValueRef::Map(map)) = item {
                Some(Self::new(map))
            } else {
                None
            }
        })
    }

    /// Returns [`maps`](Self::maps) until they exceed this many bytes in total.
    pub(crate) fn maps_within(self, key: &str, bytes: usize) -> impl Iterator<Item = Self> + use<'a> {
        self.maps(key).scan(bytes, |left, map| {
            *left = left.checked_sub(map.0.encoded_len())?;
            Some(map)
        })
    }

    /// Returns an entry that counts milliseconds.
    #[must_use]
    pub fn milliseconds(self, key: &str) -> Option<Duration> {
        self.integer(key)
            .and_then(|ms| u64::try_from(ms).ok())
            .map(Duration::from_millis)
    }

    /// Returns `has_more`: whether the result continues after this page.
    #[must_use]
    pub fn has_more(self) -> bool {
        self.boolean("has_more") == Some(true)
    }

    /// Returns `bookmark`: the bookmark of the transaction that just ended.
    ///
    /// It is in the answer to COMMIT, and at the end of the result of an auto-commit query. An empty bookmark reads
    /// as absent: it adds nothing.
    #[must_use]
    pub fn bookmark(self) -> Option<&'a str> {
        self.string("bookmark").filter(|bookmark| !bookmark.is_empty())
    }

    /// Returns `type`: the type of the query.
    #[must_use]
    pub fn query_type(self) -> Option<QueryType> {
        self.string("type").map(|text| QueryType::read(text.as_bytes()))
    }

    /// Returns `stats`: the changes that the query made. All are zero if the server sends none.
    #[must_use]
    pub fn counters(self) -> Counters {
        self.nested("stats").map(Counters::read).unwrap_or_default()
    }
}
