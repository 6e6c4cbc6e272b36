//! The types of values that Rust has no type for: graph, temporal and spatial types, vectors and UUIDs.

pub use crate::value::{
    Date, DateTime, Direction, Duration, LocalDateTime, LocalTime, Map, Node, ParseError, ParseUuidError,
    Path, Point2D, Point3D, RangeError, Relationship, Segment, Srid, Structure, Time, UnboundRelationship,
    UnsupportedType, UtcOffset, Uuid, Vector, ZonedDateTime,
};
