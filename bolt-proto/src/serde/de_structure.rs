//! Reading structures as types of serde.

use alloc::string::{String, ToString};
use core::iter;

use ::serde::de::value::{MapDeserializer, SeqDeserializer};
use ::serde::de::{IntoDeserializer, Visitor};

use super::de_entity::visit_entity;
use crate::error::ConversionError;
use crate::packstream::Reader;
use crate::value::{
    Date, DateTime, Duration, Fields, LocalDateTime, LocalTime, Point2D, Point3D, Time, Vector,
    ZonedDateTime, tag,
};

/// A structure that the reader has entered: its fields are next.
pub(super) struct Structure<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) len: usize,
    pub(super) tag: u8,
}

impl<'a> Structure<'_, 'a> {
    /// Reads the natural form: a text for dates, times and durations, a map for points, nodes and
    /// relationships (of their properties), a list for vectors.
    pub(super) fn any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self.tag {
            tag::VECTOR => self.list(visitor),
            tag::NODE | tag::RELATIONSHIP | tag::POINT_2D | tag::POINT_3D => self.map(&[], visitor),
            _ => visitor.visit_string(self.text("something that serde knows")?),
        }
    }

    /// Reads the text of a date, a time or a duration.
    pub(super) fn text(self, expected: &'static str) -> Result<String, ConversionError> {
        match self.tag {
            tag::DATE => Ok(self.read::<Date>()?.to_string()),
            tag::TIME => Ok(self.read::<Time>()?.to_string()),
            tag::LOCAL_TIME => Ok(self.read::<LocalTime>()?.to_string()),
            tag::DATE_TIME | tag::LEGACY_DATE_TIME => Ok(self.read::<DateTime>()?.to_string()),
            tag::ZONED_DATE_TIME | tag::LEGACY_ZONED_DATE_TIME => {
                Ok(self.read::<ZonedDateTime>()?.to_string())
            }
            tag::LOCAL_DATE_TIME => Ok(self.read::<LocalDateTime>()?.to_string()),
            tag::DURATION => Ok(self.read::<Duration>()?.to_string()),
            other => Err(ConversionError::mismatch(expected, tag::kind(other))),
        }
    }

    /// Reads the elements of a vector.
    pub(super) fn list<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        if self.tag != tag::VECTOR {
            return Err(ConversionError::mismatch("a list", tag::kind(self.tag)));
        }
        macro_rules! visit {
            ($($variant:ident)*) => {
                match self.read()? {
                    $(Vector::$variant(elements) => {
                        let mut elements = SeqDeserializer::<_, ConversionError>::new(elements.into_iter());
                        let value = visitor.visit_seq(&mut elements)?;
                        elements.end()?;
                        Ok(value)
                    })*
                }
            };
        }
        visit!(Int8 Int16 Int32 Int64 Float32 Float64)
    }

    /// Reads the properties of a node or a relationship, or the parts of a point. `wanted` are the fields of
    /// a struct.
    pub(super) fn map<V: Visitor<'a>>(
        self,
        wanted: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        match self.tag {
            tag::NODE | tag::RELATIONSHIP => visit_entity(self.reader, self.len, self.tag, wanted, visitor),
            tag::POINT_2D => {
                let Point2D { srid, x, y } = self.read()?;
                visit_point(srid.code(), &[("x", x), ("y", y)], visitor)
            }
            tag::POINT_3D => {
                let Point3D { srid, x, y, z } = self.read()?;
                visit_point(srid.code(), &[("x", x), ("y", y), ("z", z)], visitor)
            }
            other => Err(ConversionError::mismatch("a map", tag::kind(other))),
        }
    }

    fn read<T: Fields<'a>>(self) -> Result<T, ConversionError> {
        T::structure(self.reader, self.len, self.tag)
    }
}

fn visit_point<'a, V: Visitor<'a>>(
    srid: u32,
    coordinates: &[(&'static str, f64)],
    visitor: V,
) -> Result<V::Value, ConversionError> {
    let parts = iter::once(("srid", Number::Integer(srid))).chain(
        coordinates
            .iter()
            .map(|&(name, coordinate)| (name, Number::Float(coordinate))),
    );
    visitor.visit_map(MapDeserializer::new(parts))
}

enum Number {
    Integer(u32),
    Float(f64),
}

impl IntoDeserializer<'_, ConversionError> for Number {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> ::serde::Deserializer<'de> for Number {
    type Error = ConversionError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self {
            Self::Integer(value) => visitor.visit_u32(value),
            Self::Float(value) => visitor.visit_f64(value),
        }
    }

    ::serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
