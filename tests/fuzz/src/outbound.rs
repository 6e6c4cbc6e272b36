//! What a client has written, checked as a server would.

use bolt_proto::packstream;

/// Checks that behind the handshake there are whole messages in chunks, each of them one structure.
pub(crate) fn check(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let (message, rest) = message(bytes);
        let skipped = packstream::skip(&message);
        assert_eq!(skipped, Ok(message.len()), "{message:02X?} is not one value");
        assert!(
            matches!(message.first(), Some(0xB0..=0xBF)),
            "{message:02X?} is no structure"
        );
        bytes = rest;
    }
}

fn message(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let (mut message, mut rest) = (Vec::new(), bytes);
    loop {
        let (size, behind) = rest.split_first_chunk::<2>().expect("a chunk has a header");
        let size = usize::from(u16::from_be_bytes(*size));
        if size == 0 {
            assert!(!message.is_empty(), "a client sends no empty message");
            return (message, behind);
        }
        let (chunk, behind) = behind
            .split_at_checked(size)
            .expect("a chunk is as long as it says");
        message.extend(chunk);
        rest = behind;
    }
}
