//! Writing values at the end of a buffer, always in their smallest form.
//!
//! ```
//! # use bolt_proto as bolt;
//! use bolt::packstream::write;
//!
//! let mut out = Vec::new();
//! write::map_header(&mut out, 1)?;
//! write::string(&mut out, "answer")?;
//! write::integer(&mut out, 42);
//! assert_eq!(out, b"\xA1\x86answer\x2A");
//! # Ok::<(), bolt::EncodeError>(())
//! ```

use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::packstream::{MAX_LEN, marker};

/// Writes null.
#[inline]
pub fn null(out: &mut Vec<u8>) {
    out.push(marker::NULL);
}

/// Writes a boolean.
#[inline]
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(if value { marker::TRUE } else { marker::FALSE });
}

/// Writes an integer in 1, 2, 3, 5 or 9 bytes.
#[inline(always)]
pub fn integer(out: &mut Vec<u8>, value: i64) {
    if let Ok(small) = i8::try_from(value) {
        if small >= -16 {
            out.extend_from_slice(&small.to_be_bytes());
        } else {
            let [a] = small.to_be_bytes();
            out.extend_from_slice(&[marker::INT_8, a]);
        }
    } else if let Ok(value) = i16::try_from(value) {
        let [a, b] = value.to_be_bytes();
        out.extend_from_slice(&[marker::INT_16, a, b]);
    } else if let Ok(value) = i32::try_from(value) {
        let [a, b, c, d] = value.to_be_bytes();
        out.extend_from_slice(&[marker::INT_32, a, b, c, d]);
    } else {
        let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
        out.extend_from_slice(&[marker::INT_64, a, b, c, d, e, f, g, h]);
    }
}

/// Writes a float. Every bit pattern is kept, including those of NaN.
#[inline]
pub fn float(out: &mut Vec<u8>, value: f64) {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    out.extend_from_slice(&[marker::FLOAT, a, b, c, d, e, f, g, h]);
}

/// Writes a string.
///
/// # Errors
///
/// If the string is longer than [`MAX_LEN`]. Nothing is written.
#[inline]
pub fn string(out: &mut Vec<u8>, value: &str) -> Result<(), EncodeError> {
    header(out, &STRING, value.len())?;
    out.extend_from_slice(value.as_bytes());
    Ok(())
}

/// Writes a byte array.
///
/// # Errors
///
/// If it is longer than [`MAX_LEN`]. Nothing is written.
#[inline]
pub fn bytes(out: &mut Vec<u8>, value: &[u8]) -> Result<(), EncodeError> {
    header(out, &BYTES, value.len())?;
    out.extend_from_slice(value);
    Ok(())
}

/// Begins a list of `len` items, which must follow.
///
/// # Errors
///
/// If `len` is above [`MAX_LEN`]. Nothing is written.
#[inline]
pub fn list_header(out: &mut Vec<u8>, len: usize) -> Result<(), EncodeError> {
    header(out, &LIST, len)
}

/// Begins a map of `len` entries, which must follow: a string, a value, a string, a value and so on.
///
/// # Errors
///
/// If `len` is above [`MAX_LEN`]. Nothing is written.
#[inline]
pub fn map_header(out: &mut Vec<u8>, len: usize) -> Result<(), EncodeError> {
    header(out, &MAP, len)
}

/// Begins a structure of 0 to 15 fields, which must follow. Only the low four bits of `fields` count.
#[inline]
pub fn structure_header(out: &mut Vec<u8>, fields: u8, tag: u8) {
    debug_assert!(fields <= 0x0F, "a structure has at most 15 fields");
    out.extend_from_slice(&[marker::STRUCTURE | (fields & 0x0F), tag]);
}

/// The markers of a type with a size.
pub(crate) struct Sized {
    what: &'static str,
    /// The marker that holds sizes below 16, if there is one.
    tiny: Option<u8>,
    bits_8: u8,
    bits_16: u8,
    pub(crate) bits_32: u8,
}

pub(crate) const STRING: Sized = Sized {
    what: "a string",
    tiny: Some(marker::TINY_STRING),
    bits_8: marker::STRING_8,
    bits_16: marker::STRING_16,
    bits_32: marker::STRING_32,
};
pub(crate) const BYTES: Sized = Sized {
    what: "a byte array",
    tiny: None,
    bits_8: marker::BYTES_8,
    bits_16: marker::BYTES_16,
    bits_32: marker::BYTES_32,
};
pub(crate) const LIST: Sized = Sized {
    what: "a list",
    tiny: Some(marker::TINY_LIST),
    bits_8: marker::LIST_8,
    bits_16: marker::LIST_16,
    bits_32: marker::LIST_32,
};
pub(crate) const MAP: Sized = Sized {
    what: "a map",
    tiny: Some(marker::TINY_MAP),
    bits_8: marker::MAP_8,
    bits_16: marker::MAP_16,
    bits_32: marker::MAP_32,
};

/// Writes the marker and the size.
#[inline]
pub(crate) fn header(out: &mut Vec<u8>, of: &Sized, len: usize) -> Result<(), EncodeError> {
    match (of.tiny, u8::try_from(len)) {
        (Some(tiny), Ok(small @ 0..=0x0F)) => {
            out.push(tiny | small);
            Ok(())
        }
        _ => long_header(out, of, len),
    }
}

fn long_header(out: &mut Vec<u8>, of: &Sized, len: usize) -> Result<(), EncodeError> {
    if let Ok(len) = u8::try_from(len) {
        out.extend_from_slice(&[of.bits_8, len]);
    } else if let Ok(len) = u16::try_from(len) {
        let [a, b] = len.to_be_bytes();
        out.extend_from_slice(&[of.bits_16, a, b]);
    } else {
        let [a, b, c, d] = checked(of, len)?.to_be_bytes();
        out.extend_from_slice(&[of.bits_32, a, b, c, d]);
    }
    Ok(())
}

/// Returns the size as 32 bits, if it may be sent.
pub(crate) fn checked(of: &Sized, len: usize) -> Result<u32, EncodeError> {
    match u32::try_from(len) {
        Ok(small) if len <= MAX_LEN => Ok(small),
        _ => Err(EncodeError::too_long(of.what, len)),
    }
}
