//! Writing map keys: strings, and, as in JSON, numbers and booleans as text.

use alloc::string::ToString;

use ::serde::Serialize;
use ::serde::ser;

use super::refuse::refuse;
use crate::error::EncodeError;

/// Passes the key as text.
pub(super) struct KeySerializer<F> {
    write: F,
}

impl<F: FnOnce(&str) -> Result<(), EncodeError>> KeySerializer<F> {
    pub(super) const fn new(write: F) -> Self {
        Self { write }
    }
}

macro_rules! shown {
    ($($method:ident $type:ty;)*) => {$(
        fn $method(self, key: $type) -> Result<(), EncodeError> {
            (self.write)(&key.to_string())
        }
    )*};
}

impl<F: FnOnce(&str) -> Result<(), EncodeError>> ser::Serializer for KeySerializer<F> {
    type Ok = ();
    type Error = EncodeError;

    refuse! {
        EncodeError::key;
        f32 f64 bytes unit_struct unit none newtype_variant seq tuple
        tuple_struct tuple_variant map struct struct_variant
    }

    #[inline]
    fn serialize_str(self, key: &str) -> Result<(), EncodeError> {
        (self.write)(key)
    }

    shown! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
    }

    fn serialize_char(self, key: char) -> Result<(), EncodeError> {
        (self.write)(key.encode_utf8(&mut [0; 4]))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<(), EncodeError> {
        key.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        (self.write)(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        key: &T,
    ) -> Result<(), EncodeError> {
        key.serialize(self)
    }
}
