//! Writing any `Serialize` as a value.

use ::serde::Serialize;
use ::serde::ser;

use super::as_serde::AS_SERDE;
use super::foreign::Foreign;
use super::raw::RAW;
use super::refuse::refuse;
use super::ser_compound::{List, Map};
use super::traps;
use crate::error::EncodeError;
use crate::packstream::write;
use crate::value::{Container, Open, Output};

/// Writes one value.
pub(super) struct Serializer<'a> {
    out: &'a mut Output,
}

impl<'a> Serializer<'a> {
    pub(super) const fn new(out: &'a mut Output) -> Self {
        Self { out }
    }

    /// Begins the map of one entry that names the variant of an enum.
    fn variant(&mut self, name: &str) -> Result<Open, EncodeError> {
        let mut open = self.out.begin(Container::Map, Some(1))?;
        open.item();
        write::string(&mut self.out.bytes, name)?;
        Ok(open)
    }

    /// Writes a value of which the type is known.
    #[inline]
    pub(super) fn write<T: Serialize + ?Sized>(out: &'a mut Output, value: &T) -> Result<(), EncodeError> {
        traps::refuse::<T>(out)?;
        value.serialize(Self::new(out))
    }

    #[inline]
    fn list(self, len: Option<usize>, variant: Option<Open>) -> Result<List<'a>, EncodeError> {
        let open = self.out.begin(Container::List, len)?;
        Ok(List::new(self.out, open, variant))
    }

    #[inline]
    fn map(self, len: Option<usize>, variant: Option<Open>) -> Result<Map<'a>, EncodeError> {
        let open = self.out.begin(Container::Map, len)?;
        Ok(Map::new(self.out, open, variant))
    }

    #[inline]
    fn integer(self, value: impl TryInto<i64>) -> Result<(), EncodeError> {
        write::integer(
            &mut self.out.bytes,
            value.try_into().map_err(|_| EncodeError::integer())?,
        );
        Ok(())
    }
}

macro_rules! integers {
    ($($method:ident $integer:ty;)*) => {$(
        #[inline]
        fn $method(self, value: $integer) -> Result<(), EncodeError> {
            self.integer(value)
        }
    )*};
}

impl<'a> ser::Serializer for Serializer<'a> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Map<'a>;
    type SerializeStruct = Map<'a>;
    type SerializeStructVariant = Map<'a>;

    integers! {
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
    }

    /// Counts the number. A list of nothing else is likely to mean bytes.
    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), EncodeError> {
        self.out.small_numbers = self.out.small_numbers.wrapping_add(1);
        self.integer(value)
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        write::boolean(&mut self.out.bytes, value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), EncodeError> {
        self.serialize_f64(f64::from(value))
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<(), EncodeError> {
        write::float(&mut self.out.bytes, value);
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        write::string(&mut self.out.bytes, value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        write::bytes(&mut self.out.bytes, value)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), EncodeError> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        Self::write(self.out, value)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), EncodeError> {
        write::null(&mut self.out.bytes);
        Ok(())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), EncodeError> {
        Foreign::refuse(name)?;
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        Foreign::refuse(name)?;
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        match Foreign::of_type(name) {
            None => Self::write(self.out, value),
            Some(_) if name == RAW => value.serialize(EncodedSerializer { out: self.out }),
            Some(_) if name == AS_SERDE => self.out.as_serde(|out| value.serialize(Serializer::new(out))),
            Some(_) => Err(Foreign::unknown(name)),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        Foreign::refuse(name)?;
        let open = self.variant(variant)?;
        self.out
            .one(|encoder| Serializer::write(encoder.into_output(), value))
            .map_err(|error| error.at_field(variant))?;
        self.out.end(&open)
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<List<'a>, EncodeError> {
        self.list(len, None)
    }

    fn serialize_tuple(self, len: usize) -> Result<List<'a>, EncodeError> {
        self.list(Some(len), None)
    }

    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<List<'a>, EncodeError> {
        Foreign::refuse(name)?;
        self.list(Some(len), None)
    }

    fn serialize_tuple_variant(
        mut self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<List<'a>, EncodeError> {
        Foreign::refuse(name)?;
        let open = self.variant(variant)?;
        self.list(Some(len), Some(open))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Map<'a>, EncodeError> {
        self.map(len, None)
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Map<'a>, EncodeError> {
        match Foreign::of_type(name) {
            None => self.map(Some(len), None),
            Some(Foreign::Unknown) => Err(Foreign::unknown(name)),
            Some(known) => {
                let open = self.out.begin(Container::Map, Some(len))?;
                Ok(Map::foreign(self.out, open, known))
            }
        }
    }

    fn serialize_struct_variant(
        mut self,
        name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Map<'a>, EncodeError> {
        Foreign::refuse(name)?;
        let open = self.variant(variant)?;
        self.map(Some(len), Some(open))
    }
}

/// Accepts a value that is already encoded; see [`raw`](super::raw).
struct EncodedSerializer<'a> {
    out: &'a mut Output,
}

impl ser::Serializer for EncodedSerializer<'_> {
    type Ok = ();
    type Error = EncodeError;

    refuse! {
        not_encoded;
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str unit_struct unit none some unit_variant
        newtype_struct newtype_variant seq tuple tuple_struct tuple_variant map struct struct_variant
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.out.append_portable(value)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

fn not_encoded(found: &'static str) -> EncodeError {
    EncodeError::custom(alloc::format!(
        "{found} stands where an encoded value is expected"
    ))
}
