//! The columns of a row, one by one.

use core::iter::FusedIterator;

use crate::error::ConversionError;
use crate::keys::Keys;
use crate::packstream::{Reader, ValueRef};

/// An iterator over the columns of a row: each with its name, and its value or the reason why it cannot be read.
#[derive(Debug, Clone)]
pub struct RecordIter<'a> {
    keys: &'a Keys,
    columns: usize,
    next: usize,
    reader: Reader<'a>,
}

impl<'a> RecordIter<'a> {
    pub(super) const fn new(keys: &'a Keys, columns: usize, values: &'a [u8]) -> Self {
        Self {
            keys,
            columns,
            next: 0,
            reader: Reader::new(values),
        }
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = (&'a str, Result<ValueRef<'a>, ConversionError>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.columns {
            return None;
        }
        let name = self.keys.get(self.next).unwrap_or_default();
        self.next = self.next.saturating_add(1);
        let start = self.reader.rest();
        let value = self.reader.value().map_err(|error| {
            // A value that cannot be skipped stays at the front, and makes the columns after it unreadable.
            self.reader = Reader::new(start);
            let _malformed = self.reader.skip();
            ConversionError::from(error).at_column(name)
        });
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.columns.saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for RecordIter<'_> {}

impl FusedIterator for RecordIter<'_> {}
