//! The one place where received bytes become text.

use crate::error::DecodeError;

/// Returns the bytes as text.
///
/// The standard library already checks ASCII by words. Another check before it could not replace it, because
/// without unsafe code there is no other conversion from bytes to text.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    core::str::from_utf8(bytes).map_err(|_| DecodeError::Utf8)
}
