//! The natural form of values, which is their form in formats other than Bolt.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use ::serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use ::serde::ser::SerializeMap;
use ::serde::{Serialize, Serializer};

use crate::value::{Map, Node, Path, Relationship, Segment, Structure, UnsupportedType, Value, Vector};

/// A value in its natural form: texts for dates, times, durations and UUIDs, lists for vectors, and maps for
/// points, nodes, relationships and paths.
pub(super) struct NaturalValue<'a>(pub(super) &'a Value);

impl Serialize for NaturalValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Boolean(value) => serializer.serialize_bool(*value),
            Value::Integer(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_bytes(value),
            Value::List(items) => serializer.collect_seq(items.iter().map(NaturalValue)),
            Value::Map(map) => properties(map).serialize(serializer),
            Value::Node(node) => natural_node(node).serialize(serializer),
            Value::Relationship(relationship) => natural_relationship(relationship).serialize(serializer),
            Value::UnboundRelationship(relationship) => Fields([
                ("elementId", Field::Text(&relationship.element_id)),
                ("type", Field::Text(&relationship.rel_type)),
                ("properties", Field::Map(&relationship.properties)),
            ])
            .serialize(serializer),
            Value::Path(path) => natural_path(path, serializer),
            Value::Date(date) => serializer.collect_str(date),
            Value::Time(time) => serializer.collect_str(time),
            Value::LocalTime(time) => serializer.collect_str(time),
            Value::DateTime(time) => serializer.collect_str(time),
            Value::ZonedDateTime(time) => serializer.collect_str(time),
            Value::LocalDateTime(time) => serializer.collect_str(time),
            Value::Duration(duration) => serializer.collect_str(duration),
            Value::Point2D(point) => Fields([
                ("srid", Field::Integer(i64::from(point.srid.code()))),
                ("x", Field::Float(point.x)),
                ("y", Field::Float(point.y)),
            ])
            .serialize(serializer),
            Value::Point3D(point) => Fields([
                ("srid", Field::Integer(i64::from(point.srid.code()))),
                ("x", Field::Float(point.x)),
                ("y", Field::Float(point.y)),
                ("z", Field::Float(point.z)),
            ])
            .serialize(serializer),
            Value::Vector(vector) => natural_vector(vector, serializer),
            Value::Uuid(uuid) => serializer.collect_str(uuid),
            Value::Unsupported(stand_in) => natural_stand_in(stand_in).serialize(serializer),
            Value::Structure(structure) => natural_structure(structure, serializer),
        }
    }
}

/// A map with known names.
struct Fields<'a, const N: usize>([(&'static str, Field<'a>); N]);

enum Field<'a> {
    Integer(i64),
    Float(f64),
    Text(&'a str),
    Texts(&'a [String]),
    Map(&'a Map),
}

impl<const N: usize> Serialize for Fields<'_, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, field)| (name, field)))
    }
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Texts(values) => values.serialize(serializer),
            Self::Map(map) => properties(map).serialize(serializer),
        }
    }
}

/// The entries of a map in natural form.
struct Properties<'a>(&'a Map);

fn properties(map: &Map) -> Properties<'_> {
    Properties(map)
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, NaturalValue(value))))
    }
}

fn natural_node(node: &Node) -> Fields<'_, 3> {
    Fields([
        ("elementId", Field::Text(&node.element_id)),
        ("labels", Field::Texts(&node.labels)),
        ("properties", Field::Map(&node.properties)),
    ])
}

fn natural_relationship(relationship: &Relationship) -> Fields<'_, 5> {
    Fields([
        ("elementId", Field::Text(&relationship.element_id)),
        ("startElementId", Field::Text(&relationship.start_element_id)),
        ("endElementId", Field::Text(&relationship.end_element_id)),
        ("type", Field::Text(&relationship.rel_type)),
        ("properties", Field::Map(&relationship.properties)),
    ])
}

/// Serializes the nodes and the relationships as lists in the order of the path.
fn natural_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    struct Nodes<'a>(&'a Path);
    impl Serialize for Nodes<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0.nodes().map(natural_node))
        }
    }
    struct Relationships<'a>(&'a Path);
    impl Serialize for Relationships<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0.segments().map(Step))
        }
    }
    struct Step<'a>(Segment<'a>);
    impl Serialize for Step<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            natural_relationship(&self.0.to_relationship()).serialize(serializer)
        }
    }
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("nodes", &Nodes(path))?;
    map.serialize_entry("relationships", &Relationships(path))?;
    map.end()
}

fn natural_vector<S: Serializer>(vector: &Vector, serializer: S) -> Result<S::Ok, S::Error> {
    match vector {
        Vector::Int8(elements) => elements.serialize(serializer),
        Vector::Int16(elements) => elements.serialize(serializer),
        Vector::Int32(elements) => elements.serialize(serializer),
        Vector::Int64(elements) => elements.serialize(serializer),
        Vector::Float32(elements) => elements.serialize(serializer),
        Vector::Float64(elements) => elements.serialize(serializer),
    }
}

fn natural_stand_in(stand_in: &UnsupportedType) -> Fields<'_, 2> {
    let message = stand_in
        .message()
        .unwrap_or("this version of Bolt cannot carry the value");
    Fields([
        ("type", Field::Text(stand_in.name())),
        ("message", Field::Text(message)),
    ])
}

fn natural_structure<S: Serializer>(structure: &Structure, serializer: S) -> Result<S::Ok, S::Error> {
    struct Items<'a>(&'a [Value]);
    impl Serialize for Items<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0.iter().map(NaturalValue))
        }
    }
    let mut map = serializer.serialize_map(Some(2))?;
    map.serialize_entry("tag", &structure.tag())?;
    map.serialize_entry("fields", &Items(structure.fields()))?;
    map.end()
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
        let value =
            i64::try_from(value).map_err(|_| E::custom("an integer does not fit 64 bits with a sign"))?;
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
            entries.push((name, access.next_value_seed(self)?));
        }
        Ok(Value::Map(entries.into_iter().collect()))
    }
}
