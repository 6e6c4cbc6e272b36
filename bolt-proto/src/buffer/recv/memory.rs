//! The memory of the receive buffer: when it grows, moves and is freed.

use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

#[cfg(feature = "peer")]
use zeroize::Zeroize;

use super::{Frame, MAX_READ, MIN_READ, Recv};

/// The largest first read of a connection that was idle.
const MAX_FIRST_READ: usize = 64 * 1024;
/// The size from which on the buffer grows by what is needed, and a message may leave with its memory.
const LARGE: usize = 1024 * 1024;
/// The bound on memory for a long announced message, as a multiple of what has arrived.
const MAX_GROWTH: usize = 4;

impl<K: Copy> Recv<K> {
    /// Returns the memory of a large message that was just delivered, so that a caller that keeps it need not
    /// copy it.
    ///
    /// Returns the bytes with the range of the message in them. `None` if other messages use a larger share of
    /// the memory.
    pub(crate) fn take_memory(&mut self, frame: Frame<K>) -> Option<(Vec<u8>, Range<usize>)> {
        let start = self.index(frame.start);
        let end = start.saturating_add(frame.len);
        let from = self.needed();
        let rest = self.bytes.get(from..self.end)?;
        let others = self.bytes.capacity().saturating_sub(frame.len);
        if frame.len < LARGE || self.is_in_run() || from < end || others.max(rest.len()) > frame.len / 2 {
            return None;
        }
        let rest = rest.to_vec();
        let mut bytes = mem::replace(&mut self.bytes, rest);
        bytes.truncate(end);
        self.end = self.bytes.len();
        self.base = self.base.saturating_add(from as u64);
        Some((bytes, start..end))
    }

    /// Frees memory that an idle connection does not need. The next read is as large as those before it, up to a limit.
    pub(crate) fn shrink(&mut self) {
        if self.runs.is_empty() && !self.is_in_run() && self.at_boundary() && self.bytes.len() > MIN_READ {
            self.compact();
            self.bytes = Vec::new();
            self.want = self.want.min(MAX_FIRST_READ);
        }
    }

    /// Wipes all that was delivered, and what earlier messages left after the end, unless the caller reads into it.
    #[cfg(feature = "peer")]
    pub(crate) fn wipe_delivered(&mut self) {
        let (needed, len) = (self.needed(), self.bytes.len());
        let unused = if self.offered == 0 {
            self.end..len
        } else {
            len..len
        };
        for range in [0..needed, unused] {
            if let Some(bytes) = self.bytes.get_mut(range) {
                bytes.zeroize();
            }
        }
    }

    /// Allocates memory for this many bytes.
    ///
    /// A small buffer doubles. A large one may exist twice while it grows, so it grows by little, until the end of
    /// the collected message is near: then by all that is missing at once.
    pub(super) fn grow(&mut self, len: usize) {
        let has = self.bytes.capacity();
        if len <= has || has < LARGE {
            return;
        }
        let mut wanted = has.saturating_add(has / 4);
        if let Some((start, collected)) = self.partial {
            let start = self.index(start);
            let message = self.bytes.get(start..start.saturating_add(collected));
            if let Some(length) = self.forecast.length(message.unwrap_or_default()) {
                // The items differ in size, and the next read needs space as well.
                let length = length.saturating_add(length / 16).min(self.limit);
                let end = start
                    .saturating_add(length)
                    .saturating_add(MAX_READ.saturating_mul(2));
                if end <= has.saturating_mul(MAX_GROWTH) {
                    wanted = wanted.max(end);
                }
            }
        }
        self.bytes
            .reserve_exact(wanted.max(len).saturating_sub(self.bytes.len()));
    }

    /// Moves what is still needed to the front, unless that would move many bytes to gain few.
    pub(super) fn compact(&mut self) {
        self.close_gap();
        let from = self.needed();
        let live = self.end.saturating_sub(from);
        if from < live / 4 {
            return;
        }
        if live == 0 && self.bytes.capacity() > LARGE.saturating_mul(2) {
            // The capacity for a large message is not kept for small ones.
            self.bytes = Vec::new();
        } else {
            self.bytes.copy_within(from..self.end, 0);
        }
        self.end = live;
        self.next = self.next.saturating_sub(from);
        self.base = self.base.saturating_add(from as u64);
    }

    /// Returns the index from which on bytes are still needed.
    pub(super) fn needed(&self) -> usize {
        if self.is_in_run() {
            return self.next;
        }
        let partial = self.partial.map(|(start, _)| start);
        let first = self.front().map(|frame| frame.start);
        match first.or(partial) {
            // A run is delivered by the headers of its chunks, which includes the first.
            Some(start) => self.index(start).saturating_sub(2),
            None => self.index(self.scanned),
        }
    }

    /// Moves the unscanned bytes up to the message that is being collected, so that many small chunks use no more
    /// memory than one large one.
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
