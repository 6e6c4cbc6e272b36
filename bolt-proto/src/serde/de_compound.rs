//! Reading lists, maps and the data of enums, item by item.

use core::slice;

use ::serde::de::value::U8Deserializer;
use ::serde::de::{
    DeserializeSeed, Deserializer as _, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::de::Deserializer;
use super::name::Name;
use crate::error::{ConversionError, DecodeError};
use crate::packstream::{Reader, same};

/// The items of a list.
pub(super) struct Items<'r, 'a> {
    reader: &'r mut Reader<'a>,
    left: usize,
    len: usize,
}

impl<'r, 'a> Items<'r, 'a> {
    pub(super) const fn new(reader: &'r mut Reader<'a>, len: usize) -> Self {
        Self {
            reader,
            left: len,
            len,
        }
    }

    /// Checks that the list has no more items than the visitor has read.
    #[inline]
    pub(super) fn refuse_rest(&self) -> Result<(), ConversionError> {
        if self.left == 0 {
            return Ok(());
        }
        let wanted = self.len.saturating_sub(self.left);
        Err(ConversionError::wrong_len("a list", wanted, self.len))
    }
}

impl<'a> SeqAccess<'a> for Items<'_, 'a> {
    type Error = ConversionError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConversionError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        match seed.deserialize(Deserializer::new(self.reader)) {
            Ok(item) => Ok(Some(item)),
            Err(error) => Err(error.at_item(self.len.saturating_sub(left).saturating_sub(1))),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// Bytes that are read as a list.
pub(super) struct Bytes<'a>(slice::Iter<'a, u8>);

impl<'a> Bytes<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }
}

impl<'a> SeqAccess<'a> for Bytes<'a> {
    type Error = ConversionError;

    fn next_element_seed<T: DeserializeSeed<'a>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ConversionError> {
        let Some(&byte) = self.0.next() else {
            return Ok(None);
        };
        let byte: U8Deserializer<ConversionError> = byte.into_deserializer();
        seed.deserialize(byte).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The entries of a map.
pub(super) struct Entries<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    left: usize,
    /// The key of which the value has not been read.
    key: Option<&'a str>,
    /// The fields of a struct. Keys that equal a field are known to be text. The field that is expected next
    /// is tried first.
    wanted: &'static [&'static str],
    expected: usize,
}

impl<'r, 'a> Entries<'r, 'a> {
    #[inline]
    pub(super) const fn new(reader: &'r mut Reader<'a>, len: usize, wanted: &'static [&'static str]) -> Self {
        Self {
            reader,
            left: len,
            key: None,
            wanted,
            expected: 0,
        }
    }

    /// The first expected field is the first one that can be a property.
    pub(super) fn of_entity(reader: &'r mut Reader<'a>, wanted: &'static [&'static str]) -> Self {
        let expected = wanted
            .iter()
            .take_while(|name| name.as_bytes().ends_with(b"()"))
            .count();
        Self {
            expected,
            ..Self::new(reader, 0, wanted)
        }
    }

    /// Begins with the entries of another map, of which the header has been read.
    pub(super) fn begin(&mut self, len: usize) {
        self.left = len;
        self.key = None;
    }

    /// Moves to the next entry and returns its name. A value that the visitor has not read is skipped.
    #[inline]
    pub(super) fn next_name(&mut self) -> Result<Option<&'a str>, DecodeError> {
        if self.key.take().is_some() {
            self.reader.skip()?;
        }
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let key = match self.expected_key() {
            Some(key) => key,
            None => self.other_key()?,
        };
        self.key = Some(key);
        Ok(Some(key))
    }

    /// Reads the next key if it is the expected one.
    #[inline]
    fn expected_key(&mut self) -> Option<&'static str> {
        let expected = *self.wanted.get(self.expected)?;
        self.reader.key_if(expected)?;
        self.expected = self.expected.saturating_add(1);
        Some(expected)
    }

    /// Reads the next key. After it, the field that follows it in the struct is expected.
    fn other_key(&mut self) -> Result<&'a str, DecodeError> {
        let key = self.reader.key()?;
        if let Some(at) = self
            .wanted
            .iter()
            .position(|wanted| same(wanted.as_bytes(), key.as_bytes()))
        {
            self.expected = at.saturating_add(1);
        }
        Ok(key)
    }

    /// Skips the entries that the visitor has not read.
    #[inline]
    pub(super) fn skip_rest(&mut self) -> Result<(), DecodeError> {
        if self.key.take().is_some() {
            self.reader.skip()?;
        }
        while let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            self.reader.key()?;
            self.reader.skip()?;
        }
        Ok(())
    }
}

impl<'a> MapAccess<'a> for Entries<'_, 'a> {
    type Error = ConversionError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'a>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ConversionError> {
        match self.next_name()? {
            Some(key) => seed.deserialize(Name(key)).map(Some),
            None => Ok(None),
        }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, ConversionError> {
        let key = self.key.take().ok_or_else(ConversionError::value_before_key)?;
        seed.deserialize(Deserializer::new(self.reader))
            .map_err(|error| error.at_field(key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant of an enum with data: a map of one entry.
pub(super) struct Variant<'r, 'a> {
    name: &'a str,
    reader: &'r mut Reader<'a>,
}

impl<'r, 'a> Variant<'r, 'a> {
    pub(super) const fn new(name: &'a str, reader: &'r mut Reader<'a>) -> Self {
        Self { name, reader }
    }

    fn data<T>(
        self,
        read: impl FnOnce(Deserializer<'r, 'a>) -> Result<T, ConversionError>,
    ) -> Result<T, ConversionError> {
        read(Deserializer::new(self.reader)).map_err(|error| error.at_field(self.name))
    }
}

impl<'a> EnumAccess<'a> for Variant<'_, 'a> {
    type Error = ConversionError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<(T::Value, Self), ConversionError> {
        Ok((seed.deserialize(Name(self.name))?, self))
    }
}

impl<'a> VariantAccess<'a> for Variant<'_, 'a> {
    type Error = ConversionError;

    fn unit_variant(self) -> Result<(), ConversionError> {
        self.data(::serde::Deserialize::deserialize)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, ConversionError> {
        self.data(|data| seed.deserialize(data))
    }

    fn tuple_variant<V: Visitor<'a>>(self, len: usize, visitor: V) -> Result<V::Value, ConversionError> {
        self.data(|data| data.deserialize_tuple(len, visitor))
    }

    fn struct_variant<V: Visitor<'a>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConversionError> {
        self.data(|data| data.deserialize_struct("", fields, visitor))
    }
}
