//! Reading map keys and the names of columns. As in JSON, a key may be a number or a boolean written as text.

use ::serde::de::{self, Visitor};
use ::serde::forward_to_deserialize_any;

use crate::error::ConversionError;

/// A key in the bytes.
#[derive(Clone, Copy)]
pub(super) struct Name<'a>(pub(super) &'a str);

/// A key elsewhere, which the type cannot borrow.
#[derive(Clone, Copy)]
pub(super) struct CopiedName<'v>(pub(super) &'v str);

impl<'de> Name<'de> {
    #[inline]
    fn text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_borrowed_str(self.0)
    }
}

impl CopiedName<'_> {
    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
        visitor.visit_str(self.0)
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
            match self.0.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => self.text(visitor),
            }
        }
    )*};
}

macro_rules! names {
    ($($name:ty;)*) => {$(
        impl<'de> de::Deserializer<'de> for $name {
            type Error = ConversionError;

            #[inline]
            fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
                self.text(visitor)
            }

            #[inline]
            fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
                self.text(visitor)
            }

            fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConversionError> {
                visitor.visit_some(self)
            }

            fn deserialize_newtype_struct<V: Visitor<'de>>(
                self,
                _name: &'static str,
                visitor: V,
            ) -> Result<V::Value, ConversionError> {
                visitor.visit_newtype_struct(self)
            }

            fn deserialize_enum<V: Visitor<'de>>(
                self,
                _name: &'static str,
                _variants: &'static [&'static str],
                visitor: V,
            ) -> Result<V::Value, ConversionError> {
                visitor.visit_enum(de::value::StrDeserializer::new(self.0))
            }

            parsed! {
                deserialize_bool visit_bool bool;
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

            forward_to_deserialize_any! {
                f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct ignored_any
            }
        }
    )*};
}

names! {
    Name<'de>;
    CopiedName<'_>;
}
