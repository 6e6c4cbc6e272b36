//! Finding the end of a value without reading it.

use crate::error::DecodeError;
use crate::packstream::marker;

/// Returns the length in bytes of the value at the start of `bytes`.
///
/// It checks that every marker exists, and that no value extends beyond the bytes. It neither recurses nor
/// allocates, so values nested to any depth can be skipped. It does not check that text is UTF-8, and that
/// map keys are strings: only reading does.
///
/// # Errors
///
/// [`DecodeError::Truncated`] if the bytes end inside of the value. [`DecodeError::Marker`] if a byte starts
/// no value.
#[inline]
pub fn skip(bytes: &[u8]) -> Result<usize, DecodeError> {
    skip_values(bytes, 1)
}

/// Returns the length in bytes of the value at the start, if its first byte determines it. It may be more
/// than there is.
#[inline]
pub(crate) fn scalar_len(bytes: &[u8]) -> Option<usize> {
    let payload = PAYLOADS.get(usize::from(*bytes.first()?)).copied();
    let payload = payload.filter(|&payload| payload != LOOK)?;
    Some(usize::from(payload).wrapping_add(1))
}

/// Returns the length in bytes of `count` consecutive values.
pub(crate) fn skip_values(bytes: &[u8], count: usize) -> Result<usize, DecodeError> {
    let mut rest = bytes;
    // The number of values that are left, including those inside of containers.
    let mut outstanding = count;
    while let Some(others) = outstanding.checked_sub(1) {
        let (&marker, after) = rest.split_first().ok_or(DecodeError::Truncated)?;
        let payload = PAYLOADS.get(usize::from(marker)).copied().unwrap_or(LOOK);
        if payload == LOOK {
            let (payload, items) = match marker {
                // Most rows consist of these.
                0xB0..=0xBF => (1, usize::from(marker & 0x0F)),
                _ => extent(marker, after)?,
            };
            rest = after.get(payload..).ok_or(DecodeError::Truncated)?;
            outstanding = others.saturating_add(items);
            // Every value has at least one byte, so a false size of a container is detected at once.
            if outstanding > rest.len() {
                return Err(DecodeError::Truncated);
            }
        } else {
            rest = after.get(usize::from(payload)..).ok_or(DecodeError::Truncated)?;
            outstanding = others;
            if marker == marker::FLOAT {
                (rest, outstanding) = skip_floats(rest, outstanding);
            }
        }
    }
    Ok(bytes.len().saturating_sub(rest.len()))
}

/// Moves past consecutive floats: one is often followed by hundreds.
#[inline]
fn skip_floats(mut rest: &[u8], mut outstanding: usize) -> (&[u8], usize) {
    while let (Some(others), [marker::FLOAT, _, _, _, _, _, _, _, _, after @ ..]) =
        (outstanding.checked_sub(1), rest)
    {
        rest = after;
        outstanding = others;
    }
    (rest, outstanding)
}

/// The number of bytes after each marker, if the marker determines it; else [`LOOK`].
static PAYLOADS: [u8; 256] = payloads();

/// The value has a size, contains other values, or does not exist.
const LOOK: u8 = u8::MAX;

const fn payloads() -> [u8; 256] {
    let mut payloads = [LOOK; 256];
    let mut rest: &mut [u8] = &mut payloads;
    let mut marker = 0_u8;
    while let [payload, after @ ..] = rest {
        *payload = match marker {
            0x00..=0x7F | 0xF0..=0xFF | marker::NULL | marker::FALSE | marker::TRUE => 0,
            0x80..=0x8F => marker & 0x0F,
            marker::INT_8 => 1,
            marker::INT_16 => 2,
            marker::INT_32 => 4,
            marker::INT_64 | marker::FLOAT => 8,
            marker::UUID => 16,
            _ => LOOK,
        };
        marker = marker.wrapping_add(1);
        rest = after;
    }
    payloads
}

/// Returns the number of bytes of the value itself, and the number of values that it contains after them.
#[inline]
pub(crate) fn extent(marker: u8, rest: &[u8]) -> Result<(usize, usize), DecodeError> {
    Ok(match marker {
        0x00..=0x7F | 0xF0..=0xFF | marker::NULL | marker::FALSE | marker::TRUE => (0, 0),
        0x80..=0x8F => (usize::from(marker & 0x0F), 0),
        0x90..=0x9F => (0, usize::from(marker & 0x0F)),
        0xA0..=0xAF => (0, 2 * usize::from(marker & 0x0F)),
        0xB0..=0xBF => (1, usize::from(marker & 0x0F)),
        marker::INT_8 => (1, 0),
        marker::INT_16 => (2, 0),
        marker::INT_32 => (4, 0),
        marker::INT_64 | marker::FLOAT => (8, 0),
        marker::BYTES_8 | marker::STRING_8 => (size_8(rest)?.saturating_add(1), 0),
        marker::BYTES_16 | marker::STRING_16 => (size_16(rest)?.saturating_add(2), 0),
        marker::BYTES_32 | marker::STRING_32 => (size_32(rest)?.saturating_add(4), 0),
        marker::LIST_8 => (1, size_8(rest)?),
        marker::LIST_16 => (2, size_16(rest)?),
        marker::LIST_32 => (4, size_32(rest)?),
        marker::MAP_8 => (1, size_8(rest)?.saturating_mul(2)),
        marker::MAP_16 => (2, size_16(rest)?.saturating_mul(2)),
        marker::MAP_32 => (4, size_32(rest)?.saturating_mul(2)),
        marker::UUID => (16, 0),
        _ => return Err(DecodeError::Marker(marker)),
    })
}

#[inline]
fn size_8(bytes: &[u8]) -> Result<usize, DecodeError> {
    bytes
        .first()
        .map(|&size| usize::from(size))
        .ok_or(DecodeError::Truncated)
}

#[inline]
fn size_16(bytes: &[u8]) -> Result<usize, DecodeError> {
    let size = bytes.first_chunk().ok_or(DecodeError::Truncated)?;
    Ok(usize::from(u16::from_be_bytes(*size)))
}

#[inline]
fn size_32(bytes: &[u8]) -> Result<usize, DecodeError> {
    let size = bytes.first_chunk().ok_or(DecodeError::Truncated)?;
    // With 16-bit addresses nothing of that size can exist.
    usize::try_from(u32::from_be_bytes(*size)).map_err(|_| DecodeError::Truncated)
}
