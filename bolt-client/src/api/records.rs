//! The rows of a result.

use std::fmt;

use bolt_proto::value::FromValue;
use bolt_proto::{Keys, ResultId};
use serde::de::DeserializeOwned;

use crate::api::session::leftover::Leftover;
use crate::deadline::Deadline;
use crate::eager_result::EagerResult;
use crate::error::Error;
use crate::exchange::{Exchange, Rest};
use crate::record::{Record, RecordRef};
use crate::summary::Summary;

/// The rows of a query, as they arrive. It holds on to the session or transaction that ran the query: one result at a
/// time.
///
/// Rows are asked for in pages (see [`fetch_size`](crate::SessionBuilder::fetch_size)), the next one as soon as about
/// a tenth of the last was read. So memory stays within a page or so, however long the result is, and a reader who is
/// slower than the network never waits.
///
/// # Dropping it
/// The query is carried out all the same, except for an auto-commit query of a session that [only
/// reads](crate::Access::Read), which is cancelled. In a transaction, the rest of the rows is skipped. To stop a query,
/// drop its transaction.
///
/// An auto-commit write that is dropped before its end is finished by its session, before anything else that the session is
/// asked for, or before that by another caller that needs the connection. What the write fails with in the end is not reported: [`consume`](Self::consume) the records to learn that.
/// If the session is dropped together with the records, the pool finishes the write. That may cost the connection: while the
/// first page is on its way, the rest is asked for without knowing whether there is one, and servers close a connection on
/// which there is none.
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
    work: Owner<'r>,
    id: ResultId,
    keys: Keys,
    by: Deadline,
    /// The row that was lent last, if it had been kept.
    kept: Option<Record>,
    /// An error was returned by the stream.
    #[cfg(feature = "stream")]
    failed: bool,
}

/// Where the work of a result is.
enum Owner<'r> {
    Transaction(&'r mut Exchange),
    /// Here. What is left of it when the rows are dropped goes to the session, which finishes it.
    AutoCommit {
        /// Taken only while it is being dropped.
        exchange: Option<Box<Exchange>>,
        session: &'r mut Leftover,
    },
}

impl<'r> Records<'r> {
    /// The result of a query of a transaction.
    pub(crate) fn of_transaction(exchange: &'r mut Exchange, id: ResultId, by: Deadline) -> Self {
        Self::new(Owner::Transaction(exchange), id, by)
    }

    /// The result of an auto-commit query.
    pub(crate) fn of_session(
        exchange: Exchange,
        session: &'r mut Leftover,
        id: ResultId,
        by: Deadline,
    ) -> Self {
        let exchange = Some(Box::new(exchange));
        Self::new(Owner::AutoCommit { exchange, session }, id, by)
    }

    fn new(work: Owner<'r>, id: ResultId, by: Deadline) -> Self {
        let keys = work.get().and_then(|exchange| exchange.keys(id)).cloned();
        Self {
            work,
            id,
            keys: keys.unwrap_or_default(),
            by,
            kept: None,
            #[cfg(feature = "stream")]
            failed: false,
        }
    }

    fn exchange(&mut self) -> &mut Exchange {
        self.work.get_mut()
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
        let (id, by) = (self.id, self.by);
        self.exchange().next(id, by).await
    }

    /// The next row, lent from the buffer that it arrived in: nothing is copied. `None` once all have been read.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Cancel-safe: a row that was not returned is still there.
    pub async fn next_ref(&mut self) -> Result<Option<RecordRef<'_>>, Error> {
        let Self { work, kept, .. } = self;
        work.get_mut().next_ref(self.id, kept, self.by).await
    }

    /// The row that [`next`](Self::next) will return.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing is taken.
    pub async fn peek(&mut self) -> Result<Option<&Record>, Error> {
        let (id, by) = (self.id, self.by);
        self.exchange().peek(id, by).await
    }

    /// The next row, read by serde: a struct by the names of the columns, a tuple by their order, a scalar if there is
    /// only one.
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if the row is not like a `T`: it
    /// is lost then, and those behind it are not.
    ///
    /// # Cancel safety
    /// Cancel-safe: a row that was not returned is still there.
    pub async fn next_as<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Error> {
        let row = self.next_ref().await?;
        Ok(row.map(|row| row.to()).transpose()?)
    }

    /// The next rows, at most `rows`: fewer if there are no more.
    ///
    /// # Errors
    /// As [`next`](Self::next); the rows before it are lost then.
    ///
    /// # Cancel safety
    /// Cancel-clean: rows that were read for a call that is dropped are lost.
    pub async fn fetch(&mut self, rows: usize) -> Result<Vec<Record>, Error> {
        let (id, by) = (self.id, self.by);
        self.exchange().fetch(id, rows, by).await
    }

    /// The only row.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is none, or more than one. As
    /// [`next`](Self::next).
    ///
    /// # Cancel safety
    /// As dropping the records: the query is carried out.
    pub async fn single(mut self) -> Result<Record, Error> {
        let (id, by) = (self.id, self.by);
        self.exchange().single(id, by).await
    }

    /// The only row, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if there is more than one. As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// As dropping the records: the query is carried out.
    pub async fn single_optional(mut self) -> Result<Option<Record>, Error> {
        let (id, by) = (self.id, self.by);
        self.exchange().single_optional(id, by).await
    }

    /// All rows that are left, asked for at once.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// Dropped before the end, an auto-commit query is cancelled: under write access nobody knows whether it was
    /// carried out (*cancel-unknown*). A transaction can only be rolled back then (*cancel-clean*).
    pub async fn collect(mut self) -> Result<Vec<Record>, Error> {
        let (id, by) = (self.id, self.by);
        self.exchange().finish(id, Rest::Keep, by).await?;
        Ok(self.exchange().take_rows(id))
    }

    /// All rows that are left, asked for at once, and what the server tells about the query.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// As [`collect`](Self::collect).
    pub async fn into_eager_result(mut self) -> Result<EagerResult, Error> {
        let (id, by) = (self.id, self.by);
        self.exchange().finish(id, Rest::Keep, by).await?;
        self.exchange().eager_result(id)
    }

    /// All rows that are left, asked for at once, each read by serde: a struct by the names of the columns, a tuple by their
    /// order, a scalar if there is only one.
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a row is not like a `T`.
    ///
    /// # Cancel safety
    /// As [`collect`](Self::collect).
    pub async fn collect_as<T: DeserializeOwned>(mut self) -> Result<Vec<T>, Error> {
        let (id, by) = (self.id, self.by);
        self.exchange().typed(id, by).await
    }

    /// The first column of all rows that are left, asked for at once.
    ///
    /// # Errors
    /// As [`next`](Self::next). [`ErrorKind::Conversion`](crate::ErrorKind::Conversion) if a value is not a `T`.
    ///
    /// # Cancel safety
    /// As [`collect`](Self::collect).
    pub async fn collect_column<T: for<'v> FromValue<'v>>(mut self) -> Result<Vec<T>, Error> {
        let (id, by) = (self.id, self.by);
        self.exchange().column(id, by).await
    }

    /// Skips the rows that are left, and returns what the server tells about the query. The query is carried out to its
    /// end.
    ///
    /// # Errors
    /// What the query failed with in the end.
    ///
    /// # Cancel safety
    /// As [`collect`](Self::collect).
    pub async fn consume(mut self) -> Result<Summary, Error> {
        let (id, by) = (self.id, self.by);
        self.exchange().finish(id, Rest::Discard, by).await?;
        self.exchange().summary(id)
    }

    /// What dropping it does, but waiting for the server, at most for the teardown limit: for callers who block.
    #[doc(hidden)]
    pub async fn settle(&mut self) {
        let id = self.id;
        let exchange = self.exchange();
        let by = exchange.teardown();
        if exchange.settle(id, by).await.is_err() {
            // What is not done in time takes its course, without the session.
            exchange.forget(id);
        }
    }
}

impl Drop for Records<'_> {
    fn drop(&mut self) {
        match &mut self.work {
            Owner::Transaction(exchange) => exchange.forget(self.id),
            Owner::AutoCommit { exchange, session } => {
                if let Some(mut exchange) = exchange.take() {
                    session.put(&mut exchange);
                }
            }
        }
    }
}

// The work is there from `new` until `drop` takes it, and nothing else does.
#[expect(
    clippy::expect_used,
    reason = "records hold their work until they are dropped"
)]
impl Owner<'_> {
    fn get(&self) -> Option<&Exchange> {
        match self {
            Self::Transaction(exchange) => Some(exchange),
            Self::AutoCommit { exchange, .. } => exchange.as_deref(),
        }
    }

    fn get_mut(&mut self) -> &mut Exchange {
        match self {
            Self::Transaction(exchange) => exchange,
            Self::AutoCommit { exchange, .. } => exchange.as_deref_mut().expect("there until it is dropped"),
        }
    }
}

/// Rows one after the other, until the last one or the first error.
///
/// [`next`](Records::next) of [`Records`] comes before that of `StreamExt`, and gives the same rows, as
/// `while let Some(row) = rows.next().await?`. `try_next`, `map_ok`, `try_fold` and the like are those of `TryStreamExt`.
#[cfg(feature = "stream")]
impl futures_core::Stream for Records<'_> {
    type Item = Result<Record, Error>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let records = self.get_mut();
        if records.failed {
            return std::task::Poll::Ready(None);
        }
        // `next` is cancel-safe: whatever it waits for is remembered by the connection, and not by the future.
        let row = std::pin::pin!(records.next()).poll(cx).map(Result::transpose);
        records.failed = matches!(row, std::task::Poll::Ready(Some(Err(_))));
        row
    }
}

impl fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("keys", &self.keys)
            .field(
                "ended",
                &self.work.get().is_none_or(|work| work.has_ended(self.id)),
            )
            .finish_non_exhaustive()
    }
}
