//! The send buffer: whole messages in chunks.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use zeroize::Zeroize;

use super::large::Large;
use crate::secret;

/// The largest chunk.
pub(crate) const MAX_CHUNK: usize = 65_535;
/// The capacity that an idle connection keeps: enough for a small query.
pub(crate) const IDLE_CAPACITY: usize = 1024;

/// The send buffer. Positions in the stream are counted from its beginning and never repeat.
#[derive(Debug, Default)]
pub(crate) struct Send {
    /// What is being written.
    front: Framed,
    /// How much of it has been written to the socket.
    written: usize,
    /// The position in the stream of its first byte.
    base: u64,
    /// What follows a large message, and the rest of that message. Empty unless there is one.
    later: VecDeque<Part>,
    /// How many bytes these are.
    later_len: u64,
}

#[derive(Debug)]
enum Part {
    Framed(Framed),
    Large(Large),
}

/// Messages in their chunks.
#[derive(Debug, Default)]
struct Framed {
    bytes: Vec<u8>,
    /// The part of `bytes` from the first secret to the end of the last. Of that part nothing stays in memory longer
    /// than needed: what has been written or taken back is zeroed, and a move leaves no copy.
    secret: Range<usize>,
}

impl Send {
    /// Returns bytes that the caller should write to the socket. None only if all have been written.
    pub(crate) fn pending(&self) -> &[u8] {
        self.front.bytes.get(self.written..).unwrap_or_default()
    }

    /// Notes that the caller has written this many bytes.
    pub(crate) fn wrote(&mut self, len: usize) {
        let from = self.written;
        self.written = self.written.saturating_add(len).min(self.front.bytes.len());
        self.front.wipe(from..self.written);
        self.advance();
    }

    /// Returns the position in the stream after the last queued byte.
    pub(crate) fn end(&self) -> u64 {
        self.front_end().saturating_add(self.later_len)
    }

    /// Returns the position in the stream after the last written byte.
    pub(crate) fn written(&self) -> u64 {
        self.base.saturating_add(self.written as u64)
    }

    /// Takes back everything from this position on. None of it has been written.
    pub(crate) fn truncate(&mut self, position: u64) {
        let position = position.max(self.written());
        while let Some(last) = self.later.back_mut() {
            let start = self.base.saturating_add(self.front.bytes.len() as u64);
            let start = start.saturating_add(self.later_len.saturating_sub(last.len()));
            if start < position {
                // Within a large message there is no position that was given out.
                if let Part::Framed(framed) = last {
                    self.later_len = self.later_len.saturating_sub(framed.bytes.len() as u64);
                    framed.truncate(position.saturating_sub(start));
                    self.later_len = self.later_len.saturating_add(framed.bytes.len() as u64);
                }
                return;
            }
            self.later_len = self.later_len.saturating_sub(last.len());
            self.later.pop_back();
        }
        self.front.truncate(position.saturating_sub(self.base));
        self.advance();
    }

    /// Queues raw bytes, outside any message: the handshake.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.append(|framed| framed.raw(bytes));
    }

    /// Queues a message that is given in parts, split into chunks of at most `chunk` bytes.
    pub(crate) fn message(&mut self, parts: &[&[u8]], chunk: usize) {
        self.append(|framed| framed.message(parts, chunk));
    }

    /// Works as [`message`](Self::message), for a message with secrets in it.
    pub(crate) fn secret_message(&mut self, parts: &[&[u8]], chunk: usize) {
        self.append(|framed| framed.secret_message(parts, chunk));
    }

    /// Works as [`message`](Self::message), for a message whose middle is large: it is not copied, but cut into chunks
    /// as it is written.
    pub(crate) fn large_message(&mut self, head: &[u8], middle: Arc<Vec<u8>>, tail: &[u8], chunk: usize) {
        let large = Large::new(head, middle, tail, chunk.clamp(1, MAX_CHUNK));
        self.later_len = self.later_len.saturating_add(large.len());
        self.later.push_back(Part::Large(large));
        self.advance();
    }

    /// Appends to the bytes that are queued last.
    fn append(&mut self, append: impl FnOnce(&mut Framed)) {
        let Some(last) = self.later.back_mut() else {
            return append(&mut self.front);
        };
        let before = last.len();
        if let Part::Framed(framed) = last {
            append(framed);
            let more = last.len().saturating_sub(before);
            self.later_len = self.later_len.saturating_add(more);
        } else {
            let mut framed = Framed::default();
            append(&mut framed);
            self.later_len = self.later_len.saturating_add(framed.bytes.len() as u64);
            self.later.push_back(Part::Framed(framed));
        }
    }

    /// Continues with what follows, if what is in front has been written.
    fn advance(&mut self) {
        if self.written < self.front.bytes.len() {
            return;
        }
        self.base = self.base.saturating_add(self.written as u64);
        self.written = 0;
        self.front.clear();
        let is_done = match self.later.front_mut() {
            None => return,
            Some(Part::Framed(framed)) => {
                self.front = core::mem::take(framed);
                true
            }
            Some(Part::Large(large)) => {
                large.frame(&mut self.front.bytes);
                large.len() == 0
            }
        };
        let taken = self.front.bytes.len() as u64;
        self.later_len = self.later_len.saturating_sub(taken);
        if is_done {
            self.later.pop_front();
        }
    }

    /// Returns the position in the stream after the last byte in front.
    fn front_end(&self) -> u64 {
        self.base.saturating_add(self.front.bytes.len() as u64)
    }

    /// Frees memory that an idle connection does not need.
    pub(crate) fn shrink(&mut self) {
        if self.front.bytes.is_empty() && self.front.bytes.capacity() > IDLE_CAPACITY {
            self.front.bytes = Vec::new();
        }
        if self.later.is_empty() {
            self.later = VecDeque::new();
        }
    }
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Framed(framed) => framed.bytes.len() as u64,
            Self::Large(large) => large.len(),
        }
    }
}

impl Framed {
    fn raw(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    fn message(&mut self, parts: &[&[u8]], chunk: usize) {
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

    fn secret_message(&mut self, parts: &[&[u8]], chunk: usize) {
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

    fn truncate(&mut self, len: u64) {
        if let Ok(len) = usize::try_from(len) {
            self.wipe(len..self.bytes.len());
            self.bytes.truncate(len);
            self.secret.end = self.secret.end.min(len);
        }
    }

    /// Forgets what has been written.
    fn clear(&mut self) {
        self.bytes.clear();
        self.secret = 0..0;
    }

    /// Zeroes what is secret in this range.
    fn wipe(&mut self, range: Range<usize>) {
        let secret = range.start.max(self.secret.start)..range.end.min(self.secret.end);
        // An empty intersection may be reversed, which is no range of the buffer.
        if let Some(bytes) = self.bytes.get_mut(secret) {
            bytes.zeroize();
        }
    }
}

impl Drop for Framed {
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

    /// Writes some bytes at a time, and returns them all.
    fn write_all(send: &mut Send, most: usize) -> Vec<u8> {
        let mut written = Vec::new();
        while !send.pending().is_empty() {
            let len = send.pending().len().min(most);
            written.extend_from_slice(&send.pending()[..len]);
            send.wrote(len);
            assert_eq!(send.written(), written.len() as u64);
        }
        assert_eq!(send.written(), send.end());
        written
    }

    #[test]
    fn a_large_message_has_the_same_bytes_as_one_that_is_copied() {
        let middle: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
        let middle = Arc::new(middle);
        for (head, tail) in [(3, 4), (0, 0), (70_000, 0), (1, 140_000)] {
            let (head, tail) = (alloc::vec![1; head], alloc::vec![2; tail]);
            let (mut copied, mut large) = (Send::default(), Send::default());
            for _ in 0..2 {
                copied.message(&[b"before"], MAX_CHUNK);
                copied.message(&[&head, &middle, &tail], MAX_CHUNK);
                copied.message(&[b"after"], MAX_CHUNK);
                large.message(&[b"before"], MAX_CHUNK);
                large.large_message(&head, Arc::clone(&middle), &tail, MAX_CHUNK);
                large.message(&[b"after"], MAX_CHUNK);
                assert_eq!(copied.end(), large.end());
            }
            let expected = write_all(&mut copied, usize::MAX);
            assert!(write_all(&mut large, 99_991) == expected);
            assert_eq!(Arc::strong_count(&middle), 1);
            large.shrink();
            assert!(large.front.bytes.capacity() <= IDLE_CAPACITY);
            assert_eq!(large.later.capacity(), 0);
        }
    }

    #[test]
    fn messages_around_a_large_one_can_be_taken_back_and_so_can_it() {
        let middle = Arc::new(alloc::vec![7; 600_000]);
        for cut in 0..6 {
            let mut send = Send::default();
            let mut ends = alloc::vec![];
            for number in 0..3 {
                ends.push(send.end());
                if number == 1 {
                    send.large_message(b"head", Arc::clone(&middle), b"tail", MAX_CHUNK);
                } else {
                    send.message(&[b"small"], MAX_CHUNK);
                }
                ends.push(send.end());
            }
            send.truncate(ends[cut]);
            assert_eq!(send.end(), ends[cut]);
            send.message(&[b"new"], MAX_CHUNK);
            let bytes = write_all(&mut send, usize::MAX);
            assert_eq!(bytes.len() as u64, ends[cut] + 7);
            assert!(bytes.ends_with(b"\0\x03new\0\0"));
        }
    }

    #[test]
    fn a_large_message_that_has_begun_is_not_taken_back() {
        let mut send = Send::default();
        send.large_message(b"head", Arc::new(alloc::vec![7; 600_000]), b"tail", MAX_CHUNK);
        let end = send.end();
        send.secret_message(&[b"secret"], MAX_CHUNK);
        send.wrote(300_000);
        send.truncate(end);
        assert_eq!((send.end(), send.written()), (end, 262_148));
        assert_eq!(write_rest(&mut send), usize::try_from(end).unwrap() - 262_148);
    }

    fn write_rest(send: &mut Send) -> usize {
        let mut len = 0;
        while !send.pending().is_empty() {
            len += send.pending().len();
            send.wrote(send.pending().len());
        }
        len
    }

    #[test]
    fn a_secret_is_zeroed_as_it_is_written_and_nothing_else_is() {
        let mut send = Send::default();
        send.message(&[&[1; 4]], MAX_CHUNK);
        send.secret_message(&[&[2; 4]], MAX_CHUNK);
        send.message(&[&[3; 4]], MAX_CHUNK);
        send.wrote(8 + 4);
        assert_eq!(send.pending(), [2, 2, 0, 0, 0, 4, 3, 3, 3, 3, 0, 0]);
        assert_eq!(send.front.bytes[..12], [0, 4, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
        send.wrote(11);
        assert_eq!(
            send.front.bytes,
            [
                0, 4, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 3, 3, 3, 3, 0, 0
            ]
        );
        send.wrote(1);
        assert!(send.front.secret.is_empty());
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
                assert!(
                    secret.front.bytes[..secret.written]
                        .iter()
                        .all(|byte| *byte < 0x80)
                );
            }
        }
    }
}
