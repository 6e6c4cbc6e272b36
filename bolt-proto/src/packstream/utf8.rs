//! The one place where received bytes become text.

use alloc::string::String;

use crate::error::DecodeError;

/// Returns the bytes as text.
///
/// The standard library already checks ASCII by words. Another check before it could not replace it, because
/// without unsafe code there is no other conversion from bytes to text.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    core::str::from_utf8(bytes).map_err(|_| DecodeError::Utf8)
}

/// Copies the bytes as text.
///
/// The copy is what is checked: memory that was just allocated is aligned, and only from an aligned address on does the
/// standard library check words. Up to there it checks byte by byte, which is most of a short text.
#[inline]
pub(crate) fn owned(bytes: &[u8]) -> Result<String, DecodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::Utf8)
}

/// Checks that the bytes are text. This is faster than [`text`] for short ASCII, such as the names of entries.
#[inline]
pub(crate) fn check(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.is_ascii() {
        Ok(())
    } else {
        text(bytes).map(drop)
    }
}
