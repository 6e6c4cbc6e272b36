//! Reading structures as types of serde.

use ::serde::de::value::SeqDeserializer;
use ::serde::de::{Deserializer, IntoDeserializer, Visitor};

use super::de_entity::visit_entity;
use super::form::Part;
use super::tree::Tree;
use crate::error::ConversionError;
use crate::packstream::Reader;
use crate::value::{Fields, Value, Vector, exact_float, exact_float_32, narrow, tag};

/// A structure that the reader has entered: its fields are next.
pub(super) struct Structure<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) len: usize,
    pub(super) tag: u8,
}

impl<'a> Structure<'_, 'a> {
    /// Reads the value in its [form](super::form).
    pub(super) fn any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.tag {
            tag::NODE | tag::RELATIONSHIP | tag::UNBOUND_RELATIONSHIP | tag::POINT_2D | tag::POINT_3D => {
                self.map(None, visitor)
            }
            tag::VECTOR => self.list(visitor),
            _ => self.tree(|tree| tree.deserialize_any(visitor)),
        }
    }

    /// Reads the text of a date, a time or a duration.
    pub(super) fn text<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        self.tree(|tree| tree.deserialize_str(visitor))
    }

    /// Reads the elements of a vector.
    pub(super) fn list<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        if self.tag != tag::VECTOR {
            return self.tree(|tree| tree.deserialize_seq(visitor));
        }
        macro_rules! visit {
            ($($variant:ident $number:ident)*) => {
                match Vector::structure(self.reader, self.len, self.tag)? {
                    $(Vector::$variant(elements) => {
                        let numbers = elements.into_iter().map(|element| Number::$number(element.into()));
                        let mut numbers = SeqDeserializer::<_, ConversionError>::new(numbers);
                        let value = visitor.visit_seq(&mut numbers)?;
                        numbers.end()?;
                        Ok(value)
                    })*
                }
            };
        }
        visit!(Int8 Integer Int16 Integer Int32 Integer Int64 Integer Float32 Single Float64 Double)
    }

    /// Reads a node or a relationship, the parts of a point, or what else is a map. `wanted` are the fields of a struct,
    /// if it is known.
    pub(super) fn map<V: Visitor<'a>>(
        self,
        wanted: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        match self.tag {
            tag::NODE | tag::RELATIONSHIP | tag::UNBOUND_RELATIONSHIP => {
                visit_entity(self.reader, self.len, self.tag, wanted, visitor)
            }
            _ => self.tree(|tree| match wanted {
                Some(fields) => tree.deserialize_struct("", fields, visitor),
                None => tree.deserialize_map(visitor),
            }),
        }
    }

    /// Reads a value that is small, or rare: it is made first.
    fn tree<T>(
        self,
        read: impl FnOnce(Tree<'_>) -> Result<T, ConversionError>,
    ) -> Result<T, ConversionError> {
        let value = Value::structure(self.reader, self.len, self.tag)?;
        read(Tree::new(Part::Value(&value)))
    }
}

/// An element of a vector.
enum Number {
    Integer(i64),
    Single(f32),
    Double(f64),
}

impl IntoDeserializer<'_, ConversionError> for Number {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Number {
    type Error = ConversionError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self {
            Self::Integer(value) => visitor.visit_i64(value),
            Self::Single(value) => visitor.visit_f32(value),
            Self::Double(value) => visitor.visit_f64(value),
        }
    }

    /// Serde itself would round integers.
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self {
            Self::Integer(value) => visitor.visit_f64(exact_float(value)?),
            Self::Single(value) => visitor.visit_f64(value.into()),
            Self::Double(value) => visitor.visit_f64(value),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_f32(match self {
            Self::Integer(value) => exact_float_32(value)?,
            Self::Single(value) => value,
            Self::Double(value) => narrow(value)?,
        })
    }

    ::serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
