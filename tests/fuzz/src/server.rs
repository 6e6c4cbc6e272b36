//! A server's bytes, drawn from the input: mostly proper messages, in chunks of any size.

use arbitrary::{Result as Drawn, Unstructured};

/// Bodies of messages that reach further states, without the structure header.
const BODIES: [&[u8]; 12] = [
    b"\x70\xA0",
    b"\x70\xA1\x86fields\x92\x81a\x81b",
    b"\x70\xA2\x86fields\x91\x81n\x83qid\x00",
    b"\x70\xA2\x83qid\x01\x86fields\x90",
    b"\x70\xA1\x88has_more\xC3",
    b"\x70\xA2\x84type\x81w\x85stats\xA1\x8Dnodes-created\x01",
    b"\x71\x92\x01\x82hi",
    b"\x71\x91\x93\x01\xC1\x3F\xF0\x00\x00\x00\x00\x00\x00\xC0",
    b"\x7F\xA2\x84code\xD0\x25Neo.ClientError.Statement.SyntaxError\x87message\x83odd",
    b"\x7F\xA2\x84code\xD0\x27Neo.ClientError.Request.InvalidRequest!\x87message\x80",
    b"\x7E",
    b"\x7E\xA0",
];

/// Appends one message, one keep-alive or a few stray bytes.
pub(crate) fn say(draw: &mut Unstructured<'_>, out: &mut Vec<u8>) -> Drawn<()> {
    match draw.int_in_range(0..=15)? {
        0 => out.extend([0, 0]),
        1 => {
            let len = draw.int_in_range(0..=8)?;
            out.extend(draw.bytes(len.min(draw.len()))?);
        }
        2..=4 => {
            // A message with an arbitrary body.
            let head = *draw.choose(&[b"\xB1\x70", b"\xB1\x71", b"\xB1\x7F", b"\xB1\x7E"])?;
            let len = draw.int_in_range(0..=64)?;
            let body = draw.bytes(len.min(draw.len()))?;
            chunked(draw, &[head, body].concat(), out)?;
        }
        _ => {
            let body = *draw.choose(&BODIES)?;
            let fields = u8::from(body.len() > 1);
            chunked(draw, &[&[0xB0 | fields], body].concat(), out)?;
        }
    }
    Ok(())
}

/// Returns the bytes drawn from the rest of the input.
pub(crate) fn say_all(draw: &mut Unstructured<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    while !draw.is_empty() && say(draw, &mut out).is_ok() {}
    out
}

/// Appends a message in chunks of one size.
fn chunked(draw: &mut Unstructured<'_>, message: &[u8], out: &mut Vec<u8>) -> Drawn<()> {
    let size = match draw.int_in_range(0..=7)? {
        0 => 1,
        1 => 3,
        2 => 16,
        _ => usize::from(u16::MAX),
    };
    for chunk in message.chunks(size) {
        out.extend(u16::try_from(chunk.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend(chunk);
    }
    out.extend([0, 0]);
    Ok(())
}
