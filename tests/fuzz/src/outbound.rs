//! Checks the bytes that a client has written, as a server would.

use bolt_proto::packstream;

/// Checks that the handshake is followed by whole messages in chunks, each of them one structure.
pub(crate) fn check(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let (message, rest) = message(bytes);
        let skipped = packstream::skip(&message);
        assert_eq!(skipped, Ok(message.len()), "{message:02X?} is not one value");
        assert!(
            matches!(message.first(), Some(0xB0..=0xBF)),
            "{message:02X?} is not a structure"
        );
        bytes = rest;
    }
}

fn message(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut message, mut rest) = (Vec::new(), bytes);
    loop {
        let (size, rest_of_chunk) = rest.split_first_chunk::<2>().expect("a chunk has a header");
        let size = usize::from(u16::from_be_bytes(*size));
        if size == 0 {
            assert!(!message.is_empty(), "an empty message was sent");
            return (message, rest_of_chunk);
        }
        let (chunk, rest_of_chunk) = rest_of_chunk
            .split_at_checked(size)
            .expect("a chunk has the length that it announces");
        message.extend(chunk);
        rest = rest_of_chunk;
    }
}
