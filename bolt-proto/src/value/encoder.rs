//! The writer that a [`ToValue`] writes to.

use crate::error::EncodeError;
use crate::packstream::{marker, write};
use crate::value::{Container, Dialect, Open, Output, ToValue, Uuid, tag};
use crate::version::Version;

/// A writer of exactly one value. Each method writes a whole value and consumes the writer, so the output is
/// well-formed by construction. A failed method writes nothing.
#[derive(Debug)]
pub struct Encoder<'a> {
    out: &'a mut Output,
}

impl<'a> Encoder<'a> {
    pub(crate) const fn new(out: &'a mut Output) -> Self {
        Self { out }
    }

    /// Writes null.
    ///
    /// # Errors
    ///
    /// Never; the `Result` is for chaining.
    #[inline]
    pub fn null(self) -> Result<(), EncodeError> {
        write::null(&mut self.out.bytes);
        Ok(())
    }

    /// Writes a boolean.
    ///
    /// # Errors
    ///
    /// Never.
    #[inline]
    pub fn boolean(self, value: bool) -> Result<(), EncodeError> {
        write::boolean(&mut self.out.bytes, value);
        Ok(())
    }

    /// Writes an integer.
    ///
    /// # Errors
    ///
    /// Never.
    #[inline]
    pub fn integer(self, value: i64) -> Result<(), EncodeError> {
        write::integer(&mut self.out.bytes, value);
        Ok(())
    }

    /// Writes a float.
    ///
    /// # Errors
    ///
    /// Never.
    #[inline]
    pub fn float(self, value: f64) -> Result<(), EncodeError> {
        write::float(&mut self.out.bytes, value);
        Ok(())
    }

    /// Writes a string.
    ///
    /// # Errors
    ///
    /// If it is longer than 2³¹ − 1 bytes.
    #[inline]
    pub fn string(self, value: &str) -> Result<(), EncodeError> {
        write::string(&mut self.out.bytes, value)
    }

    /// Writes a byte array.
    ///
    /// # Errors
    ///
    /// If it is longer than 2³¹ − 1 bytes.
    #[inline]
    pub fn bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        write::bytes(&mut self.out.bytes, value)
    }

    /// Writes a UUID.
    ///
    /// # Errors
    ///
    /// Never here. But only Bolt 6.1 and later can carry a UUID: older connections refuse the query.
    pub fn uuid(self, value: Uuid) -> Result<(), EncodeError> {
        self.out.need(Version::V6_1);
        self.out.bytes.push(marker::UUID);
        self.out.bytes.extend_from_slice(&value.bytes());
        Ok(())
    }

    /// Writes a list of these items.
    ///
    /// # Errors
    ///
    /// If an item cannot be sent, or the list is nested more than 512 levels deep.
    pub fn list<I: IntoIterator<Item: ToValue>>(self, items: I) -> Result<(), EncodeError> {
        let items = items.into_iter();
        self.list_with(exact(items.size_hint()), |list| {
            for item in items {
                list.item(&item)?;
            }
            Ok(())
        })
    }

    /// Writes a map of these entries.
    ///
    /// # Errors
    ///
    /// If a value cannot be sent, a key occurs twice, or the map is nested more than 512 levels deep.
    pub fn map<K: AsRef<str>, V: ToValue, I: IntoIterator<Item = (K, V)>>(
        self,
        entries: I,
    ) -> Result<(), EncodeError> {
        let entries = entries.into_iter();
        self.map_with(exact(entries.size_hint()), |map| {
            for (key, value) in entries {
                map.entry(key.as_ref(), &value)?;
            }
            Ok(())
        })
    }

    /// Writes a list, item by item. The list takes its smallest form if `len` is known and correct.
    ///
    /// # Errors
    ///
    /// As for [`list`](Self::list).
    #[inline]
    pub fn list_with(
        self,
        len: Option<usize>,
        items: impl FnOnce(&mut ListEncoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mark = self.out.mark();
        let out = self.out;
        let result = out.begin(Container::List, len).and_then(|open| {
            let mut list = ListEncoder { out: &mut *out, open };
            items(&mut list)?;
            let open = list.open;
            out.end(&open)
        });
        result.inspect_err(|_| out.back_to(mark))
    }

    /// Writes a map, entry by entry. The map takes its smallest form if `len` is known and correct.
    ///
    /// # Errors
    ///
    /// As for [`map`](Self::map).
    #[inline]
    pub fn map_with(
        self,
        len: Option<usize>,
        entries: impl FnOnce(&mut MapEncoder<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mark = self.out.mark();
        let out = self.out;
        let result = out.begin(Container::Map, len).and_then(|open| {
            let mut map = MapEncoder { out: &mut *out, open };
            entries(&mut map)?;
            let open = map.open;
            out.end(&open)
        });
        result.inspect_err(|_| out.back_to(mark))
    }

    /// Writes a structure. `write` writes its fields.
    pub(crate) fn structure(
        self,
        fields: u8,
        tag: u8,
        write: impl FnOnce(&mut Output) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        if !self.out.dialect().allows(tag) {
            return Err(EncodeError::not_sendable(tag::kind(tag)));
        }
        let mark = self.out.mark();
        let out = self.out;
        let result = out.enter().and_then(|()| {
            write::structure_header(&mut out.bytes, fields, tag);
            write(out)
        });
        out.leave();
        result.inspect_err(|_| out.back_to(mark))
    }

    /// Returns which side writes, and for which version.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.out.dialect()
    }

    /// Returns the output, for serde.
    pub(crate) fn into_output(self) -> &'a mut Output {
        self.out
    }
}

/// A writer of the items of a list; see [`Encoder::list_with`].
#[derive(Debug)]
pub struct ListEncoder<'a> {
    out: &'a mut Output,
    open: Open,
}

impl ListEncoder<'_> {
    /// Writes the next item.
    ///
    /// # Errors
    ///
    /// If the item cannot be sent. It is left out.
    #[inline]
    pub fn item<T: ToValue + ?Sized>(&mut self, item: &T) -> Result<(), EncodeError> {
        self.out
            .one(|encoder| item.to_value(encoder))
            .map_err(|error| error.at_item(self.open.count()))?;
        self.open.item();
        Ok(())
    }
}

/// A writer of the entries of a map; see [`Encoder::map_with`].
#[derive(Debug)]
pub struct MapEncoder<'a> {
    out: &'a mut Output,
    open: Open,
}

impl MapEncoder<'_> {
    /// Writes the next entry.
    ///
    /// # Errors
    ///
    /// If the value cannot be sent. The entry is left out.
    #[inline]
    pub fn entry<T: ToValue + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), EncodeError> {
        self.out.entry(key, |encoder| value.to_value(encoder))?;
        self.open.key(key.as_bytes());
        self.open.item();
        Ok(())
    }
}

/// Returns the length, if it is certain.
fn exact((least, most): (usize, Option<usize>)) -> Option<usize> {
    most.filter(|&most| most == least)
}
