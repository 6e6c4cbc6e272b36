//! Serde for the types of this crate: they are themselves for this crate, and in natural form for other
//! formats.

use core::fmt::{self, Display};
use core::marker::PhantomData;
use core::str::FromStr;

use ::serde::de::{self, Visitor};
use ::serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::natural::{NaturalValue, ValueVisitor};
use super::raw::{self, Natural};
use crate::value::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, Map, Node, Path, Point2D, Point3D, Relationship,
    Srid, Time, UnboundRelationship, UnsupportedType, Uuid, Value, Vector, ZonedDateTime,
};

/// Implements serde for types that are a text in other formats.
macro_rules! texts {
    ($($type:ty)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                raw::serialize(self, Text(self), serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                raw::deserialize::<Self, ByText, D>(deserializer)
            }
        }
    )*};
}

texts!(Date LocalTime Time LocalDateTime DateTime ZonedDateTime Duration Uuid);

/// Implements serde for types that have the natural form of a [`Value`].
macro_rules! values {
    ($($type:ty)*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                raw::serialize(self, NaturalValue(&Value::from(self.clone())), serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                raw::deserialize::<Self, ByValue, D>(deserializer)
            }
        }
    )*};
}

values!(Map Node Relationship UnboundRelationship Path Point2D Point3D Vector UnsupportedType);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        raw::serialize(self, NaturalValue(self), serializer)
    }
}

/// Reads values. From other formats, only the types that these have: no dates, points or nodes.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        raw::deserialize::<Self, ByValue, D>(deserializer)
    }
}

struct Text<'a, T>(&'a T);

impl<T: Display> Serialize for Text<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

struct ByText;

impl<'de, T: FromStr<Err: Display>> Natural<'de, T> for ByText {
    fn natural<D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromStr<Err: Display>> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in the form of ISO 8601, or of a UUID")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

struct ByValue;

/// A type that is read from a natural form.
trait FromNatural: Sized {
    fn from_natural(value: Value) -> Option<Self>;
}

impl<'de, T: FromNatural> Natural<'de, T> for ByValue {
    fn natural<D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let value = deserializer.deserialize_any(ValueVisitor)?;
        T::from_natural(value).ok_or_else(|| de::Error::custom("such a value can only be read from Bolt"))
    }
}

impl FromNatural for Value {
    fn from_natural(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl FromNatural for Map {
    fn from_natural(value: Value) -> Option<Self> {
        match value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }
}

impl FromNatural for Point2D {
    fn from_natural(value: Value) -> Option<Self> {
        let map = Map::from_natural(value)?;
        Some(Self {
            srid: srid(&map)?,
            x: coordinate(&map, "x")?,
            y: coordinate(&map, "y")?,
        })
    }
}

impl FromNatural for Point3D {
    fn from_natural(value: Value) -> Option<Self> {
        let map = Map::from_natural(value)?;
        let (x, y) = (coordinate(&map, "x")?, coordinate(&map, "y")?);
        Some(Self {
            srid: srid(&map)?,
            x,
            y,
            z: coordinate(&map, "z")?,
        })
    }
}

fn srid(map: &Map) -> Option<Srid> {
    match map.get("srid")? {
        Value::Integer(code) => u32::try_from(*code).ok().map(Srid::new),
        _ => None,
    }
}

fn coordinate(map: &Map, name: &str) -> Option<f64> {
    match map.get(name)? {
        Value::Float(value) => Some(*value),
        // Formats without a type for floats write whole floats without a point.
        Value::Integer(value) => i32::try_from(*value).ok().map(f64::from),
        _ => None,
    }
}

macro_rules! only_from_bolt {
    ($($type:ty)*) => {$(
        impl FromNatural for $type {
            fn from_natural(_value: Value) -> Option<Self> {
                None
            }
        }
    )*};
}

only_from_bolt!(Node Relationship UnboundRelationship Path Vector UnsupportedType);
