//! For `#[serde(with = "bolt::serde::as_serde")]`: a field that is sent as serde makes it, although the database has
//! another type for it.
//!
//! Serde makes a string of a `chrono::NaiveDate`, and a list of a `Vec<u8>`. This is seldom what a program means, so it is
//! refused. [`as_value`](super::as_value) sends a date and bytes; this module sends the string and the list. It holds for
//! everything in the field. Other formats, such as JSON, are not affected.
//!
//! ```
//! # use bolt_proto as bolt;
//! use bolt::Query;
//!
//! #[derive(serde::Serialize)]
//! struct Dice {
//!     #[serde(with = "bolt::serde::as_serde")]
//!     eyes: Vec<u8>,
//! }
//!
//! let query = Query::new("CREATE (:Dice {eyes: $eyes})").params(&Dice { eyes: vec![1, 6] });
//! assert_eq!(query.check(), Ok(()));
//! # assert_eq!(query.parameters().bytes, b"\x84eyes\x92\x01\x06");
//! ```

use ::serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a newtype struct that only this crate's serializer knows.
pub(super) const AS_SERDE: &str = "$bolt_proto::serde";

/// Serializes a field as serde does.
///
/// # Errors
///
/// If the value cannot be sent.
pub fn serialize<T: Serialize + ?Sized, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(AS_SERDE, value)
}

/// Deserializes a field as serde does.
///
/// # Errors
///
/// If the value cannot be read as a `T`.
pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(deserializer)
}
