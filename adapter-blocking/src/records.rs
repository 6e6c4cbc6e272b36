//! The rows of a result.

use std::fmt;
use std::iter::FusedIterator;

use bolt_client::{EagerResult, Error, FromValue, Keys, Record, RecordRef, Summary};
use serde::de::DeserializeOwned;

use crate::block_on::{block_on, call};

/// The rows of a query, as they arrive. It holds on to the session or transaction that ran the query: one result at a
/// time.
///
/// It is an iterator over `Result<Record, Error>`, which ends after an error. [`next`](Self::next) and
/// [`next_ref`](Self::next_ref), which borrows the row in place of copying it, go well with `while let` and `?`.
///
/// Rows are asked for in pages (see [`fetch_size`](crate::SessionBuilder::fetch_size)), the next one as soon as about
/// a tenth of the last was read. So memory stays within a page or so, however long the result is.
///
/// # Dropping it
/// The query is carried out all the same, except for an auto-commit query of a session that [only
/// reads](crate::Access::Read), which is cancelled. For an auto-commit query that may write, that happens inside of
/// `drop`: it waits for the server until the query is committed, for at most
/// [`teardown_timeout`](crate::Config::teardown_timeout); what takes longer is finished by the next user of the
/// connection. In a transaction, the rest of the rows is skipped without waiting. To stop a query, drop its transaction.
///
/// ```no_run
/// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
/// let mut session = driver.session().database("neo4j").build();
/// let mut people = session.run("MATCH (a:Person) RETURN a.name AS name").call()?;
/// while let Some(person) = people.next_ref()? {
///     println!("{}", person.get::<&str>("name")?);
/// }
/// let summary = people.consume()?;
/// println!("{:?}", summary.result_consumed_after());
/// # Ok(()) }
/// ```
pub struct Records<'r> {
    /// Taken by what consumes the result.
    inner: Option<bolt_client::Records<'r>>,
    keys: Keys,
    /// The iterator has told its error.
    failed: bool,
}

impl<'r> Records<'r> {
    pub(crate) fn new(inner: bolt_client::Records<'r>) -> Self {
        Self {
            keys: inner.keys().clone(),
            inner: Some(inner),
            failed: false,
        }
    }

    /// The names of the columns, known even without rows. Empty for a query that returns nothing.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The next row; `None` once all have been read.
    ///
    /// # Errors
    /// What ended the result early: after that there are no more rows. A call that was
    /// [cancelled](crate::CancelHandle) has lost no row.
    #[expect(
        clippy::should_implement_trait,
        reason = "`Iterator::next` gives the same rows in the other order of `Result` and `Option`"
    )]
    pub fn next(&mut self) -> Result<Option<Record>, Error> {
        match &mut self.inner {
            Some(inner) => call(inner.next()),
            None => Ok(None),
        }
    }

    /// The next row, lent from the buffer that it arrived in: nothing is copied. `None` once all have been read.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn next_ref(&mut self) -> Result<Option<RecordRef<'_>>, Error> {
        match &mut self.inner {
            Some(inner) => call(inner.next_ref()),
            None => Ok(None),
        }
    }

    /// The row that [`next`](Self::next) will return.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn peek(&mut self) -> Result<Option<&Record>, Error> {
        match &mut self.inner {
            Some(inner) => call(inner.peek()),
            None => Ok(None),
        }
    }

    /// The next row, read by serde: a struct by the names of the columns, a tuple by their order, a scalar if there is
    /// only one.
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if the row is not like a `T`: it
    /// is lost then, and those behind it are not.
    pub fn next_as<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        match &mut self.inner {
            Some(inner) => call(inner.next_as()),
            None => Ok(None),
        }
    }

    /// The next rows, at most `rows`: fewer if there are no more.
    ///
    /// # Errors
    /// As [`next`](Self::next); the rows before it are lost then.
    pub fn fetch(&mut self, rows: usize) -> Result<Vec<Record>, Error> {
        match &mut self.inner {
            Some(inner) => call(inner.fetch(rows)),
            None => Ok(Vec::new()),
        }
    }

    /// The only row.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is none, or more than one. As
    /// [`next`](Self::next).
    pub fn single(self) -> Result<Record, Error> {
        call(self.into_inner().single())
    }

    /// The only row, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is more than one. As [`next`](Self::next).
    pub fn single_optional(self) -> Result<Option<Record>, Error> {
        call(self.into_inner().single_optional())
    }

    /// All rows that are left, asked for at once.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn collect(self) -> Result<Vec<Record>, Error> {
        call(self.into_inner().collect())
    }

    /// All rows that are left, asked for at once, and what the server tells about the query.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn into_eager_result(self) -> Result<EagerResult, Error> {
        call(self.into_inner().into_eager_result())
    }

    /// All rows that are left, asked for at once, each read by serde: a struct by the names of the columns, a tuple by
    /// their order, a scalar if there is only one.
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a row is not like a `T`.
    pub fn collect_as<T: DeserializeOwned>(self) -> Result<Vec<T>, Error> {
        call(self.into_inner().collect_as())
    }

    /// The first column of all rows that are left, asked for at once.
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value is not a `T`.
    pub fn collect_column<T: for<'v> FromValue<'v>>(self) -> Result<Vec<T>, Error> {
        call(self.into_inner().collect_column())
    }

    /// Skips the rows that are left, and returns what the server tells about the query. The query is carried out to its
    /// end.
    ///
    /// # Errors
    /// What the query failed with in the end.
    pub fn consume(self) -> Result<Summary, Error> {
        call(self.into_inner().consume())
    }

    #[expect(clippy::expect_used, reason = "nothing else takes it, and this takes `self`")]
    fn into_inner(mut self) -> bolt_client::Records<'r> {
        self.inner.take().expect("a result is consumed once")
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = Self::next(self);
        self.failed = next.is_err();
        next.transpose()
    }
}

impl FusedIterator for Records<'_> {}

impl Drop for Records<'_> {
    fn drop(&mut self) {
        if let Some(inner) = &mut self.inner {
            block_on(inner.settle());
        }
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Some(inner) => inner.fmt(f),
            None => f.debug_struct("Records").finish_non_exhaustive(),
        }
    }
}
