//! Where the columns of a row begin, as far as known.

use alloc::vec::Vec;
use bytes::Bytes;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

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
    offsets: [AtomicU32; FEW + 1],
    /// Where the columns after those begin, if rows have so many. The rows of a run use it one after the other.
    later: Vec<AtomicU32>,
    /// The column after the one that was read last, which is likely to be the next.
    next: AtomicUsize,
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
        *self.next.get_mut() = 0;
        if columns > self.offsets.len() {
            self.make_room(columns);
        }
    }

    #[inline(never)]
    fn make_room(&mut self, columns: usize) {
        let later = columns.saturating_sub(self.offsets.len());
        if self.later.len() < later {
            self.later.resize_with(later, AtomicU32::default);
        }
    }

    #[inline]
    fn place(&self, column: usize) -> Option<&AtomicU32> {
        match self.offsets.get(column) {
            None => self.later.get(column.wrapping_sub(self.offsets.len())),
            few => few,
        }
    }

    /// Returns the column that is likely to be read next.
    #[inline]
    pub(super) fn next(&self) -> usize {
        self.next.load(Ordering::Relaxed)
    }

    /// Returns the last column up to `column` of which the offset is known, and the offset.
    #[inline]
    pub(super) fn find(&self, column: usize) -> (usize, usize) {
        let column = column.min(self.known.load(Ordering::Acquire));
        match self.place(column) {
            Some(offset) => (column, offset.load(Ordering::Relaxed) as usize),
            None => (0, 0),
        }
    }

    /// Notes that `column` was read, and that the one after it begins at `end`.
    #[inline]
    pub(super) fn read(&self, column: usize, end: usize) {
        self.next.store(column.wrapping_add(1), Ordering::Relaxed);
        self.note(column, end);
    }

    /// Notes that the column after `column` begins at `end`.
    #[inline]
    pub(super) fn note(&self, column: usize, end: usize) {
        if self.known.load(Ordering::Relaxed) != column {
            return;
        }
        let next = column.wrapping_add(1);
        if let (Some(place), Ok(end)) = (self.place(next), u32::try_from(end)) {
            place.store(end, Ordering::Relaxed);
            // A thread that sees the number also sees the offsets.
            self.known.store(next, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_remembered_in_order_and_for_one_row() {
        let mut places = Places::default();
        assert_eq!((places.find(0), places.find(9)), ((0, 0), (0, 0)));
        places.read(0, 5);
        places.note(1, 7);
        places.note(3, 99);
        assert_eq!(
            [0, 1, 2, 3].map(|column| places.find(column)),
            [(0, 0), (1, 5), (2, 7), (2, 7)]
        );
        places.read(0, 5);
        assert_eq!((places.next(), places.find(2)), (1, (2, 7)));
        places.start(4);
        assert_eq!((places.next(), places.find(2)), (0, (0, 0)));
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
        #[cfg(target_pointer_width = "64")]
        {
            let places = Places::default();
            places.note(0, usize::MAX);
            assert_eq!(places.find(1), (0, 0));
        }
    }
}
