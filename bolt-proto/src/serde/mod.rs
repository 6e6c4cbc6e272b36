//! Both ways by serde: rows and maps into the user's structs, and anything that is `Serialize` into parameters,
//! with no [`Value`](crate::value::Value) in between.
//!
//! # Reading
//!
//! A row is read by the names of its columns, or by their order into a tuple. What a column holds is read like this:
//!
//! | value | serde's word for it |
//! |---|---|
//! | null, booleans, integers, floats, strings, bytes, lists, maps | the same; strings and bytes may be borrowed |
//! | a string, or a map of one entry | an enum |
//! | bytes | a sequence of `u8`, too |
//! | a node, a relationship | a map of its properties |
//! | a point | a map of `srid`, `x`, `y` and `z` |
//! | a vector | a sequence |
//! | a date, a time, a duration, a UUID | a text |
//! | any of them | its own type of [`types`](crate::types), or whatever [`as_value`] reads |
//!
//! Integers do not become floats, nor the other way round, and each must fit its type.
//!
//! A struct that is read from a node or a relationship gets what is no property under names like those of Cypher's
//! functions: `elementId()`, `id()`, `labels()` of nodes, and `type()`, `startElementId()`, `endElementId()`, `startId()`
//! and `endId()` of relationships. If a row has one column that the struct has no field for, the struct is read from the
//! node, relationship or map in that column. Structs with `#[serde(flatten)]`, and enums that are not externally tagged, are
//! no structs to serde but maps or anything, so this is not done for them: a row is then its columns. Ask for the column
//! instead: `row.get::<Serde<T>>(0)`, or `collect_column::<Serde<T>>()`.
//!
//! ```
//! #[derive(serde::Deserialize)]
//! struct Person {
//!     #[serde(rename = "elementId()")]
//!     id: String,
//!     name: String,
//!     born: Option<bolt_proto::types::Date>,
//! }
//! ```
//!
//! # Writing
//!
//! See [`Serde`] and the table of traps at [`Query::params`](crate::Query::params).

pub mod as_value;
mod de;
mod de_compound;
mod de_entity;
mod de_raw;
mod de_record;
mod de_structure;
mod entries;
mod key;
mod natural;
mod raw;
mod refuse;
mod ser;
mod ser_compound;
mod types;

use ::serde::de::DeserializeOwned;
use ::serde::{Deserialize, Serialize};

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, Token, ValueRef};
use crate::value::{Encoder, FromValue, ToValue, encoded};

pub(crate) use de_record::RecordDeserializer;
pub(crate) use entries::{Sink, write_entries};

/// Sends or reads one value by serde: `param("people", Serde(&people))`, `let Serde(person) = row.get("person")?`.
///
/// Structs and maps become maps, of which the keys must be strings; sequences and tuples become lists, enums take serde's externally tagged form,
/// `None`, `()` and unit structs become null.
///
/// ```
/// use bolt_proto::{Query, Serde};
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
        self.0.serialize(ser::Serializer::new(out.into_output()))
    }
}

impl<'a, T: Deserialize<'a>> FromValue<'a> for Serde<T> {
    fn from_value(value: ValueRef<'a>) -> Result<Self, ConversionError> {
        let (token, mut contents) = Token::of(value);
        T::deserialize(de::Deserializer::behind(token, &mut contents)).map(Self)
    }

    /// The type is the user's, and may not have read its value to the end, or at all.
    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        let mut inside = *reader;
        let value = T::deserialize(de::Deserializer::new(&mut inside))?;
        reader.skip()?;
        Ok(Self(value))
    }
}

/// Reads an owned value by serde, as if the value had just been received.
pub(crate) fn deserialize<V: ToValue, T: DeserializeOwned>(value: &V) -> Result<T, ConversionError> {
    let bytes = encoded(value)?;
    T::deserialize(de::Deserializer::new(&mut Reader::new(&bytes)))
}

#[cfg(test)]
mod tests;
