//! Reading and writing values by serde: rows, nodes and maps into structs, and structs into parameters.
//!
//! No [`Value`] is made in between.
//!
//! # Forms
//!
//! A value has one form in serde, whether a row is read or a [`Value`] is written to JSON. A type of serde
//! reads a value if it reads its form:
//!
//! | value | form | reads besides | read back from JSON |
//! |---|---|---|---|
//! | null, booleans, strings | the same; strings may be borrowed | a string, or a map of one entry: an enum, externally tagged | the same |
//! | integers | an integer, which must fit its type | a float that holds it exactly: up to 2⁵³, for `f32` 2²⁴ | the same |
//! | floats | a float, never an integer | | the same |
//! | bytes | a list of numbers | bytes, which may be borrowed | a list |
//! | lists, vectors | a list | | a list; a [`Vector`](crate::types::Vector) of 64 bits |
//! | maps | a map | keys that are integers or booleans, in text | the same |
//! | a date, a time, a duration, a UUID | a text in the form of ISO 8601, or of a UUID | the types of chrono, time and jiff: see [below](#dates-and-times) | a string; its type in [`types`](crate::types) |
//! | a point | `{"srid": …, "x": …, "y": …}`, and `"z"` in a space | | a map; [`Point2D`](crate::types::Point2D), [`Point3D`](crate::types::Point3D) |
//! | a node | `{"id()": …, "elementId()": …, "labels()": […], …}`, with its properties beside | a struct, of the properties and functions that it has fields for | a map; [`Node`](crate::types::Node) |
//! | a relationship | `{"id()": …, "elementId()": …, "type()": …, "startId()": …, "endId()": …, "startElementId()": …, "endElementId()": …, …}`, with its properties beside | a struct | a map; [`Relationship`](crate::types::Relationship) |
//! | a relationship of a path, alone | the same without start and end | a struct | a map; [`UnboundRelationship`](crate::types::UnboundRelationship) |
//! | a path | `{"nodes": […], "relationships": […]}`, each in the order of the path, with start and end | a struct | a map; [`Path`](crate::types::Path) |
//! | a value that the version lacks | `{"type": …, "minimumVersion": "6.1", "message": …}` | | a map; [`UnsupportedType`](crate::types::UnsupportedType) |
//! | a structure of an unknown kind | `{"tag": …, "fields": […]}` | | a map |
//! | a row | a map of its columns | a tuple, by their order; a scalar, if there is one column | |
//! | an `EagerResult` | a list of its rows | | |
//!
//! Every value is also read as its type in [`types`](crate::types), as [`Value`], or as any type that
//! [`as_value`] reads. In `#[serde(flatten)]` and in enums that are untagged or internally tagged, serde keeps the form and
//! not the value: a [`Value`] in there has strings for dates and maps for nodes.
//!
//! What is no property of a node or a relationship has the name of the function of Cypher that returns it. A property that
//! has such a name itself is hidden. With `#[serde(flatten)]`, a map of what is left contains the functions that the struct
//! has no field for: give them fields, with `skip_serializing`, or they are written back as properties.
//!
//! # Rows
//!
//! A row is read as a struct by the names of its columns, or as a tuple by their order.
//!
//! ```
//! # use bolt_proto as bolt;
//! #[derive(serde::Deserialize)]
//! struct Person {
//!     #[serde(rename = "elementId()")]
//!     id: String,
//!     name: String,
//!     born: Option<bolt::types::Date>,
//! }
//! ```
//!
//! If a row has one column, and the struct has no field for it, then the struct is read from the node, relationship or
//! map in that column. Null there is an error for the struct, and `None` for an `Option` of it. This does not work for
//! structs with `#[serde(flatten)]`, and for enums that are not externally tagged, because to serde these are not structs.
//! Such types are read from the column instead, as a [`Serde`] of the type: `row.get::<Serde<T>>(0)`.
//!
//! # Dates and times
//!
//! A date-time is read by serde alone into `chrono::DateTime<Utc>`, `chrono::DateTime<FixedOffset>`, `time::OffsetDateTime`
//! (plain, or by `time::serde::rfc3339`), `jiff::Timestamp` and `jiff::Zoned`, with an offset or with a zone. The instant
//! is right in all of them. The offset is kept if the type has one and the value has one; a zone is kept by
//! `jiff::Zoned`. Dates, local times, local date-times and durations are read into the types of the same meaning. Where
//! something would be lost, such as the offset of a time, there is an error that names the type which keeps it.
//!
//! # Writing
//!
//! Structs and maps become maps, sequences and tuples become lists, enums take the externally tagged form, and `None`,
//! `()` and unit structs become null. The keys of maps are strings; integers and booleans become text, as in JSON. The
//! types of [`types`](crate::types) become themselves. Types of other crates that the database has, such as
//! `chrono::NaiveDate`, need [`as_value`]: see the table at [`Query::params`](crate::Query::params).
//!
//! Numbers of `serde_json` with its feature `arbitrary_precision` are numbers, and its `RawValue` is the value that the
//! text describes (feature `serde_json`). What other formats mark for themselves, such as the dates of `toml`, is refused.

pub mod as_serde;
pub mod as_value;
mod de;
mod de_compound;
mod de_entity;
mod de_raw;
mod de_record;
mod de_structure;
mod entries;
mod foreign;
mod form;
mod key;
mod name;
mod natural;
mod raw;
mod refuse;
mod ser;
mod ser_compound;
mod temporal;
mod traps;
mod tree;
mod types;

use ::serde::de::DeserializeOwned;
use ::serde::{Deserialize, Serialize};

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, Token, ValueRef};
use crate::value::{Encoder, FromValue, Output, ToValue, Value, encoded};

pub(crate) use de_record::RecordDeserializer;
pub(crate) use entries::{Sink, write_entries};
pub(crate) use form::Part;

/// A value that is sent or read by serde: `param("people", Serde(&people))`, `let Serde(person) = row.get("person")?`.
///
/// See the [module](self) for the rules.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{Query, Serde};
///
/// #[derive(serde::Serialize)]
/// struct Person { name: &'static str, age: u8 }
///
/// let people = [Person { name: "Ann", age: 31 }, Person { name: "Bob", age: 33 }];
/// let query = Query::new("UNWIND $people AS p CREATE (:Person {name: p.name, age: p.age})")
///     .param("people", Serde(&people));
/// assert_eq!(query.check(), Ok(()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Serde<T>(pub T);

impl<T: Serialize> ToValue for Serde<T> {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        ser::Serializer::write(out.into_output(), &self.0)
    }
}

impl<'a, T: Deserialize<'a>> FromValue<'a> for Serde<T> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        let (token, mut contents) = Token::of(value);
        T::deserialize(de::Deserializer::after_token(token, &mut contents)).map(Self)
    }

    fn from_tree(value: &Value) -> Option<Result<Self, ConversionError>> {
        // Only what is encoded has everything that a type of the application may ask for.
        let read = T::deserialize(tree::Tree::new(Part::Value(value)));
        read.ok().map(|value| Ok(Self(value)))
    }

    /// Skips the value after `T` has been read, because `T` may not have read it to its end.
    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        let mut inside = *reader;
        let value = T::deserialize(de::Deserializer::new(&mut inside))?;
        reader.skip()?;
        Ok(Self(value))
    }
}

/// Writes a value by serde.
#[inline]
pub(crate) fn write_value<T: Serialize + ?Sized>(out: &mut Output, value: &T) -> Result<(), EncodeError> {
    ser::Serializer::write(out, value)
}

/// Reads an owned value by serde, as if the value had just been received.
pub(crate) fn deserialize<V: ToValue, T: DeserializeOwned>(
    part: Part<'_>,
    value: &V,
) -> Result<T, ConversionError> {
    let error = match T::deserialize(tree::Tree::new(part)) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    // Only what is encoded has everything that a type of the application may ask for.
    match encoded(value) {
        Ok(bytes) => T::deserialize(de::Deserializer::new(&mut Reader::new(&bytes))),
        Err(_) => Err(error),
    }
}

#[cfg(test)]
mod tests;
