//! Nodes and relationships.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::write;
use crate::value::fields::{FieldReader, Fields, from_structure};
use crate::value::{Encoder, FromValue, Map, Output, ToValue, Value, tag};

/// A node.
///
/// Nodes deleted by the same query arrive without labels and properties.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The number that identified it before Neo4j 5. Servers may use it again; prefer [`element_id`](Self::element_id).
    pub id: i64,
    /// What identifies it. Before Bolt 5.0 it is the number, as text.
    pub element_id: String,
    /// Its labels, in the order in which the server sent them.
    pub labels: Vec<String>,
    /// Its properties.
    pub properties: Map,
}

impl Node {
    /// Reads one property, as a type that keeps it for itself. One that is not there is null, as in Cypher.
    ///
    /// To read them all at once into a struct, ask the row for a [`Serde`](crate::Serde) of it.
    ///
    /// # Errors
    ///
    /// The property is of another type, or out of range; the error names it.
    pub fn get<T: for<'a> FromValue<'a>>(&self, property: &str) -> Result<T, ConversionError> {
        read_property(&self.properties, property)
    }
}

/// A relationship between two nodes.
///
/// One deleted by the same query arrives without a type, and with an empty start and end.
#[derive(Debug, Clone, PartialEq)]
pub struct Relationship {
    /// The number that identified it before Neo4j 5. Servers may use it again; prefer [`element_id`](Self::element_id).
    pub id: i64,
    /// The number of the node where it starts.
    pub start_id: i64,
    /// The number of the node where it ends.
    pub end_id: i64,
    /// What identifies it. Before Bolt 5.0 it is the number, as text.
    pub element_id: String,
    /// What identifies the node where it starts.
    pub start_element_id: String,
    /// What identifies the node where it ends.
    pub end_element_id: String,
    /// Its type.
    pub rel_type: String,
    /// Its properties.
    pub properties: Map,
}

impl Relationship {
    /// Reads one property, as a type that keeps it for itself. One that is not there is null, as in Cypher.
    ///
    /// To read them all at once into a struct, ask the row for a [`Serde`](crate::Serde) of it.
    ///
    /// # Errors
    ///
    /// The property is of another type, or out of range; the error names it.
    pub fn get<T: for<'a> FromValue<'a>>(&self, property: &str) -> Result<T, ConversionError> {
        read_property(&self.properties, property)
    }
}

/// A relationship inside of a [`Path`](crate::value::Path), where its nodes are told by the path.
#[derive(Debug, Clone, PartialEq)]
pub struct UnboundRelationship {
    /// The number that identified it before Neo4j 5. Servers may use it again; prefer [`element_id`](Self::element_id).
    pub id: i64,
    /// What identifies it. Before Bolt 5.0 it is the number, as text.
    pub element_id: String,
    /// Its type.
    pub rel_type: String,
    /// Its properties.
    pub properties: Map,
}

impl UnboundRelationship {
    /// Reads one property, as a type that keeps it for itself. One that is not there is null, as in Cypher.
    ///
    /// To read them all at once into a struct, ask the row for a [`Serde`](crate::Serde) of it.
    ///
    /// # Errors
    ///
    /// The property is of another type, or out of range; the error names it.
    pub fn get<T: for<'a> FromValue<'a>>(&self, property: &str) -> Result<T, ConversionError> {
        read_property(&self.properties, property)
    }

    /// The relationship between these two nodes.
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

/// Only servers send it; clients get an error.
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

/// Only servers send it; clients get an error.
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

/// Only servers send it; clients get an error.
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
