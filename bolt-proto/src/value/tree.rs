//! A value as an owned tree.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, Token, ValueRef};
use crate::value::from_collections::in_advance;
use crate::value::{Encoder, FromValue, Map, Output, Structure, ToValue, tag};

/// Any value, owned.
///
/// It is the simple way to look at what has no fixed shape. Where the shape is known, reading into its type by
/// [`FromValue`] or serde is several times cheaper.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// A truth value.
    Boolean(bool),
    /// A signed integer of 64 bits; there is no other.
    Integer(i64),
    /// A float of 64 bits; there is no other.
    Float(f64),
    /// Text.
    String(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A UUID, most significant byte first. Bolt 6.1.
    Uuid([u8; 16]),
    /// Values in order, of any types.
    List(Vec<Self>),
    /// Values under names.
    Map(Map),
    /// A structure that has no type here.
    Structure(Box<Structure>),
}

impl Value {
    /// Reads the value as another type, as if it had just been received.
    ///
    /// # Errors
    ///
    /// It is of another type, or out of range.
    pub fn to<T: for<'a> FromValue<'a>>(&self) -> Result<T, ConversionError> {
        let mut out = Output::default();
        out.one(|encoder| self.write(encoder)).map_err(|error| ConversionError::custom(alloc::format!("{error}")))?;
        T::read(&mut Reader::new(&out.bytes))
    }

    /// What it is, in words: `a string`, `null`, `a node`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a float",
            Self::String(_) => "a string",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "a UUID",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Structure(structure) => tag::kind(structure.tag()),
        }
    }

    fn write(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Null => out.null(),
            Self::Boolean(value) => out.boolean(*value),
            Self::Integer(value) => out.integer(*value),
            Self::Float(value) => out.float(*value),
            Self::String(value) => out.string(value),
            Self::Bytes(value) => out.bytes(value),
            Self::Uuid(value) => out.uuid(*value),
            Self::List(items) => out.list(items),
            Self::Map(map) => out.map(map),
            Self::Structure(structure) => write_structure(structure, out),
        }
    }
}

/// Structures that only servers send are refused, at any depth.
impl ToValue for Value {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        match self {
            Self::Structure(structure) if !tag::is_sendable(structure.tag()) => {
                Err(EncodeError::not_sendable(self.kind()))
            }
            value => value.write(out),
        }
    }
}

fn write_structure(structure: &Structure, out: Encoder<'_>) -> Result<(), EncodeError> {
    let len = structure.fields().len();
    let fields = u8::try_from(len).ok().filter(|&fields| fields <= 15);
    let fields = fields.ok_or_else(|| EncodeError::too_long("a structure", len))?;
    out.structure(fields, structure.tag(), |out| {
        structure.fields().iter().try_for_each(|field| out.one(|encoder| field.to_value(encoder)))
    })
}

impl<'a> FromValue<'a> for Value {
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
            ValueRef::Map(map) => read_map(&mut map.reader(), map.len()).map(Self::Map),
            ValueRef::Structure(structure) => {
                read_structure(&mut structure.reader(), structure.len(), structure.tag())
            }
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        Ok(match reader.token()? {
            Token::Null => Self::Null,
            Token::Boolean(value) => Self::Boolean(value),
            Token::Integer(value) => Self::Integer(value),
            Token::Float(value) => Self::Float(value),
            Token::String(value) => Self::String(value.to_owned()),
            Token::Bytes(value) => Self::Bytes(value.to_owned()),
            Token::Uuid(value) => Self::Uuid(value),
            Token::List(len) => inside(reader, |reader| read_items(reader, len).map(Self::List))?,
            Token::Map(len) => inside(reader, |reader| read_map(reader, len).map(Self::Map))?,
            Token::Structure { fields, tag } => inside(reader, |reader| read_structure(reader, fields, tag))?,
        })
    }
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
    for index in 0..len {
        items.push(Value::read(reader).map_err(|error| error.at_item(index))?);
    }
    Ok(items)
}

fn read_map(reader: &mut Reader<'_>, len: usize) -> Result<Map, ConversionError> {
    let mut entries = Vec::with_capacity(in_advance::<(String, Value)>(len));
    for _ in 0..len {
        let key = reader.key()?;
        entries.push((key.to_owned(), Value::read(reader).map_err(|error| error.at_field(key))?));
    }
    Ok(Map::from_entries(entries))
}

fn read_structure(reader: &mut Reader<'_>, fields: usize, tag: u8) -> Result<Value, ConversionError> {
    Ok(Value::Structure(Box::new(Structure::new(tag, read_items(reader, fields)?))))
}

macro_rules! from {
    ($($from:ty, $variant:ident;)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool, Boolean;
    i8, Integer;
    i16, Integer;
    i32, Integer;
    i64, Integer;
    u16, Integer;
    u32, Integer;
    f32, Float;
    f64, Float;
    &str, String;
    String, String;
    &[u8], Bytes;
    Vec<u8>, Bytes;
    Vec<Value>, List;
    Map, Map;
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

const _: () = assert!(size_of::<Value>() <= 32);
