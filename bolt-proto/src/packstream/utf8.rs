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

/// Does what [`text`] does, faster for long texts and slower for short ones: the widest instructions that the processor has are
/// used from a length on at which that is worth the question for them.
#[inline]
pub(crate) fn long_text(bytes: &[u8]) -> Result<&str, DecodeError> {
    #[cfg(feature = "std")]
    if bytes.len() >= 128 {
        return simdutf8::basic::from_utf8(bytes).map_err(|_| DecodeError::Utf8);
    }
    text(bytes)
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
        long_text(bytes).map(drop)
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
                assert_eq!(long_text(bytes), expected, "{character}, {len}");
                assert_eq!(owned(bytes).as_deref().map_err(Clone::clone), expected);
                assert_eq!(check(bytes), expected.map(drop));
            }
            for at in 0..whole.len() {
                for wrong in [0x80, 0xBF, 0xC0, 0xED, 0xFF] {
                    let mut bytes = whole.clone();
                    bytes[at] = wrong;
                    let expected = core::str::from_utf8(&bytes).map_err(|_| DecodeError::Utf8);
                    assert_eq!(long_text(&bytes), expected, "{character}, {wrong:x} at {at}");
                    assert_eq!(check(&bytes), expected.map(drop));
                }
            }
        }
    }
}
