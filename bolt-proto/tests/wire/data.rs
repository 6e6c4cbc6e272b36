//! Bytes: from hex digits, in chunks, and encoded again.

use bolt_proto::Query;
use bolt_proto::packstream::{Reader, ValueRef, write};

/// Decodes hex digits.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    assert!(text.len() % 2 == 0, "an odd number of digits");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Frames a message in chunks of maximum size.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in message.chunks(65_535) {
        out.extend(u16::try_from(chunk.len()).unwrap().to_be_bytes());
        out.extend(chunk);
    }
    out.extend([0, 0]);
    out
}

/// Returns the messages in these chunks, without keep-alives.
pub(crate) fn unframed(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut messages, mut message) = (Vec::new(), Vec::new());
    while let Some((size, rest)) = bytes.split_first_chunk::<2>() {
        let (chunk, rest) = rest.split_at(usize::from(u16::from_be_bytes(*size)));
        message.extend(chunk);
        if chunk.is_empty() && !message.is_empty() {
            messages.push(std::mem::take(&mut message));
        }
        bytes = rest;
    }
    assert!(message.is_empty() && bytes.is_empty(), "a message without an end");
    messages
}

/// The order of map entries when a value is encoded again.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Order {
    Kept,
    Sorted,
}

/// Decodes a message and encodes it again.
pub(crate) fn reencode(message: &[u8], order: Order) -> Vec<u8> {
    let mut reader = Reader::new(message);
    let mut out = Vec::new();
    encode(reader.value().unwrap(), order, &mut out);
    assert!(reader.is_empty(), "stray bytes");
    out
}

fn encode(value: ValueRef<'_>, order: Order, out: &mut Vec<u8>) {
    match value {
        ValueRef::Null => write::null(out),
        ValueRef::Boolean(value) => write::boolean(out, value),
        ValueRef::Integer(value) => write::integer(out, value),
        ValueRef::Float(value) => write::float(out, value),
        ValueRef::String(value) => write::string(out, value).unwrap(),
        ValueRef::Bytes(value) => write::bytes(out, value).unwrap(),
        ValueRef::List(list) => {
            write::list_header(out, list.len()).unwrap();
            list.iter().for_each(|item| encode(item.unwrap(), order, out));
        }
        ValueRef::Map(map) => {
            write::map_header(out, map.len()).unwrap();
            let mut entries: Vec<_> = map.iter().map(Result::unwrap).collect();
            if order == Order::Sorted {
                entries.sort_by_key(|(key, _)| *key);
            }
            for (key, value) in entries {
                write::string(out, key).unwrap();
                encode(value, order, out);
            }
        }
        ValueRef::Structure(structure) => {
            write::structure_header(out, u8::try_from(structure.len()).unwrap(), structure.tag());
            structure
                .fields()
                .for_each(|field| encode(field.unwrap(), order, out));
        }
        // A UUID is encoded as a parameter of a query, with an empty name.
        other => out.extend(&Query::new("").param("", other).parameters().bytes[1..]),
    }
}
