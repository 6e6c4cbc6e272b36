//! The tags of structures that are values.

pub(crate) const NODE: u8 = b'N';
pub(crate) const RELATIONSHIP: u8 = b'R';
pub(crate) const UNBOUND_RELATIONSHIP: u8 = b'r';
pub(crate) const PATH: u8 = b'P';
pub(crate) const DATE: u8 = b'D';
pub(crate) const TIME: u8 = b'T';
pub(crate) const LOCAL_TIME: u8 = b't';
pub(crate) const DATE_TIME: u8 = b'I';
pub(crate) const ZONED_DATE_TIME: u8 = b'i';
pub(crate) const LEGACY_DATE_TIME: u8 = b'F';
pub(crate) const LEGACY_ZONED_DATE_TIME: u8 = b'f';
pub(crate) const LOCAL_DATE_TIME: u8 = b'd';
pub(crate) const DURATION: u8 = b'E';
pub(crate) const POINT_2D: u8 = b'X';
pub(crate) const POINT_3D: u8 = b'Y';
pub(crate) const VECTOR: u8 = b'V';
pub(crate) const UNSUPPORTED: u8 = b'?';

/// Returns the type of a structure with this tag, in words.
pub(crate) fn kind(tag: u8) -> &'static str {
    match tag {
        NODE => "a node",
        RELATIONSHIP => "a relationship",
        UNBOUND_RELATIONSHIP => "a relationship of a path",
        PATH => "a path",
        DATE => "a date",
        TIME => "a time",
        LOCAL_TIME => "a local time",
        DATE_TIME | LEGACY_DATE_TIME => "a date-time with an offset",
        ZONED_DATE_TIME | LEGACY_ZONED_DATE_TIME => "a date-time with a zone",
        LOCAL_DATE_TIME => "a local date-time",
        DURATION => "a duration",
        POINT_2D => "a point in two dimensions",
        POINT_3D => "a point in three dimensions",
        VECTOR => "a vector",
        UNSUPPORTED => "a value that this version of Bolt cannot carry",
        _ => "a structure of an unknown kind",
    }
}

/// Returns the type of a date or a time in words, with the type of this crate that loses nothing of it.
#[cold]
pub(crate) fn whole(kind: &'static str) -> &'static str {
    match kind {
        "a date" => "a date: `types::Date` reads all of it",
        "a time" => "a time: `types::Time` reads all of it",
        "a local time" => "a local time: `types::LocalTime` reads all of it",
        "a date-time with an offset" => "a date-time with an offset: `types::DateTime` reads all of it",
        "a date-time with a zone" => "a date-time with a zone: `types::ZonedDateTime` reads all of it",
        "a local date-time" => "a local date-time: `types::LocalDateTime` reads all of it",
        "a duration" => "a duration: `types::Duration` reads all of it",
        other => other,
    }
}

/// Returns whether servers accept such a structure from clients.
pub(crate) fn is_sendable(tag: u8) -> bool {
    matches!(
        tag,
        DATE | TIME
            | LOCAL_TIME
            | DATE_TIME
            | ZONED_DATE_TIME
            | LEGACY_DATE_TIME
            | LEGACY_ZONED_DATE_TIME
            | LOCAL_DATE_TIME
            | DURATION
            | POINT_2D
            | POINT_3D
            | VECTOR
    )
}
