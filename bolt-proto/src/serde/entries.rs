//! A struct or a map as the parameters of a query: its entries, without a map around them.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use ::serde::Serialize;
use ::serde::ser::{self, Impossible};

use super::key::KeySerializer;
use super::ser::Serializer;
use crate::error::EncodeError;
use crate::packstream::{Reader, write};
use crate::value::{Mark, Output};

/// Writes each entry of a struct or a map, and notes where in the output it starts.
pub(crate) fn write_entries<T: Serialize + ?Sized>(
    out: &mut Output,
    starts: &mut Vec<usize>,
    entries: &T,
) -> Result<(), EncodeError> {
    entries.serialize(EntriesSerializer { out, starts })
}

struct EntriesSerializer<'a> {
    out: &'a mut Output,
    starts: &'a mut Vec<usize>,
}

struct Entries<'a> {
    out: &'a mut Output,
    starts: &'a mut Vec<usize>,
    /// The place of a key that has no value yet.
    key: Option<Mark>,
}

impl Entries<'_> {
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        if self.key.is_some() {
            return Err(EncodeError::key_without_value());
        }
        let place = self.out.mark();
        key.serialize(KeySerializer::new(|key| write::string(&mut self.out.bytes, key)))?;
        self.key = Some(place);
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let place = self.key.take().ok_or_else(EncodeError::key_without_value)?;
        match self.out.one(|encoder| value.serialize(Serializer::new(encoder.into_output()))) {
            Ok(()) => {
                self.starts.push(place.position());
                Ok(())
            }
            Err(error) => {
                let key = Reader::new(self.out.since(place)).key().map(str::to_owned).unwrap_or_default();
                self.out.back_to(place);
                Err(error.at_parameter(&key))
            }
        }
    }
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.value(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        if self.key.is_some() { Err(EncodeError::key_without_value()) } else { Ok(()) }
    }
}

impl ser::SerializeStruct for Entries<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.key(name)?;
        self.value(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        Ok(())
    }
}

macro_rules! refused {
    ($($method:ident $value:ty, $found:literal;)*) => {$(
        fn $method(self, _value: $value) -> Result<(), EncodeError> {
            Err(EncodeError::parameters($found))
        }
    )*};
}

type No = Impossible<(), EncodeError>;

impl<'a> ser::Serializer for EntriesSerializer<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = No;
    type SerializeTuple = No;
    type SerializeTupleStruct = No;
    type SerializeTupleVariant = No;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Entries<'a>;
    type SerializeStructVariant = No;

    refused! {
        serialize_bool bool, "a boolean";
        serialize_i8 i8, "an integer";
        serialize_i16 i16, "an integer";
        serialize_i32 i32, "an integer";
        serialize_i64 i64, "an integer";
        serialize_u8 u8, "an integer";
        serialize_u16 u16, "an integer";
        serialize_u32 u32, "an integer";
        serialize_u64 u64, "an integer";
        serialize_f32 f32, "a float";
        serialize_f64 f64, "a float";
        serialize_char char, "a string";
        serialize_str &str, "a string";
        serialize_bytes &[u8], "bytes";
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
    ) -> Result<(), EncodeError> {
        Err(EncodeError::parameters("an enum"))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _value: &T,
    ) -> Result<(), EncodeError> {
        Err(EncodeError::parameters("an enum"))
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<No, EncodeError> {
        Err(EncodeError::parameters("a list"))
    }

    fn serialize_tuple(self, _len: usize) -> Result<No, EncodeError> {
        Err(EncodeError::parameters("a tuple"))
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<No, EncodeError> {
        Err(EncodeError::parameters("a tuple"))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<No, EncodeError> {
        Err(EncodeError::parameters("an enum"))
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries<'a>, EncodeError> {
        Ok(Entries { out: self.out, starts: self.starts, key: None })
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Entries<'a>, EncodeError> {
        Ok(Entries { out: self.out, starts: self.starts, key: None })
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        _variant: &'static str,
        _len: usize,
    ) -> Result<No, EncodeError> {
        Err(EncodeError::parameters("an enum"))
    }
}
