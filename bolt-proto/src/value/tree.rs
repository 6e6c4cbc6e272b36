//! Any value, as an owned tree.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, Token, ValueRef};
use crate::value::fields::Fields;
use crate::value::from_collections::in_advance;
use crate::value::{
    Date, DateTime, Dialect, Duration, Encoder, FromValue, LocalDateTime, LocalTime, Map, Node, Output, Path,
    Point2D, Point3D, Relationship, Structure, Time, ToValue, UnboundRelationship, UnsupportedType, Uuid,
    Vector, ZonedDateTime, tag,
};

/// Any value, owned.
///
/// It is the simple way to look at data without a fixed shape. Where the shape is known, reading into a type by
/// [`FromValue`] or serde is several times cheaper.
///
/// Values are made by `From` from the types that [`ToValue`] lists, as far as these always fit. Arrays, vectors and
/// tuples become lists, and so does an iterator by `collect`. The macros `list!` and `map!` make values of mixed types.
///
/// `Display` shows the value close to how Cypher writes it. A value is looked into by [`get`](Self::get) or an index, by
/// `as_str`, `as_i64` and so on, and by a comparison with a type of Rust; it is taken apart by `TryFrom`. There is no
/// `From<u8>`: it would make a list of a `Vec<u8>`, which is bytes.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{Value, list, map};
///
/// let value: Value = map! { "name": "Ada", "born": 1815, "tags": list!["poet", 1.5, true] }.into();
/// assert_eq!(value.to_string(), r#"{name: "Ada", born: 1815, tags: ["poet", 1.5, true]}"#);
/// assert_eq!(Value::from(("poet", 1.5, true)), list!["poet", 1.5, true]);
/// assert_eq!(Value::from([1, 2]), (1..3).collect::<Value>());
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// A truth value.
    Boolean(bool),
    /// A signed integer of 64 bits, the only kind of integer.
    Integer(i64),
    /// A float of 64 bits, the only kind of float.
    Float(f64),
    /// Text.
    String(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// Values in order, of any types.
    List(Vec<Self>),
    /// Values under names.
    Map(Map),
    /// A node.
    Node(Box<Node>),
    /// A relationship between two nodes.
    Relationship(Box<Relationship>),
    /// A relationship of a path.
    UnboundRelationship(Box<UnboundRelationship>),
    /// A walk through the graph.
    Path(Box<Path>),
    /// A date.
    Date(Date),
    /// A time of day with an offset.
    Time(Time),
    /// A time of day.
    LocalTime(LocalTime),
    /// An instant with an offset.
    DateTime(DateTime),
    /// An instant in a time zone.
    ZonedDateTime(Box<ZonedDateTime>),
    /// A date with a time of day.
    LocalDateTime(LocalDateTime),
    /// An amount of time.
    Duration(Box<Duration>),
    /// A point in two dimensions.
    Point2D(Point2D),
    /// A point in three dimensions.
    Point3D(Box<Point3D>),
    /// Numbers of one type. Bolt 6.0.
    Vector(Box<Vector>),
    /// A UUID. Bolt 6.1.
    Uuid(Uuid),
    /// A stand-in for a value that this version of Bolt cannot carry. Bolt 6.0.
    Unsupported(Box<UnsupportedType>),
    /// A structure of an unknown kind. It cannot be sent.
    Structure(Box<Structure>),
}

impl Value {
    /// Reads the value as another type, as if the value had just been received. A type that implements
    /// `Deserialize` is read as a [`Serde`](crate::Serde) of it.
    ///
    /// # Errors
    ///
    /// If the value is of another type, or out of range.
    pub fn to<T: for<'a> FromValue<'a>>(&self) -> Result<T, ConversionError> {
        match T::from_tree(self) {
            Some(read) => read,
            // Types of the application read what is encoded.
            None => T::read(&mut Reader::new(&encoded(self)?)),
        }
    }

    /// Reads a structure of which the fields are next.
    pub(crate) fn structure(reader: &mut Reader<'_>, len: usize, tag: u8) -> Result<Self, ConversionError> {
        read_structure(reader, len, tag)
    }

    /// Returns the type in words: `a string`, `null`, `a node`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::String(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Node(_) => tag::kind(tag::NODE),
            Self::Relationship(_) => tag::kind(tag::RELATIONSHIP),
            Self::UnboundRelationship(_) => tag::kind(tag::UNBOUND_RELATIONSHIP),
            Self::Path(_) => tag::kind(tag::PATH),
            Self::Date(_) => tag::kind(tag::DATE),
            Self::Time(_) => tag::kind(tag::TIME),
            Self::LocalTime(_) => tag::kind(tag::LOCAL_TIME),
            Self::DateTime(_) => tag::kind(tag::DATE_TIME),
            Self::ZonedDateTime(_) => tag::kind(tag::ZONED_DATE_TIME),
            Self::LocalDateTime(_) => tag::kind(tag::LOCAL_DATE_TIME),
            Self::Duration(_) => tag::kind(tag::DURATION),
            Self::Point2D(_) => tag::kind(tag::POINT_2D),
            Self::Point3D(_) => tag::kind(tag::POINT_3D),
            Self::Vector(_) => tag::kind(tag::VECTOR),
            Self::Uuid(_) => "a UUID",
            Self::Unsupported(_) => tag::kind(tag::UNSUPPORTED),
            Self::Structure(structure) => tag::kind(structure.tag()),
        }
    }
}

/// Encodes a value as a server would: as a new one, or as an old one if only that can send a date-time in the value.
pub(crate) fn encoded<T: ToValue>(value: &T) -> Result<Vec<u8>, ConversionError> {
    let encode = |dialect| {
        let mut out = Output::new(dialect);
        out.one(|encoder| value.to_value(encoder)).map(|()| out.bytes)
    };
    let old = Dialect::Server {
        element_ids: true,
        utc: false,
    };
    encode(Dialect::SERVER)
        .or_else(|error| encode(old).map_err(|_| error))
        .map_err(|error| ConversionError::custom(error.to_string()))
}

/// Refuses values that only servers send, at any depth.
impl ToValue for Value {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Null => out.null(),
            Self::Boolean(value) => out.boolean(*value),
            Self::Integer(value) => out.integer(*value),
            Self::Float(value) => out.float(*value),
            Self::String(value) => out.string(value),
            Self::Bytes(value) => out.bytes(value),
            Self::List(items) => out.list(items),
            Self::Map(map) => map.to_value(out),
            Self::Node(node) => node.to_value(out),
            Self::Relationship(relationship) => relationship.to_value(out),
            Self::UnboundRelationship(relationship) => relationship.to_value(out),
            Self::Path(path) => path.to_value(out),
            Self::Date(date) => date.to_value(out),
            Self::Time(time) => time.to_value(out),
            Self::LocalTime(time) => time.to_value(out),
            Self::DateTime(time) => time.to_value(out),
            Self::ZonedDateTime(time) => time.to_value(out),
            Self::LocalDateTime(time) => time.to_value(out),
            Self::Duration(duration) => duration.to_value(out),
            Self::Point2D(point) => point.to_value(out),
            Self::Point3D(point) => point.to_value(out),
            Self::Vector(vector) => vector.to_value(out),
            Self::Uuid(uuid) => uuid.to_value(out),
            Self::Unsupported(stand_in) => stand_in.to_value(out),
            Self::Structure(structure) => structure.to_value(out),
        }
    }
}

impl<'a> FromValue<'a> for Value {
    fn from_tree(value: &Self) -> Option<Result<Self, ConversionError>> {
        Some(Ok(value.clone()))
    }

    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        match value {
            ValueRef::Null => Ok(Self::Null),
            ValueRef::Boolean(value) => Ok(Self::Boolean(value)),
            ValueRef::Integer(value) => Ok(Self::Integer(value)),
            ValueRef::Float(value) => Ok(Self::Float(value)),
            ValueRef::String(value) => Ok(Self::String(value.to_owned())),
            ValueRef::Bytes(value) => Ok(Self::Bytes(value.to_owned())),
            ValueRef::Uuid(value) => Ok(Self::Uuid(value)),
            ValueRef::List(list) => read_items(&mut list.reader(), list.len()).map(Self::List),
            ValueRef::Map(_) => Map::from_value(value).map(Self::Map),
            ValueRef::Structure(structure) => {
                read_structure(&mut structure.reader(), structure.len(), structure.tag())
            }
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        // Numbers are read here alone: whatever calls other functions has to save registers first.
        if let Some(value) = reader.integer() {
            return Ok(Self::Integer(value));
        }
        if let Some(value) = reader.float() {
            return Ok(Self::Float(value));
        }
        read_other(reader)
    }
}

/// Reads any value. Most lists and properties consist of numbers and texts.
#[inline(never)]
fn read_other(reader: &mut Reader<'_>) -> Result<Value, ConversionError> {
    if let Some(value) = reader.owned_string() {
        return Ok(Value::String(value));
    }
    if let Some((fields, tag)) = reader.structure() {
        return inside(reader, |reader| read_structure(reader, fields, tag));
    }
    Ok(match reader.token()? {
        Token::Null => Value::Null,
        Token::Boolean(value) => Value::Boolean(value),
        Token::Integer(value) => Value::Integer(value),
        Token::Float(value) => Value::Float(value),
        Token::String(value) => Value::String(value.to_owned()),
        Token::Bytes(value) => Value::Bytes(value.to_owned()),
        Token::Uuid(value) => Value::Uuid(value),
        Token::List(len) => inside(reader, |reader| read_items(reader, len).map(Value::List))?,
        Token::Map(len) => inside(reader, |reader| Map::entries(reader, len).map(Value::Map))?,
        Token::Structure { fields, tag } => inside(reader, |reader| read_structure(reader, fields, tag))?,
    })
}

fn inside<'a>(
    reader: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<Value, ConversionError>,
) -> Result<Value, ConversionError> {
    reader.enter()?;
    let value = read(reader)?;
    reader.leave();
    Ok(value)
}

fn read_items(reader: &mut Reader<'_>, len: usize) -> Result<Vec<Value>, ConversionError> {
    let mut items = Vec::with_capacity(in_advance::<Value>(len));
    // Most long lists are lists of numbers.
    items.extend(reader.floats(len).map(Value::Float));
    for index in items.len()..len {
        items.push(Value::read(reader).map_err(|error| error.at_item(index))?);
    }
    Ok(items)
}

fn read_structure<'a>(reader: &mut Reader<'a>, len: usize, tag: u8) -> Result<Value, ConversionError> {
    fn read<'a, T: Fields<'a>>(reader: &mut Reader<'a>, len: usize, tag: u8) -> Result<T, ConversionError> {
        T::structure(reader, len, tag)
    }
    Ok(match tag {
        tag::NODE => Value::Node(Box::new(read(reader, len, tag)?)),
        tag::RELATIONSHIP => Value::Relationship(Box::new(read(reader, len, tag)?)),
        tag::UNBOUND_RELATIONSHIP => Value::UnboundRelationship(Box::new(read(reader, len, tag)?)),
        tag::PATH => Value::Path(Box::new(read(reader, len, tag)?)),
        tag::DATE => Value::Date(read(reader, len, tag)?),
        tag::TIME => Value::Time(read(reader, len, tag)?),
        tag::LOCAL_TIME => Value::LocalTime(read(reader, len, tag)?),
        tag::DATE_TIME | tag::LEGACY_DATE_TIME => Value::DateTime(read(reader, len, tag)?),
        tag::ZONED_DATE_TIME | tag::LEGACY_ZONED_DATE_TIME => {
            Value::ZonedDateTime(Box::new(read(reader, len, tag)?))
        }
        tag::LOCAL_DATE_TIME => Value::LocalDateTime(read(reader, len, tag)?),
        tag::DURATION => Value::Duration(Box::new(read(reader, len, tag)?)),
        tag::POINT_2D => Value::Point2D(read(reader, len, tag)?),
        tag::POINT_3D => Value::Point3D(Box::new(read(reader, len, tag)?)),
        tag::VECTOR => Value::Vector(Box::new(read(reader, len, tag)?)),
        tag::UNSUPPORTED => Value::Unsupported(Box::new(read(reader, len, tag)?)),
        _ => Value::Structure(Box::new(Structure::new(tag, read_items(reader, len)?))),
    })
}

const _: () = assert!(size_of::<Value>() <= 32);
