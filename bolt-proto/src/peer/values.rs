//! The values that a client may send, by version.

use crate::packstream::{extent, marker};
use crate::value::tag;
use crate::version::{Capabilities, Utc, Version};

/// Returns the kind of the first value that a client must not send: one that the version lacks, or that only servers send.
/// `utc` is whether date-times are sent by their instant; `None` if that is not settled yet.
pub(super) fn refused(values: &[u8], version: &Capabilities, utc: Option<bool>) -> Option<&'static str> {
    let mut rest = values;
    while let [first, after @ ..] = rest {
        let kind = match (*first, after) {
            (marker::UUID, _) if version.version < Version::V6_1 => Some("a UUID"),
            (0xB0..=0xBF, [tag, ..]) => refused_structure(*tag, version, utc),
            _ => None,
        };
        if kind.is_some() {
            return kind;
        }
        // Malformed values are left to their reader to report.
        let (payload, _) = extent(*first, after).ok()?;
        rest = after.get(payload..)?;
    }
    None
}

fn refused_structure(tag: u8, version: &Capabilities, utc: Option<bool>) -> Option<&'static str> {
    match (tag, utc) {
        (tag::VECTOR, _) if version.version < Version::V6_0 => Some("a vector"),
        (tag::DATE_TIME | tag::ZONED_DATE_TIME, Some(false)) => Some("a date-time in the form of Bolt 5"),
        (tag::LEGACY_DATE_TIME | tag::LEGACY_ZONED_DATE_TIME, Some(true)) => {
            Some("a date-time in the form before Bolt 5")
        }
        _ if tag::is_sendable(tag) => None,
        _ => Some(tag::kind(tag)),
    }
}

/// Returns whether date-times are sent by their instant; `None` if the answer to HELLO will say so.
pub(super) const fn utc(version: &Capabilities, agreed: bool, greeted: bool) -> Option<bool> {
    match version.utc {
        Utc::Never => Some(false),
        Utc::Always => Some(true),
        Utc::Patch if greeted => Some(agreed),
        Utc::Patch => None,
    }
}
