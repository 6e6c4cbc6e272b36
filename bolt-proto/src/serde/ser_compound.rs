//! Writing lists, maps, structs and the data of enums, item by item.

use alloc::borrow::ToOwned;

use ::serde::Serialize;
use ::serde::ser;

use super::key::KeySerializer;
use super::ser::Serializer;
use crate::error::EncodeError;
use crate::packstream::{Reader, write};
use crate::value::{Mark, Open, Output};

/// Writes the items of a list.
pub(super) struct List<'a> {
    out: &'a mut Output,
    open: Open,
    /// The map around the list that names the variant of an enum.
    variant: Option<Open>,
}

impl<'a> List<'a> {
    #[inline]
    pub(super) const fn new(out: &'a mut Output, open: Open, variant: Option<Open>) -> Self {
        Self { out, open, variant }
    }

    #[inline]
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.out
            .one(|encoder| value.serialize(Serializer::new(encoder.into_output())))
            .map_err(|error| error.at_item(self.open.count()))?;
        self.open.item();
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<(), EncodeError> {
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
}

impl<'a> Map<'a> {
    #[inline]
    pub(super) const fn new(out: &'a mut Output, open: Open, variant: Option<Open>) -> Self {
        Self {
            out,
            open,
            variant,
            key: None,
        }
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), EncodeError> {
        self.out.entry(name, |encoder| {
            value.serialize(Serializer::new(encoder.into_output()))
        })?;
        self.open.key(name.as_bytes());
        self.open.item();
        Ok(())
    }

    /// Writes the value of the last key.
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let place = self.key.take().ok_or_else(EncodeError::key_without_value)?;
        match self
            .out
            .one(|encoder| value.serialize(Serializer::new(encoder.into_output())))
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
    ($($of:ident)*) => {$(
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
                self.finish()
            }
        }
    )*};
}

structs!(SerializeStruct SerializeStructVariant);

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
