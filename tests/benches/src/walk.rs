//! The lower bound: no reader can do less.

/// Walks the frames of RECORDs, checks bounds and UTF-8, and adds up the content. Containers need no recursion: the
/// number of remaining values is enough.
///
/// # Panics
///
/// If the bytes are not what [`Workload::batch`](crate::Workload::batch) makes: they end early, or have other content.
#[must_use]
pub(crate) fn walk(mut frames: &[u8], is_text: impl Fn(&[u8]) -> bool) -> u64 {
    let mut sum = 0_u64;
    while let Some((size, after)) = frames.split_first_chunk::<2>() {
        let (message, rest) = split(after, usize::from(u16::from_be_bytes(*size)));
        let Some((&[0xB1, 0x71], values)) = message.split_first_chunk::<2>() else {
            panic!("a RECORD was expected")
        };
        sum = sum.wrapping_add(value(values, &is_text));
        let Some((&[0, 0], rest)) = rest.split_first_chunk::<2>() else {
            panic!("one chunk a message was expected")
        };
        frames = rest;
    }
    sum
}

#[inline(always)]
fn value(mut rest: &[u8], is_text: impl Fn(&[u8]) -> bool) -> u64 {
    let (mut sum, mut outstanding) = (0_u64, 1_usize);
    while outstanding > 0 {
        // Most lists of numbers have floats.
        if let [0xC1, a, b, c, d, e, f, g, h, after @ ..] = rest {
            rest = after;
            outstanding -= 1;
            sum = sum.wrapping_add(u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]));
            continue;
        }
        outstanding -= 1;
        let ([marker], after) = array(rest);
        rest = after;
        // A number, or the length of a text.
        let read = match marker {
            0x00..=0x7F | 0xF0..=0xFF => i64::from(marker.cast_signed()).cast_unsigned(),
            0x80..=0x8F => text(&mut rest, usize::from(marker & 0x0F), &is_text),
            0x90..=0x9F => {
                outstanding += usize::from(marker & 0x0F);
                0
            }
            0xA0..=0xAF => {
                outstanding += 2 * usize::from(marker & 0x0F);
                0
            }
            0xB0..=0xBF => {
                let ([_tag], after) = array(rest);
                rest = after;
                outstanding += usize::from(marker & 0x0F);
                0
            }
            0xC0 | 0xC2 => 0,
            0xC1 | 0xCB => number(&mut rest, i64::from_be_bytes),
            0xC3 => 1,
            0xC8 => number(&mut rest, |bytes| i64::from(i8::from_be_bytes(bytes))),
            0xC9 => number(&mut rest, |bytes| i64::from(i16::from_be_bytes(bytes))),
            0xCA => number(&mut rest, |bytes| i64::from(i32::from_be_bytes(bytes))),
            0xD0 => {
                let ([len], after) = array(rest);
                rest = after;
                text(&mut rest, usize::from(len), &is_text)
            }
            0xD1 => {
                let (len, after) = array(rest);
                rest = after;
                text(&mut rest, usize::from(u16::from_be_bytes(len)), &is_text)
            }
            0xD5 => {
                let (len, after) = array(rest);
                rest = after;
                outstanding += usize::from(u16::from_be_bytes(len));
                0
            }
            _ => panic!("a marker that no workload has"),
        };
        sum = sum.wrapping_add(read);
    }
    assert!(rest.is_empty(), "a value is followed by another one");
    sum
}

#[inline(always)]
fn number<const N: usize>(rest: &mut &[u8], read: impl Fn([u8; N]) -> i64) -> u64 {
    let (bytes, after) = array(rest);
    *rest = after;
    read(bytes).cast_unsigned()
}

#[inline(always)]
fn text(rest: &mut &[u8], len: usize, is_text: impl Fn(&[u8]) -> bool) -> u64 {
    let (text, after) = split(rest, len);
    *rest = after;
    assert!(is_text(text), "a text is UTF-8");
    text.len() as u64
}

/// Whether it is UTF-8, of which ASCII is a part.
pub(crate) fn is_text(text: &[u8]) -> bool {
    is_ascii(text) || std::str::from_utf8(text).is_ok()
}

/// By words of eight bytes; the last one may overlap the one before it.
fn is_ascii(text: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let Some(last) = text.last_chunk::<8>() else {
        return text.iter().fold(0, |bits, byte| bits | byte) < 0x80;
    };
    let (words, _) = text.as_chunks::<8>();
    let bits = words.iter().fold(u64::from_ne_bytes(*last), |bits, word| {
        bits | u64::from_ne_bytes(*word)
    });
    bits & HIGH_BITS == 0
}

#[inline(always)]
fn array<const N: usize>(bytes: &[u8]) -> ([u8; N], &[u8]) {
    let Some((array, after)) = bytes.split_first_chunk() else {
        panic!("a value ends early")
    };
    (*array, after)
}

#[inline(always)]
fn split(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    let Some(parts) = bytes.split_at_checked(at) else {
        panic!("a value ends early")
    };
    parts
}

/// Walks one message of any kind. Returns its tag and the sum of its fields.
///
/// # Panics
///
/// If the message is none.
#[must_use]
pub(crate) fn walk_message(message: &[u8]) -> (u8, u64) {
    let Some((&[header, tag], fields)) = message.split_first_chunk::<2>() else {
        panic!("a message was expected")
    };
    match header {
        0xB0 => (tag, 0),
        _ => (tag, value(fields, is_text)),
    }
}
