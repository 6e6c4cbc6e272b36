//! Rows of results: borrowed from the receive buffer, or owned.

mod column;
mod columns;
mod iter;
mod owned;
mod places;
mod show;

use alloc::vec::Vec;

use ::serde::Deserialize;
use bytes::Bytes;

pub use column::ColumnIndex;
pub use columns::{Columns, push};
pub use iter::RecordIter;
pub use owned::Record;
use owned::offset_in;
pub(crate) use owned::with_offsets;
pub(crate) use places::Places;

use crate::error::{ConversionError, DecodeError};
use crate::keys::Keys;
use crate::packstream::{Reader, ValueRef};
use crate::serde::RecordDeserializer;
use crate::value::{FromValue, Value};

/// A row in the receive buffer. It is `Copy`, and parsed on demand: reading a column walks over the columns before it,
/// once.
///
/// A column that cannot be read affects neither the other columns nor the connection.
///
/// `Display` shows the row as `{name: "Ada", age: 36}`. Rows are not `PartialEq`, because equal values may have
/// different encodings: compare [`values`](Self::values).
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    keys: &'a Keys,
    columns: usize,
    values: &'a [u8],
    offsets: Offsets<'a>,
}

/// Where the columns of a row begin.
#[derive(Clone, Copy)]
enum Offsets<'a> {
    /// Nothing is known, or remembered.
    Unknown,
    /// What was found is remembered.
    Found(&'a Places),
    /// The values and the offsets of all of them, as an owned row has them.
    Stored(&'a Bytes),
}

impl<'a> RecordRef<'a> {
    /// A row of `columns` values, one after the other in `values`; at most one column a byte.
    pub(crate) const fn new(keys: &'a Keys, columns: usize, values: &'a [u8]) -> Self {
        Self {
            keys,
            columns,
            values,
            offsets: Offsets::Unknown,
        }
    }

    /// Creates a row of encoded values, for tests and fuzz targets of other crates.
    #[doc(hidden)]
    #[must_use]
    pub const fn from_encoded(keys: &'a Keys, columns: usize, values: &'a [u8]) -> Self {
        Self::new(keys, columns, values)
    }

    /// Makes the row remember where its columns begin.
    #[inline]
    pub(crate) const fn remembering(self, places: &'a Places) -> Self {
        Self {
            offsets: Offsets::Found(places),
            ..self
        }
    }

    /// Makes the row use what an owned row has stored.
    #[inline]
    pub(crate) const fn stored(self, data: &'a Bytes) -> Self {
        Self {
            offsets: Offsets::Stored(data),
            ..self
        }
    }

    /// Reads one column, by its name or its index.
    ///
    /// # Errors
    ///
    /// If there is no such column, or if its value cannot be read as a `T`.
    #[inline]
    pub fn get<T: FromValue<'a>>(&self, column: impl ColumnIndex) -> Result<T, ConversionError> {
        let index = column.find(self.keys, self.columns, self.known())?;
        let offset = match self.offset_of(index) {
            Ok(offset) => offset,
            Err(error) => return Err(self.at(error, index)),
        };
        let mut reader = self.reader_at(offset);
        let value = T::read(&mut reader).map_err(|error| self.at(error, index))?;
        if let Offsets::Found(places) = self.offsets {
            places.note(index, self.place_of(&reader));
        }
        Ok(value)
    }

    /// Reads the whole row by serde: a struct by the names of the columns, a tuple or a sequence by their order, a
    /// scalar if there is only one column.
    ///
    /// # Errors
    ///
    /// If a column is missing, or a value does not fit its field. The error names the column.
    pub fn to<T: Deserialize<'a>>(&self) -> Result<T, ConversionError> {
        T::deserialize(RecordDeserializer::new(
            self.keys,
            self.columns,
            Reader::new(self.values),
        ))
    }

    /// Reads all values, in the order of the columns.
    ///
    /// # Errors
    ///
    /// If a value cannot be read. The error names the column.
    pub fn values(&self) -> Result<Vec<Value>, ConversionError> {
        let read = |(name, value): (&str, Result<ValueRef<'a>, _>)| {
            Value::from_value(value?).map_err(|error| error.at_column(name))
        };
        self.iter().map(read).collect()
    }

    /// Returns the names of the columns.
    #[must_use]
    pub const fn keys(&self) -> &'a Keys {
        self.keys
    }

    /// Returns the number of columns.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.columns
    }

    /// Returns whether there are no columns.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// Returns the number of bytes that the encoded values take.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.values.len()
    }

    /// Returns the columns in order, each with its name.
    #[must_use]
    pub const fn iter(&self) -> RecordIter<'a> {
        RecordIter::new(self.keys, self.columns, self.values)
    }

    /// Copies the row out of the buffer, in one allocation. The values of a large row are shared, not copied.
    #[must_use]
    pub fn to_record(&self) -> Record {
        match self.offsets {
            Offsets::Stored(data) => Record::from_parts(self.keys.clone(), self.columns, data.clone()),
            _ => Record::new(self.keys.clone(), self.columns, self.values),
        }
    }

    /// Returns the last column of which the offset is known. It is the next one to be read, if columns are read in order.
    #[inline]
    fn known(&self) -> usize {
        match self.offsets {
            Offsets::Found(places) => places.known(),
            _ => 0,
        }
    }

    /// Returns the offset where a column begins.
    #[inline]
    fn offset_of(&self, index: usize) -> Result<usize, ConversionError> {
        if let Offsets::Found(places) = self.offsets {
            if let Some(offset) = places.at(index) {
                return Ok(offset);
            }
        }
        self.find_offset(index)
    }

    /// Does [`offset_of`](Self::offset_of) for a column whose offset is not at hand.
    #[inline(never)]
    fn find_offset(&self, index: usize) -> Result<usize, ConversionError> {
        let (known, offset) = match self.offsets {
            Offsets::Found(places) => places.find(index),
            Offsets::Stored(data) => return offset_in(data, self.values.len(), index),
            Offsets::Unknown => (0, 0),
        };
        if known == index {
            return Ok(offset);
        }
        Ok(self.walk(known, offset, index)?)
    }

    /// Walks from a column, which begins at `offset`, to another column.
    fn walk(&self, from: usize, offset: usize, to: usize) -> Result<usize, DecodeError> {
        let mut reader = self.reader_at(offset);
        let Offsets::Found(places) = self.offsets else {
            reader.skip_many(to.saturating_sub(from))?;
            return Ok(self.place_of(&reader));
        };
        for column in from..to {
            reader.pass_value()?;
            places.put(column.wrapping_add(1), self.place_of(&reader));
        }
        places.reach(to);
        Ok(self.place_of(&reader))
    }

    #[inline]
    fn reader_at(&self, offset: usize) -> Reader<'a> {
        Reader::new(self.values.get(offset..).unwrap_or_default())
    }

    /// Returns the offset of a reader.
    #[inline]
    fn place_of(&self, reader: &Reader<'a>) -> usize {
        // The rest is a part of the values.
        self.values.len().wrapping_sub(reader.rest().len())
    }

    #[cold]
    fn at(&self, error: ConversionError, index: usize) -> ConversionError {
        error.at_column(self.keys.get(index).unwrap_or_default())
    }
}

impl<'a> IntoIterator for RecordRef<'a> {
    type Item = (&'a str, Result<ValueRef<'a>, ConversionError>);
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &RecordRef<'a> {
    type Item = (&'a str, Result<ValueRef<'a>, ConversionError>);
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

#[cfg(test)]
mod tests;
