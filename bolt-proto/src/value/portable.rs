//! Encoded values together with their properties, as bytes: the form in which they pass through serde.

use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::packstream::{MAX_DEPTH, skip};
use crate::value::{Output, UtcOffset};
use crate::version::Version;

/// The encoding of an unknown offset.
const UNKNOWN: i32 = i32::MAX;

/// What follows the value and the offsets: the number of offsets, the depth of the value, the version that it
/// needs, and whether it contains date-times.
type Trailer = [u8; 9];

impl Output {
    /// Returns the one value that was written, followed by its properties. Readers of the value do not look
    /// there.
    pub(crate) fn into_portable(mut self) -> Vec<u8> {
        let more = self.offsets.len().saturating_mul(size_of::<i32>());
        // A long value would be copied into twice its memory.
        self.bytes
            .reserve_exact(more.saturating_add(size_of::<Trailer>()));
        for offset in &self.offsets {
            self.bytes
                .extend_from_slice(&offset.map_or(UNKNOWN, UtcOffset::seconds).to_be_bytes());
        }
        let [a, b, c, d] = u32::try_from(self.offsets.len())
            .unwrap_or(u32::MAX)
            .to_be_bytes();
        let [e, f] = self.deepest.to_be_bytes();
        let (major, minor) = self
            .take_needs()
            .map_or((0, 0), |version| (version.major(), version.minor()));
        let trailer: Trailer = [a, b, c, d, e, f, major, minor, u8::from(self.has_date_times)];
        self.bytes.extend_from_slice(&trailer);
        self.bytes
    }

    /// Writes such a value.
    ///
    /// # Errors
    ///
    /// If the value is nested too deep here, or is no such value.
    pub(crate) fn append_portable(&mut self, portable: &[u8]) -> Result<(), EncodeError> {
        let forged = || EncodeError::custom("an encoded value is malformed");
        let (rest, trailer) = portable.split_last_chunk().ok_or_else(forged)?;
        let [a, b, c, d, e, f, major, minor, has_date_times]: Trailer = *trailer;
        let value_len = skip(rest).map_err(|_| forged())?;
        let (value, offsets) = rest.split_at_checked(value_len).ok_or_else(forged)?;
        let offsets = offsets.chunks_exact(size_of::<i32>());
        if !offsets.remainder().is_empty()
            || Ok(offsets.len()) != usize::try_from(u32::from_be_bytes([a, b, c, d]))
        {
            return Err(forged());
        }
        if self.depth().saturating_add(u16::from_be_bytes([e, f])) > MAX_DEPTH {
            return Err(EncodeError::depth());
        }
        self.bytes.extend_from_slice(value);
        self.offsets.extend(offsets.map(|offset| {
            let seconds = offset
                .first_chunk()
                .map_or(UNKNOWN, |offset| i32::from_be_bytes(*offset));
            UtcOffset::from_seconds(seconds).ok()
        }));
        if major > 0 {
            self.need(Version::new(major, minor));
        }
        self.has_date_times |= has_date_times != 0;
        Ok(())
    }
}
