//! The reading side of [`raw`](super::raw): encoded values that pass through serde.

use ::serde::de::{self, DeserializeSeed, SeqAccess, Visitor};
use ::serde::forward_to_deserialize_any;

use crate::error::ConversionError;
use crate::packstream::Reader;

/// The encoded value that is next. The visitor finds its end and reports it by `len`, so that no value is
/// walked over twice.
pub(super) struct Encoded<'r, 'a> {
    pub(super) reader: Reader<'a>,
    pub(super) len: &'r mut Option<usize>,
}

impl<'de> de::Deserializer<'de> for Encoded<'_, 'de> {
    type Error = ConversionError;

    /// Visits a sequence: the depth of the value, then all bytes from its start on. The third element
    /// receives something instead: the visitor asks for a tuple that has the length of the value.
    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_seq(Parts {
            encoded: self,
            next: 0,
        })
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Parts<'r, 'a> {
    encoded: Encoded<'r, 'a>,
    next: u8,
}

impl<'de> SeqAccess<'de> for Parts<'_, 'de> {
    type Error = ConversionError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConversionError> {
        let reader = &self.encoded.reader;
        let part = match self.next {
            0 => Part::Depth(reader.depth()),
            1 => Part::Bytes(reader.rest()),
            2 => Part::Len(&mut *self.encoded.len),
            _ => return Ok(None),
        };
        self.next = self.next.saturating_add(1);
        seed.deserialize(part).map(Some)
    }
}

enum Part<'r, 'a> {
    Depth(u16),
    Bytes(&'a [u8]),
    Len(&'r mut Option<usize>),
}

impl<'de> de::Deserializer<'de> for Part<'_, 'de> {
    type Error = ConversionError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        match self {
            Self::Depth(depth) => visitor.visit_u16(depth),
            Self::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Self::Len(_) => visitor.visit_unit(),
        }
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ConversionError> {
        if let Self::Len(place) = self {
            *place = Some(len);
        }
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple_struct map struct enum identifier ignored_any
    }
}
