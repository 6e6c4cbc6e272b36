//! Writing map keys, which must be strings.

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

impl<F: FnOnce(&str) -> Result<(), EncodeError>> ser::Serializer for KeySerializer<F> {
    type Ok = ();
    type Error = EncodeError;

    refuse! {
        EncodeError::key;
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 bytes unit_struct unit none newtype_variant seq tuple
        tuple_struct tuple_variant map struct struct_variant
    }

    #[inline]
    fn serialize_str(self, key: &str) -> Result<(), EncodeError> {
        (self.write)(key)
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
