//! Nodes and relationships.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use ::serde::de::DeserializeOwned;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::write;
use crate::serde::{Part, deserialize};
use crate::value::fields::{FieldReader, Fields, from_structure};
use crate::value::{Encoder, FromValue, Map, Output, ToValue, Value, tag};

/// A node.
///
/// A node that the same query has deleted arrives without labels and properties.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Node {
    /// The numeric id of servers before Neo4j 5. Servers may reuse it: prefer [`element_id`](Self::element_id).
    pub id: i64,
    /// The id. Before Bolt 5.0 it is the numeric id as text.
    pub element_id: String,
    /// The labels, in the order in which the server sent them.
    pub labels: Vec<String>,
    /// The properties.
    pub properties: Map,
}

impl Node {
    /// Creates a node, for servers and for tests. The element id is the number as text, until another one is set.
    ///
    /// ```
    /// # use bolt_proto as bolt;
    /// use bolt::{map, types::Node};
    ///
    /// let mut ada = Node::new(7, ["Person"], map! { "name": "Ada" });
    /// ada.element_id = "4:c0a65d96:7".into();
    /// assert_eq!(ada.get::<String>("name")?, "Ada");
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Person {
    ///     #[serde(rename = "elementId()")]
    ///     id: String,
    ///     name: String,
    /// }
    /// let person: Person = ada.to()?;
    /// assert_eq!((person.id, person.name), (ada.element_id, "Ada".into()));
    /// # Ok::<(), bolt::ConversionError>(())
    /// ```
    #[must_use]
    pub fn new<L: Into<String>>(id: i64, labels: impl IntoIterator<Item = L>, properties: Map) -> Self {
        Self {
            id,
            element_id: id.to_string(),
            labels: labels.into_iter().map(Into::into).collect(),
            properties,
        }
    }

    /// Reads one property, as an owned type. A property that does not exist is null, as in Cypher.
    ///
    /// # Errors
    ///
    /// If the property is of another type, or out of range. The error names the property.
    pub fn get<T: for<'a> FromValue<'a>>(&self, property: &str) -> Result<T, ConversionError> {
        read_property(&self.properties, property)
    }

    /// Reads the properties by serde, as a struct for example. Fields that are renamed to `elementId()`, `id()` or
    /// `labels()` get what these Cypher functions return.
    ///
    /// # Errors
    ///
    /// If a property is missing, or does not fit its field. The error names the field.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, ConversionError> {
        deserialize(Part::Node(self), self)
    }
}

/// A relationship between two nodes.
///
/// A relationship that the same query has deleted arrives without a type, and with an empty start and end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Relationship {
    /// The numeric id of servers before Neo4j 5. Servers may reuse it: prefer [`element_id`](Self::element_id).
    pub id: i64,
    /// The numeric id of the start node.
    pub start_id: i64,
    /// The numeric id of the end node.
    pub end_id: i64,
    /// The id. Before Bolt 5.0 it is the numeric id as text.
    pub element_id: String,
    /// The id of the start node.
    pub start_element_id: String,
    /// The id of the end node.
    pub end_element_id: String,
    /// The type.
    pub rel_type: String,
    /// The properties.
    pub properties: Map,
}

impl Relationship {
    /// Creates a relationship, for servers and for tests. The element ids are the numbers as text, until others are
    /// set.
    #[must_use]
    pub fn new(id: i64, start_id: i64, end_id: i64, rel_type: impl Into<String>, properties: Map) -> Self {
        Self {
            id,
            start_id,
            end_id,
            element_id: id.to_string(),
            start_element_id: start_id.to_string(),
            end_element_id: end_id.to_string(),
            rel_type: rel_type.into(),
            properties,
        }
    }

    /// Reads one property, as an owned type. A property that does not exist is null, as in Cypher.
    ///
    /// # Errors
    ///
    /// If the property is of another type, or out of range. The error names the property.
    pub fn get<T: for<'a> FromValue<'a>>(&self, property: &str) -> Result<T, ConversionError> {
        read_property(&self.properties, property)
    }

    /// Reads the properties by serde, as a struct for example. Fields that are renamed to `elementId()`, `id()`,
    /// `type()`, `startElementId()`, `endElementId()`, `startId()` or `endId()` get what is no property.
    ///
    /// # Errors
    ///
    /// If a property is missing, or does not fit its field. The error names the field.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, ConversionError> {
        deserialize(Part::Relationship(self), self)
    }
}

/// A relationship inside of a [`Path`](crate::value::Path), which knows its nodes.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UnboundRelationship {
    /// The numeric id of servers before Neo4j 5. Servers may reuse it: prefer [`element_id`](Self::element_id).
    pub id: i64,
    /// The id. Before Bolt 5.0 it is the numeric id as text.
    pub element_id: String,
    /// The type.
    pub rel_type: String,
    /// The properties.
    pub properties: Map,
}

impl UnboundRelationship {
    /// Creates a relationship of a path, for servers and for tests. The element id is the number as text, until
    /// another one is set.
    #[must_use]
    pub fn new(id: i64, rel_type: impl Into<String>, properties: Map) -> Self {
        Self {
            id,
            element_id: id.to_string(),
            rel_type: rel_type.into(),
            properties,
        }
    }

    /// Reads one property, as an owned type. A property that does not exist is null, as in Cypher.
    ///
    /// # Errors
    ///
    /// If the property is of another type, or out of range. The error names the property.
    pub fn get<T: for<'a> FromValue<'a>>(&self, property: &str) -> Result<T, ConversionError> {
        read_property(&self.properties, property)
    }

    /// Reads the properties by serde, as a struct for example. Fields that are renamed to `elementId()`, `id()` or
    /// `type()` get what these Cypher functions return.
    ///
    /// # Errors
    ///
    /// If a property is missing, or does not fit its field. The error names the field.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, ConversionError> {
        deserialize(Part::UnboundRelationship(self), self)
    }

    /// Returns the relationship between these two nodes.
    #[must_use]
    pub fn between(&self, start: &Node, end: &Node) -> Relationship {
        Relationship {
            id: self.id,
            start_id: start.id,
            end_id: end.id,
            element_id: self.element_id.clone(),
            start_element_id: start.element_id.clone(),
            end_element_id: end.element_id.clone(),
            rel_type: self.rel_type.clone(),
            properties: self.properties.clone(),
        }
    }
}

fn read_property<T: for<'a> FromValue<'a>>(properties: &Map, name: &str) -> Result<T, ConversionError> {
    let value = properties.get(name).unwrap_or(&Value::Null);
    value.to().map_err(|error: ConversionError| error.at_field(name))
}

/// Always fails, because only servers send this type.
impl ToValue for Node {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        let element_ids = out.dialect().has_element_ids();
        out.structure(if element_ids { 4 } else { 3 }, tag::NODE, |out| {
            write::integer(&mut out.bytes, self.id);
            out.one(|encoder| encoder.list(&self.labels))?;
            out.one(|encoder| encoder.map(&self.properties))?;
            write_if(element_ids, out, &[&self.element_id])
        })
    }
}

/// Always fails, because only servers send this type.
impl ToValue for Relationship {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        let element_ids = out.dialect().has_element_ids();
        out.structure(if element_ids { 8 } else { 5 }, tag::RELATIONSHIP, |out| {
            write::integer(&mut out.bytes, self.id);
            write::integer(&mut out.bytes, self.start_id);
            write::integer(&mut out.bytes, self.end_id);
            write::string(&mut out.bytes, &self.rel_type)?;
            out.one(|encoder| encoder.map(&self.properties))?;
            write_if(
                element_ids,
                out,
                &[&self.element_id, &self.start_element_id, &self.end_element_id],
            )
        })
    }
}

/// Always fails, because only servers send this type.
impl ToValue for UnboundRelationship {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        let element_ids = out.dialect().has_element_ids();
        out.structure(
            if element_ids { 4 } else { 3 },
            tag::UNBOUND_RELATIONSHIP,
            |out| {
                write::integer(&mut out.bytes, self.id);
                write::string(&mut out.bytes, &self.rel_type)?;
                out.one(|encoder| encoder.map(&self.properties))?;
                write_if(element_ids, out, &[&self.element_id])
            },
        )
    }
}

fn write_if(condition: bool, out: &mut Output, texts: &[&str]) -> Result<(), EncodeError> {
    if !condition {
        return Ok(());
    }
    texts
        .iter()
        .try_for_each(|text| write::string(&mut out.bytes, text))
}

impl<'a> Fields<'a> for Node {
    const KIND: &'static str = "a node";

    fn has(tag: u8) -> bool {
        tag == tag::NODE
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        let id: i64 = fields.next("id")?;
        let (labels, properties) = (fields.next("labels")?, fields.next("properties")?);
        let element_id = match fields.len() {
            3 => id.to_string(),
            4 => fields.next("element_id")?,
            _ => return Err(fields.wrong_len()),
        };
        Ok(Self {
            id,
            element_id,
            labels,
            properties,
        })
    }
}

impl<'a> Fields<'a> for Relationship {
    const KIND: &'static str = "a relationship";

    fn has(tag: u8) -> bool {
        tag == tag::RELATIONSHIP
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        let (id, start_id, end_id): (i64, i64, i64) = (
            fields.next("id")?,
            fields.next("startNodeId")?,
            fields.next("endNodeId")?,
        );
        let (rel_type, properties) = (fields.next("type")?, fields.next("properties")?);
        let [element_id, start_element_id, end_element_id] = match fields.len() {
            5 => [id, start_id, end_id].map(|id| id.to_string()),
            8 => [
                fields.next("element_id")?,
                fields.next("start_node_element_id")?,
                fields.next("end_node_element_id")?,
            ],
            _ => return Err(fields.wrong_len()),
        };
        Ok(Self {
            id,
            start_id,
            end_id,
            element_id,
            start_element_id,
            end_element_id,
            rel_type,
            properties,
        })
    }
}

impl<'a> Fields<'a> for UnboundRelationship {
    const KIND: &'static str = "a relationship of a path";

    fn has(tag: u8) -> bool {
        tag == tag::UNBOUND_RELATIONSHIP
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        let id: i64 = fields.next("id")?;
        let (rel_type, properties) = (fields.next("type")?, fields.next("properties")?);
        let element_id = match fields.len() {
            3 => id.to_string(),
            4 => fields.next("element_id")?,
            _ => return Err(fields.wrong_len()),
        };
        Ok(Self {
            id,
            element_id,
            rel_type,
            properties,
        })
    }
}

from_structure!(Node Relationship UnboundRelationship);
