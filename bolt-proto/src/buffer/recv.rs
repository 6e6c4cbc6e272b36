//! What has arrived: read straight from the socket, cut into messages in place.

mod memory;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::error::ProtocolViolation;
use crate::packstream::Forecast;

/// The first read, and what an idle connection keeps.
const MIN_READ: usize = 8 * 1024;
/// The largest read.
const MAX_READ: usize = 256 * 1024;

/// A whole message in the buffer, and what its reader made of its first bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<K> {
    pub(crate) kind: K,
    /// Position in the stream, not in the buffer, which moves.
    start: u64,
    len: usize,
}

/// Messages of the same kind that lie one right behind the other, each in one chunk: rows, which come in their
/// thousands and of which nothing needs to be noted but how many there are.
#[derive(Debug, Clone, Copy)]
struct Run<K> {
    first: Frame<K>,
    /// How many follow the first. Where each ends stands in front of it.
    more: usize,
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
    /// How long that message is going to be.
    forecast: Forecast,
    /// How long a message may be.
    limit: usize,
    /// Seen, not delivered.
    runs: VecDeque<Run<K>>,
    /// How many messages those are.
    waiting: usize,
    /// The run that is being delivered, message by message: where the next one's chunk begins, as an index, and how
    /// many are left.
    next: usize,
    left: usize,
    /// How much the next read should ask for.
    want: usize,
    /// How much the caller was last offered.
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
            self.grow(len);
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

    /// Whether something beyond keep-alives has begun to arrive and has not been cut. A single zero may be the first
    /// half of a keep-alive.
    pub(crate) fn has_begun(&self) -> bool {
        let mut rest = self.unscanned();
        while let [0, 0, behind @ ..] = rest {
            rest = behind;
        }
        self.partial.is_some() || !matches!(rest, [] | [0])
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

    /// Cuts whole messages for as long as each is one chunk and `accepts` likes it, and returns how many those are. They
    /// are *seen* now, as messages of this kind, but for those beyond `most`, which are dropped. What comes behind
    /// them is left to [`see`](Self::see).
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
        while let Some((&header, behind)) = rest.split_first_chunk::<2>() {
            let size = usize::from(u16::from_be_bytes(header));
            let Some((message, [0, 0, next @ ..])) = behind.split_at_checked(size) else {
                break;
            };
            if size > limit || !accepts(message) {
                break;
            }
            count = count.wrapping_add(1);
            rest = next;
        }
        let consumed = arrived.len().saturating_sub(rest.len());
        // Looking at the number of each would cost every row.
        if let (Some(more), Some((len, _))) = (count.min(most).checked_sub(1), self.chunk()) {
            let start = self.scanned.saturating_add(2);
            let first = Frame { kind, start, len };
            self.note(Run { first, more });
        }
        self.skip(consumed);
        count
    }

    /// Begins to deliver the run at the front, if there is one: what comes next is taken from it by
    /// [`next_in_run`](Self::next_in_run) until there is no more.
    pub(crate) fn begin_run(&mut self) {
        if let Some(&Run { first, more: 1.. }) = self.runs.front() {
            self.next = self.index(first.start).saturating_sub(2);
            self.left = self.forget(VecDeque::pop_front).map_or(0, Run::len);
        }
    }

    /// Whether a run is being delivered.
    #[inline]
    pub(crate) const fn is_in_run(&self) -> bool {
        self.left > 0
    }

    /// Delivers the next message of the run. Its bytes stay until the next call of [`space`](Self::space).
    #[inline]
    pub(crate) fn next_in_run(&mut self) -> Option<&[u8]> {
        self.left = self.left.checked_sub(1)?;
        let (&header, rest) = self.bytes.get(self.next..)?.split_first_chunk::<2>()?;
        let message = rest.get(..usize::from(u16::from_be_bytes(header)))?;
        self.next = self.next.saturating_add(message.len()).saturating_add(4);
        Some(message)
    }

    /// The next message to deliver, unless it is one of a run that has begun.
    pub(crate) fn front(&self) -> Option<Frame<K>> {
        self.runs.front().map(|run| run.first)
    }

    /// The kinds of the messages to deliver, in order; those of a [run](Self::see_run) count as one.
    #[cfg(feature = "peer")]
    pub(crate) fn kinds(&self) -> impl Iterator<Item = K> + '_ {
        self.runs.iter().map(|run| run.first.kind)
    }

    /// How much memory what has arrived and has not been delivered takes up. Each message counts by itself, so that
    /// it does not matter in which pieces they came.
    pub(crate) fn buffered(&self) -> usize {
        let messages = self.waiting.saturating_add(self.left);
        let notes = messages.saturating_mul(size_of::<Run<K>>());
        self.end.saturating_sub(self.needed()).saturating_add(notes)
    }

    /// Delivers the next message, which is not one of a run. Its bytes stay until the next call of [`space`](Self::space).
    pub(crate) fn deliver(&mut self) -> Option<Frame<K>> {
        self.forget(VecDeque::pop_front).map(|run| run.first)
    }

    /// Takes back the message that [`see`](Self::see) has seen last: it shall not be delivered.
    pub(crate) fn retract(&mut self) {
        self.forget(VecDeque::pop_back);
    }

    /// The message as it came, without its chunks.
    #[inline]
    pub(crate) fn message(&self, frame: Frame<K>) -> &[u8] {
        self.slice(frame.start, frame.len)
    }

    /// The fields of a message: what stands behind its structure header and tag.
    #[inline]
    pub(crate) fn body(&self, frame: Frame<K>) -> &[u8] {
        self.message(frame).get(2..).unwrap_or_default()
    }

    /// As [`see`](Self::see), for messages of any number of chunks.
    fn see_chunks(
        &mut self,
        limit: usize,
        classify: impl Fn(&[u8]) -> Result<K, ProtocolViolation>,
    ) -> Result<Option<Frame<K>>, ProtocolViolation> {
        self.limit = limit;
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

    /// The size of the next chunk, and everything that has arrived behind its header.
    #[inline]
    fn chunk(&self) -> Option<(usize, &[u8])> {
        let (&header, rest) = self.unscanned().split_first_chunk::<2>()?;
        Some((usize::from(u16::from_be_bytes(header)), rest))
    }

    #[inline]
    fn seen(&mut self, kind: K, start: u64, len: usize) -> Frame<K> {
        let frame = Frame { kind, start, len };
        self.note(Run {
            first: frame,
            more: 0,
        });
        frame
    }

    fn note(&mut self, run: Run<K>) {
        self.waiting = self.waiting.saturating_add(run.len());
        self.runs.push_back(run);
    }

    fn forget(&mut self, take: impl FnOnce(&mut VecDeque<Run<K>>) -> Option<Run<K>>) -> Option<Run<K>> {
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

    /// A position in the stream as an index into the buffer. The buffer is smaller than any `usize`.
    #[inline]
    fn index(&self, position: u64) -> usize {
        usize::try_from(position.saturating_sub(self.base)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests;
