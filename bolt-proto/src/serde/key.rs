//! Map keys, which must be strings.

use alloc::string::ToString;
use core::fmt;

use ::serde::Serialize;
use ::serde::ser::{self, Impossible};

use crate::error::EncodeError;

/// Passes the key on as text.
pub(super) struct KeySerializer<F> {
    write: F,
}

impl<F: FnOnce(&str) -> Result<(), EncodeError>> KeySerializer<F> {
    pub(super) const fn new(write: F) -> Self {
        Self { write }
    }
}

macro_rules! refused {
    ($($method:ident $value:ty, $found:literal;)*) => {$(
        fn $method(self, _value: $value) -> Result<(), EncodeError> {
            Err(EncodeError::key($found))
        }
    )*};
}

type No = Impossible<(), EncodeError>;

impl<F: FnOnce(&str) -> Result<(), EncodeError>> ser::Serializer for KeySerializer<F> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = No;
    type SerializeStruct = No;
    type SerializeStructVariant = No;

    refused! {
        serialize_bool bool, "a boolean";
        serialize_i8 i8, "an integer";
        serialize_i16 i16, "an integer";
        serialize_i32 i32, "an integer";
        serialize_i64 i64, "an integer";
        serialize_i128 i128, "an integer";
        serialize_u8 u8, "an integer";
        serialize_u16 u16, "an integer";
        serialize_u32 u32, "an integer";
        serialize_u64 u64, "an integer";
        serialize_u128 u128, "an integer";
        serialize_f32 f32, "a float";
        serialize_f64 f64, "a float";
        serialize_bytes &[u8], "bytes";
        serialize_unit_struct &'static str, "null";
    }

    #[inline]
    fn serialize_str(self, key: &str) -> Result<(), EncodeError> {
        (self.write)(key)
    }

    fn serialize_char(self, key: char) -> Result<(), EncodeError> {
        (self.write)(key.encode_utf8(&mut [0; 4]))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, key: &T) -> Result<(), EncodeError> {
        (self.write)(&key.to_string())
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        Err(EncodeError::key("null"))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, key: &T) -> Result<(), EncodeError> {
        key.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Err(EncodeError::key("null"))
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

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _key: &T,
    ) -> Result<(), EncodeError> {
        Err(EncodeError::key("an enum with data"))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<No, EncodeError> {
        Err(EncodeError::key("a list"))
    }

    fn serialize_tuple(self, _len: usize) -> Result<No, EncodeError> {
        Err(EncodeError::key("a tuple"))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<No, EncodeError> {
        Err(EncodeError::key("a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<No, EncodeError> {
        Err(EncodeError::key("an enum with data"))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<No, EncodeError> {
        Err(EncodeError::key("a map"))
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<No, EncodeError> {
        Err(EncodeError::key("a struct"))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<No, EncodeError> {
        Err(EncodeError::key("an enum with data"))
    }
}
