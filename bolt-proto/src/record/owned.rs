//! Rows that are kept.

use alloc::vec::Vec;
use core::fmt;

use ::serde::Deserialize;
use bytes::Bytes;

use super::{ColumnIndex, RecordRef, debug_columns};
use crate::error::ConversionError;
use crate::keys::Keys;
use crate::packstream::{Reader, ValueRef};
use crate::serde::RecordDeserializer;
use crate::value::FromValue;

/// A row that is kept: its values in one allocation, and the names of the columns, which all rows of a result share.
/// Cloning copies neither.
///
/// Reading borrows from the row where it can (`&str`, `&[u8]`) and takes any column at once. A column that cannot be
/// read does not spoil the others.
///
/// Two rows are equal if their columns have the same names and their values are encoded alike.
#[derive(Clone)]
pub struct Record {
    keys: Keys,
    /// The values one behind the other, then where each of them starts, in 32 bits.
    data: Bytes,
    columns: u32,
}

/// The bytes of an offset.
const OFFSET: usize = size_of::<u32>();

/// The offset of a column that cannot be found, since one before it is malformed.
const UNKNOWN: u32 = u32::MAX;

impl Record {
    pub(super) fn new(keys: Keys, columns: usize, values: &[u8]) -> Self {
        let len = values.len().saturating_add(columns.saturating_mul(OFFSET));
        let mut data = Vec::with_capacity(len);
        data.extend_from_slice(values);
        with_offsets(&mut data, 0, columns);
        Self::from_parts(keys, columns, data.into())
    }

    /// A row whose values and offsets are these.
    pub(super) fn from_parts(keys: Keys, columns: usize, data: Bytes) -> Self {
        Self {
            keys,
            data,
            columns: u32::try_from(columns).unwrap_or(u32::MAX),
        }
    }

    /// Reads one column, by its name or its place.
    ///
    /// # Errors
    ///
    /// There is no such column, or its value cannot be read as a `T`.
    pub fn get<'a, T: FromValue<'a>>(&'a self, column: impl ColumnIndex) -> Result<T, ConversionError> {
        let index = column.find(&self.keys, self.len(), 0)?;
        self.reader_at(index)
            .and_then(|mut reader| T::read(&mut reader))
            .map_err(|error| error.at_column(self.keys.get(index).unwrap_or_default()))
    }

    /// Reads the whole row by serde: a struct by the names of the columns, a tuple or a sequence by their order, a
    /// scalar if there is only one.
    ///
    /// # Errors
    ///
    /// A column is missing, or a value does not fit its field; the error names the column.
    pub fn to<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ConversionError> {
        let reader = Reader::shared(self.values(), &self.data);
        T::deserialize(RecordDeserializer::new(&self.keys, self.len(), reader))
    }

    /// The names of the columns.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How many columns there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.columns as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// The columns in order, each with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Result<ValueRef<'_>, ConversionError>)> {
        self.as_ref().iter()
    }

    /// The row as if it were lent.
    #[must_use]
    pub fn as_ref(&self) -> RecordRef<'_> {
        RecordRef::new(&self.keys, self.len(), self.values())
    }

    fn values(&self) -> &[u8] {
        let offsets = self.len().saturating_mul(OFFSET);
        self.data
            .get(..self.data.len().saturating_sub(offsets))
            .unwrap_or_default()
    }

    fn reader_at(&self, index: usize) -> Result<Reader<'_>, ConversionError> {
        let values = self.values();
        let offset = self
            .data
            .get(values.len().saturating_add(index.saturating_mul(OFFSET))..);
        let offset = offset.and_then(|offset| offset.first_chunk());
        let offset = offset.map_or(UNKNOWN, |offset| u32::from_ne_bytes(*offset));
        match values.get(offset as usize..) {
            Some(values) => Ok(Reader::shared(values, &self.data)),
            None => Err(ConversionError::lost()),
        }
    }
}

/// Notes behind values, which begin at `start`, where each of them starts.
pub(crate) fn with_offsets(data: &mut Vec<u8>, start: usize, columns: usize) {
    let end = data.len();
    let size = columns.saturating_mul(OFFSET);
    data.reserve_exact(size);
    let mut at = start;
    for _ in 0..columns {
        let Some(rest) = data.get(at..end) else { break };
        let len = Reader::new(rest).skip().map(<[u8]>::len);
        let offset = u32::try_from(at.saturating_sub(start)).unwrap_or(UNKNOWN);
        data.extend_from_slice(&offset.to_ne_bytes());
        let Ok(len) = len else { break };
        at = at.saturating_add(len);
    }
    // The offsets of those behind a malformed one: `UNKNOWN`.
    data.resize(end.saturating_add(size), u8::MAX);
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Record {}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_columns(self.iter(), f)
    }
}
