//! PackStream, the encoding of values: writing, skipping, and reading in place.
//!
//! Most programs read by [`FromValue`](crate::value::FromValue) or serde, and write by
//! [`ToValue`](crate::value::ToValue). This layer is for messages, proxies and tools.

mod floats;
mod forecast;
mod read;
mod short;
mod show;
mod skip;
pub(crate) mod utf8;
mod uuid;
mod value_ref;

pub(crate) mod marker;
pub mod write;

pub use read::Reader;
pub use skip::skip;
pub use uuid::{ParseUuidError, Uuid};
pub use value_ref::{ListRef, ListRefIter, MapRef, MapRefIter, StructureRef, ValueRef};

pub(crate) use forecast::Forecast;
pub(crate) use read::Token;
pub(crate) use short::same;
pub(crate) use skip::extent;

/// The maximum nesting of containers in a value that is read or sent. Servers close the connection on values that are
/// nested a few thousand levels deep, without giving a reason. Skipping a value has no such bound.
pub const MAX_DEPTH: u16 = 512;

/// The maximum size of a string, a byte array, a list or a map: 2³¹ − 1.
pub const MAX_LEN: usize = 0x7FFF_FFFF;

#[cfg(test)]
mod tests;
