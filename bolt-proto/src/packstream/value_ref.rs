//! Values where they lie, unread until asked for.

use core::fmt;

use crate::error::DecodeError;
use crate::packstream::{Reader, Token, Uuid, show};

/// A value inside of a buffer. It is `Copy`; containers are views that are read when asked.
///
/// Two of them are equal if they are encoded alike.
///
/// ```
/// use bolt_proto::packstream::{Reader, ValueRef};
///
/// let value = Reader::new(b"\xA1\x83one\x01").value()?;
/// let ValueRef::Map(map) = value else { panic!("a map") };
/// assert_eq!(map.get("one")?, Some(ValueRef::Integer(1)));
/// # Ok::<(), bolt_proto::DecodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A signed integer of 64 bits; there is no other.
    Integer(i64),
    /// A float of 64 bits; there is no other.
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
    /// What it is, in words: `a string`, `null`, `a node`.
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
    /// How many items there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads one item after the other. Nothing comes behind an error.
    #[must_use]
    pub const fn iter(&self) -> ListIter<'a> {
        ListIter {
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

    /// A cursor at the first item.
    pub(crate) const fn reader(&self) -> Reader<'a> {
        Reader::nested(self.items, self.depth)
    }
}

impl<'a> IntoIterator for ListRef<'a> {
    type Item = Result<ValueRef<'a>, DecodeError>;
    type IntoIter = ListIter<'a>;

    fn into_iter(self) -> ListIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for ListRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::items(self.reader(), self.len(), f)
    }
}

/// The items of a [`ListRef`], or the fields of a [`StructureRef`].
#[derive(Debug, Clone)]
pub struct ListIter<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for ListIter<'a> {
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

impl core::iter::FusedIterator for ListIter<'_> {}

/// A map inside of a buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MapRef<'a> {
    entries: &'a [u8],
    len: u32,
    depth: u16,
}

impl<'a> MapRef<'a> {
    /// How many entries there are, each of several under the same key counted.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value under this key; of several, the last one.
    ///
    /// # Errors
    ///
    /// An entry of the map is malformed.
    pub fn get(&self, key: &str) -> Result<Option<ValueRef<'a>>, DecodeError> {
        let mut reader = self.reader();
        let mut found = None;
        for _ in 0..self.len {
            if reader.key()? == key {
                found = Some(reader);
            }
            reader.skip()?;
        }
        found.map(|mut place| place.value()).transpose()
    }

    /// Reads one entry after the other. Nothing comes behind an error.
    #[must_use]
    pub const fn iter(&self) -> MapIter<'a> {
        MapIter {
            reader: self.reader(),
            left: self.len as usize,
        }
    }

    /// How many bytes its entries have.
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

    /// A cursor at the first key.
    pub(crate) const fn reader(&self) -> Reader<'a> {
        Reader::nested(self.entries, self.depth)
    }
}

impl<'a> IntoIterator for MapRef<'a> {
    type Item = Result<(&'a str, ValueRef<'a>), DecodeError>;
    type IntoIter = MapIter<'a>;

    fn into_iter(self) -> MapIter<'a> {
        self.iter()
    }
}

impl fmt::Debug for MapRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show::entries(self.reader(), self.len(), f)
    }
}

/// The entries of a [`MapRef`].
#[derive(Debug, Clone)]
pub struct MapIter<'a> {
    reader: Reader<'a>,
    left: usize,
}

impl<'a> Iterator for MapIter<'a> {
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

impl core::iter::FusedIterator for MapIter<'_> {}

/// A structure inside of a buffer: fields under a tag.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StructureRef<'a> {
    fields: &'a [u8],
    depth: u16,
    len: u8,
    tag: u8,
}

impl<'a> StructureRef<'a> {
    /// What it is.
    #[must_use]
    pub const fn tag(&self) -> u8 {
        self.tag
    }

    /// How many fields there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads one field after the other. Nothing comes behind an error.
    #[must_use]
    pub const fn fields(&self) -> ListIter<'a> {
        ListIter {
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

    /// A cursor at the first field.
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
