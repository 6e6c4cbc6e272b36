//! Reading a row as any `Deserialize`.

use ::serde::de::{self, DeserializeSeed, Deserializer as _, MapAccess, SeqAccess, Visitor};

use super::de::Deserializer;
use super::name::Name;
use super::raw::RAW;
use crate::error::ConversionError;
use crate::keys::Keys;
use crate::packstream::Reader;

/// Reads a row: as a map by the names of its columns, as a sequence by their order, as a scalar if there is
/// one column.
pub(crate) struct RecordDeserializer<'a, 'k> {
    keys: &'k Keys,
    columns: usize,
    reader: Reader<'a>,
    /// The column to be read next, and the number of columns of which the name has been read.
    next: usize,
    named: usize,
}

impl<'a, 'k> RecordDeserializer<'a, 'k> {
    pub(crate) const fn new(keys: &'k Keys, columns: usize, reader: Reader<'a>) -> Self {
        Self {
            keys,
            columns,
            reader,
            next: 0,
            named: 0,
        }
    }

    /// Reads the value of the next column.
    #[inline]
    fn column<T>(
        &mut self,
        read: impl FnOnce(Deserializer<'_, 'a>) -> Result<T, ConversionError>,
    ) -> Result<T, ConversionError> {
        let index = self.next;
        self.next = index.saturating_add(1);
        match read(Deserializer::new(&mut self.reader)) {
            Ok(value) => Ok(value),
            Err(error) => Err(at_column(error, self.keys, index)),
        }
    }

    /// Moves past the value of a column of which the visitor has read only the name.
    #[inline(never)]
    fn skip_column(&mut self) -> Result<(), ConversionError> {
        self.column(|value| value.deserialize_ignored_any(de::IgnoredAny).map(drop))
    }

    /// Reads the only column.
    fn only<T>(
        mut self,
        read: impl FnOnce(Deserializer<'_, 'a>) -> Result<T, ConversionError>,
    ) -> Result<T, ConversionError> {
        if self.columns != 1 {
            return Err(ConversionError::wrong_len("a record", 1, self.columns));
        }
        self.column(read)
    }

    #[inline]
    fn map<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError>
    where
        'k: 'a,
    {
        visitor
            .visit_map(&mut self)
            .map_err(|error| match error.missing_at_top() {
                Some(field) => ConversionError::no_column(field, self.keys.iter()),
                None => error,
            })
    }

    fn list<V: Visitor<'a>>(mut self, visitor: V) -> Result<V::Value, ConversionError> {
        let value = visitor.visit_seq(&mut self)?;
        if self.next < self.columns {
            return Err(ConversionError::wrong_len("a record", self.next, self.columns));
        }
        Ok(value)
    }
}

#[inline]
fn name(keys: &Keys, index: usize) -> &str {
    keys.get(index).unwrap_or_default()
}

#[cold]
fn at_column(error: ConversionError, keys: &Keys, index: usize) -> ConversionError {
    error.at_column(name(keys, index))
}

macro_rules! only {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
            self.only(|value| value.$method(visitor))
        }
    )*};
}

impl<'a, 'k: 'a> de::Deserializer<'a> for RecordDeserializer<'a, 'k> {
    type Error = ConversionError;

    only! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_identifier
    }

    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.map(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        if self.columns == 1 {
            return self.only(|value| value.deserialize_option(visitor));
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        if name == RAW {
            return self.only(|value| value.deserialize_newtype_struct(name, visitor));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'a>>(self, _len: usize, visitor: V) -> Result<V::Value, ConversionError> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.map(visitor)
    }

    /// Reads a struct. If it has no field for the only column, it is read from the node, relationship or map
    /// in that column. Null there is no struct of which all fields are missing: an `Option` of the struct is read
    /// elsewhere.
    #[inline]
    fn deserialize_struct<V: Visitor<'a>>(
        self,
        struct_name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        if self.columns == 1 && self.reader.is_at_map_or_null() && !fields.contains(&name(self.keys, 0)) {
            return self.only(|value| value.deserialize_struct(struct_name, fields, visitor));
        }
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.only(|value| value.deserialize_enum(name, variants, visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_unit()
    }
}

impl<'a> SeqAccess<'a> for RecordDeserializer<'a, '_> {
    type Error = ConversionError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConversionError> {
        if self.next == self.columns {
            return Ok(None);
        }
        self.column(|value| seed.deserialize(value)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.columns.saturating_sub(self.next))
    }
}

impl<'a, 'k: 'a> MapAccess<'a> for RecordDeserializer<'a, 'k> {
    type Error = ConversionError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ConversionError> {
        if self.named > self.next {
            self.skip_column()?;
        }
        if self.next == self.columns {
            return Ok(None);
        }
        self.named = self.next.wrapping_add(1);
        seed.deserialize(Name(name(self.keys, self.next))).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, ConversionError> {
        self.column(|value| seed.deserialize(value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.columns.saturating_sub(self.next))
    }
}
