//! The rows of a result.

use std::fmt;
use std::iter::FusedIterator;

use bolt_client::adapter::{self, Rows, row_methods};
use bolt_client::{Error, Keys, Record};

use crate::block_on::block_on;
use crate::builder::waited;
use crate::cancel;

/// The rows of a query, as they arrive.
///
/// Records borrow the session or transaction that ran the query: one result at a time. For several at a time there are
/// [cursors](crate::Cursor). Records of [`Session::into_records`](crate::Session::into_records) own their session.
///
/// Records are an iterator over `Result<Record, Error>`, which ends after an error. [`try_next`](Self::try_next) and
/// [`next_ref`](Self::next_ref), which borrows the row in place of copying it, suit `while let` and `?`.
///
/// Rows are requested in pages (see [`fetch_size`](crate::SessionBuilder::fetch_size)), the next page after about a tenth of
/// the last was read. So memory stays within a page or so, however long the result is.
///
/// # Dropping it
/// The query is carried out all the same, except for an auto-commit query of a session that [only
/// reads](crate::Access::Read), which is cancelled. For an auto-commit query that may write, `drop` waits until the query
/// is committed, for at most [`teardown_timeout`](crate::Config::teardown_timeout). The next user of the connection
/// finishes what takes longer. In a transaction, the rest of the rows is skipped without waiting. To stop a query, drop
/// its transaction.
///
/// ```no_run
/// # use adapter_blocking as bolt;
/// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
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
    inner: bolt_client::Records<'r>,
    /// A method that consumes the records was called: nothing is left to wait for when they are dropped.
    consumed: bool,
    /// The iterator has returned its error.
    failed: bool,
}

impl<'r> Records<'r> {
    pub(crate) const fn new(inner: bolt_client::Records<'r>) -> Self {
        Self {
            inner,
            consumed: false,
            failed: false,
        }
    }

    /// Returns the names of the columns, which are known even without rows. Empty for a query that returns nothing.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        self.inner.keys()
    }

    row_methods!([] [] rows same rest waited);

    #[inline]
    fn rows(&mut self) -> Result<Rows<'_>, Error> {
        cancel::check()?;
        self.same()
    }

    #[inline]
    fn same(&mut self) -> Result<Rows<'_>, Error> {
        adapter::rows_of_records(&mut self.inner)
    }

    fn rest(&mut self) -> Result<Rows<'_>, Error> {
        self.consumed = true;
        self.rows()
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = self.try_next();
        self.failed = row.is_err();
        row.transpose()
    }
}

impl FusedIterator for Records<'_> {}

impl Drop for Records<'_> {
    fn drop(&mut self) {
        if !self.consumed {
            block_on(adapter::settle_records(&mut self.inner));
        }
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
