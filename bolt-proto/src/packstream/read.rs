//! A reader of received bytes.

use alloc::string::String;
use core::fmt;

use bytes::Bytes;

use crate::error::DecodeError;
use crate::packstream::floats::{FLOAT_LEN, count_floats};
use crate::packstream::short::same;
use crate::packstream::skip::{scalar_len, skip, skip_values};
use crate::packstream::{ListRef, MAX_DEPTH, MapRef, StructureRef, Uuid, ValueRef, marker, utf8};

/// A reader of values that follow one another in a slice.
///
/// It is small and `Copy`: a copy remembers a position. After an error the position is unspecified, but
/// inside the slice.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// The buffer that the slice is a part of, so that values can share it.
    owner: Option<&'a Bytes>,
    /// The number of containers around the position.
    depth: u16,
}

/// A value up to its contents: for a container, the number of values that follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    String(&'a str),
    Bytes(&'a [u8]),
    Uuid(Uuid),
    List(usize),
    Map(usize),
    Structure { fields: usize, tag: u8 },
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("rest", &self.rest.len())
            .finish_non_exhaustive()
    }
}

impl<'a> Token<'a> {
    /// Returns the type of the value in words.
    #[cold]
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::String(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "a UUID",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Structure { tag, .. } => crate::value::tag::kind(*tag),
        }
    }

    /// Returns the token of a value that has been read, and a reader at its contents, as after the token.
    pub(crate) fn of(value: ValueRef<'a>) -> (Self, Reader<'a>) {
        let none = Reader::new(&[]);
        let (token, mut contents) = match value {
            ValueRef::Null => (Self::Null, none),
            ValueRef::Boolean(value) => (Self::Boolean(value), none),
            ValueRef::Integer(value) => (Self::Integer(value), none),
            ValueRef::Float(value) => (Self::Float(value), none),
            ValueRef::String(value) => (Self::String(value), none),
            ValueRef::Bytes(value) => (Self::Bytes(value), none),
            ValueRef::Uuid(value) => (Self::Uuid(value), none),
            ValueRef::List(list) => (Self::List(list.len()), list.reader()),
            ValueRef::Map(map) => (Self::Map(map.len()), map.reader()),
            ValueRef::Structure(structure) => (
                Self::Structure {
                    fields: structure.len(),
                    tag: structure.tag(),
                },
                structure.reader(),
            ),
        };
        contents.leave();
        (token, contents)
    }
}

impl<'a> Reader<'a> {
    /// Creates a reader at the start of these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            owner: None,
            depth: 0,
        }
    }

    /// Reads the next value and moves past it. Containers are views that are read on demand.
    ///
    /// # Errors
    ///
    /// If the bytes are no value, or are nested deeper than [`MAX_DEPTH`].
    #[inline]
    pub fn value(&mut self) -> Result<ValueRef<'a>, DecodeError> {
        // Most rows, lists and properties consist of these.
        if let Some((&first, rest)) = self.rest.split_first() {
            match first {
                0x00..=0x7F | 0xF0..=0xFF => {
                    self.rest = rest;
                    return Ok(ValueRef::Integer(i64::from(first as i8)));
                }
                marker::FLOAT => {
                    if let Some((&bytes, after)) = rest.split_first_chunk() {
                        self.rest = after;
                        return Ok(ValueRef::Float(f64::from_be_bytes(bytes)));
                    }
                }
                0x80..=0x8F => {
                    if let Some((text, after)) = rest.split_at_checked(usize::from(first & 0x0F)) {
                        self.rest = after;
                        return utf8::text(text).map(ValueRef::String);
                    }
                }
                marker::INT_8..=marker::INT_64 => {
                    if let Some(value) = self.integer() {
                        return Ok(ValueRef::Integer(value));
                    }
                }
                _ => {}
            }
        }
        self.other_value()
    }

    fn other_value(&mut self) -> Result<ValueRef<'a>, DecodeError> {
        if let Some((fields, tag)) = self.structure() {
            let fields_inside = self.contents(fields)?;
            return Ok(ValueRef::Structure(StructureRef::new(fields_inside, fields, tag)));
        }
        Ok(match self.token()? {
            Token::Null => ValueRef::Null,
            Token::Boolean(value) => ValueRef::Boolean(value),
            Token::Integer(value) => ValueRef::Integer(value),
            Token::Float(value) => ValueRef::Float(value),
            Token::String(value) => ValueRef::String(value),
            Token::Bytes(value) => ValueRef::Bytes(value),
            Token::Uuid(value) => ValueRef::Uuid(value),
            Token::List(len) => ValueRef::List(ListRef::new(self.contents(len)?, len)),
            Token::Map(len) => ValueRef::Map(MapRef::new(self.contents(len.saturating_mul(2))?, len)),
            Token::Structure { fields, tag } => {
                ValueRef::Structure(StructureRef::new(self.contents(fields)?, fields, tag))
            }
        })
    }

    /// Moves past the next value and returns its bytes.
    ///
    /// # Errors
    ///
    /// As for [`skip`].
    #[inline]
    pub fn skip(&mut self) -> Result<&'a [u8], DecodeError> {
        match scalar_len(self.rest) {
            Some(len) => self.take(len),
            None => self.skip_other(),
        }
    }

    fn skip_other(&mut self) -> Result<&'a [u8], DecodeError> {
        match self.rest {
            [marker::STRING_8, len, ..] => self.take(usize::from(*len).saturating_add(2)),
            rest => self.take(skip(rest)?),
        }
    }

    /// Does what [`skip`](Self::skip) does, for many values one after the other.
    #[inline(always)]
    pub(crate) fn pass_value(&mut self) -> Result<(), DecodeError> {
        let len = match (scalar_len(self.rest), self.rest) {
            (Some(len), _) => len,
            (None, [marker::STRING_8, len, ..]) => usize::from(*len).wrapping_add(2),
            (None, rest) => skip(rest)?,
        };
        self.take(len).map(drop)
    }

    /// Moves past `len` bytes.
    #[inline]
    pub(crate) fn pass(&mut self, len: usize) -> Result<(), DecodeError> {
        self.take(len)?;
        Ok(())
    }

    /// Moves past `count` values.
    pub(crate) fn skip_many(&mut self, values: usize) -> Result<(), DecodeError> {
        self.take(skip_values(self.rest, values)?)?;
        Ok(())
    }

    /// Returns the bytes that have not been read.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns whether everything has been read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Creates a reader of a part of `owner`.
    pub(crate) const fn shared(bytes: &'a [u8], owner: &'a Bytes) -> Self {
        Self {
            rest: bytes,
            owner: Some(owner),
            depth: 0,
        }
    }

    /// Creates a reader inside of `depth` containers.
    pub(crate) const fn nested(bytes: &'a [u8], depth: u16) -> Self {
        Self {
            rest: bytes,
            owner: None,
            depth,
        }
    }

    /// Returns the buffer that the bytes are a part of.
    pub(crate) const fn owner(&self) -> Option<&'a Bytes> {
        self.owner
    }

    /// The number of containers around the position.
    pub(crate) const fn depth(&self) -> u16 {
        self.depth
    }

    /// Returns the first byte of the next value.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Returns whether the next value is a map or a structure, or null, by its first byte.
    #[inline]
    pub(crate) fn is_at_map_or_null(&self) -> bool {
        matches!(
            self.rest,
            [0xA0..=0xBF | marker::MAP_8..=marker::MAP_32 | marker::NULL, ..]
        )
    }

    /// Enters a container of which the token was just read.
    #[inline]
    pub(crate) fn enter(&mut self) -> Result<(), DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(DecodeError::Depth);
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
    }

    /// Leaves a container that was read to its end.
    #[inline]
    pub(crate) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Reads the next value if it is an integer.
    #[inline]
    pub(crate) fn integer(&mut self) -> Option<i64> {
        let (&first, rest) = self.rest.split_first()?;
        let (value, rest) = match first {
            0x00..=0x7F | 0xF0..=0xFF => (i64::from(first as i8), rest),
            marker::INT_8 => number(rest, |bytes| i64::from(i8::from_be_bytes(bytes)))?,
            marker::INT_16 => number(rest, |bytes| i64::from(i16::from_be_bytes(bytes)))?,
            marker::INT_32 => number(rest, |bytes| i64::from(i32::from_be_bytes(bytes)))?,
            marker::INT_64 => number(rest, i64::from_be_bytes)?,
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }

    /// Reads the next value if it is a float.
    #[inline]
    pub(crate) fn float(&mut self) -> Option<f64> {
        let [marker::FLOAT, a, b, c, d, e, f, g, h, rest @ ..] = self.rest else {
            return None;
        };
        self.rest = rest;
        Some(f64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
    }

    /// Reads the floats that are next, at most this many: lists of numbers have hundreds.
    #[inline]
    pub(crate) fn floats(&mut self, most: usize) -> impl ExactSizeIterator<Item = f64> + use<'a> {
        let count = count_floats(self.rest, most);
        let (floats, rest) = self
            .rest
            .split_at_checked(count.saturating_mul(FLOAT_LEN))
            .unwrap_or_default();
        self.rest = rest;
        floats.chunks_exact(FLOAT_LEN).map(|float| {
            let bytes = float.last_chunk().copied().unwrap_or_default();
            f64::from_be_bytes(bytes)
        })
    }

    /// Reads the next value if it is a boolean.
    #[inline]
    pub(crate) fn boolean(&mut self) -> Option<bool> {
        let (value, rest) = match self.rest {
            [marker::TRUE, rest @ ..] => (true, rest),
            [marker::FALSE, rest @ ..] => (false, rest),
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }

    /// Reads the header of the next value if it is a structure with enough bytes for its fields.
    #[inline]
    pub(crate) fn structure(&mut self) -> Option<(usize, u8)> {
        let [first @ 0xB0..=0xBF, tag, rest @ ..] = self.rest else {
            return None;
        };
        let fields = usize::from(first & 0x0F);
        if fields > rest.len() {
            return None;
        }
        self.rest = rest;
        Some((fields, *tag))
    }

    /// Reads the next value if it is null.
    #[inline]
    pub(crate) fn null(&mut self) -> Option<()> {
        let [marker::NULL, rest @ ..] = self.rest else {
            return None;
        };
        self.rest = rest;
        Some(())
    }

    /// Reads the next value if it is a valid string of less than 64 KiB.
    #[inline]
    pub(crate) fn short_string(&mut self) -> Option<&'a str> {
        let (text, rest) = self.short_string_bytes()?;
        let text = utf8::text(text).ok()?;
        self.rest = rest;
        Some(text)
    }

    /// Reads the next value, with the checks of [`value`](Self::value), and returns the bytes of it if it is a text. Those are
    /// checked to be UTF-8, which is cheaper than to make a `&str` of them.
    #[inline]
    pub(crate) fn checked_string(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        if let Some((text, rest)) = self.short_string_bytes() {
            utf8::check(text)?;
            self.rest = rest;
            return Ok(Some(text));
        }
        match self.value()? {
            ValueRef::String(text) => Ok(Some(text.as_bytes())),
            _ => Ok(None),
        }
    }

    /// Does what [`short_string`](Self::short_string) does, and copies the string.
    #[inline]
    pub(crate) fn owned_string(&mut self) -> Option<String> {
        let (text, rest) = self.short_string_bytes()?;
        let text = utf8::owned(text).ok()?;
        self.rest = rest;
        Some(text)
    }

    /// Returns the bytes of a string of less than 64 KiB, and those after it, if the next value is one.
    #[inline]
    fn short_string_bytes(&self) -> Option<(&'a [u8], &'a [u8])> {
        let (len, after) = match self.rest {
            [first @ 0x80..=0x8F, after @ ..] => (usize::from(first & 0x0F), after),
            [marker::STRING_8, len, after @ ..] => (usize::from(*len), after),
            [marker::STRING_16, high, low, after @ ..] => {
                (usize::from(u16::from_be_bytes([*high, *low])), after)
            }
            _ => return None,
        };
        after.split_at_checked(len)
    }

    /// Reads a map key if it is this short one.
    #[inline]
    pub(crate) fn key_if(&mut self, key: &str) -> Option<()> {
        let (&first, after) = self.rest.split_first()?;
        let (text, rest) = after.split_at_checked(usize::from(first & 0x0F))?;
        if first & 0xF0 != marker::TINY_STRING || !same(text, key.as_bytes()) {
            return None;
        }
        self.rest = rest;
        Some(())
    }

    /// Reads a map key of which the text may turn out not to be UTF-8.
    #[inline]
    pub(crate) fn key_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        if let [first @ 0x80..=0x8F, after @ ..] = self.rest {
            let (text, rest) = after
                .split_at_checked(usize::from(first & 0x0F))
                .ok_or(DecodeError::Truncated)?;
            self.rest = rest;
            return Ok(text);
        }
        self.key().map(str::as_bytes)
    }

    /// Reads a map key, of which the text is checked to be UTF-8.
    #[inline]
    pub(crate) fn checked_key(&mut self) -> Result<&'a [u8], DecodeError> {
        let key = self.key_bytes()?;
        utf8::check(key)?;
        Ok(key)
    }

    /// Moves past the next value, with the checks of [`value`](Self::value): a text is UTF-8. The contents of containers are
    /// not looked at.
    #[inline]
    pub(crate) fn pass_checked(&mut self) -> Result<(), DecodeError> {
        if let Some((text, rest)) = self.short_string_bytes() {
            self.rest = rest;
            return utf8::check(text);
        }
        match self.rest {
            [0x80..=0x8F | marker::STRING_8..=marker::STRING_32, ..] => self.token().map(drop),
            _ => self.skip().map(drop),
        }
    }

    /// Reads a map key.
    #[inline]
    pub(crate) fn key(&mut self) -> Result<&'a str, DecodeError> {
        match self.short_string() {
            Some(key) => Ok(key),
            None => self.long_key(),
        }
    }

    #[cold]
    fn long_key(&mut self) -> Result<&'a str, DecodeError> {
        let first = self.peek().ok_or(DecodeError::Truncated)?;
        match first {
            0x80..=0x8F | marker::STRING_8..=marker::STRING_32 => match self.token()? {
                Token::String(key) => Ok(key),
                _ => Err(DecodeError::Key(first)),
            },
            _ => Err(DecodeError::Key(first)),
        }
    }

    /// Reads the next value up to its contents. The caller must read or skip the items of a container.
    #[inline]
    pub(crate) fn token(&mut self) -> Result<Token<'a>, DecodeError> {
        let (&first, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(match first {
            0x00..=0x7F | 0xF0..=0xFF => Token::Integer(i64::from(i8::from_be_bytes([first]))),
            0x80..=0x8F => Token::String(self.text(usize::from(first & 0x0F))?),
            0x90..=0x9F => self.list(usize::from(first & 0x0F))?,
            0xA0..=0xAF => self.map(usize::from(first & 0x0F))?,
            0xB0..=0xBF => {
                let [tag] = self.array()?;
                Token::Structure {
                    fields: self.count(usize::from(first & 0x0F), 1)?,
                    tag,
                }
            }
            marker::NULL => Token::Null,
            marker::FLOAT => Token::Float(f64::from_be_bytes(self.array()?)),
            marker::FALSE => Token::Boolean(false),
            marker::TRUE => Token::Boolean(true),
            marker::INT_8 => Token::Integer(i64::from(i8::from_be_bytes(self.array()?))),
            marker::INT_16 => Token::Integer(i64::from(i16::from_be_bytes(self.array()?))),
            marker::INT_32 => Token::Integer(i64::from(i32::from_be_bytes(self.array()?))),
            marker::INT_64 => Token::Integer(i64::from_be_bytes(self.array()?)),
            marker::BYTES_8..=marker::BYTES_32 => {
                let len = self.size(first)?;
                Token::Bytes(self.take(len)?)
            }
            marker::STRING_8..=marker::STRING_32 => {
                let len = self.size(first)?;
                Token::String(self.text(len)?)
            }
            marker::LIST_8..=marker::LIST_32 => {
                let len = self.size(first)?;
                self.list(len)?
            }
            marker::MAP_8..=marker::MAP_32 => {
                let len = self.size(first)?;
                self.map(len)?
            }
            marker::UUID => Token::Uuid(Uuid::from_bytes(self.array()?)),
            _ => return Err(DecodeError::Marker(first)),
        })
    }

    fn list(&self, len: usize) -> Result<Token<'a>, DecodeError> {
        Ok(Token::List(self.count(len, 1)?))
    }

    fn map(&self, len: usize) -> Result<Token<'a>, DecodeError> {
        Ok(Token::Map(self.count(len, 2)?))
    }

    /// Checks a declared number of items, each of which has at least this many bytes.
    #[inline]
    fn count(&self, items: usize, bytes_each: usize) -> Result<usize, DecodeError> {
        if items.saturating_mul(bytes_each) > self.rest.len() {
            return Err(DecodeError::Truncated);
        }
        Ok(items)
    }

    /// Reads the size after a marker that ends in 0, 1 or 2 for 8, 16 or 32 bits.
    #[inline]
    fn size(&mut self, marker: u8) -> Result<usize, DecodeError> {
        match marker & 0b11 {
            0 => Ok(usize::from(u8::from_be_bytes(self.array()?))),
            1 => Ok(usize::from(u16::from_be_bytes(self.array()?))),
            _ => usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| DecodeError::Truncated),
        }
    }

    #[inline]
    fn text(&mut self, len: usize) -> Result<&'a str, DecodeError> {
        utf8::text(self.take(len)?)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Returns a reader of the contents of a container, and moves past them.
    fn contents(&mut self, values: usize) -> Result<Self, DecodeError> {
        let mut inside = *self;
        inside.enter()?;
        inside.rest = self.take(skip_values(self.rest, values)?)?;
        Ok(inside)
    }
}

/// Reads a number and returns the bytes after it.
#[inline]
fn number<const N: usize>(bytes: &[u8], read: impl FnOnce([u8; N]) -> i64) -> Option<(i64, &[u8])> {
    let (&bytes, rest) = bytes.split_first_chunk()?;
    Some((read(bytes), rest))
}
