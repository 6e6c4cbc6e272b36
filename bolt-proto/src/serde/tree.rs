//! Reading a value that is already a tree, as the bytes of that value would be read.

use alloc::string::ToString;
use alloc::vec;

use ::serde::de::value::U8Deserializer;
use ::serde::de::{
    self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use ::serde::forward_to_deserialize_any;

use super::form::{Form, Part};
use super::name::CopiedName;
use super::raw::RAW;
use super::temporal;
use crate::error::{ConversionError, DecodeError};
use crate::packstream::MAX_DEPTH;
use crate::value::{Named, Value, encoded, exact_float, exact_float_32, in_range, narrow};

/// Reads a value, or a part of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree<'v> {
    part: Part<'v>,
    /// The number of containers around the value.
    depth: u16,
}

impl<'v> Tree<'v> {
    pub(super) const fn new(part: Part<'v>) -> Self {
        Self { part, depth: 0 }
    }

    /// Returns the depth of what the value contains.
    fn inside(&self) -> Result<u16, ConversionError> {
        if self.depth >= MAX_DEPTH {
            return Err(DecodeError::Depth.into());
        }
        Ok(self.depth.saturating_add(1))
    }

    #[cold]
    fn mismatch(&self, expected: &'static str) -> ConversionError {
        ConversionError::mismatch(expected, self.part.kind())
    }

    fn integer<T: TryFrom<i64> + Named>(&self) -> Result<T, ConversionError> {
        match self.part.form() {
            Form::Integer(value) => in_range(value),
            _ => Err(self.mismatch("an integer")),
        }
    }

    fn float(&self) -> Result<f64, ConversionError> {
        match self.part.form() {
            Form::Float(value) => Ok(value),
            Form::Float32(value) => Ok(value.into()),
            Form::Integer(value) => exact_float(value),
            _ => Err(self.mismatch("a float")),
        }
    }

    fn items<'de, V: Visitor<'de>>(
        self,
        items: vec::Vec<Part<'v>>,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        let len = items.len();
        let mut items = Items {
            items: items.into_iter(),
            len,
            depth: self.inside()?,
        };
        let value = visitor.visit_seq(&mut items)?;
        match items.items.len() {
            0 => Ok(value),
            left => Err(ConversionError::wrong_len(
                "a list",
                len.saturating_sub(left),
                len,
            )),
        }
    }

    fn entries<'de, V: Visitor<'de>>(
        self,
        entries: vec::Vec<(&'v str, Part<'v>)>,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        visitor.visit_map(Entries {
            entries: entries.into_iter(),
            value: None,
            depth: self.inside()?,
        })
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $integer:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
            visitor.$visit(self.integer::<$integer>()?)
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Tree<'_> {
    type Error = ConversionError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.part.form() {
            Form::Null => visitor.visit_unit(),
            Form::Boolean(value) => visitor.visit_bool(value),
            Form::Integer(value) => visitor.visit_i64(value),
            Form::Float(value) => visitor.visit_f64(value),
            Form::Float32(value) => visitor.visit_f32(value),
            Form::Text(value) => visitor.visit_str(value),
            Form::Version(version) => visitor.visit_string(version.to_string()),
            Form::Bytes(value) => visitor.visit_seq(Bytes(value.iter())),
            Form::Shown(value) => temporal::visit(value, visitor),
            Form::Items(items) => self.items(items, visitor),
            Form::Entries(entries) => self.entries(entries, visitor),
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

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.part.form() {
            Form::Boolean(value) => visitor.visit_bool(value),
            _ => Err(self.mismatch("a boolean")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_f32(match self.part.form() {
            Form::Float32(value) => value,
            Form::Integer(value) => exact_float_32(value)?,
            _ => narrow(self.float()?)?,
        })
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.part.form() {
            Form::Text(value) => visitor.visit_str(value),
            Form::Version(version) => visitor.visit_string(version.to_string()),
            Form::Shown(value) => temporal::visit(value, visitor),
            _ => Err(self.mismatch("a string")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.part.form() {
            Form::Bytes(value) => visitor.visit_bytes(value),
            Form::Items(items) => self.items(items, visitor),
            _ => Err(self.mismatch("bytes")),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.part {
            Part::Value(Value::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.part {
            Part::Value(Value::Null) => visitor.visit_unit(),
            _ => Err(self.mismatch("null")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        if name == RAW {
            return visitor.visit_newtype_struct(Encoded(self.part));
        }
        #[cfg(feature = "serde_json")]
        if super::foreign::is_json(name) {
            return super::foreign::visit_json(&self.part.to_value(), visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.part.form() {
            Form::Items(items) => self.items(items, visitor),
            Form::Bytes(value) => visitor.visit_seq(Bytes(value.iter())),
            Form::Shown(value) => temporal::visit_parts(value, visitor),
            _ => Err(self.mismatch("a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.part.form() {
            Form::Entries(entries) => self.entries(entries, visitor),
            _ => Err(self.mismatch("a map")),
        }
    }

    /// Reads a struct. What is no property of a node or a relationship is passed only if the struct has a field for it.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        match self.part.form() {
            Form::Entries(mut entries) => {
                let functions = self.part.functions();
                let mut at = 0_usize;
                entries.retain(|(name, _)| {
                    at = at.saturating_add(1);
                    at > functions || fields.contains(name)
                });
                self.entries(entries, visitor)
            }
            Form::Items(items) => self.items(items, visitor),
            _ => Err(self.mismatch("a map")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        match self.part.form() {
            Form::Text(name) => {
                visitor.visit_enum(IntoDeserializer::<ConversionError>::into_deserializer(name))
            }
            Form::Entries(entries) => match (entries.as_slice(), self.part.functions()) {
                (&[(name, part)], 0) => visitor.visit_enum(Variant {
                    name,
                    part,
                    depth: self.inside()?,
                }),
                _ => Err(ConversionError::mismatch(
                    "a map of one entry",
                    "one of another length",
                )),
            },
            _ => Err(self.mismatch("a string or a map of one entry")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_unit()
    }
}

struct Items<'v> {
    items: vec::IntoIter<Part<'v>>,
    len: usize,
    depth: u16,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = ConversionError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConversionError> {
        let Some(part) = self.items.next() else {
            return Ok(None);
        };
        let tree = Tree {
            part,
            depth: self.depth,
        };
        let index = self.len.saturating_sub(self.items.len()).saturating_sub(1);
        seed.deserialize(tree)
            .map(Some)
            .map_err(|error| error.at_item(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'v> {
    entries: vec::IntoIter<(&'v str, Part<'v>)>,
    value: Option<(&'v str, Part<'v>)>,
    depth: u16,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ConversionError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ConversionError> {
        self.value = self.entries.next();
        match self.value {
            Some((name, _)) => seed.deserialize(CopiedName(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ConversionError> {
        let (name, part) = self.value.take().ok_or_else(ConversionError::value_before_key)?;
        let tree = Tree {
            part,
            depth: self.depth,
        };
        seed.deserialize(tree).map_err(|error| error.at_field(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A variant of an enum with data: a map of one entry.
struct Variant<'v> {
    name: &'v str,
    part: Part<'v>,
    depth: u16,
}

impl<'v> Variant<'v> {
    fn data<T>(
        self,
        read: impl FnOnce(Tree<'v>) -> Result<T, ConversionError>,
    ) -> Result<T, ConversionError> {
        let tree = Tree {
            part: self.part,
            depth: self.depth,
        };
        read(tree).map_err(|error| error.at_field(self.name))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = ConversionError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), ConversionError> {
        Ok((seed.deserialize(CopiedName(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = ConversionError;

    fn unit_variant(self) -> Result<(), ConversionError> {
        self.data(::serde::Deserialize::deserialize)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ConversionError> {
        self.data(|data| seed.deserialize(data))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ConversionError> {
        self.data(|data| de::Deserializer::deserialize_tuple(data, len, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.data(|data| de::Deserializer::deserialize_struct(data, "", fields, visitor))
    }
}

struct Bytes<'v>(core::slice::Iter<'v, u8>);

impl<'de> SeqAccess<'de> for Bytes<'_> {
    type Error = ConversionError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConversionError> {
        let Some(&byte) = self.0.next() else {
            return Ok(None);
        };
        let byte: U8Deserializer<ConversionError> = byte.into_deserializer();
        seed.deserialize(byte).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The value in encoded form, for types that are not read from their form in serde.
struct Encoded<'v>(Part<'v>);

impl<'de> de::Deserializer<'de> for Encoded<'_> {
    type Error = ConversionError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_bytes(&encoded(&self.0.to_value())?)
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
