//! PackStream, the encoding of values: writing them, skipping them, and reading them where they lie.
//!
//! Most programs read by [`FromValue`](crate::value::FromValue) or serde and write by
//! [`ToValue`](crate::value::ToValue); this layer is for messages, proxies and tools.

mod forecast;
mod read;
mod show;
mod skip;
mod utf8;
mod uuid;
mod value_ref;

pub(crate) mod marker;
pub mod write;

pub use read::Reader;
pub use skip::skip;
pub use uuid::{ParseUuidError, Uuid};
pub use value_ref::{ListIter, ListRef, MapIter, MapRef, StructureRef, ValueRef};

pub(crate) use forecast::Forecast;
pub(crate) use read::Token;
pub(crate) use skip::extent;

/// How deeply containers may be nested in a value that is read or sent. Servers close the connection without a word
/// on what is nested a few thousand levels deep; skipping has no such bound.
pub const MAX_DEPTH: u16 = 512;

/// The largest size of a string, a byte array, a list or a map: 2³¹ − 1.
pub const MAX_LEN: usize = 0x7FFF_FFFF;

#[cfg(test)]
mod tests;
