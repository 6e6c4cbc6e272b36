//! For `#[serde(with = "…")]`: a field that travels as its own [`ToValue`] and [`FromValue`] say.
//!
//! serde by itself makes a text of a `chrono::NaiveDate` or a `uuid::Uuid`, and a list of a `Vec<u8>`. With this module
//! the database gets a date, a UUID and bytes, and gives them back. Other formats, such as JSON, see the type as without
//! it.
//!
//! ```
//! use bolt_proto::Query;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Document {
//!     name: String,
//!     #[serde(with = "bolt_proto::serde::as_value")]
//!     content: Vec<u8>,
//! }
//!
//! let document = Document { name: "empty".into(), content: vec![0] };
//! assert_eq!(Query::new("…").params(&document).parameters().bytes, b"\x84name\x85empty\x87content\xCC\x01\x00");
//! ```

use ::serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::raw::{self, Natural};
use crate::value::{FromValue, ToValue};

/// Serializes a field by its [`ToValue`].
///
/// # Errors
///
/// The value cannot be sent.
pub fn serialize<T: ToValue + Serialize, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    raw::serialize(value, value, serializer)
}

/// Deserializes a field by its [`FromValue`].
///
/// # Errors
///
/// The value does not convert.
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
