//! Results that do not hold on to their transaction.

use bolt_client::{EagerResult, Error, FromValue, Keys, Record, RecordRef, Summary};
use serde::de::DeserializeOwned;

use crate::block_on::call;

/// A result that is read while other queries run: a query for each row of another, for example. It is a token; its
/// methods take the transaction or session that it came from, and refuse any other.
///
/// Rows that arrive while something else is waited for are kept until they are read. Dropping a cursor skips the rest of
/// its rows; the query is carried out all the same: an auto-commit query when its session is used next, or dropped.
///
/// ```no_run
/// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().call()?;
/// let mut people = tx.open("MATCH (n:Person) RETURN n.name AS name").call()?;
/// while let Some(person) = people.next(&mut tx)? {
///     let name: &str = person.get("name")?;
///     tx.run("CREATE (:Greeting {text: 'Hello, ' + $name})").param("name", name).call()?;
/// }
/// tx.commit()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Cursor {
    inner: bolt_client::Cursor,
}

/// What a [`Cursor`] comes from: a [`Session`](crate::Session), a [`Transaction`](crate::Transaction), or a
/// [`ManagedTransaction`](crate::ManagedTransaction).
pub trait CursorHost: Host {}

impl<H: Host> CursorHost for H {}

/// Where the result of a cursor is.
pub trait Host {
    /// The same, of the driver underneath.
    type Inner: bolt_client::CursorHost;

    /// What this stands for.
    fn host(&mut self) -> &mut Self::Inner;
}

impl Cursor {
    pub(crate) const fn new(inner: bolt_client::Cursor) -> Self {
        Self { inner }
    }

    /// The names of the columns; `None` until the query has been answered, or if `host` is not where it came from.
    pub fn keys<'h>(&self, host: &'h mut impl CursorHost) -> Option<&'h Keys> {
        self.inner.keys(host.host())
    }

    /// The next row; `None` once all have been read.
    ///
    /// # Errors
    /// What ended the result early. [`ErrorKind::Usage`](crate::ErrorKind::Usage) if `host` is not where the cursor came
    /// from. A call that was [cancelled](crate::CancelHandle) has lost no row.
    pub fn next(&mut self, host: &mut impl CursorHost) -> Result<Option<Record>, Error> {
        call(self.inner.next(host.host()))
    }

    /// The next row, lent from the buffer that it arrived in. `None` once all have been read.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn next_ref<'r>(&'r mut self, host: &'r mut impl CursorHost) -> Result<Option<RecordRef<'r>>, Error> {
        call(self.inner.next_ref(host.host()))
    }

    /// The row that [`next`](Self::next) will return.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn peek<'h>(&self, host: &'h mut impl CursorHost) -> Result<Option<&'h Record>, Error> {
        call(self.inner.peek(host.host()))
    }

    /// The next row, read by serde: see [`Records::next_as`](crate::Records::next_as).
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if the row is not like a `T`: it
    /// is lost then, and those behind it are not.
    pub fn next_as<T: DeserializeOwned>(&mut self, host: &mut impl CursorHost) -> Result<Option<T>, Error> {
        call(self.inner.next_as(host.host()))
    }

    /// The next rows, at most `rows`: fewer if there are no more.
    ///
    /// # Errors
    /// As [`next`](Self::next); the rows before it are lost then.
    pub fn fetch(&mut self, host: &mut impl CursorHost, rows: usize) -> Result<Vec<Record>, Error> {
        call(self.inner.fetch(host.host(), rows))
    }

    /// The only row of the result.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is none, or more than one. As
    /// [`next`](Self::next).
    pub fn single(self, host: &mut impl CursorHost) -> Result<Record, Error> {
        call(self.inner.single(host.host()))
    }

    /// The only row of the result, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is more than one. As [`next`](Self::next).
    pub fn single_optional(self, host: &mut impl CursorHost) -> Result<Option<Record>, Error> {
        call(self.inner.single_optional(host.host()))
    }

    /// All rows that are left, asked for at once.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn collect(self, host: &mut impl CursorHost) -> Result<Vec<Record>, Error> {
        call(self.inner.collect(host.host()))
    }

    /// All rows that are left, asked for at once, and what the server tells about the query.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn into_eager_result(self, host: &mut impl CursorHost) -> Result<EagerResult, Error> {
        call(self.inner.into_eager_result(host.host()))
    }

    /// All rows that are left, each read by serde: see [`Records::collect_as`](crate::Records::collect_as).
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a row is not like a `T`.
    pub fn collect_as<T: DeserializeOwned>(self, host: &mut impl CursorHost) -> Result<Vec<T>, Error> {
        call(self.inner.collect_as(host.host()))
    }

    /// The first column of all rows that are left, asked for at once.
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value is not a `T`.
    pub fn collect_column<T: for<'v> FromValue<'v>>(
        self,
        host: &mut impl CursorHost,
    ) -> Result<Vec<T>, Error> {
        call(self.inner.collect_column(host.host()))
    }

    /// Skips the rows that are left, and returns what the server tells about the query. The query is carried out to its
    /// end.
    ///
    /// # Errors
    /// What the query failed with in the end. As [`next`](Self::next).
    pub fn consume(self, host: &mut impl CursorHost) -> Result<Summary, Error> {
        call(self.inner.consume(host.host()))
    }
}
