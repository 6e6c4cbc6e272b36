//! The one place where received bytes become text.

use alloc::string::String;

use ascii::AsciiStr;

use crate::error::DecodeError;

/// Up to this length it costs little that [`AsciiStr`] counts the characters before the first one that is not ASCII.
const SHORT: usize = 64;

/// Returns the bytes as text.
///
/// Nearly all short texts are ASCII. The standard library checks that by words only from an aligned address on, and byte by
/// byte up to there, which is most of such a text. It has a faster check, but without unsafe code no conversion after it.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    if bytes.len() < SHORT {
        if let Ok(text) = AsciiStr::from_ascii(bytes) {
            return Ok(text.as_str());
        }
    }
    other_text(bytes)
}

#[inline(never)]
fn other_text(bytes: &[u8]) -> Result<&str, DecodeError> {
    #[cfg(feature = "std")]
    if bytes.len() >= SHORT {
        return simdutf8::basic::from_utf8(bytes).map_err(|_| DecodeError::Utf8);
    }
    core::str::from_utf8(bytes).map_err(|_| DecodeError::Utf8)
}

/// Copies the bytes as text.
#[inline]
pub(crate) fn owned(bytes: &[u8]) -> Result<String, DecodeError> {
    text(bytes).map(String::from)
}

/// Checks that the bytes are text.
#[inline]
pub(crate) fn check(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.is_ascii() {
        Ok(())
    } else {
        other_text(bytes).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// Texts of one to four bytes a character, with a cut or a wrong byte at each place of them.
    #[test]
    fn texts_of_any_length_are_checked_as_the_standard_library_checks_them() {
        for character in ["a", "é", "日", "𝄞"] {
            let whole: Vec<u8> = character.bytes().cycle().take(4 * 80).collect();
            for len in (0..=whole.len()).rev() {
                let bytes = &whole[..len];
                let expected = core::str::from_utf8(bytes).map_err(|_| DecodeError::Utf8);
                assert_eq!(text(bytes), expected, "{character}, {len}");
                assert_eq!(owned(bytes).as_deref().map_err(Clone::clone), expected);
                assert_eq!(check(bytes), expected.map(drop));
            }
            for at in 0..whole.len() {
                for wrong in [0x80, 0xBF, 0xC0, 0xED, 0xFF] {
                    let mut bytes = whole.clone();
                    bytes[at] = wrong;
                    let expected = core::str::from_utf8(&bytes).map_err(|_| DecodeError::Utf8);
                    assert_eq!(text(&bytes), expected, "{character}, {wrong:x} at {at}");
                    assert_eq!(check(&bytes), expected.map(drop));
                }
            }
        }
    }
}
