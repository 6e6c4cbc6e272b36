//! How values that have no type in serde pass through it.
//!
//! Such a type serializes as a newtype struct with a name that only this crate's serializer knows. The
//! contents depend on the format. This crate's serializer is not human-readable, and receives the encoded
//! value as bytes. Another format receives the natural form of the type, such as a text for a date. Reading
//! works in the same way.

use core::fmt;
use core::marker::PhantomData;

use ::serde::de::{self, DeserializeSeed, IgnoredAny, SeqAccess, Visitor};
use ::serde::ser::Error as _;
use ::serde::{Deserializer, Serialize, Serializer};

use crate::error::ConversionError;
use crate::packstream::Reader;
use crate::value::{FromValue, Output, ToValue, Value};

/// The name of the newtype struct.
pub(super) const RAW: &str = "$bolt_proto::value";

/// Serializes a value as itself for this crate, and as `natural` for other formats.
pub(super) fn serialize<T: ToValue + ?Sized, N: Serialize, S: Serializer>(
    value: &T,
    natural: N,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(RAW, &Inside { value, natural })
}

struct Inside<'a, T: ?Sized, N> {
    value: &'a T,
    natural: N,
}

impl<T: ToValue + ?Sized, N: Serialize> Serialize for Inside<'_, T, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.natural.serialize(serializer);
        }
        let mut out = Output::default();
        out.one(|encoder| self.value.to_value(encoder))
            .map_err(S::Error::custom)?;
        serializer.serialize_bytes(&out.into_portable())
    }
}

/// A way to read a type from other formats.
pub(super) trait Natural<'de, T> {
    fn natural<D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error>;
}

/// Deserializes a value as itself from this crate, and from its natural form in other formats.
#[inline]
pub(super) fn deserialize<'de, T: FromValue<'de>, N: Natural<'de, T>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    deserializer.deserialize_newtype_struct(RAW, Outside::<T, N>(PhantomData))
}

struct Outside<T, N>(PhantomData<(T, N)>);

impl<'de, T: FromValue<'de>, N: Natural<'de, T>> Visitor<'de> for Outside<T, N> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    #[inline]
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        if deserializer.is_human_readable() {
            return N::natural(deserializer);
        }
        deserializer.deserialize_bytes(Encoded(PhantomData))
    }
}

/// Reads an encoded value. From this crate it comes with its depth, and with the bytes after it; from
/// elsewhere as `Inside` has written it.
struct Encoded<T>(PhantomData<T>);

impl<'de, T: FromValue<'de>> Visitor<'de> for Encoded<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an encoded value")
    }

    #[inline]
    fn visit_borrowed_bytes<E: de::Error>(self, bytes: &'de [u8]) -> Result<T, E> {
        T::read(&mut Reader::new(bytes)).map_err(E::custom)
    }

    /// Reads a value that cannot be borrowed from, because it is not in a row.
    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<T, E> {
        let value = Value::read(&mut Reader::new(bytes)).map_err(E::custom)?;
        T::from_tree(&value)
            .unwrap_or_else(|| Err(ConversionError::custom("such a type can only be read from a row")))
            .map_err(E::custom)
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<T, A::Error> {
        let missing = || de::Error::custom("an encoded value is incomplete");
        let depth: u16 = parts.next_element()?.ok_or_else(missing)?;
        let bytes: &'de [u8] = parts.next_element()?.ok_or_else(missing)?;
        let mut reader = Reader::nested(bytes, depth);
        let value = T::read(&mut reader).map_err(de::Error::custom)?;
        parts.next_element_seed(Len(bytes.len().saturating_sub(reader.rest().len())))?;
        Ok(value)
    }
}

/// Reports the length of the value by asking for a tuple of that length.
struct Len(usize);

impl<'de> DeserializeSeed<'de> for Len {
    type Value = IgnoredAny;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<IgnoredAny, D::Error> {
        deserializer.deserialize_tuple(self.0, IgnoredAny)
    }
}
