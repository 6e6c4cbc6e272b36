//! Values in formats other than Bolt: written in their [form](super::form), and read back from it.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use ::serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use ::serde::{Serialize, Serializer};

use super::foreign::{self, Foreign};
use super::form::{Form, Part};
use crate::value::Value;

/// A value in its form.
pub(super) struct NaturalValue<'a>(pub(super) &'a Value);

impl Serialize for NaturalValue<'_> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::List(items) => serializer.collect_seq(items.iter().map(NaturalValue)),
            Value::Map(map) => {
                serializer.collect_map(map.iter().map(|(name, value)| (name, NaturalValue(value))))
            }
            value => Part::Value(value).serialize(serializer),
        }
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.form() {
            Form::Null => serializer.serialize_unit(),
            Form::Boolean(value) => serializer.serialize_bool(value),
            Form::Integer(value) => serializer.serialize_i64(value),
            Form::Float(value) => serializer.serialize_f64(value),
            Form::Float32(value) => serializer.serialize_f32(value),
            Form::Text(value) => serializer.serialize_str(value),
            Form::Version(value) => serializer.collect_str(&value),
            Form::Bytes(value) => serializer.serialize_bytes(value),
            Form::Shown(value) => serializer.collect_str(value),
            Form::Items(items) => serializer.collect_seq(items),
            Form::Entries(entries) => serializer.collect_map(entries),
        }
    }
}

/// Reads any value of another format.
#[derive(Clone, Copy)]
pub(super) struct ValueVisitor;

impl<'de> DeserializeSeed<'de> for ValueVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom(foreign::TOO_LARGE))?;
        Ok(Value::Integer(value))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom(foreign::TOO_LARGE))?;
        Ok(Value::Integer(value))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom(foreign::TOO_LARGE))?;
        Ok(Value::Integer(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            // A format that has more than serde knows describes it by a map with a marker.
            if let Some(marker) = Foreign::of(&name) {
                let text: String = access.next_value()?;
                return marker.value(&text).map_err(A::Error::custom);
            }
            entries.push((name, access.next_value_seed(self)?));
        }
        Ok(Value::Map(entries.into_iter().collect()))
    }
}
