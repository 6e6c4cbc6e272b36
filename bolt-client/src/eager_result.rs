//! All rows of a result at once.

mod table;

use bolt_proto::{ColumnIndex, Columns, FromValue, Keys};
use serde::{Deserialize, Serialize, Serializer};

use crate::error::Error;
use crate::record::Record;
use crate::summary::Summary;

/// The complete result of a query: rows, columns and summary. Iterating over it yields the rows.
///
/// `Display` shows the rows as a table. `Serialize` makes a list of the rows, each a map of its columns.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{EagerResult, Error};
///
/// #[derive(serde::Deserialize)]
/// struct Person {
///     name: String,
///     age: u8,
/// }
///
/// fn read(result: EagerResult) -> Result<(), Error> {
///     let people: Vec<Person> = result.to()?; // every row, by serde
///     let names: Vec<&str> = result.column("name")?; // one column
///     let (names, ages): (Vec<String>, Vec<u8>) = result.columns()?; // all columns
///     let count: i64 = result.clone().single()?.get("count")?; // the only row
///     println!("{result}"); // a table
///     let EagerResult { records, summary, .. } = result;
///     println!("{} rows by {}", records.len(), summary.server().agent());
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EagerResult {
    /// The rows, in the server's order.
    pub records: Vec<Record>,
    /// What the server reported about the query.
    pub summary: Summary,
    /// The names of the columns, known even without rows.
    pub keys: Keys,
}

impl EagerResult {
    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Returns an iterator over the rows.
    pub fn iter(&self) -> std::slice::Iter<'_, Record> {
        self.records.iter()
    }

    /// Reads every row by serde: a struct by the names of the columns, a tuple by their order, a scalar if there is only
    /// one column.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a row is not like a `T`. The error names the column.
    pub fn to<'r, T: Deserialize<'r>>(&'r self) -> Result<Vec<T>, Error> {
        self.records.iter().map(Record::to).collect()
    }

    /// Reads one column of every row, by its name or its index.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is no such column, even if there are no rows, or
    /// if a value cannot be read as a `T`.
    pub fn column<'r, T: FromValue<'r>>(&'r self, column: impl ColumnIndex) -> Result<Vec<T>, Error> {
        let index = column.find(&self.keys, self.keys.len(), 0)?;
        self.records.iter().map(|record| record.get(index)).collect()
    }

    /// Reads all rows column by column: see [`Columns`].
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if the number of columns is another, even if there are no rows, or
    /// if a value is not of the type of its column. The error names column and row.
    pub fn columns<C: Columns>(&self) -> Result<C, Error> {
        C::check(&self.keys)?;
        let mut columns = C::empty();
        for (index, record) in self.records.iter().enumerate() {
            record.as_ref().append_numbered(&mut columns, index)?;
        }
        Ok(columns)
    }

    /// Returns the only row.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is no row, or more than one.
    pub fn single(self) -> Result<Record, Error> {
        self.single_optional()?.ok_or_else(|| Error::not_single(0))
    }

    /// Returns the only row, or `None` if there is no row.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is more than one row.
    pub fn single_optional(self) -> Result<Option<Record>, Error> {
        let mut records = self.records.into_iter();
        match (records.next(), records.next()) {
            (_, Some(_)) => Err(Error::not_single(2)),
            (record, None) => Ok(record),
        }
    }
}

impl IntoIterator for EagerResult {
    type Item = Record;
    type IntoIter = std::vec::IntoIter<Record>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.into_iter()
    }
}

impl<'r> IntoIterator for &'r EagerResult {
    type Item = &'r Record;
    type IntoIter = std::slice::Iter<'r, Record>;

    fn into_iter(self) -> Self::IntoIter {
        self.records.iter()
    }
}

/// Serializes the rows as a list, each row as a map of its columns.
impl Serialize for EagerResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.records.serialize(serializer)
    }
}
