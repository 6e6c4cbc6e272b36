//! Where the columns of a row begin, as far as that was found out.

use bytes::Bytes;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Of how many columns the places are remembered.
const REMEMBERED: usize = 16;

/// Where the first columns of a row begin, so that nothing is walked over twice, in whatever order columns are read.
///
/// It belongs to a connection and is used for one row after the other. A row that is lent may be read by several threads
/// at once: each finds out the same, so it does not matter who writes it down.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// How many of the `offsets` are known.
    known: AtomicUsize,
    /// Where the columns behind the first one begin.
    offsets: [AtomicU32; REMEMBERED],
    /// The column behind the one that was read last, which is likely to be the next.
    next: AtomicUsize,
    /// Of a large row, all that it takes to keep it.
    whole: Option<Bytes>,
}

impl Places {
    /// For one large row, which is kept without copying it.
    pub(crate) fn of_whole(whole: Bytes) -> Self {
        Self {
            whole: Some(whole),
            ..Self::default()
        }
    }

    /// Of a large row, all that it takes to keep it.
    pub(crate) const fn whole(&self) -> Option<&Bytes> {
        self.whole.as_ref()
    }

    /// The next row begins, of which nothing is known.
    #[inline]
    pub(crate) fn start(&mut self) {
        *self.known.get_mut() = 0;
        *self.next.get_mut() = 0;
    }

    /// The column that is likely to be read next.
    #[inline]
    pub(super) fn next(&self) -> usize {
        self.next.load(Ordering::Relaxed)
    }

    /// The last column up to this one whose offset is known, and its offset.
    #[inline]
    pub(super) fn find(&self, column: usize) -> (usize, usize) {
        let column = column.min(self.known.load(Ordering::Acquire));
        let offset = column.checked_sub(1).and_then(|at| self.offsets.get(at));
        match offset {
            Some(offset) => (column, offset.load(Ordering::Relaxed) as usize),
            None => (0, 0),
        }
    }

    /// This column was read, and the one behind it begins at this offset.
    #[inline]
    pub(super) fn read(&self, column: usize, behind: usize) {
        self.next.store(column.wrapping_add(1), Ordering::Relaxed);
        self.note(column, behind);
    }

    /// The column behind this one begins at this offset.
    #[inline]
    pub(super) fn note(&self, column: usize, behind: usize) {
        if self.known.load(Ordering::Relaxed) != column {
            return;
        }
        if let (Some(place), Ok(behind)) = (self.offsets.get(column), u32::try_from(behind)) {
            place.store(behind, Ordering::Relaxed);
            // Whoever sees the number sees the offsets, too.
            self.known.store(column.wrapping_add(1), Ordering::Release);
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
        places.start();
        assert_eq!((places.next(), places.find(2)), (0, (0, 0)));
    }

    #[test]
    fn what_does_not_fit_is_not_remembered() {
        let places = Places::default();
        for column in 0..=REMEMBERED {
            places.note(column, column * 10 + 10);
        }
        assert_eq!(places.find(100), (REMEMBERED, REMEMBERED * 10));
        #[cfg(target_pointer_width = "64")]
        {
            let places = Places::default();
            places.note(0, usize::MAX);
            assert_eq!(places.find(1), (0, 0));
        }
    }
}
