//! Values, and the ways in and out: [`FromValue`] reads one, [`ToValue`] writes one.

mod encoder;
mod from_collections;
mod from_value;
#[cfg(feature = "std")]
mod hash_map;
mod map;
mod output;
mod structure;
mod to_collections;
mod to_value;
mod tree;

pub(crate) mod tag;

pub use encoder::{Encoder, ListEncoder, MapEncoder};
pub use from_value::FromValue;
pub use map::{Map, MapIter};
pub use structure::Structure;
pub use to_value::ToValue;
pub use tree::Value;

pub(crate) use from_value::{Named, in_range, narrow};
pub(crate) use output::{Container, Mark, Open, Output};

#[cfg(test)]
mod tests;
