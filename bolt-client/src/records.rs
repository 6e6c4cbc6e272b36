//! The rows of a result.

use std::fmt;

use bolt_proto::{Keys, Record, RecordRef, ResultId};

use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::{Exchange, Rest};
use crate::summary::Summary;

/// The rows of a query, as they arrive. It holds on to the session or transaction that ran the query: one result at a
/// time.
///
/// Rows are asked for in pages (see [`fetch_size`](crate::SessionBuilder::fetch_size)), the next one while about a third
/// of the last is still to be read. So memory stays within a page or so, however long the result is, and a reader who is
/// slower than the network never waits.
///
/// # Dropping it
/// The query is carried out all the same, except for an auto-commit query of a session that [only
/// reads](crate::Access::Read), which is cancelled. In a transaction, the rest of the rows is skipped. To stop a query,
/// drop its transaction.
///
/// ```no_run
/// # async fn example(driver: bolt_client::Driver) -> Result<(), bolt_client::Error> {
/// let mut session = driver.session().database("neo4j").build();
/// let mut people = session.run("MATCH (a:Person) RETURN a.name AS name").await?;
/// while let Some(person) = people.next_ref().await? {
///     println!("{}", person.get::<&str>("name")?);
/// }
/// let summary = people.consume().await?;
/// println!("{:?}", summary.result_consumed_after());
/// # Ok(()) }
/// ```
pub struct Records<'r> {
    exchange: &'r mut Exchange,
    id: ResultId,
    keys: Keys,
    by: Deadline,
    /// The row that was lent last, if it had been kept.
    kept: Option<Record>,
}

impl<'r> Records<'r> {
    pub(crate) fn new(exchange: &'r mut Exchange, id: ResultId, by: Deadline) -> Self {
        let keys = exchange.keys(id).cloned().unwrap_or_default();
        Self {
            exchange,
            id,
            keys,
            by,
            kept: None,
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
    /// What ended the result early: after that there are no more rows.
    ///
    /// # Cancel safety
    /// Cancel-safe: a row that was not returned is still there.
    pub async fn next(&mut self) -> Result<Option<Record>, Error> {
        self.exchange.next(self.id, self.by).await
    }

    /// The next row, lent from the buffer that it arrived in: nothing is copied. `None` once all have been read.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Cancel-safe: a row that was not returned is still there.
    pub async fn next_ref(&mut self) -> Result<Option<RecordRef<'_>>, Error> {
        self.exchange.next_ref(self.id, &mut self.kept, self.by).await
    }

    /// The row that [`next`](Self::next) will return.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing is taken.
    pub async fn peek(&mut self) -> Result<Option<&Record>, Error> {
        self.exchange.peek(self.id, self.by).await
    }

    /// All rows that are left, asked for at once.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Dropped before the end, an auto-commit query is cancelled: under write access nobody knows whether it was
    /// carried out (*cancel-unknown*). A transaction can only be rolled back then (*cancel-clean*).
    pub async fn collect(self) -> Result<Vec<Record>, Error> {
        self.exchange.finish(self.id, Rest::Keep, self.by).await?;
        Ok(self.exchange.take_rows(self.id))
    }

    /// Skips the rows that are left, and returns what the server tells about the query. The query is carried out to its
    /// end.
    ///
    /// # Errors
    /// What the query failed with in the end.
    ///
    /// # Cancel safety
    /// As [`collect`](Self::collect).
    pub async fn consume(self) -> Result<Summary, Error> {
        self.exchange.finish(self.id, Rest::Discard, self.by).await?;
        self.exchange
            .take_summary(self.id)
            .ok_or_else(|| Error::misuse("the result has no summary; please report this as a bug"))
    }

    /// What dropping it does, but waiting for the server, at most for the teardown limit: for callers who block.
    #[doc(hidden)]
    pub async fn settle(&mut self) {
        self.exchange.settle(self.id).await;
    }
}

impl Drop for Records<'_> {
    fn drop(&mut self) {
        self.exchange.forget(self.id);
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("keys", &self.keys)
            .field("ended", &self.exchange.has_ended(self.id))
            .finish_non_exhaustive()
    }
}
