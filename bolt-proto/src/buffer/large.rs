//! A message that is cut into chunks while it is written.

use alloc::sync::Arc;
use alloc::vec::Vec;

/// How much of the message is cut at a time: a few chunks, as much as a socket takes at once.
const PIECE: usize = 256 * 1024;

/// The rest of a large message, of which the middle is shared with the query that it belongs to. A copy of that would
/// double the memory that a large parameter takes.
#[derive(Debug)]
pub(super) struct Large {
    head: Vec<u8>,
    middle: Arc<Vec<u8>>,
    tail: Vec<u8>,
    /// How much of them has been cut.
    at: usize,
    left: usize,
    chunk: usize,
    ended: bool,
}

impl Large {
    pub(super) fn new(head: &[u8], middle: Arc<Vec<u8>>, tail: &[u8], chunk: usize) -> Self {
        let left = head.len().saturating_add(middle.len()).saturating_add(tail.len());
        Self {
            head: head.to_vec(),
            middle,
            tail: tail.to_vec(),
            at: 0,
            left,
            chunk,
            ended: false,
        }
    }

    /// Returns how many bytes are left, those of the chunks' headers included.
    pub(super) fn len(&self) -> u64 {
        if self.ended {
            return 0;
        }
        let headers = self.left.div_ceil(self.chunk).saturating_add(1).saturating_mul(2);
        (self.left as u64).saturating_add(headers as u64)
    }

    /// Appends the next chunks, and at the end the marker of the end.
    pub(super) fn frame(&mut self, out: &mut Vec<u8>) {
        let chunks = PIECE.checked_div(self.chunk).unwrap_or_default().max(1);
        let piece = chunks
            .saturating_mul(self.chunk.saturating_add(2))
            .saturating_add(2);
        out.reserve(usize::try_from(self.len()).map_or(piece, |len| len.min(piece)));
        for _ in 0..chunks {
            let size = self.left.min(self.chunk);
            if size == 0 {
                break;
            }
            // At most 65,535.
            out.extend_from_slice(&u16::try_from(size).unwrap_or(u16::MAX).to_be_bytes());
            self.copy(size, out);
        }
        if self.left == 0 {
            out.extend_from_slice(&[0, 0]);
            self.ended = true;
        }
    }

    /// Appends the next bytes of the message.
    fn copy(&mut self, mut size: usize, out: &mut Vec<u8>) {
        let mut start = 0_usize;
        for part in [&self.head, &*self.middle, &self.tail] {
            let from = self.at.saturating_sub(start).min(part.len());
            let bytes = part.get(from..).unwrap_or_default();
            let bytes = bytes.get(..size).unwrap_or(bytes);
            out.extend_from_slice(bytes);
            self.at = self.at.saturating_add(bytes.len());
            self.left = self.left.saturating_sub(bytes.len());
            size = size.saturating_sub(bytes.len());
            start = start.saturating_add(part.len());
        }
    }
}
