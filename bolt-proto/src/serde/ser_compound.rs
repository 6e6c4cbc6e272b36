//! Writing lists, maps, structs and the data of enums, item by item.

use alloc::borrow::ToOwned;

use ::serde::Serialize;
use ::serde::ser;

use super::foreign::Foreign;
use super::key::KeySerializer;
use super::ser::Serializer;
use crate::error::EncodeError;
use crate::packstream::{Reader, Token, write};
use crate::value::{Encoder, Mark, Open, Output, ToValue};

/// Writes the items of a list.
pub(super) struct List<'a> {
    out: &'a mut Output,
    open: Open,
    /// The map around the list that names the variant of an enum.
    variant: Option<Open>,
    /// The number of `u8` that had been written before the list.
    small_numbers: usize,
}

impl<'a> List<'a> {
    #[inline]
    pub(super) const fn new(out: &'a mut Output, open: Open, variant: Option<Open>) -> Self {
        let small_numbers = out.small_numbers;
        Self {
            out,
            open,
            variant,
            small_numbers,
        }
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.out
            .one(|encoder| Serializer::write(encoder.into_output(), value))
            .map_err(|error| error.at_item(self.open.count()))?;
        self.open.item();
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<(), EncodeError> {
        let small_numbers = self.out.small_numbers.wrapping_sub(self.small_numbers);
        if small_numbers == self.open.count() && small_numbers > 0 {
            self.out.refuse_bytes(&self.open)?;
        }
        finish(self.out, &self.open, self.variant.as_ref())
    }
}

/// Writes the entries of a map.
pub(super) struct Map<'a> {
    out: &'a mut Output,
    open: Open,
    variant: Option<Open>,
    /// The position of a key that has no value yet.
    key: Option<Mark>,
    /// A marker of another format in place of a struct: its only field describes a value.
    foreign: Option<Foreign>,
}

impl<'a> Map<'a> {
    #[inline]
    pub(super) const fn new(out: &'a mut Output, open: Open, variant: Option<Open>) -> Self {
        Self {
            out,
            open,
            variant,
            key: None,
            foreign: None,
        }
    }

    #[cold]
    pub(super) fn foreign(out: &'a mut Output, open: Open, foreign: Foreign) -> Self {
        Self {
            foreign: Some(foreign),
            ..Self::new(out, open, None)
        }
    }

    /// Writes the value that the field describes, in place of the field.
    #[cold]
    fn replace(self, foreign: Foreign) -> Result<(), EncodeError> {
        let contents = self.out.take_back(&self.open);
        let mut reader = Reader::new(&contents);
        let (Ok(_), Ok(Token::String(text))) = (reader.key(), reader.token()) else {
            return Err(Foreign::unknown("a marker of another format"));
        };
        foreign.value(text)?.to_value(Encoder::new(self.out))
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), EncodeError> {
        self.out
            .entry(name, |encoder| Serializer::write(encoder.into_output(), value))?;
        self.open.key(name.as_bytes());
        self.open.item();
        Ok(())
    }

    /// Writes the value of the last key.
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let place = self.key.take().ok_or_else(EncodeError::key_without_value)?;
        match self
            .out
            .one(|encoder| Serializer::write(encoder.into_output(), value))
        {
            Ok(()) => {
                self.open.item();
                Ok(())
            }
            Err(error) => {
                let key = Reader::new(self.out.since(place))
                    .key()
                    .map(str::to_owned)
                    .unwrap_or_default();
                self.out.back_to(place);
                Err(error.at_field(&key))
            }
        }
    }

    #[inline]
    fn finish(self) -> Result<(), EncodeError> {
        if self.key.is_some() {
            return Err(EncodeError::key_without_value());
        }
        finish(self.out, &self.open, self.variant.as_ref())
    }
}

#[inline]
fn finish(out: &mut Output, open: &Open, variant: Option<&Open>) -> Result<(), EncodeError> {
    out.end(open)?;
    variant.map_or(Ok(()), |open| out.end(open))
}

macro_rules! lists {
    ($($of:ident $method:ident;)*) => {$(
        impl ser::$of for List<'_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.item(value)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

lists! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! structs {
    ($($of:ident: $map:ident => $end:expr;)*) => {$(
        impl ser::$of for Map<'_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.field(name, value)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                let $map = self;
                $end
            }
        }
    )*};
}

structs! {
    SerializeStruct: map => match map.foreign {
        None => map.finish(),
        Some(foreign) => map.replace(foreign),
    };
    SerializeStructVariant: map => map.finish();
}

impl ser::SerializeMap for Map<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        if self.key.is_some() {
            return Err(EncodeError::key_without_value());
        }
        let place = self.out.mark();
        key.serialize(KeySerializer::new(|key| write::string(&mut self.out.bytes, key)))?;
        self.open.key(self.out.since(place));
        self.key = Some(place);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.value(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}
