//! For `#[serde(with = "bolt::serde::as_value")]`: a field that is sent by its [`ToValue`] and read by its [`FromValue`].
//!
//! By itself, serde makes a text of a `chrono::NaiveDate` or a `uuid::Uuid`, and a list of a `Vec<u8>`; the first and the
//! last are refused, because they are seldom meant ([`as_serde`](super::as_serde)). With this module the database receives a date, a UUID and bytes, and returns these. Other formats, such as JSON, are not affected.
//!
//! The path in the attribute begins with the name that the adapter has in the application: `bolt` in this documentation.
//!
//! ```
//! # use bolt_proto as bolt;
//! use bolt::Query;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Document {
//!     name: String,
//!     #[serde(with = "bolt::serde::as_value")]
//!     content: Vec<u8>,
//! }
//!
//! let document = Document { name: "empty".into(), content: vec![0] };
//! let query = Query::new("CREATE (d:Document {name: $name, content: $content})").params(&document);
//! assert_eq!(query.check(), Ok(()));
//! # assert_eq!(query.parameters().bytes, b"\x84name\x85empty\x87content\xCC\x01\x00");
//! ```

use ::serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::raw::{self, Natural};
use crate::value::{FromValue, ToValue};

/// Serializes a field by its [`ToValue`].
///
/// # Errors
///
/// If the value cannot be sent.
pub fn serialize<T: ToValue + Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    raw::serialize(value, value, serializer)
}

/// Deserializes a field by its [`FromValue`].
///
/// # Errors
///
/// If the value cannot be read as a `T`.
pub fn deserialize<'de, T: FromValue<'de> + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    raw::deserialize::<T, ByItself, D>(deserializer)
}

struct ByItself;

impl<'de, T: Deserialize<'de>> Natural<'de, T> for ByItself {
    fn natural<D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}
