//! The receive buffer: read directly from the socket, cut into messages in place.

mod memory;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::error::ProtocolViolation;
use crate::packstream::Forecast;

/// The size of the first read, and the capacity that an idle connection keeps: enough for the answer to a small query.
const MIN_READ: usize = 2 * 1024;
/// The size of the largest read.
const MAX_READ: usize = 256 * 1024;

/// A whole message in the buffer, with the kind that its reader found in its first bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<K> {
    pub(crate) kind: K,
    /// The position in the stream, not in the buffer, which moves.
    start: u64,
    len: usize,
}

/// Consecutive messages of the same kind, each in one chunk: rows, which come in thousands, so that only their
/// number is stored.
#[derive(Debug, Clone, Copy)]
struct Run<K> {
    first: Frame<K>,
    /// The number of messages after the first. Each is preceded by its length.
    more: usize,
}

/// The receive buffer, with two cursors: messages that were *seen*, and messages that were *delivered*.
///
/// Real servers send every message below 64 KiB as one chunk, so nearly every message is a slice of the buffer as
/// received. Further chunks are moved up to the first, over the chunk headers.
pub(crate) struct Recv<K> {
    /// Fully initialised: its length is a high-water mark, so that no read has to clear memory again.
    bytes: Vec<u8>,
    /// The position in the stream of the first byte of `bytes`.
    base: u64,
    /// The end of the arrived bytes, as an index.
    end: usize,
    /// The position in the stream up to which chunks have been cut.
    scanned: u64,
    /// The message that is being collected from chunks: its start and its length so far.
    partial: Option<(u64, usize)>,
    /// The forecast of that message's length.
    forecast: Forecast,
    /// The maximum length of a message.
    limit: usize,
    /// Seen, not delivered.
    runs: VecDeque<Run<K>>,
    /// The number of messages in `runs`.
    waiting: usize,
    /// The run that is being delivered message by message: the index where the chunk of the next one begins, and
    /// how many are left.
    next: usize,
    left: usize,
    /// The size of the next read.
    want: usize,
    /// The last read filled less than a quarter of its space.
    was_small: bool,
    /// The size of the space that the caller was last offered.
    offered: usize,
}

impl<K: Copy> Run<K> {
    const fn len(self) -> usize {
        self.more.saturating_add(1)
    }
}

impl<K: Copy> Recv<K> {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            base: 0,
            end: 0,
            scanned: 0,
            partial: None,
            forecast: Forecast::new(),
            limit: 0,
            runs: VecDeque::new(),
            waiting: 0,
            next: 0,
            left: 0,
            want: MIN_READ,
            was_small: false,
            offered: 0,
        }
    }

    /// Returns space for the next read: initialised and never empty.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.bytes.len().saturating_sub(self.end) < self.want {
            self.compact();
        }
        let len = self.end.saturating_add(self.want);
        if self.bytes.len() < len {
            self.grow(len);
            self.bytes.resize(len, 0);
        }
        self.offered = self.want;
        self.bytes.get_mut(self.end..len).unwrap_or_default()
    }

    /// Notes that the caller has put this many bytes into the space.
    pub(crate) fn received(&mut self, len: usize) {
        let len = len.min(self.offered);
        self.end = self.end.saturating_add(len);
        let is_small = len < self.want / 4;
        if len == self.offered {
            self.want = self.want.saturating_mul(2).min(MAX_READ);
        } else if is_small && self.was_small {
            // One small read may be the end of a page that took several.
            self.want = (self.want / 2).max(MIN_READ);
        }
        self.was_small = is_small;
        self.offered = 0;
    }

    /// Returns the bytes that have not been cut into chunks: at the beginning, the handshake.
    pub(crate) fn unscanned(&self) -> &[u8] {
        self.bytes
            .get(self.index(self.scanned)..self.end)
            .unwrap_or_default()
    }

    /// Takes bytes from the front of [`unscanned`](Self::unscanned).
    pub(crate) fn skip(&mut self, len: usize) {
        self.scanned = self.scanned.saturating_add(len as u64);
    }

    /// Returns whether the stream is between two messages.
    pub(crate) fn at_boundary(&self) -> bool {
        self.partial.is_none() && self.unscanned().is_empty()
    }

    /// Returns whether something other than keep-alives has begun to arrive and has not been cut. A single zero may
    /// be the first half of a keep-alive.
    pub(crate) fn has_begun(&self) -> bool {
        let mut rest = self.unscanned();
        while let [0, 0, after @ ..] = rest {
            rest = after;
        }
        self.partial.is_some() || !matches!(rest, [] | [0])
    }

    /// Cuts the next whole message, which is *seen* then.
    #[inline]
    pub(crate) fn see(
        &mut self,
        limit: usize,
        classify: impl Fn(&[u8]) -> Result<K, ProtocolViolation>,
    ) -> Result<Option<Frame<K>>, ProtocolViolation> {
        // Nearly every message is one chunk that is directly followed by its end marker.
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

    /// Cuts whole messages while each is one chunk and `accepts` returns true, and returns their number. They are
    /// *seen* then, as messages of this kind, except those beyond `most`, which are dropped. [`see`](Self::see)
    /// continues with what follows them.
    #[inline]
    pub(crate) fn see_run(
        &mut self,
        kind: K,
        limit: usize,
        most: usize,
        accepts: impl Fn(&[u8]) -> bool,
    ) -> usize {
        if self.partial.is_some() {
            return 0;
        }
        let arrived = self.unscanned();
        let (mut rest, mut count) = (arrived, 0_usize);
        while let Some((&header, after)) = rest.split_first_chunk::<2>() {
            let size = usize::from(u16::from_be_bytes(header));
            let Some((message, [0, 0, next @ ..])) = after.split_at_checked(size) else {
                break;
            };
            if size > limit || !accepts(message) {
                break;
            }
            count = count.wrapping_add(1);
            rest = next;
        }
        let consumed = arrived.len().saturating_sub(rest.len());
        // Checking the bound for each message would be a cost for every row.
        if let (Some(more), Some((len, _))) = (count.min(most).checked_sub(1), self.chunk()) {
            let start = self.scanned.saturating_add(2);
            let first = Frame { kind, start, len };
            self.push_run(Run { first, more });
        }
        self.skip(consumed);
        count
    }

    /// Begins to deliver the run at the front, if there is one. [`next_in_run`](Self::next_in_run) then takes its
    /// messages until none is left.
    pub(crate) fn begin_run(&mut self) {
        if let Some(&Run { first, more: 1.. }) = self.runs.front() {
            self.next = self.index(first.start).saturating_sub(2);
            self.left = self.take_run(VecDeque::pop_front).map_or(0, Run::len);
        }
    }

    /// Returns whether a run is being delivered.
    #[inline]
    pub(crate) const fn is_in_run(&self) -> bool {
        self.left > 0
    }

    /// Delivers the next message of the run. Its bytes stay until the next call of [`space`](Self::space).
    #[inline(always)]
    pub(crate) fn next_in_run(&mut self) -> Option<&[u8]> {
        self.left = self.left.checked_sub(1)?;
        let (&header, rest) = self.bytes.get(self.next..)?.split_first_chunk::<2>()?;
        let message = rest.get(..usize::from(u16::from_be_bytes(header)))?;
        // Within the buffer, or behind it by an end marker that was seen.
        self.next = self.next.wrapping_add(message.len()).wrapping_add(4);
        Some(message)
    }

    /// Returns the next message to deliver, unless it belongs to a run that has begun.
    pub(crate) fn front(&self) -> Option<Frame<K>> {
        self.runs.front().map(|run| run.first)
    }

    /// Returns the kinds of the messages to deliver, in order. A [run](Self::see_run) counts as one message.
    #[cfg(feature = "peer")]
    pub(crate) fn kinds(&self) -> impl Iterator<Item = K> + '_ {
        self.runs.iter().map(|run| run.first.kind)
    }

    /// Returns how much memory the undelivered messages use. Each message counts by itself, so the result does not
    /// depend on how they were split.
    pub(crate) fn buffered(&self) -> usize {
        let messages = self.waiting.saturating_add(self.left);
        let notes = messages.saturating_mul(size_of::<Run<K>>());
        self.end.saturating_sub(self.needed()).saturating_add(notes)
    }

    /// Delivers the next message, which is not part of a run. Its bytes stay until the next call of
    /// [`space`](Self::space).
    pub(crate) fn deliver(&mut self) -> Option<Frame<K>> {
        self.take_run(VecDeque::pop_front).map(|run| run.first)
    }

    /// Takes back the message that [`see`](Self::see) cut last, so that it is not delivered.
    pub(crate) fn retract(&mut self) {
        self.take_run(VecDeque::pop_back);
    }

    /// Returns the message without its chunk headers.
    #[inline]
    pub(crate) fn message(&self, frame: Frame<K>) -> &[u8] {
        self.slice(frame.start, frame.len)
    }

    /// Returns the fields of a message: the bytes after its structure header and tag.
    #[inline]
    pub(crate) fn body(&self, frame: Frame<K>) -> &[u8] {
        self.message(frame).get(2..).unwrap_or_default()
    }

    /// Does [`see`](Self::see) for messages of any number of chunks.
    fn see_chunks(
        &mut self,
        limit: usize,
        classify: impl Fn(&[u8]) -> Result<K, ProtocolViolation>,
    ) -> Result<Option<Frame<K>>, ProtocolViolation> {
        self.limit = limit;
        while let Some((size, rest)) = self.chunk() {
            self.check_length(size, limit)?;
            // Noise can look like the beginning of a long message, and is detected here without waiting for its
            // end. Because this never waits, the result does not depend on how much has arrived.
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
                self.forecast = Forecast::new();
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

    /// Returns the size of the next chunk, and everything that has arrived after its header.
    #[inline]
    fn chunk(&self) -> Option<(usize, &[u8])> {
        let (&header, rest) = self.unscanned().split_first_chunk::<2>()?;
        Some((usize::from(u16::from_be_bytes(header)), rest))
    }

    #[inline]
    fn seen(&mut self, kind: K, start: u64, len: usize) -> Frame<K> {
        let frame = Frame { kind, start, len };
        self.push_run(Run {
            first: frame,
            more: 0,
        });
        frame
    }

    fn push_run(&mut self, run: Run<K>) {
        self.waiting = self.waiting.saturating_add(run.len());
        self.runs.push_back(run);
    }

    fn take_run(&mut self, take: impl FnOnce(&mut VecDeque<Run<K>>) -> Option<Run<K>>) -> Option<Run<K>> {
        let run = take(&mut self.runs)?;
        self.waiting = self.waiting.saturating_sub(run.len());
        Some(run)
    }

    fn check_length(&self, size: usize, limit: usize) -> Result<(), ProtocolViolation> {
        let so_far = self.partial.map_or(0, |(_, len)| len);
        if so_far.saturating_add(size) > limit {
            return Err(ProtocolViolation::MessageTooLong { limit });
        }
        Ok(())
    }

    #[inline]
    fn slice(&self, start: u64, len: usize) -> &[u8] {
        let start = self.index(start);
        self.bytes
            .get(start..start.saturating_add(len))
            .unwrap_or_default()
    }

    /// Converts a position in the stream to an index. The buffer is smaller than `usize::MAX`.
    #[inline]
    fn index(&self, position: u64) -> usize {
        usize::try_from(position.saturating_sub(self.base)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests;
