//! Values in a buffer, read on demand.

use core::fmt;

use crate::error::DecodeError;
use crate::packstream::{Reader, Token, Uuid, show};

/// A value inside of a buffer. It is `Copy`. Containers are views that are read on demand.
///
/// Two containers are equal if they are encoded alike.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::types::{DecodeError, ValueRef};
///
/// fn has_name(value: ValueRef<'_>) -> Result<bool, DecodeError> {
///     let ValueRef::Map(map) = value else { return Ok(false) };
///     Ok(matches!(map.get("name")?, Some(ValueRef::String(_))))
/// }
/// # let value = bolt_proto::packstream::Reader::new(b"\xA1\x84name\x81x").value()?;
/// # assert!(has_name(value)?);
/// # Ok::<(), DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A signed integer of 64 bits, the only kind of integer.
    Integer(i64),
    /// A float of 64 bits, the only kind of float.
    Float(f64),
    /// Text.
    String(&'a str),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// A UUID. Bolt 6.1.
    Uuid(Uuid),
    /// Values in order, of any types.
    List(ListRef<'a>),
    /// Values under names.
    Map(MapRef<'a>),
    /// Anything else, such as nodes and dates: fields under a tag.
    Structure(StructureRef<'a>),
}

impl ValueRef<'_> {
    /// Returns the type in words: `a string`, `null`, `a node`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        Token::of(*self).0.kind()
    }
}

/// A list inside of a buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ListRef<'a> {
    items: &'a [u8],
    len: u32,
    depth: u16,
}

impl<'a> ListRef<'a> {
    /// Returns the number of items.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Returns whether there are no items.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns an iterator over the items. It ends after an error.
    #[must_use]
    pub const fn iter(&self) -> ListRefIter<'a> {
        ListRefIter {
            reader: self.reader(),
            left: self.len as usize,
        }
    }

    pub(crate) fn new(items: Reader<'a>, len: usize) -> Self {
        Self {
            items: items.rest(),
            len: as_u32(len),
            depth: items.depth(),
        }
    }

    /// Returns a reader at the first item.
    pub(crate) const fn reader(&self) -> Reader<'a> {
        Reader::nested(self.items, self.depth)
    }
}

impl<'a> IntoIterator for ListRef<'a> {
    type Item = Result<ValueRef<'a>, DecodeError>;
    type IntoIter = ListRefIter<'a>;

    fn into_iter(self) -> ListRefIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for ListRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::items(self.reader(), self.len(), f)
    }
}

/// An iterator over the items of a [`ListRef`], or the fields of a [`StructureRef`].
#[derive(Debug, Clone)]
pub struct ListRefIter<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for ListRefIter<'a> {
    type Item = Result<ValueRef<'a>, DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let item = self.reader.value();
        if item.is_err() {
            self.left = 0;
        }
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

impl core::iter::FusedIterator for ListRefIter<'_> {}

/// A map inside of a buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MapRef<'a> {
    entries: &'a [u8],
    len: u32,
    depth: u16,
}

impl<'a> MapRef<'a> {
    /// Returns the number of entries. Entries with the same key all count.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Returns whether there are no entries.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the value under this key; if there are several, the last one.
    ///
    /// # Errors
    ///
    /// If an entry of the map is malformed. The text of other keys and values is passed over, and not checked to be UTF-8.
    pub fn get(&self, key: &str) -> Result<Option<ValueRef<'a>>, DecodeError> {
        let [value] = self.get_all([key])?;
        Ok(value)
    }

    /// Does what [`get`](Self::get) does for several keys, in one pass over the entries.
    pub(crate) fn get_all<const N: usize>(
        &self,
        keys: [&str; N],
    ) -> Result<[Option<ValueRef<'a>>; N], DecodeError> {
        let mut reader = self.reader();
        let mut places = [None; N];
        for _ in 0..self.len {
            let found = reader.key_bytes()?;
            for (key, place) in keys.iter().zip(&mut places) {
                if found.len() == key.len() && found == key.as_bytes() {
                    *place = Some(reader);
                    break;
                }
            }
            reader.skip()?;
        }
        let mut values = [None; N];
        for (place, value) in places.into_iter().zip(&mut values) {
            if let Some(mut place) = place {
                *value = Some(place.value()?);
            }
        }
        Ok(values)
    }

    /// Returns an iterator over the entries. It ends after an error.
    #[must_use]
    pub const fn iter(&self) -> MapRefIter<'a> {
        MapRefIter {
            reader: self.reader(),
            left: self.len as usize,
        }
    }

    /// Returns the encoded size of the entries.
    pub(crate) const fn encoded_len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn new(entries: Reader<'a>, len: usize) -> Self {
        Self {
            entries: entries.rest(),
            len: as_u32(len),
            depth: entries.depth(),
        }
    }

    /// Returns a reader at the first key.
    pub(crate) const fn reader(&self) -> Reader<'a> {
        Reader::nested(self.entries, self.depth)
    }
}

impl<'a> IntoIterator for MapRef<'a> {
    type Item = Result<(&'a str, ValueRef<'a>), DecodeError>;
    type IntoIter = MapRefIter<'a>;

    fn into_iter(self) -> MapRefIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for MapRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::entries(self.reader(), self.len(), f)
    }
}

/// An iterator over the entries of a [`MapRef`].
#[derive(Debug, Clone)]
pub struct MapRefIter<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for MapRefIter<'a> {
    type Item = Result<(&'a str, ValueRef<'a>), DecodeError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let entry = self.reader.key().and_then(|key| Ok((key, self.reader.value()?)));
        if entry.is_err() {
            self.left = 0;
        }
        Some(entry)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

impl core::iter::FusedIterator for MapRefIter<'_> {}

/// A structure inside of a buffer: fields under a tag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StructureRef<'a> {
    fields: &'a [u8],
    depth: u16,
    len: u8,
    tag: u8,
}

impl<'a> StructureRef<'a> {
    /// Returns the tag, which says what kind of structure it is.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// Returns the number of fields.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Returns whether there are no fields.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns an iterator over the fields. It ends after an error.
    #[must_use]
    pub const fn fields(&self) -> ListRefIter<'a> {
        ListRefIter {
            reader: self.reader(),
            left: self.len as usize,
        }
    }

    pub(crate) fn new(fields: Reader<'a>, len: usize, tag: u8) -> Self {
        let len = u8::try_from(len).unwrap_or(u8::MAX);
        Self {
            fields: fields.rest(),
            depth: fields.depth(),
            len,
            tag,
        }
    }

    /// Returns a reader at the first field.
    pub(crate) const fn reader(&self) -> Reader<'a> {
        Reader::nested(self.fields, self.depth)
    }
}

impl fmt::Debug for StructureRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04X} ", self.tag)?;
        show::items(self.reader(), self.len(), f)
    }
}

/// Sizes come from 32 bits.
fn as_u32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

const _: () = assert!(size_of::<ValueRef<'_>>() <= 32);
