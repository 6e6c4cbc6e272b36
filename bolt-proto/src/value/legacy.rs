//! The legacy form of date-times, for servers before Neo4j 5: seconds count on the local clock.

use alloc::vec::Vec;

use crate::error::{DecodeError, EncodeError};
use crate::packstream::{Reader, extent, write};
use crate::value::{UtcOffset, tag};

/// The marker of a structure of three fields.
const THREE_FIELDS: u8 = 0xB3;

/// Copies encoded values, and writes their date-times in the legacy form. `offsets` are those of the
/// date-times with a zone, in order.
///
/// # Errors
///
/// If a date-time with a zone has no offset: its position in `values`, and the error.
pub(crate) fn transcode(
    values: &[u8],
    offsets: &[Option<UtcOffset>],
    out: &mut Vec<u8>,
) -> Result<(), (usize, EncodeError)> {
    let mut offsets = offsets.iter().copied();
    let mut rest = values;
    // The bytes up to the next date-time are copied unchanged.
    let mut unchanged = values;
    while let [first, after @ ..] = rest {
        let position = values.len().saturating_sub(rest.len());
        let malformed = |_| (position, EncodeError::nothing());
        match after {
            [tag @ (tag::DATE_TIME | tag::ZONED_DATE_TIME), fields @ ..] if *first == THREE_FIELDS => {
                out.extend_from_slice(
                    unchanged
                        .get(..unchanged.len().saturating_sub(rest.len()))
                        .unwrap_or_default(),
                );
                let mut fields = Reader::new(fields);
                let offset = if *tag == tag::ZONED_DATE_TIME {
                    offsets.next().flatten()
                } else {
                    offset_of(fields)
                };
                let offset = offset.ok_or_else(|| (position, EncodeError::unknown_offset()))?;
                let seconds = fields
                    .integer()
                    .ok_or_else(|| malformed(DecodeError::Truncated))?;
                write::structure_header(out, 3, legacy(*tag));
                write::integer(out, seconds.saturating_add(i64::from(offset.seconds())));
                // The other two fields are copied unchanged.
                unchanged = fields.rest();
                fields.skip().map_err(malformed)?;
                fields.skip().map_err(malformed)?;
                rest = fields.rest();
            }
            // Every other value is passed, and then its contents.
            _ => {
                let (payload, _) = extent(*first, after).map_err(malformed)?;
                rest = after.get(payload..).unwrap_or_default();
            }
        }
    }
    out.extend_from_slice(unchanged);
    Ok(())
}

const fn legacy(tag: u8) -> u8 {
    if tag == tag::DATE_TIME {
        tag::LEGACY_DATE_TIME
    } else {
        tag::LEGACY_ZONED_DATE_TIME
    }
}

/// Returns the third field.
fn offset_of(mut fields: Reader<'_>) -> Option<UtcOffset> {
    fields.skip().ok()?;
    fields.skip().ok()?;
    UtcOffset::from_seconds(i32::try_from(fields.integer()?).ok()?).ok()
}
