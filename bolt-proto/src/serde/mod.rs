//! Reading and writing values by serde: rows, nodes and maps into structs, and structs into parameters.
//!
//! No [`Value`](crate::Value) is made in between.
//!
//! # Reading
//!
//! A row is read as a struct by the names of its columns, or as a tuple by their order. The value of a column is read as:
//!
//! | value | type in serde |
//! |---|---|
//! | null, booleans, integers, floats, strings, bytes, lists, maps | the same; strings and bytes may be borrowed |
//! | a string, or a map of one entry | an enum, externally tagged |
//! | bytes | a sequence of `u8` as well |
//! | a node, a relationship | a map of its properties |
//! | a point | a map of `srid`, `x`, `y` and `z` |
//! | a vector | a sequence |
//! | a date, a time, a duration, a UUID | a text in the form of ISO 8601, or of a UUID |
//! | any of these | its type in [`types`](crate::types), or any type that [`as_value`] reads |
//!
//! Integers do not become floats, floats do not become integers, and each must fit its type.
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
//! A struct that is read from a node or a relationship gets the other fields under the names of Cypher's functions:
//! `elementId()`, `id()` and `labels()` of nodes; `elementId()`, `id()`, `type()`, `startElementId()`, `endElementId()`,
//! `startId()` and `endId()` of relationships.
//!
//! If a row has one column, and the struct has no field for it, then the struct is read from the node, relationship or
//! map in that column. This does not work for structs with `#[serde(flatten)]`, and for enums that are not externally
//! tagged, because to serde these are not structs. Such types are read from the column instead, as a [`Serde`] of the
//! type: `row.get::<Serde<T>>(0)`.
//!
//! # Writing
//!
//! Structs and maps become maps, sequences and tuples become lists, enums take the externally tagged form, and `None`,
//! `()` and unit structs become null. The keys of maps must be strings. The types of [`types`](crate::types) become
//! themselves. Types of other crates that the database has, such as `chrono::NaiveDate`, need [`as_value`]: see the table at
//! [`Query::params`](crate::Query::params).
//!
//! # Other formats
//!
//! [`Value`](crate::Value), the types of [`types`](crate::types) and rows are `Serialize`. In formats such as JSON they have
//! these forms:
//!
//! | value | in JSON |
//! |---|---|
//! | a row | a map of its columns |
//! | an `EagerResult` | a list of its rows |
//! | a date, a time, a duration, a UUID | a text in the form of ISO 8601, or of a UUID |
//! | a point | `{"srid": …, "x": …, "y": …, "z": …}` |
//! | a vector | a list |
//! | bytes | a list of numbers |
//! | a node | `{"elementId": …, "labels": […], "properties": {…}}` |
//! | a relationship | `{"elementId": …, "startElementId": …, "endElementId": …, "type": …, "properties": {…}}` |
//! | a path | `{"nodes": […], "relationships": […]}`, in the order of the path |

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
use crate::value::{Encoder, FromValue, ToValue, Value, encoded};

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
