//! Writing a struct or a map as the parameters of a query: its entries, without a map around them.

use alloc::borrow::ToOwned;

use ::serde::Serialize;
use ::serde::ser;

use super::as_serde::AS_SERDE;
use super::foreign::Foreign;
use super::key::KeySerializer;
use super::refuse::refuse;
use super::ser::Serializer;
use crate::error::EncodeError;
use crate::packstream::{Reader, write};
use crate::value::{Mark, Output};

/// The target of the entries.
pub(crate) trait Sink {
    /// Returns the output.
    fn output(&mut self) -> &mut Output;

    /// Notes that an entry that begins at `start` has been written.
    fn written(&mut self, start: usize);
}

/// Writes each entry of a struct or a map.
pub(crate) fn write_entries<T: Serialize + ?Sized, S: Sink>(
    sink: &mut S,
    entries: &T,
) -> Result<(), EncodeError> {
    entries.serialize(EntriesSerializer { sink })
}

struct EntriesSerializer<'a, S> {
    sink: &'a mut S,
}

struct Entries<'a, S> {
    sink: &'a mut S,
    /// The position of a key that has no value yet.
    key: Option<Mark>,
}

impl<S: Sink> Entries<'_, S> {
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        if self.key.is_some() {
            return Err(EncodeError::key_without_value());
        }
        let out = self.sink.output();
        let place = out.mark();
        key.serialize(KeySerializer::new(|key| write::string(&mut out.bytes, key)))?;
        self.key = Some(place);
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let place = self.key.take().ok_or_else(EncodeError::key_without_value)?;
        let out = self.sink.output();
        match out.one(|encoder| Serializer::write(encoder.into_output(), value)) {
            Ok(()) => {
                self.sink.written(place.position());
                Ok(())
            }
            Err(error) => {
                let key = Reader::new(out.since(place))
                    .key()
                    .map(str::to_owned)
                    .unwrap_or_default();
                out.back_to(place);
                Err(error.at_parameter(&key))
            }
        }
    }
}

impl<S: Sink> ser::SerializeMap for Entries<'_, S> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.value(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        if self.key.is_some() {
            Err(EncodeError::key_without_value())
        } else {
            Ok(())
        }
    }
}

impl<S: Sink> ser::SerializeStruct for Entries<'_, S> {
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

impl<'a, S: Sink> ser::Serializer for EntriesSerializer<'a, S> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeMap = Entries<'a, S>;
    type SerializeStruct = Entries<'a, S>;

    refuse! {
        EncodeError::parameters;
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str bytes unit_variant newtype_variant seq tuple
        tuple_struct tuple_variant struct_variant
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

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        match Foreign::of_type(name) {
            Some(_) if name == AS_SERDE => {
                let before = core::mem::replace(&mut self.sink.output().as_serde, true);
                let written = value.serialize(EntriesSerializer {
                    sink: &mut *self.sink,
                });
                self.sink.output().as_serde = before;
                written
            }
            Some(_) => Err(EncodeError::parameters("a single value")),
            None => value.serialize(self),
        }
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Entries<'a, S>, EncodeError> {
        Ok(Entries {
            sink: self.sink,
            key: None,
        })
    }

    fn serialize_struct(self, name: &'static str, _len: usize) -> Result<Entries<'a, S>, EncodeError> {
        if Foreign::of_type(name).is_some() {
            return Err(EncodeError::parameters("a single value"));
        }
        Ok(Entries {
            sink: self.sink,
            key: None,
        })
    }
}
