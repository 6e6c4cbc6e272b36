//! The form of a value in serde: the same for reading a row and for serializing a [`Value`], wherever it came from.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::value::{Map, Node, Path, Relationship, Segment, UnboundRelationship, Value, Vector, tag};
use crate::version::Version;

/// A value, or a part of one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'v> {
    Value(&'v Value),
    Integer(i64),
    Float(f64),
    Float32(f32),
    Text(&'v str),
    Version(Version),
    Texts(&'v [String]),
    Values(&'v [Value]),
    Map(&'v Map),
    Node(&'v Node),
    Relationship(&'v Relationship),
    UnboundRelationship(&'v UnboundRelationship),
    Nodes(&'v Path),
    Relationships(&'v Path),
    Step(Segment<'v>),
}

/// The form of a part.
pub(super) enum Form<'v> {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Float32(f32),
    Text(&'v str),
    Version(Version),
    Bytes(&'v [u8]),
    /// A value that is a text: a date, a time, a duration or a UUID.
    Shown(&'v Value),
    Items(Vec<Part<'v>>),
    Entries(Vec<(&'v str, Part<'v>)>),
}

impl<'v> Part<'v> {
    pub(super) fn form(self) -> Form<'v> {
        match self {
            Self::Value(value) => form_of(value),
            Self::Integer(value) => Form::Integer(value),
            Self::Float(value) => Form::Float(value),
            Self::Float32(value) => Form::Float32(value),
            Self::Text(value) => Form::Text(value),
            Self::Version(version) => Form::Version(version),
            Self::Texts(texts) => Form::Items(texts.iter().map(|text| Self::Text(text)).collect()),
            Self::Values(values) => Form::Items(values.iter().map(Self::Value).collect()),
            Self::Map(map) => Form::Entries(properties(map).collect()),
            Self::Node(node) => Form::Entries(node_entries(node)),
            Self::Relationship(relationship) => Form::Entries(relationship_entries(relationship)),
            Self::UnboundRelationship(relationship) => Form::Entries(unbound_entries(relationship)),
            Self::Nodes(path) => Form::Items(path.nodes().map(Self::Node).collect()),
            Self::Relationships(path) => Form::Items(path.segments().map(Self::Step).collect()),
            Self::Step(segment) => Form::Entries(step_entries(segment)),
        }
    }

    /// Returns the type in words.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Value(value) => value.kind(),
            Self::Integer(_) => "an integer",
            Self::Float(_) | Self::Float32(_) => "a float",
            Self::Text(_) | Self::Version(_) => "a string",
            Self::Texts(_) | Self::Values(_) | Self::Nodes(_) | Self::Relationships(_) => "a list",
            Self::Map(_) => "a map",
            Self::Node(_) => tag::kind(tag::NODE),
            Self::Relationship(_) | Self::Step(_) => tag::kind(tag::RELATIONSHIP),
            Self::UnboundRelationship(_) => tag::kind(tag::UNBOUND_RELATIONSHIP),
        }
    }

    /// Returns how many entries come before the properties of a node or a relationship.
    pub(super) fn functions(self) -> usize {
        match self {
            Self::Node(_) | Self::UnboundRelationship(_) => 3,
            Self::Value(Value::Node(_) | Value::UnboundRelationship(_)) => 3,
            Self::Relationship(_) | Self::Step(_) | Self::Value(Value::Relationship(_)) => 7,
            _ => 0,
        }
    }

    /// Returns the value, or makes it.
    pub(super) fn to_value(self) -> Value {
        match self {
            Self::Value(value) => value.clone(),
            Self::Integer(value) => value.into(),
            Self::Float(value) => value.into(),
            Self::Float32(value) => value.into(),
            Self::Text(value) => value.into(),
            Self::Version(version) => version.to_string().into(),
            Self::Texts(texts) => texts.iter().map(String::as_str).collect(),
            Self::Values(values) => Value::List(values.to_vec()),
            Self::Map(map) => map.clone().into(),
            Self::Node(node) => node.clone().into(),
            Self::Relationship(relationship) => relationship.clone().into(),
            Self::UnboundRelationship(relationship) => relationship.clone().into(),
            Self::Nodes(path) => path.nodes().cloned().collect(),
            Self::Relationships(path) => path.relationships().collect(),
            Self::Step(segment) => segment.to_relationship().into(),
        }
    }
}

fn form_of(value: &Value) -> Form<'_> {
    match value {
        Value::Null => Form::Null,
        Value::Boolean(value) => Form::Boolean(*value),
        Value::Integer(value) => Form::Integer(*value),
        Value::Float(value) => Form::Float(*value),
        Value::String(value) => Form::Text(value),
        Value::Bytes(value) => Form::Bytes(value),
        Value::List(items) => Part::Values(items).form(),
        Value::Map(map) => Part::Map(map).form(),
        Value::Node(node) => Part::Node(node).form(),
        Value::Relationship(relationship) => Part::Relationship(relationship).form(),
        Value::UnboundRelationship(relationship) => Part::UnboundRelationship(relationship).form(),
        Value::Path(path) => Form::Entries(vec![
            ("nodes", Part::Nodes(path)),
            ("relationships", Part::Relationships(path)),
        ]),
        Value::Date(_)
        | Value::Time(_)
        | Value::LocalTime(_)
        | Value::DateTime(_)
        | Value::ZonedDateTime(_)
        | Value::LocalDateTime(_)
        | Value::Duration(_)
        | Value::Uuid(_) => Form::Shown(value),
        Value::Point2D(point) => Form::Entries(vec![
            ("srid", Part::Integer(point.srid.code().into())),
            ("x", Part::Float(point.x)),
            ("y", Part::Float(point.y)),
        ]),
        Value::Point3D(point) => Form::Entries(vec![
            ("srid", Part::Integer(point.srid.code().into())),
            ("x", Part::Float(point.x)),
            ("y", Part::Float(point.y)),
            ("z", Part::Float(point.z)),
        ]),
        Value::Vector(vector) => Form::Items(elements(vector)),
        Value::Unsupported(stand_in) => Form::Entries(vec![
            ("type", Part::Text(stand_in.name())),
            ("minimumVersion", Part::Version(stand_in.minimum_version())),
            (
                "message",
                stand_in.message().map_or(Part::Value(&Value::Null), Part::Text),
            ),
        ]),
        Value::Structure(structure) => Form::Entries(vec![
            ("tag", Part::Integer(structure.tag().into())),
            ("fields", Part::Values(structure.fields())),
        ]),
    }
}

fn properties(map: &Map) -> impl Iterator<Item = (&str, Part<'_>)> {
    map.iter().map(|(name, value)| (name, Part::Value(value)))
}

/// Returns the functions with their results, and the properties that they do not hide.
fn entity<'v, const N: usize>(
    functions: [(&'static str, Part<'v>); N],
    map: &'v Map,
) -> Vec<(&'v str, Part<'v>)> {
    let visible = properties(map).filter(|(name, _)| !functions.iter().any(|(function, _)| function == name));
    functions.into_iter().chain(visible).collect()
}

fn node_entries(node: &Node) -> Vec<(&str, Part<'_>)> {
    let functions = [
        ("id()", Part::Integer(node.id)),
        ("elementId()", Part::Text(&node.element_id)),
        ("labels()", Part::Texts(&node.labels)),
    ];
    entity(functions, &node.properties)
}

fn relationship_entries(relationship: &Relationship) -> Vec<(&str, Part<'_>)> {
    let functions = [
        ("id()", Part::Integer(relationship.id)),
        ("elementId()", Part::Text(&relationship.element_id)),
        ("type()", Part::Text(&relationship.rel_type)),
        ("startId()", Part::Integer(relationship.start_id)),
        ("endId()", Part::Integer(relationship.end_id)),
        ("startElementId()", Part::Text(&relationship.start_element_id)),
        ("endElementId()", Part::Text(&relationship.end_element_id)),
    ];
    entity(functions, &relationship.properties)
}

fn unbound_entries(relationship: &UnboundRelationship) -> Vec<(&str, Part<'_>)> {
    let functions = [
        ("id()", Part::Integer(relationship.id)),
        ("elementId()", Part::Text(&relationship.element_id)),
        ("type()", Part::Text(&relationship.rel_type)),
    ];
    entity(functions, &relationship.properties)
}

/// Returns the entries of the relationship of a step, which has the nodes that the path knows.
fn step_entries(segment: Segment<'_>) -> Vec<(&str, Part<'_>)> {
    let (relationship, [start, end]) = (segment.relationship, segment.ends());
    let functions = [
        ("id()", Part::Integer(relationship.id)),
        ("elementId()", Part::Text(&relationship.element_id)),
        ("type()", Part::Text(&relationship.rel_type)),
        ("startId()", Part::Integer(start.id)),
        ("endId()", Part::Integer(end.id)),
        ("startElementId()", Part::Text(&start.element_id)),
        ("endElementId()", Part::Text(&end.element_id)),
    ];
    entity(functions, &relationship.properties)
}

fn elements(vector: &Vector) -> Vec<Part<'_>> {
    fn integers<T: Copy + Into<i64>>(elements: &[T]) -> Vec<Part<'_>> {
        elements
            .iter()
            .map(|&element| Part::Integer(element.into()))
            .collect()
    }
    match vector {
        Vector::Int8(elements) => integers(elements),
        Vector::Int16(elements) => integers(elements),
        Vector::Int32(elements) => integers(elements),
        Vector::Int64(elements) => integers(elements),
        Vector::Float32(elements) => elements.iter().map(|&element| Part::Float32(element)).collect(),
        Vector::Float64(elements) => elements.iter().map(|&element| Part::Float(element)).collect(),
    }
}
