//! Reading a value as any `Deserialize`.

use alloc::string::ToString;

use super::de_compound::{Bytes, Entries, Items, Variant};
use super::de_raw::Encoded;
use super::de_structure::Structure;
use super::raw::RAW;
use crate::error::{ConversionError, DecodeError};
use crate::packstream::{Reader, Token};
#[cfg(feature = "serde_json")]
use crate::value::{FromValue, Value};
use crate::value::{Named, exact_float, exact_float_32, in_range, narrow};
use ::serde::de::{self, Visitor};

/// Reads the next value. `H` says how much of it has been read already.
pub(super) struct Deserializer<'r, 'a, H = Unread> {
    head: H,
    reader: &'r mut Reader<'a>,
}

/// Nothing of the value has been read.
pub(super) struct Unread;

/// How much of a value has been read: nothing, or its token, which is everything up to its contents. Only the
/// first is common, and it must cost nothing.
pub(super) trait Head<'a> {
    /// Whether nothing has been read.
    const UNREAD: bool;

    /// Returns the token of the value.
    fn token(&mut self, reader: &mut Reader<'a>) -> Result<Token<'a>, DecodeError>;

    /// Reads the value if it is null.
    fn null(&self, reader: &mut Reader<'a>) -> bool;
}

impl<'a> Head<'a> for Unread {
    const UNREAD: bool = true;

    #[inline]
    fn token(&mut self, reader: &mut Reader<'a>) -> Result<Token<'a>, DecodeError> {
        reader.token()
    }

    #[inline]
    fn null(&self, reader: &mut Reader<'a>) -> bool {
        reader.null().is_some()
    }
}

impl<'a> Head<'a> for Token<'a> {
    const UNREAD: bool = false;

    fn token(&mut self, _contents: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(*self)
    }

    fn null(&self, _contents: &mut Reader<'a>) -> bool {
        *self == Self::Null
    }
}

impl<'r, 'a> Deserializer<'r, 'a> {
    #[inline]
    pub(super) const fn new(reader: &'r mut Reader<'a>) -> Self {
        Self { head: Unread, reader }
    }
}

impl<'r, 'a> Deserializer<'r, 'a, Token<'a>> {
    /// Creates a deserializer of a value of which the token has been read: `contents` is at its contents.
    pub(super) const fn after_token(token: Token<'a>, contents: &'r mut Reader<'a>) -> Self {
        Self {
            head: token,
            reader: contents,
        }
    }
}

impl<'a, H: Head<'a>> Deserializer<'_, 'a, H> {
    /// Returns the reader, if nothing of the value has been read.
    #[inline]
    fn unread(&mut self) -> Option<&mut Reader<'a>> {
        H::UNREAD.then_some(&mut *self.reader)
    }

    #[inline]
    fn token(&mut self) -> Result<Token<'a>, ConversionError> {
        Ok(self.head.token(self.reader)?)
    }

    #[inline]
    fn integer<T: TryFrom<i64> + Named>(&mut self) -> Result<T, ConversionError> {
        match self.unread().and_then(Reader::integer) {
            Some(value) => in_range(value),
            None => self.other_integer().and_then(in_range),
        }
    }

    #[cold]
    fn other_integer(&mut self) -> Result<i64, ConversionError> {
        match self.token()? {
            Token::Integer(value) => Ok(value),
            other => Err(ConversionError::mismatch("an integer", other.kind())),
        }
    }

    #[inline]
    fn float(&mut self) -> Result<f64, ConversionError> {
        match self.unread().and_then(Reader::float) {
            Some(value) => Ok(value),
            None => self.other_float(),
        }
    }

    #[cold]
    fn other_float(&mut self) -> Result<f64, ConversionError> {
        match self.token()? {
            Token::Float(value) => Ok(value),
            Token::Integer(value) => exact_float(value),
            other => Err(ConversionError::mismatch("a float", other.kind())),
        }
    }

    #[cold]
    fn other_boolean(&mut self) -> Result<bool, ConversionError> {
        match self.token()? {
            Token::Boolean(value) => Ok(value),
            other => Err(ConversionError::mismatch("a boolean", other.kind())),
        }
    }

    /// Reads a long string, or refuses another value.
    fn other_str<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.token()? {
            Token::String(value) => visitor.visit_borrowed_str(value),
            Token::Uuid(value) => visitor.visit_string(value.to_string()),
            Token::Structure { fields, tag } => self.structure(fields, tag, |value| value.text(visitor)),
            other => Err(ConversionError::mismatch("a string", other.kind())),
        }
    }

    #[inline]
    fn list<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, ConversionError> {
        self.reader.enter()?;
        let mut items = Items::new(self.reader, len);
        let value = visitor.visit_seq(&mut items)?;
        items.refuse_rest()?;
        self.reader.leave();
        Ok(value)
    }

    #[inline]
    fn map<V: Visitor<'a>>(
        self,
        len: usize,
        wanted: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.reader.enter()?;
        let mut entries = Entries::new(self.reader, len, wanted);
        let value = visitor.visit_map(&mut entries)?;
        entries.skip_rest()?;
        self.reader.leave();
        Ok(value)
    }

    /// Enters a structure of a known tag and number of fields, and moves past it.
    fn structure<T>(
        self,
        len: usize,
        tag: u8,
        read: impl FnOnce(Structure<'_, 'a>) -> Result<T, ConversionError>,
    ) -> Result<T, ConversionError> {
        self.reader.enter()?;
        let value = read(Structure {
            reader: self.reader,
            len,
            tag,
        })?;
        self.reader.leave();
        Ok(value)
    }

    /// Passes the value as text in JSON, to a type that keeps such a text.
    #[cfg(feature = "serde_json")]
    #[cold]
    fn json<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        let Some(reader) = self.unread() else {
            return Err(not_from_a_view());
        };
        super::foreign::visit_json(&Value::read(reader)?, visitor)
    }

    fn variant<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.reader.enter()?;
        let name = self.reader.key()?;
        let value = visitor.visit_enum(Variant::new(name, self.reader))?;
        self.reader.leave();
        Ok(value)
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $integer:ty;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
            visitor.$visit(self.integer::<$integer>()?)
        }
    )*};
}

impl<'a, H: Head<'a>> de::Deserializer<'a> for Deserializer<'_, 'a, H> {
    type Error = ConversionError;

    fn deserialize_any<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.token()? {
            Token::Null => visitor.visit_unit(),
            Token::Boolean(value) => visitor.visit_bool(value),
            Token::Integer(value) => visitor.visit_i64(value),
            Token::Float(value) => visitor.visit_f64(value),
            Token::String(value) => visitor.visit_borrowed_str(value),
            // Not as bytes: many types that read anything, such as those of JSON, have none.
            Token::Bytes(value) => visitor.visit_seq(Bytes::new(value)),
            Token::Uuid(value) => visitor.visit_string(value.to_string()),
            Token::List(len) => self.list(len, visitor),
            Token::Map(len) => self.map(len, &[], visitor),
            Token::Structure { fields, tag } => self.structure(fields, tag, |value| value.any(visitor)),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
    }

    #[inline]
    fn deserialize_bool<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.unread().and_then(Reader::boolean) {
            Some(value) => visitor.visit_bool(value),
            None => visitor.visit_bool(self.other_boolean()?),
        }
    }

    fn deserialize_f32<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.unread().and_then(Reader::float) {
            Some(value) => visitor.visit_f32(narrow(value)?),
            None => match self.token()? {
                Token::Float(value) => visitor.visit_f32(narrow(value)?),
                Token::Integer(value) => visitor.visit_f32(exact_float_32(value)?),
                other => Err(ConversionError::mismatch("a float", other.kind())),
            },
        }
    }

    #[inline]
    fn deserialize_f64<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_f64(self.float()?)
    }

    #[inline]
    fn deserialize_str<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.unread().and_then(Reader::short_string) {
            Some(value) => visitor.visit_borrowed_str(value),
            None => self.other_str(visitor),
        }
    }

    #[inline]
    fn deserialize_string<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.unread().and_then(Reader::owned_string) {
            Some(value) => visitor.visit_string(value),
            None => self.other_str(visitor),
        }
    }

    fn deserialize_char<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.token()? {
            Token::Bytes(value) => visitor.visit_borrowed_bytes(value),
            Token::List(len) => self.list(len, visitor),
            other => Err(ConversionError::mismatch("bytes", other.kind())),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        if self.head.null(self.reader) {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.token()? {
            Token::Null => visitor.visit_unit(),
            other => Err(ConversionError::mismatch("null", other.kind())),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        if name != RAW {
            #[cfg(feature = "serde_json")]
            if super::foreign::is_json(name) {
                return self.json(visitor);
            }
            return visitor.visit_newtype_struct(self);
        }
        if !H::UNREAD {
            return Err(not_from_a_view());
        }
        let mut len = None;
        let value = visitor.visit_newtype_struct(Encoded {
            reader: *self.reader,
            len: &mut len,
        })?;
        match len {
            Some(len) => self.reader.pass(len)?,
            None => drop(self.reader.skip()?),
        }
        Ok(value)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.token()? {
            Token::List(len) => self.list(len, visitor),
            Token::Bytes(value) => visitor.visit_seq(Bytes::new(value)),
            Token::Structure { fields, tag } => self.structure(fields, tag, |value| value.list(visitor)),
            other => Err(ConversionError::mismatch("a list", other.kind())),
        }
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _len: usize, visitor: V) -> Result<V::Value, ConversionError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.deserialize_seq(visitor)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.token()? {
            Token::Map(len) => self.map(len, &[], visitor),
            Token::Structure { fields, tag } => self.structure(fields, tag, |value| value.map(None, visitor)),
            other => Err(ConversionError::mismatch("a map", other.kind())),
        }
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'a>>(
        mut self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        if let Some((len, tag)) = self.unread().and_then(Reader::structure) {
            return self.structure(len, tag, |value| value.map(Some(fields), visitor));
        }
        match self.token()? {
            Token::Map(len) => self.map(len, fields, visitor),
            Token::List(len) => self.list(len, visitor),
            Token::Structure { fields: len, tag } => {
                self.structure(len, tag, |value| value.map(Some(fields), visitor))
            }
            other => Err(ConversionError::mismatch("a map", other.kind())),
        }
    }

    fn deserialize_enum<V: Visitor<'a>>(
        mut self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        match self.token()? {
            Token::String(name) => visitor.visit_enum(de::value::BorrowedStrDeserializer::new(name)),
            Token::Map(1) => self.variant(visitor),
            Token::Map(_) => Err(ConversionError::mismatch(
                "a map of one entry",
                "one of another length",
            )),
            other => Err(ConversionError::mismatch(
                "a string or a map of one entry",
                other.kind(),
            )),
        }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        if let Some(reader) = self.unread() {
            reader.skip()?;
        }
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.deserialize_str(visitor)
    }
}

#[cold]
fn not_from_a_view() -> ConversionError {
    ConversionError::custom("such a type cannot be read from a `ValueRef` by serde")
}
