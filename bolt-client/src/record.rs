//! Rows that fail with the error type of the driver.

use std::fmt;

use bolt_proto::types::ValueRef;
use bolt_proto::{ColumnIndex, Columns, FromValue, Keys, Value};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::Error;

/// An owned row: its values in one allocation, and the names of the columns, which all rows of a result share. Cloning
/// copies neither.
///
/// Reading borrows from the row where the type allows (`&str`, `&[u8]`), and finds any column at once. A column that
/// cannot be read does not affect the others.
///
/// `Display` shows the row as `{name: "Ada", age: 36}`, and `Serialize` makes a map of the columns. Rows are not
/// `PartialEq`, because equal values may have different encodings: compare [`values`](Self::values).
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{Error, Record, types::Node};
///
/// #[derive(serde::Deserialize)]
/// struct Person {
///     name: String,
///     age: u8,
/// }
///
/// fn read(row: &Record) -> Result<(), Error> {
///     let name: &str = row.get("name")?; // by name, borrowed from the row
///     let age = row.get::<Option<u16>>(1)?; // by index; null is `None`
///     let person: Person = row.to()?; // all columns, by serde
///     let (name, age): (String, u8) = row.to()?;
///     println!("{row}");
///     Ok(())
/// }
///
/// fn labels(row: &Record) -> Result<Vec<String>, Error> {
///     Ok(row.get::<Node>("n")?.labels)
/// }
/// ```
#[derive(Clone)]
pub struct Record(bolt_proto::Record);

impl Record {
    /// Reads one column, by its name or its index.
    ///
    /// The type may be any [`FromValue`]. A type that implements `Deserialize` is read as a [`Serde`](crate::Serde) of
    /// it.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is no such column, or if its value cannot be
    /// read as a `T`. The error names the column.
    #[inline]
    pub fn get<'a, T: FromValue<'a>>(&'a self, column: impl ColumnIndex) -> Result<T, Error> {
        self.0.get(column).map_err(Error::from)
    }

    /// Reads the whole row by serde: a struct by the names of the columns, a tuple or a sequence by their order, a scalar
    /// if there is only one column. See [`serde`](mod@crate::serde) for the rules.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a column is missing, or if a value does not fit its
    /// field. The error names the column.
    #[inline]
    pub fn to<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        self.0.to().map_err(Error::from)
    }

    /// Reads all values, in the order of the columns.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value cannot be read. The error names the column.
    pub fn values(&self) -> Result<Vec<Value>, Error> {
        self.0.values().map_err(Error::from)
    }

    /// Returns the names of the columns.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        self.0.keys()
    }

    /// Returns the number of columns.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no columns.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns an iterator over the columns in order, each with its name.
    #[must_use]
    pub fn iter(&self) -> RecordIter<'_> {
        RecordIter(self.0.iter())
    }

    /// Borrows the row.
    #[must_use]
    pub fn as_ref(&self) -> RecordRef<'_> {
        RecordRef(self.0.as_ref())
    }
}

/// A row in the receive buffer. It is `Copy`, and parsed on demand: reading a column walks over the columns before it,
/// once. [`to_record`](Self::to_record) makes an owned row.
///
/// A column that cannot be read affects neither the other columns nor the connection.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{Error, RecordRef};
///
/// // `name` borrows from the receive buffer: nothing is copied.
/// fn name(row: RecordRef<'_>) -> Result<&str, Error> {
///     row.get("name")
/// }
/// ```
#[derive(Clone, Copy)]
pub struct RecordRef<'a>(bolt_proto::RecordRef<'a>);

impl<'a> RecordRef<'a> {
    #[inline]
    pub(crate) const fn new(row: bolt_proto::RecordRef<'a>) -> Self {
        Self(row)
    }

    /// Reads one column, by its name or its index. See [`Record::get`].
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is no such column, or if its value cannot be
    /// read as a `T`. The error names the column.
    #[inline]
    pub fn get<T: FromValue<'a>>(&self, column: impl ColumnIndex) -> Result<T, Error> {
        self.0.get(column).map_err(Error::from)
    }

    /// Reads the whole row by serde. See [`Record::to`].
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a column is missing, or if a value does not fit its
    /// field. The error names the column.
    #[inline]
    pub fn to<T: Deserialize<'a>>(&self) -> Result<T, Error> {
        self.0.to().map_err(Error::from)
    }

    /// Reads all values, in the order of the columns.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value cannot be read. The error names the column.
    pub fn values(&self) -> Result<Vec<Value>, Error> {
        self.0.values().map_err(Error::from)
    }

    /// Returns the names of the columns.
    #[must_use]
    pub const fn keys(&self) -> &'a Keys {
        self.0.keys()
    }

    /// Returns the number of columns.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no columns.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of bytes that the encoded values take.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        self.0.encoded_len()
    }

    /// Appends each value of the row to its column: see [`Columns`].
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if the row has not as many columns, or a value cannot be read as
    /// the type of its column: then the columns before it have one value more than the rest. The error names the column.
    #[inline]
    pub fn append_to<C: Columns>(&self, columns: &mut C) -> Result<(), Error> {
        self.0.append_to(columns).map_err(Error::from)
    }

    /// Appends the values of the row with this number.
    #[inline]
    pub(crate) fn append_numbered<C: Columns>(&self, columns: &mut C, row: usize) -> Result<(), Error> {
        self.0
            .append_to(columns)
            .map_err(|error| error.at_row(row).into())
    }

    /// Returns an iterator over the columns in order, each with its name.
    #[must_use]
    pub const fn iter(&self) -> RecordIter<'a> {
        RecordIter(self.0.iter())
    }

    /// Copies the row out of the buffer, in one allocation. The values of a large row are shared, not copied.
    #[must_use]
    #[inline]
    pub fn to_record(&self) -> Record {
        Record(self.0.to_record())
    }
}

/// An iterator over the columns of a row: each with its name, and its value or the reason why it cannot be read.
#[derive(Debug, Clone)]
pub struct RecordIter<'a>(bolt_proto::RecordIter<'a>);

impl<'a> Iterator for RecordIter<'a> {
    type Item = (&'a str, Result<ValueRef<'a>, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        let (name, value) = self.0.next()?;
        Some((name, value.map_err(Error::from)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for RecordIter<'_> {}

impl std::iter::FusedIterator for RecordIter<'_> {}

impl<'r> IntoIterator for &'r Record {
    type Item = (&'r str, Result<ValueRef<'r>, Error>);
    type IntoIter = RecordIter<'r>;

    fn into_iter(self) -> RecordIter<'r> {
        self.iter()
    }
}

impl<'a> IntoIterator for RecordRef<'a> {
    type Item = (&'a str, Result<ValueRef<'a>, Error>);
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &RecordRef<'a> {
    type Item = (&'a str, Result<ValueRef<'a>, Error>);
    type IntoIter = RecordIter<'a>;

    fn into_iter(self) -> RecordIter<'a> {
        self.iter()
    }
}

macro_rules! shown {
    ($($record:ty)*) => {$(
        impl fmt::Debug for $record {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        /// Shows the row as `{name: "Ada", age: 36}`, and a column that cannot be read as its error.
        impl fmt::Display for $record {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        /// Serializes the row as a map of its columns.
        impl Serialize for $record {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.serialize(serializer)
            }
        }
    )*};
}

shown!(Record RecordRef<'_>);
