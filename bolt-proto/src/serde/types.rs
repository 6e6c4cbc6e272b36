//! Serde for the types of this crate: they are themselves for this crate, and in natural form for other
//! formats.

use alloc::vec::Vec;
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

/// Reads values. From other formats, only the types that these have: a date is a string, and a node is a map.
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
        T::from_natural(value).ok_or_else(|| de::Error::custom("the value has not the form of such a value"))
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
    // Formats without a type for floats write whole floats without a point.
    map.get(name)?.as_f64()
}

/// Takes the result of a function of Cypher out of the map of an entity.
fn function<T: TryFrom<Value>>(map: &mut Map, name: &str) -> Option<T> {
    map.remove(name)?.try_into().ok()
}

impl FromNatural for Node {
    fn from_natural(value: Value) -> Option<Self> {
        let mut map = Map::from_natural(value)?;
        let labels: Vec<Value> = function(&mut map, "labels()")?;
        Some(Self {
            id: function(&mut map, "id()")?,
            element_id: function(&mut map, "elementId()")?,
            labels: labels
                .into_iter()
                .map(|label| label.try_into().ok())
                .collect::<Option<_>>()?,
            properties: map,
        })
    }
}

impl FromNatural for Relationship {
    fn from_natural(value: Value) -> Option<Self> {
        let mut map = Map::from_natural(value)?;
        Some(Self {
            id: function(&mut map, "id()")?,
            start_id: function(&mut map, "startId()")?,
            end_id: function(&mut map, "endId()")?,
            element_id: function(&mut map, "elementId()")?,
            start_element_id: function(&mut map, "startElementId()")?,
            end_element_id: function(&mut map, "endElementId()")?,
            rel_type: function(&mut map, "type()")?,
            properties: map,
        })
    }
}

impl FromNatural for UnboundRelationship {
    fn from_natural(value: Value) -> Option<Self> {
        let mut map = Map::from_natural(value)?;
        Some(Self {
            id: function(&mut map, "id()")?,
            element_id: function(&mut map, "elementId()")?,
            rel_type: function(&mut map, "type()")?,
            properties: map,
        })
    }
}

impl FromNatural for Path {
    fn from_natural(value: Value) -> Option<Self> {
        let mut map = Map::from_natural(value)?;
        let mut items = |name| match map.remove(name) {
            Some(Value::List(items)) => Some(items),
            _ => None,
        };
        let (nodes, relationships) = (items("nodes")?, items("relationships")?);
        Self::of_walk(
            nodes.into_iter().map(Node::from_natural).collect::<Option<_>>()?,
            relationships
                .into_iter()
                .map(Relationship::from_natural)
                .collect::<Option<_>>()?,
        )
    }
}

/// The type of the elements is not in the form: integers are read with 64 bits, and so are floats.
impl FromNatural for Vector {
    fn from_natural(value: Value) -> Option<Self> {
        let Value::List(items) = value else { return None };
        if items.iter().all(|item| item.as_i64().is_some()) {
            return items
                .iter()
                .map(Value::as_i64)
                .collect::<Option<_>>()
                .map(Self::Int64);
        }
        items
            .iter()
            .map(Value::as_f64)
            .collect::<Option<_>>()
            .map(Self::Float64)
    }
}

impl FromNatural for UnsupportedType {
    fn from_natural(value: Value) -> Option<Self> {
        let mut map = Map::from_natural(value)?;
        let name = map.remove("type")?.try_into().ok()?;
        let version = map.remove("minimumVersion")?;
        let message = map.remove("message").and_then(|message| message.try_into().ok());
        Some(Self::new(name, version.as_str()?.parse().ok()?, message))
    }
}
