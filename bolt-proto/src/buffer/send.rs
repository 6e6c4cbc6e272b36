//! The send buffer: whole messages in chunks.

use alloc::vec::Vec;
use core::ops::Range;

use zeroize::Zeroize;

use crate::secret;

/// The largest chunk.
pub(crate) const MAX_CHUNK: usize = 65_535;
/// The capacity that an idle connection keeps: enough for a small query.
pub(crate) const IDLE_CAPACITY: usize = 1024;

/// The send buffer. Positions in the stream are counted from its beginning and never repeat.
#[derive(Debug, Default)]
pub(crate) struct Send {
    bytes: Vec<u8>,
    /// How much of `bytes` has been written to the socket.
    written: usize,
    /// The position in the stream of the first byte of `bytes`.
    base: u64,
    /// The part of `bytes` from the first secret to the end of the last. Of that part nothing stays in memory longer
    /// than needed: what has been written or taken back is zeroed, and a move leaves no copy.
    secret: Range<usize>,
}

impl Send {
    /// Returns the bytes that the caller should write to the socket.
    pub(crate) fn pending(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// Notes that the caller has written this many bytes.
    pub(crate) fn wrote(&mut self, len: usize) {
        let from = self.written;
        self.written = self.written.saturating_add(len).min(self.bytes.len());
        self.wipe(from..self.written);
        if self.written == self.bytes.len() {
            self.base = self.base.saturating_add(self.written as u64);
            self.written = 0;
            self.bytes.clear();
            self.secret = 0..0;
        }
    }

    /// Returns the position in the stream after the last queued byte.
    pub(crate) fn end(&self) -> u64 {
        self.base.saturating_add(self.bytes.len() as u64)
    }

    /// Returns the position in the stream after the last written byte.
    pub(crate) fn written(&self) -> u64 {
        self.base.saturating_add(self.written as u64)
    }

    /// Takes back everything from this position on. None of it has been written.
    pub(crate) fn truncate(&mut self, position: u64) {
        let position = position.max(self.written());
        if let Ok(len) = usize::try_from(position.saturating_sub(self.base)) {
            self.wipe(len..self.bytes.len());
            self.bytes.truncate(len);
            self.secret.end = self.secret.end.min(len);
        }
    }

    /// Queues raw bytes, outside any message: the handshake.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Queues a message that is given in parts, split into chunks of at most `chunk` bytes.
    pub(crate) fn message(&mut self, parts: &[&[u8]], chunk: usize) {
        let chunk = chunk.clamp(1, MAX_CHUNK);
        let mut left: usize = parts.iter().map(|part| part.len()).sum();
        let headers = left.div_ceil(chunk).saturating_add(1).saturating_mul(2);
        self.reserve(left.saturating_add(headers));
        let mut room = 0;
        for part in parts {
            let mut part = *part;
            while !part.is_empty() {
                if room == 0 {
                    room = left.min(chunk);
                    // `room` is at most 65,535.
                    self.bytes
                        .extend_from_slice(&u16::try_from(room).unwrap_or(u16::MAX).to_be_bytes());
                }
                let (now, later) = part.split_at(part.len().min(room));
                self.bytes.extend_from_slice(now);
                room = room.saturating_sub(now.len());
                left = left.saturating_sub(now.len());
                part = later;
            }
        }
        self.bytes.extend_from_slice(&[0, 0]);
    }

    /// Works as [`message`](Self::message), for a message with secrets in it.
    pub(crate) fn secret_message(&mut self, parts: &[&[u8]], chunk: usize) {
        let start = self.bytes.len();
        self.message(parts, chunk);
        if self.secret.is_empty() {
            self.secret.start = start;
        }
        self.secret.end = self.bytes.len();
    }

    /// Makes room. The buffer does not grow in between.
    fn reserve(&mut self, more: usize) {
        if self.secret.is_empty() {
            self.bytes.reserve(more);
        } else {
            secret::reserve(&mut self.bytes, more);
        }
    }

    /// Zeroes what is secret in this range.
    fn wipe(&mut self, range: Range<usize>) {
        let secret = range.start.max(self.secret.start)..range.end.min(self.secret.end);
        // An empty intersection may be reversed, which is no range of the buffer.
        if let Some(bytes) = self.bytes.get_mut(secret) {
            bytes.zeroize();
        }
    }

    /// Frees memory that an idle connection does not need.
    pub(crate) fn shrink(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > IDLE_CAPACITY {
            self.bytes = Vec::new();
        }
    }
}

impl Drop for Send {
    fn drop(&mut self) {
        self.wipe(0..self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_framed_by_its_length_and_an_end_marker() {
        let mut send = Send::default();
        send.message(&[&[0xB0, 0x0F]], MAX_CHUNK);
        assert_eq!(send.pending(), [0, 2, 0xB0, 0x0F, 0, 0]);
    }

    #[test]
    fn a_long_message_is_split_where_a_chunk_is_full() {
        let mut send = Send::default();
        send.message(&[&[1; 65_534], &[2; 3], &[], &[3; 65_535]], MAX_CHUNK);
        let bytes = send.pending();
        assert_eq!(bytes.len(), 2 + 65_535 + 2 + 65_535 + 2 + 2 + 2);
        assert_eq!(bytes[..2], [0xFF, 0xFF]);
        assert_eq!(bytes[2 + 65_535..][..3], [0xFF, 0xFF, 2]);
        assert_eq!(bytes[bytes.len() - 6..], [0, 2, 3, 3, 0, 0]);
    }

    #[test]
    fn unwritten_messages_can_be_taken_back() {
        let mut send = Send::default();
        send.message(&[&[0xB0, 0x12]], MAX_CHUNK);
        let end = send.end();
        send.wrote(1);
        send.message(&[&[0xB0, 0x13]], MAX_CHUNK);
        send.truncate(end);
        assert_eq!(send.pending(), [2, 0xB0, 0x12, 0, 0]);
        send.wrote(5);
        assert_eq!((send.written(), send.end()), (6, 6));
    }

    #[test]
    fn a_secret_is_zeroed_as_it_is_written_and_nothing_else_is() {
        let mut send = Send::default();
        send.message(&[&[1; 4]], MAX_CHUNK);
        send.secret_message(&[&[2; 4]], MAX_CHUNK);
        send.message(&[&[3; 4]], MAX_CHUNK);
        send.wrote(8 + 4);
        assert_eq!(send.pending(), [2, 2, 0, 0, 0, 4, 3, 3, 3, 3, 0, 0]);
        assert_eq!(send.bytes[..12], [0, 4, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
        send.wrote(11);
        assert_eq!(
            send.bytes,
            [
                0, 4, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 3, 3, 3, 3, 0, 0
            ]
        );
        send.wrote(1);
        assert!(send.secret.is_empty());
    }

    #[test]
    fn the_bytes_out_do_not_depend_on_what_is_secret() {
        let mut state = 7_u32;
        let mut random = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize % below
        };
        for _ in 0..200 {
            let (mut open, mut secret) = (Send::default(), Send::default());
            let mut ends = alloc::vec![0];
            for _ in 0..30 {
                // Bytes of secrets are above all others, those of chunk headers included.
                let open_byte = 1 + random(99) as u8;
                let message = alloc::vec![open_byte; random(300)];
                let hidden = alloc::vec![0x80 | open_byte; message.len()];
                match random(6) {
                    0 | 1 => {
                        open.message(&[&hidden], 100);
                        secret.secret_message(&[&hidden], 100);
                    }
                    2 => {
                        open.message(&[&message], 100);
                        secret.message(&[&message], 100);
                    }
                    3 => {
                        let position = ends[random(ends.len())];
                        open.truncate(position);
                        secret.truncate(position);
                    }
                    _ => {
                        let len = random(open.pending().len() + 2);
                        open.wrote(len);
                        secret.wrote(len);
                    }
                }
                ends.push(open.end());
                assert_eq!(open.pending(), secret.pending());
                assert_eq!((open.end(), open.written()), (secret.end(), secret.written()));
                assert!(secret.bytes[..secret.written].iter().all(|byte| *byte < 0x80));
            }
        }
    }
}
