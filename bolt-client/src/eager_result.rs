//! All rows of a result at once.

use bolt_proto::{Keys, Record};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::summary::Summary;

/// All that a query gave. Iterating over it gives its rows.
#[derive(Debug, Clone)]
pub struct EagerResult {
    /// The rows, in the server's order.
    pub records: Vec<Record>,
    /// What the server tells about the query.
    pub summary: Summary,
    /// The names of the columns, known even without rows.
    pub keys: Keys,
}

impl EagerResult {
    /// Every row, read by serde: a struct by the names of the columns, a tuple by their order, a scalar if there is only
    /// one.
    ///
    /// ```no_run
    /// # async fn example(driver: bolt_client::Driver) -> Result<(), bolt_client::Error> {
    /// #[derive(serde::Deserialize)]
    /// struct Person {
    ///     name: String,
    ///     age: u8,
    /// }
    ///
    /// let found = driver.execute_query("MATCH (n:Person) RETURN n.name AS name, n.age AS age").await?;
    /// let people: Vec<Person> = found.to()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a row is not like a `T`; it names the column.
    pub fn to<T: DeserializeOwned>(&self) -> Result<Vec<T>, Error> {
        let rows = self.records.iter().map(Record::to);
        Ok(rows.collect::<Result<_, _>>()?)
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
