//! Both ways by serde: rows and maps into the user's structs, and anything that is `Serialize` into parameters,
//! with no [`Value`](crate::value::Value) in between.

mod de;
mod de_compound;
mod de_record;
mod entries;
mod key;
mod ser;
mod ser_compound;

use ::serde::{Deserialize, Serialize};

use crate::error::{ConversionError, EncodeError};
use crate::packstream::{Reader, Token, ValueRef};
use crate::value::{Encoder, FromValue, ToValue};

pub(crate) use de_record::RecordDeserializer;
pub(crate) use entries::write_entries;

/// Sends or reads one value by serde: `param("people", Serde(&people))`, `let Serde(person) = row.get("person")?`.
///
/// Structs and maps become maps, sequences and tuples become lists, enums take serde's externally tagged form,
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

    fn read(reader: &mut Reader<'a>) -> Result<Self, ConversionError> {
        T::deserialize(de::Deserializer::new(reader)).map(Self)
    }
}

#[cfg(test)]
mod tests;
