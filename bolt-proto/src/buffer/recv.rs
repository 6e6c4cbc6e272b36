//! What has arrived: read straight from the socket, cut into messages in place.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use crate::error::ProtocolViolation;

/// The first read, and what an idle connection keeps.
const MIN_READ: usize = 8 * 1024;
/// The largest read.
const MAX_READ: usize = 256 * 1024;
/// An idle connection gives back what it holds above this.
const KEEP: usize = 64 * 1024;

/// A whole message in the buffer, and what its reader made of its first bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<K> {
    pub(crate) kind: K,
    /// Position in the stream, not in the buffer, which moves.
    start: u64,
    len: usize,
}

/// The receive buffer with its two cursors: messages *seen*, and messages *delivered*.
///
/// Real servers send every message below 64 KiB as one chunk, so a message is nearly always a slice of the
/// buffer as it came. Further chunks are moved up against the first, over the chunk headers.
pub(crate) struct Recv<K> {
    /// Initialised throughout: its length is a high-water mark, so that no read has to clear memory again.
    bytes: Vec<u8>,
    /// Position in the stream of the first byte of `bytes`.
    base: u64,
    /// Where the arrived bytes end, as an index.
    end: usize,
    /// Up to where chunks have been cut, as a stream position.
    scanned: u64,
    /// The message whose chunks are being collected: its start and its length so far.
    partial: Option<(u64, usize)>,
    /// Seen, not delivered.
    frames: VecDeque<Frame<K>>,
    /// How much the next read should ask for.
    want: usize,
    /// How much the caller was last offered.
    offered: usize,
}

impl<K: Copy> Recv<K> {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            base: 0,
            end: 0,
            scanned: 0,
            partial: None,
            frames: VecDeque::new(),
            want: MIN_READ,
            offered: 0,
        }
    }

    /// Room for the next read: initialised and never empty.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.bytes.len().saturating_sub(self.end) < self.want {
            self.compact();
        }
        let len = self.end.saturating_add(self.want);
        if self.bytes.len() < len {
            self.bytes.resize(len, 0);
        }
        self.offered = self.want;
        self.bytes.get_mut(self.end..len).unwrap_or_default()
    }

    /// The caller has put this many bytes into the room.
    pub(crate) fn received(&mut self, len: usize) {
        let len = len.min(self.offered);
        self.end = self.end.saturating_add(len);
        if len == self.offered {
            self.want = self.want.saturating_mul(2).min(MAX_READ);
        } else if len < self.want / 4 {
            self.want = (self.want / 2).max(MIN_READ);
        }
        self.offered = 0;
    }

    /// Bytes that have not been cut into chunks: in the beginning, the handshake.
    pub(crate) fn unscanned(&self) -> &[u8] {
        self.bytes
            .get(self.index(self.scanned)..self.end)
            .unwrap_or_default()
    }

    /// Takes bytes from the front of [`unscanned`](Self::unscanned).
    pub(crate) fn skip(&mut self, len: usize) {
        self.scanned = self.scanned.saturating_add(len as u64);
    }

    /// Whether the stream stands between two messages.
    pub(crate) fn at_boundary(&self) -> bool {
        self.partial.is_none() && self.unscanned().is_empty()
    }

    /// Cuts the next whole message; it is *seen* now.
    #[inline]
    pub(crate) fn see(
        &mut self,
        limit: usize,
        classify: impl Fn(&[u8]) -> Result<K, ProtocolViolation>,
    ) -> Result<Option<Frame<K>>, ProtocolViolation> {
        // Nearly every message is one chunk with its end behind it.
        if let (None, Some((size, rest))) = (self.partial, self.chunk()) {
            if size >= 2 && size <= limit && matches!(rest.get(size..), Some([0, 0, ..])) {
                let kind = classify(rest)?;
                let start = self.scanned.saturating_add(2);
                self.skip(size.saturating_add(4));
                return Ok(Some(self.seen(kind, start, size)));
            }
        }
        self.see_chunks(limit, classify)
    }

    /// The next message to deliver.
    pub(crate) fn front(&self) -> Option<Frame<K>> {
        self.frames.front().copied()
    }

    /// The messages to deliver.
    #[cfg(feature = "peer")]
    pub(crate) fn frames(&self) -> impl Iterator<Item = Frame<K>> + '_ {
        self.frames.iter().copied()
    }

    /// How much memory what has arrived and has not been delivered takes up.
    pub(crate) fn buffered(&self) -> usize {
        let partial = self.partial.map(|(start, _)| start);
        let first = self
            .frames
            .front()
            .map(|frame| frame.start)
            .or(partial)
            .unwrap_or(self.scanned);
        let frames = self.frames.len().saturating_mul(size_of::<Frame<K>>());
        self.end.saturating_sub(self.index(first)).saturating_add(frames)
    }

    /// Delivers the next message. Its bytes stay until the next call of [`space`](Self::space).
    pub(crate) fn deliver(&mut self) -> Option<Frame<K>> {
        self.frames.pop_front()
    }

    /// Takes back the message that was seen last: it shall not be delivered.
    pub(crate) fn retract(&mut self) {
        self.frames.pop_back();
    }

    /// The message as it came, without its chunks.
    pub(crate) fn message(&self, frame: Frame<K>) -> &[u8] {
        self.slice(frame.start, frame.len)
    }

    /// The fields of a message: what stands behind its structure header and tag.
    pub(crate) fn body(&self, frame: Frame<K>) -> &[u8] {
        self.message(frame).get(2..).unwrap_or_default()
    }

    /// Gives memory back that an idle connection does not need.
    pub(crate) fn shrink(&mut self) {
        if self.frames.is_empty() && self.at_boundary() && self.bytes.len() > KEEP {
            self.compact();
            self.bytes = vec![0; MIN_READ];
            self.want = MIN_READ;
        }
    }

    /// As [`see`](Self::see), for messages of any number of chunks.
    fn see_chunks(
        &mut self,
        limit: usize,
        classify: impl Fn(&[u8]) -> Result<K, ProtocolViolation>,
    ) -> Result<Option<Frame<K>>, ProtocolViolation> {
        while let Some((size, rest)) = self.chunk() {
            self.check_length(size, limit)?;
            // Noise can look like the beginning of a long message, which need not be awaited to find it out. Never
            // awaiting it makes that independent of how much has arrived.
            if self.partial.is_none() && size >= 2 && rest.len() >= 2 {
                classify(rest)?;
            }
            if rest.len() < size {
                return Ok(None);
            }
            if size == 0 {
                self.skip(2);
                // An end marker without a message is a keep-alive.
                let Some((start, len)) = self.partial.take() else {
                    continue;
                };
                let kind = classify(self.slice(start, len))?;
                return Ok(Some(self.seen(kind, start, len)));
            }
            let payload = self.scanned.saturating_add(2);
            self.partial = Some(match self.partial {
                None => (payload, size),
                Some((start, len)) => {
                    let from = self.index(payload);
                    let to = self.index(start).saturating_add(len);
                    self.bytes.copy_within(from..from.saturating_add(size), to);
                    (start, len.saturating_add(size))
                }
            });
            self.skip(size.saturating_add(2));
        }
        Ok(None)
    }

    /// The size of the next chunk, and everything that has arrived behind its header.
    #[inline]
    fn chunk(&self) -> Option<(usize, &[u8])> {
        let (&header, rest) = self.unscanned().split_first_chunk::<2>()?;
        Some((usize::from(u16::from_be_bytes(header)), rest))
    }

    #[inline]
    fn seen(&mut self, kind: K, start: u64, len: usize) -> Frame<K> {
        let frame = Frame { kind, start, len };
        self.frames.push_back(frame);
        frame
    }

    fn check_length(&self, size: usize, limit: usize) -> Result<(), ProtocolViolation> {
        let so_far = self.partial.map_or(0, |(_, len)| len);
        if so_far.saturating_add(size) > limit {
            return Err(ProtocolViolation::MessageTooLong { limit });
        }
        Ok(())
    }

    fn slice(&self, start: u64, len: usize) -> &[u8] {
        let start = self.index(start);
        self.bytes
            .get(start..start.saturating_add(len))
            .unwrap_or_default()
    }

    /// A position in the stream as an index into the buffer. The buffer is smaller than any `usize`.
    fn index(&self, position: u64) -> usize {
        usize::try_from(position.saturating_sub(self.base)).unwrap_or(usize::MAX)
    }

    /// Moves what is still needed to the front.
    fn compact(&mut self) {
        self.close_gap();
        let partial = self.partial.map(|(start, _)| start);
        let first = self
            .frames
            .front()
            .map(|frame| frame.start)
            .or(partial)
            .unwrap_or(self.scanned);
        let from = self.index(first);
        self.bytes.copy_within(from..self.end, 0);
        self.end = self.end.saturating_sub(from);
        self.base = first;
    }

    /// Moves the unscanned bytes up against the message that is being collected, so that many small chunks cost
    /// no more memory than one large one.
    fn close_gap(&mut self) {
        let Some((start, len)) = self.partial else { return };
        let to = self.index(start).saturating_add(len);
        let from = self.index(self.scanned);
        self.bytes.copy_within(from..self.end, to);
        let gap = from.saturating_sub(to);
        self.end = self.end.saturating_sub(gap);
        self.scanned = self.scanned.saturating_sub(gap as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Answer;

    const LIMIT: usize = 1 << 20;

    fn feed(recv: &mut Recv<Answer>, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = recv.space();
            let len = space.len().min(bytes.len());
            space[..len].copy_from_slice(&bytes[..len]);
            recv.received(len);
            bytes = &bytes[len..];
        }
    }

    /// `payload` behind `B1 71`, in chunks of `size`.
    fn chunked(payload: &[u8], size: usize) -> Vec<u8> {
        let message = [&[0xB1, 0x71], payload].concat();
        let mut out = Vec::new();
        for chunk in message.chunks(size) {
            out.extend(u16::try_from(chunk.len()).unwrap().to_be_bytes());
            out.extend(chunk);
        }
        out.extend([0, 0]);
        out
    }

    #[test]
    fn chunks_of_any_size_make_the_same_message() {
        let payload: Vec<u8> = (0..5000_u32).map(|n| n as u8).collect();
        for size in [1, 2, 7, 4096, 65_535] {
            let mut recv = Recv::<Answer>::new();
            feed(
                &mut recv,
                &[&[0, 0], &*chunked(&payload, size), &[0, 0, 0, 0]].concat(),
            );
            let frame = recv.see(LIMIT, Answer::of).unwrap().unwrap();
            assert_eq!(recv.body(frame), payload);
            assert!(recv.see(LIMIT, Answer::of).unwrap().is_none() && recv.at_boundary());
        }
    }

    #[test]
    fn messages_survive_that_the_buffer_moves() {
        let mut recv = Recv::<Answer>::new();
        let mut delivered = 0_u32;
        for n in 0..2000_u32 {
            feed(&mut recv, &chunked(&n.to_be_bytes().repeat(20), 33));
            while recv.see(LIMIT, Answer::of).unwrap().is_some() {}
            if n % 3 == 0 {
                let frame = recv.deliver().unwrap();
                assert_eq!(recv.body(frame), delivered.to_be_bytes().repeat(20));
                delivered += 1;
            }
        }
    }

    #[test]
    fn a_message_of_one_byte_chunks_takes_little_more_memory_than_its_bytes() {
        let mut recv = Recv::<Answer>::new();
        let bytes = chunked(&vec![7; 300_000], 1);
        for part in bytes.chunks(1000) {
            feed(&mut recv, part);
            let _ = recv.see(LIMIT, Answer::of).unwrap();
        }
        assert!(recv.bytes.len() < 700_000, "{}", recv.bytes.len());
        let frame = recv.front().unwrap();
        assert_eq!(recv.body(frame).len(), 300_000);
    }

    #[test]
    fn a_message_beyond_the_limit_is_refused_as_soon_as_its_size_is_known() {
        let mut recv = Recv::<Answer>::new();
        feed(&mut recv, &[0x00, 0x11]);
        assert_eq!(
            recv.see(16, Answer::of).unwrap_err(),
            ProtocolViolation::MessageTooLong { limit: 16 }
        );
    }

    #[test]
    fn reads_grow_while_they_are_filled_and_an_idle_buffer_shrinks() {
        let mut recv = Recv::<Answer>::new();
        for _ in 0..10 {
            let len = recv.space().len();
            recv.received(len);
            let all = recv.unscanned().len();
            recv.skip(all);
        }
        assert_eq!(recv.space().len(), MAX_READ);
        recv.received(0);
        recv.shrink();
        assert_eq!(recv.bytes.len(), MIN_READ);
    }

    #[test]
    fn noise_is_a_violation_before_its_end_has_come() {
        let mut recv = Recv::<Answer>::new();
        feed(&mut recv, b"SSH-2.0");
        assert_eq!(
            recv.see(LIMIT, Answer::of).unwrap_err(),
            ProtocolViolation::UnknownMessage { bytes: *b"H-" }
        );
    }

    #[test]
    fn noise_is_a_violation_however_much_of_it_has_come() {
        let noise = [0, 4, 0x27, 0x0F, 4, 5, 1, 0];
        for end in 4..=noise.len() {
            let mut recv = Recv::<Answer>::new();
            feed(&mut recv, &noise[..end]);
            assert!(recv.see(LIMIT, Answer::of).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn what_is_no_answer_is_a_violation() {
        let mut recv = Recv::<Answer>::new();
        feed(&mut recv, &[0, 2, 0xB1, 0x10, 0, 0]);
        assert_eq!(
            recv.see(LIMIT, Answer::of).unwrap_err(),
            ProtocolViolation::UnknownMessage { bytes: [0xB1, 0x10] }
        );
    }
}
