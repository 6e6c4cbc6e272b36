//! The types of values, and everything that an own [`FromValue`](crate::FromValue) or [`ToValue`](crate::ToValue)
//! needs.
//!
//! * Types of the database that Rust has no type for: [`Node`], [`Relationship`], [`Path`]; [`Date`], [`Time`],
//!   [`LocalTime`], [`DateTime`], [`ZonedDateTime`], [`LocalDateTime`], [`Duration`]; [`Point2D`], [`Point3D`];
//!   [`Vector`], [`Uuid`]; [`UnsupportedType`] and [`Structure`] for values that cannot be represented.
//! * Maps: [`Map`].
//! * What an own `FromValue` reads from: [`ValueRef`] and its views [`ListRef`], [`MapRef`], [`StructureRef`].
//! * What an own `ToValue` writes to: [`Encoder`], [`ListEncoder`], [`MapEncoder`].
//! * A place in a value: [`ValueIndex`]. A name in quotes: [`Ident`].
//! * Errors: [`ParseError`], [`ParseUuidError`], [`RangeError`], [`DecodeError`].

pub use crate::error::DecodeError;
pub use crate::ident::Ident;
pub use crate::keys::KeysIter;
pub use crate::value::{
    Date, DateTime, Direction, Duration, Encoder, ListEncoder, ListRef, ListRefIter, LocalDateTime,
    LocalTime, Map, MapEncoder, MapIter, MapRef, MapRefIter, Node, ParseError, ParseUuidError, Path, Point2D,
    Point3D, RangeError, Relationship, Segment, Srid, Structure, StructureRef, Time, UnboundRelationship,
    UnsupportedType, UtcOffset, Uuid, ValueIndex, ValueRef, Vector, ZonedDateTime,
};
