//! The one place where received bytes become text.

use crate::error::DecodeError;

/// The bytes as text.
///
/// The standard library checks ASCII by words already. A check of our own in front of it could not replace it:
/// without unsafe code there is no other way from bytes to text.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    core::str::from_utf8(bytes).map_err(|_| DecodeError::Utf8)
}
