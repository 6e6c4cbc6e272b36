//! Values and their conversions: [`FromValue`] reads a value, [`ToValue`] writes one.
//!
//! To add a type that travels as a structure: its tag and its name in words go into `tag`; the type gets a file with
//! its `ToValue` and its `Fields`, from which `FromValue` follows; [`Value`] gets a variant. The compiler and the
//! property test of the round trip point at what is left.

mod access;
mod convert;
mod display;
mod encoder;
mod fields;
mod from_collections;
mod from_value;
mod graph;
#[cfg(feature = "std")]
mod hash_map;
mod into_value;
mod legacy;
mod macros;
mod map;
mod output;
mod path;
mod portable;
mod range;
mod seen_keys;
mod sets;
mod spatial;
mod structure;
mod temporal;
mod to_collections;
mod to_value;
mod tree;
mod unsupported;
mod uuid;
mod vector;

pub(crate) mod tag;

pub use crate::packstream::{ListRef, ListRefIter, MapRef, MapRefIter, StructureRef, ValueRef};
pub use crate::packstream::{ParseUuidError, Uuid};
pub use access::ValueIndex;
pub use encoder::{Encoder, ListEncoder, MapEncoder};
pub use from_value::FromValue;
pub use graph::{Node, Relationship, UnboundRelationship};
pub use map::{Map, MapIter};
pub use path::{Direction, Path, Segment};
pub use range::RangeError;
pub use spatial::{Point2D, Point3D, Srid};
pub use structure::Structure;
pub use temporal::{
    Date, DateTime, Duration, LocalDateTime, LocalTime, ParseError, Time, UtcOffset, ZonedDateTime,
};
pub use to_value::ToValue;
pub use tree::Value;
pub use unsupported::UnsupportedType;
pub use vector::Vector;

pub(crate) use display::Name;
pub(crate) use fields::Fields;
pub(crate) use from_value::{Named, exact_float, exact_float_32, in_range, narrow};
pub(crate) use legacy::transcode;
pub(crate) use output::{Container, Dialect, Mark, Open, Output};
pub(crate) use tree::encoded;

#[cfg(test)]
pub(crate) mod round_trip;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
