//! Rows of results: lent from the receive buffer, or owned.

mod column;
mod owned;
mod places;

use core::fmt;

use ::serde::Deserialize;

pub use column::ColumnIndex;
pub use owned::Record;
pub(crate) use owned::with_offsets;
pub(crate) use places::Places;

use crate::error::{ConversionError, DecodeError};
use crate::keys::Keys;
use crate::packstream::{Reader, ValueRef};
use crate::serde::RecordDeserializer;
use crate::value::{FromValue, Value};

/// A row that lies in the receive buffer. It is `Copy`, and nothing of it is parsed until asked for: reading a column
/// walks over those before it, once.
///
/// A column that cannot be read spoils neither the others nor the connection.
///
/// Two rows are equal if their columns have the same names and their values are encoded alike. `Debug` shows what the
/// columns hold, as that of [`Value`] does.
#[derive(Clone, Copy)]
pub struct RecordRef<'a> {
    keys: &'a Keys,
    columns: usize,
    values: &'a [u8],
    /// Where its columns begin, as far as that was found out.
    places: Option<&'a Places>,
}

impl<'a> RecordRef<'a> {
    /// A row of `columns` values that lie one behind the other: no more than there are bytes.
    pub(crate) const fn new(keys: &'a Keys, columns: usize, values: &'a [u8]) -> Self {
        Self {
            keys,
            columns,
            values,
            places: None,
        }
    }

    /// The same row, which remembers where its columns begin.
    #[inline]
    pub(crate) const fn remembering(self, places: &'a Places) -> Self {
        Self {
            places: Some(places),
            ..self
        }
    }

    /// Reads one column, by its name or its place.
    ///
    /// # Errors
    ///
    /// There is no such column, or its value cannot be read as a `T`.
    #[inline]
    pub fn get<T: FromValue<'a>>(&self, column: impl ColumnIndex) -> Result<T, ConversionError> {
        let index = column.find(self.keys, self.columns, self.places.map_or(0, Places::next))?;
        let offset = self
            .offset_of(index)
            .map_err(|error| self.at(error.into(), index))?;
        let mut reader = self.reader_at(offset);
        let value = T::read(&mut reader).map_err(|error| self.at(error, index))?;
        if let Some(places) = self.places {
            places.read(index, self.place_of(&reader));
        }
        Ok(value)
    }

    /// Reads the whole row by serde: a struct by the names of the columns, a tuple or a sequence by their order, a
    /// scalar if there is only one.
    ///
    /// # Errors
    ///
    /// A column is missing, or a value does not fit its field; the error names the column.
    pub fn to<T: Deserialize<'a>>(&self) -> Result<T, ConversionError> {
        T::deserialize(RecordDeserializer::new(
            self.keys,
            self.columns,
            Reader::new(self.values),
        ))
    }

    /// The names of the columns.
    #[must_use]
    pub const fn keys(&self) -> &'a Keys {
        self.keys
    }

    /// How many columns there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.columns
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.columns == 0
    }

    /// How many bytes the values take, as they lie in the buffer.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.values.len()
    }

    /// The columns in order, each with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Result<ValueRef<'a>, ConversionError>)> + use<'a> {
        let (keys, mut reader) = (self.keys, Reader::new(self.values));
        (0..self.columns).map(move |index| {
            let name = keys.get(index).unwrap_or_default();
            let start = reader.rest();
            let value = reader.value().map_err(|error| {
                // A value that cannot be skipped stays in front of the cursor, and spoils the columns behind it.
                reader = Reader::new(start);
                let _malformed = reader.skip();
                ConversionError::from(error).at_column(name)
            });
            (name, value)
        })
    }

    /// A row that keeps its values for itself, in one allocation. Those of a large row are not copied.
    #[must_use]
    pub fn to_owned(&self) -> Record {
        if let Some(whole) = self.places.and_then(|places| places.whole().cloned()) {
            return Record::from_parts(self.keys.clone(), self.columns, whole);
        }
        Record::new(self.keys.clone(), self.columns, self.values)
    }

    /// Where a column begins.
    #[inline]
    fn offset_of(&self, index: usize) -> Result<usize, DecodeError> {
        let (known, offset) = self.places.map_or((0, 0), |places| places.find(index));
        if known == index {
            return Ok(offset);
        }
        self.walk(known, offset, index)
    }

    /// Walks from a column, which begins at this offset, to another.
    fn walk(&self, from: usize, offset: usize, to: usize) -> Result<usize, DecodeError> {
        let mut reader = self.reader_at(offset);
        let Some(places) = self.places else {
            reader.skip_many(to.saturating_sub(from))?;
            return Ok(self.place_of(&reader));
        };
        for column in from..to {
            reader.skip()?;
            places.note(column, self.place_of(&reader));
        }
        Ok(self.place_of(&reader))
    }

    #[inline]
    fn reader_at(&self, offset: usize) -> Reader<'a> {
        Reader::new(self.values.get(offset..).unwrap_or_default())
    }

    /// Where a cursor stands.
    #[inline]
    fn place_of(&self, reader: &Reader<'a>) -> usize {
        self.values.len().saturating_sub(reader.rest().len())
    }

    #[cold]
    fn at(&self, error: ConversionError, index: usize) -> ConversionError {
        error.at_column(self.keys.get(index).unwrap_or_default())
    }
}

impl PartialEq for RecordRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.keys, self.columns, self.values) == (other.keys, other.columns, other.values)
    }
}

impl Eq for RecordRef<'_> {}

impl fmt::Debug for RecordRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_columns(self.iter(), f)
    }
}

fn debug_columns<'a>(
    columns: impl Iterator<Item = (&'a str, Result<ValueRef<'a>, ConversionError>)>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let mut map = f.debug_map();
    for (name, value) in columns {
        match value.map(|value| (Value::from_value(value), value)) {
            Ok((Ok(value), _)) => map.entry(&name, &value),
            // What is no value of this protocol is shown as it lies in the buffer.
            Ok((Err(_), value)) => map.entry(&name, &value),
            Err(error) => map.entry(&name, &format_args!("<{error}>")),
        };
    }
    map.finish()
}

#[cfg(test)]
mod tests;
