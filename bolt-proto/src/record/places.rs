//! Where the columns of a row begin, as far as known.

use alloc::vec::Vec;
use bytes::Bytes;
use core::sync::atomic::{AtomicUsize, Ordering};

/// The number of columns after the first of which the offsets are remembered without memory of their own.
const FEW: usize = 16;

/// Where the columns of a row begin, so that nothing is walked over twice, in whatever order columns are read.
///
/// It belongs to a connection and is used for one row after the other. Several threads may read a borrowed row at once.
/// All of them find the same offsets, so their writes do not conflict.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The last column of which the offset is known.
    known: AtomicUsize,
    /// Where the columns begin, the first one at 0.
    offsets: [AtomicUsize; FEW + 1],
    /// Where the columns after those begin, if rows have so many. The rows of a run use it one after the other.
    later: Vec<AtomicUsize>,
    /// The values of a large row with their offsets, which an owned row shares.
    whole: Option<Bytes>,
}

impl Places {
    /// For one large row, of which an owned row shares the memory.
    pub(crate) fn of_whole(whole: Bytes) -> Self {
        Self {
            whole: Some(whole),
            ..Self::default()
        }
    }

    /// The values of a large row with their offsets.
    pub(crate) const fn whole(&self) -> Option<&Bytes> {
        self.whole.as_ref()
    }

    /// Forgets the offsets: the next row begins, which has so many columns.
    #[inline]
    pub(crate) fn start(&mut self, columns: usize) {
        *self.known.get_mut() = 0;
        if columns > self.offsets.len() {
            self.make_room(columns);
        }
    }

    #[inline(never)]
    fn make_room(&mut self, columns: usize) {
        let later = columns.saturating_sub(self.offsets.len());
        if self.later.len() < later {
            self.later.resize_with(later, AtomicUsize::default);
        }
    }

    #[inline]
    fn place(&self, column: usize) -> Option<&AtomicUsize> {
        match self.offsets.get(column) {
            None => self.later.get(column.wrapping_sub(self.offsets.len())),
            few => few,
        }
    }

    /// Returns the offset of one of the first columns, if it is known.
    #[inline]
    pub(super) fn at(&self, column: usize) -> Option<usize> {
        if column > self.known.load(Ordering::Acquire) {
            return None;
        }
        let offset = self.offsets.get(column)?;
        Some(offset.load(Ordering::Relaxed))
    }

    /// Returns the last column of which the offset is known. It is the next one to be read, if columns are read in order.
    #[inline]
    pub(super) fn known(&self) -> usize {
        self.known.load(Ordering::Relaxed)
    }

    /// Returns the last column up to `column` of which the offset is known, and the offset.
    #[inline]
    pub(super) fn find(&self, column: usize) -> (usize, usize) {
        let column = column.min(self.known.load(Ordering::Acquire));
        match self.place(column) {
            Some(offset) => (column, offset.load(Ordering::Relaxed)),
            None => (0, 0),
        }
    }

    /// Notes that the column after `column` begins at `end`.
    #[inline]
    pub(super) fn note(&self, column: usize, end: usize) {
        if self.known.load(Ordering::Relaxed) != column {
            return;
        }
        let next = column.wrapping_add(1);
        match self.offsets.get(next) {
            Some(place) => {
                place.store(end, Ordering::Relaxed);
                // A thread that sees the number also sees the offsets.
                self.known.store(next, Ordering::Release);
            }
            None => self.note_later(next, end),
        }
    }

    #[inline(never)]
    fn note_later(&self, column: usize, start: usize) {
        if self.put(column, start) {
            self.reach(column);
        }
    }

    /// Notes where a column begins, which counts when it is [reached](Self::reach). Returns whether it is remembered.
    #[inline]
    pub(super) fn put(&self, column: usize, start: usize) -> bool {
        let place = self.place(column);
        if let Some(place) = place {
            place.store(start, Ordering::Relaxed);
        }
        place.is_some()
    }

    /// Notes that the offsets of all columns up to this one are known.
    #[inline]
    pub(super) fn reach(&self, column: usize) {
        // A thread that sees the number also sees the offsets.
        let last = FEW.saturating_add(self.later.len());
        self.known.store(column.min(last), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_remembered_in_order_and_for_one_row() {
        let mut places = Places::default();
        assert_eq!((places.find(0), places.find(9)), ((0, 0), (0, 0)));
        places.note(0, 5);
        places.note(1, 7);
        places.note(3, 99);
        assert_eq!(
            [0, 1, 2, 3].map(|column| places.find(column)),
            [(0, 0), (1, 5), (2, 7), (2, 7)]
        );
        places.note(0, 5);
        assert_eq!((places.known(), places.find(2)), (2, (2, 7)));
        assert!(places.put(3, 9) && !places.put(FEW + 1, 99));
        assert_eq!(places.find(3), (2, 7));
        places.reach(3);
        assert_eq!(places.find(3), (3, 9));
        places.start(4);
        assert_eq!((places.known(), places.find(2)), (0, (0, 0)));
    }

    #[test]
    fn what_does_not_fit_is_not_remembered() {
        let mut places = Places::default();
        for (columns, most) in [(1, FEW), (FEW + 1, FEW), (FEW + 5, FEW + 4), (100, 99), (3, 99)] {
            places.start(columns);
            for column in 0..200 {
                places.note(column, column * 10 + 10);
            }
            assert_eq!(places.find(300), (most, most * 10));
        }
        places.reach(1000);
        assert_eq!(places.known(), 99);
    }
}
