//! Owned rows.

use alloc::vec::Vec;

use ::serde::Deserialize;
use bytes::Bytes;

use super::{ColumnIndex, RecordIter, RecordRef};
use crate::error::ConversionError;
use crate::keys::Keys;
use crate::packstream::{Reader, ValueRef};
use crate::serde::RecordDeserializer;
use crate::value::{FromValue, Value};

/// An owned row: its values in one allocation, and the names of the columns, which all rows of a result share.
/// Cloning copies neither.
///
/// Reading borrows from the row where the type allows (`&str`, `&[u8]`), and finds any column at once. A column that
/// cannot be read does not affect the others.
///
/// `Display` shows the row as `{name: "Ada", age: 36}`. Rows are not `PartialEq`, because equal values may have
/// different encodings: compare [`values`](Self::values).
#[derive(Clone)]
pub struct Record {
    keys: Keys,
    /// The values one after the other, then the offset of each, in 32 bits.
    data: Bytes,
    columns: u32,
}

/// The size of an offset.
const OFFSET: usize = size_of::<u32>();

/// The offset of a column that cannot be found, because a column before it is malformed.
const UNKNOWN: u32 = u32::from_ne_bytes([UNKNOWN_BYTE; OFFSET]);
const UNKNOWN_BYTE: u8 = u8::MAX;

impl Record {
    pub(super) fn new(keys: Keys, columns: usize, values: &[u8]) -> Self {
        let len = values.len().saturating_add(columns.saturating_mul(OFFSET));
        let mut data = Vec::with_capacity(len);
        data.extend_from_slice(values);
        if columns == 1 {
            data.extend_from_slice(&[0; OFFSET]);
        } else {
            data.resize(len, UNKNOWN_BYTE);
            if let Some((_, offsets)) = data.split_at_mut_checked(values.len()) {
                write_offsets(values, offsets);
            }
        }
        Self::from_parts(keys, columns, data.into())
    }

    /// A row of values that are followed by their offsets.
    pub(super) fn from_parts(keys: Keys, columns: usize, data: Bytes) -> Self {
        Self {
            keys,
            data,
            columns: u32::try_from(columns).unwrap_or(u32::MAX),
        }
    }

    /// Reads one column, by its name or its index.
    ///
    /// # Errors
    ///
    /// If there is no such column, or if its value cannot be read as a `T`.
    pub fn get<'a, T: FromValue<'a>>(&'a self, column: impl ColumnIndex) -> Result<T, ConversionError> {
        let index = column.find(&self.keys, self.len(), 0)?;
        self.reader_at(index)
            .and_then(|mut reader| T::read(&mut reader))
            .map_err(|error| error.at_column(self.keys.get(index).unwrap_or_default()))
    }

    /// Reads the whole row by serde: a struct by the names of the columns, a tuple or a sequence by their order, a
    /// scalar if there is only one column.
    ///
    /// # Errors
    ///
    /// If a column is missing, or a value does not fit its field. The error names the column.
    pub fn to<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ConversionError> {
        let reader = Reader::shared(self.encoded(), &self.data);
        T::deserialize(RecordDeserializer::new(&self.keys, self.len(), reader))
    }

    /// Reads all values, in the order of the columns.
    ///
    /// # Errors
    ///
    /// If a value cannot be read. The error names the column.
    pub fn values(&self) -> Result<Vec<Value>, ConversionError> {
        self.as_ref().values()
    }

    /// Returns the names of the columns.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns the number of columns.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.columns as usize
    }

    /// Returns whether there are no columns.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// Returns the columns in order, each with its name.
    #[must_use]
    pub fn iter(&self) -> RecordIter<'_> {
        self.as_ref().iter()
    }

    /// Borrows the row.
    #[must_use]
    pub fn as_ref(&self) -> RecordRef<'_> {
        RecordRef::new(&self.keys, self.len(), self.encoded()).stored(&self.data)
    }

    /// Returns the values without their offsets.
    #[inline]
    fn encoded(&self) -> &[u8] {
        let offsets = self.len().saturating_mul(OFFSET);
        self.data
            .get(..self.data.len().saturating_sub(offsets))
            .unwrap_or_default()
    }

    #[inline]
    fn reader_at(&self, index: usize) -> Result<Reader<'_>, ConversionError> {
        let values = self.encoded();
        let offset = offset_in(&self.data, values.len(), index)?;
        let values = values.get(offset..).unwrap_or_default();
        Ok(Reader::shared(values, &self.data))
    }
}

/// Returns where a column begins: after the values, `len` bytes, follow their offsets.
#[inline]
pub(super) fn offset_in(data: &[u8], len: usize, index: usize) -> Result<usize, ConversionError> {
    let offset = data.get(len.saturating_add(index.saturating_mul(OFFSET))..);
    match offset.and_then(<[u8]>::first_chunk) {
        Some(&offset) if offset != UNKNOWN.to_ne_bytes() => Ok(u32::from_ne_bytes(offset) as usize),
        _ => Err(ConversionError::lost()),
    }
}

/// Appends the offset of each of the values that begin at `start`.
pub(crate) fn with_offsets(data: &mut Vec<u8>, start: usize, columns: usize) {
    let offsets = columns.saturating_mul(OFFSET);
    let end = data.len();
    data.reserve_exact(offsets);
    data.resize(end.saturating_add(offsets), UNKNOWN_BYTE);
    if let Some((values, offsets)) = data.split_at_mut_checked(end) {
        write_offsets(values.get(start..).unwrap_or_default(), offsets);
    }
}

/// Writes the offset of each value over `offsets`, which are unknown. Those after a malformed value stay so.
fn write_offsets(values: &[u8], offsets: &mut [u8]) {
    let mut reader = Reader::new(values);
    let mut places = offsets.chunks_exact_mut(OFFSET);
    while let Some(place) = places.next() {
        let offset = values.len().wrapping_sub(reader.rest().len());
        place.copy_from_slice(&u32::try_from(offset).unwrap_or(UNKNOWN).to_ne_bytes());
        // After the last value, no other one begins.
        if places.len() > 0 && reader.pass_value().is_err() {
            break;
        }
    }
}

impl<'r> IntoIterator for &'r Record {
    type Item = (&'r str, Result<ValueRef<'r>, ConversionError>);
    type IntoIter = RecordIter<'r>;

    fn into_iter(self) -> RecordIter<'r> {
        self.iter()
    }
}
