//! The rows of a result.

use std::fmt;

use bolt_proto::{Keys, ResultId};

use crate::api::held::Held;
use crate::api::rows::{Rows, awaited};
use crate::api::session::leftover::Leftover;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::record::Record;
use crate::row_methods;

/// The rows of a query, as they arrive.
///
/// Records borrow the session or transaction that ran the query: one result at a time. For several at a time there are
/// [cursors](crate::Cursor). Records of [`Session::into_records`](crate::Session::into_records) own their session.
///
/// Rows are requested in pages (see [`fetch_size`](crate::SessionBuilder::fetch_size)), the next page after about a tenth of
/// the last was read. So memory stays within a page or so, however long the result is, and a reader that is slower than the
/// network never waits.
///
/// # Dropping it
/// The query is carried out all the same, except for an auto-commit query of a session that [only
/// reads](crate::Access::Read), which is cancelled. In a transaction, the rest of the rows is skipped. To stop a query,
/// drop its transaction.
///
/// A session finishes an auto-commit write that was dropped before its end, before its next work. Another caller that needs
/// the connection may finish the write earlier. An error at the end of that write is not reported:
/// [`consume`](Self::consume) the records to get it. If the session is dropped together with the records, the pool
/// finishes the write. That may cost the connection if the first page is on its way: the driver requests the rest without
/// knowing whether there is one, and servers close the connection if there is none.
///
/// ```no_run
/// # use bolt_client as bolt;
/// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
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
    /// The row that was borrowed last, if that row had been kept.
    kept: Option<Record>,
    /// An error was returned by the stream.
    #[cfg(feature = "stream")]
    failed: bool,
}

/// The place of a result's work.
enum Owner<'r> {
    Transaction(&'r mut Exchange),
    /// The records own the work. If some is left when they are dropped, it goes to the session, which finishes it.
    AutoCommit {
        /// Taken only while the records are being dropped.
        exchange: Option<Box<Exchange>>,
        session: Held<'r, Leftover>,
    },
}

impl<'r> Records<'r> {
    /// The result of a query of a transaction.
    pub(crate) fn of_transaction(exchange: &'r mut Exchange, id: ResultId, by: Deadline) -> Self {
        Self::new(Owner::Transaction(exchange), id, by)
    }

    /// The result of an auto-commit query.
    pub(crate) fn of_session(
        exchange: Box<Exchange>,
        session: Held<'r, Leftover>,
        id: ResultId,
        by: Deadline,
    ) -> Self {
        let exchange = Some(exchange);
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

    /// Returns the names of the columns, which are known even without rows. Empty for a query that returns nothing.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    row_methods!([async] [] rows rows rows awaited);

    /// Always `Ok`: the list of methods is shared with `Cursor`.
    #[inline]
    pub(crate) fn rows(&mut self) -> Result<Rows<'_>, Error> {
        Ok(Rows::new(self.work.get_mut(), self.id, self.by, &mut self.kept))
    }

    /// Finishes as dropping the records does, but waits for the server, at most for the teardown limit.
    pub(crate) async fn settle(&mut self) {
        let exchange = self.work.get_mut();
        let by = exchange.teardown();
        if exchange.settle(self.id, by).await.is_err() {
            // The query is finished without the session if that was not done in time.
            exchange.forget(self.id);
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

// The work is there from `new` until `drop`: no other code takes it.
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

    #[inline]
    fn get_mut(&mut self) -> &mut Exchange {
        match self {
            Self::Transaction(exchange) => exchange,
            Self::AutoCommit { exchange, .. } => exchange.as_deref_mut().expect("there until it is dropped"),
        }
    }
}

/// Yields the rows one after the other, until the last one or the first error. `next` is that of `StreamExt`; `map_ok`,
/// `try_fold` and the like are those of `TryStreamExt`. The inherent `try_next` and `collect` come before theirs.
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
        // `try_next` is cancel-safe: the connection remembers what it waits for, not the future.
        let row = std::pin::pin!(records.try_next()).poll(cx).map(Result::transpose);
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
