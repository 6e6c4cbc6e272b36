//! Explicit transactions.

use std::time::Duration;

use bolt_client::{Error, Query, ToValue};

use crate::block_on::call;
use crate::builder::{blocking_builder, run_and, runs};
use crate::cursor::{Cursor, CursorHost, Seal};
use crate::records::Records;

blocking_builder! {
    /// A transaction that is about to begin. [`call`](Self::call) begins the transaction.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
    /// use std::time::Duration;
    ///
    /// let mut session = driver.session().build();
    /// let mut tx = session
    ///     .begin_transaction()
    ///     .timeout(Duration::from_secs(5))
    ///     .call()?;
    /// # Ok(()) }
    /// ```
    BeginTransaction<'s> of Transaction<'s>, by Transaction::new {
        /// Sets how long the transaction may take before the *server* ends it. Zero means no limit; `None` is the
        /// server's own setting. Default: `None`.
        timeout(timeout: impl Into<Option<Duration>>);
        /// Attaches a value to the transaction, which the server shows in its query log and in `SHOW TRANSACTIONS`.
        metadata(name: impl AsRef<str>, value: impl ToValue);
        /// Sets how long the whole transaction may take on *this* side, from waiting for a connection to the commit.
        /// Default: the session's.
        deadline(limit: impl Into<Option<Duration>>);
        /// Sets whether the call waits until the server has begun the transaction, which costs a round trip. Otherwise
        /// BEGIN travels with the first query. Default: `false`.
        eager(eager: bool);
    }
    /// # Errors
    /// * If no connection can be obtained.
    /// * If the transaction begins [eagerly](Self::eager), and the server refuses it. Otherwise the first query reports
    ///   that.
    ///
    /// # Cancel safety
    /// [*cancel-clean*](index.html#cancellation): a transaction that has begun is rolled back.
    call
}

/// A transaction: queries that are carried out together or not at all.
///
/// A transaction holds a connection. One that was begun [by a session](crate::Session::begin_transaction) borrows that
/// session. One that was begun [by the driver](crate::Driver::begin_transaction), or that [took its
/// session](crate::Session::into_transaction), is a `Transaction<'static>`: a function can return it, and a struct can hold
/// it.
///
/// # Dropping it
/// The transaction is rolled back: ROLLBACK or RESET is sent at once, without waiting, and the server frees the locks. That
/// may cost the connection if the server has not answered BEGIN yet.
///
/// ```no_run
/// # use adapter_blocking as bolt;
/// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().call()?;
/// let created = tx.run("CREATE (n:Person {name: $name})").param("name", "Ada").consume()?;
/// println!("{} created", created.counters().nodes_created);
/// tx.commit()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Transaction<'s> {
    inner: bolt_client::Transaction<'s>,
}

impl<'s> Transaction<'s> {
    const fn new(inner: bolt_client::Transaction<'s>) -> Self {
        Self { inner }
    }

    pub(crate) const fn inner(&mut self) -> &mut bolt_client::Transaction<'s> {
        &mut self.inner
    }

    /// Runs a query. Set parameters on what this returns, then [`call`](TransactionRun::call) it for the [`Records`]: one
    /// round trip, which BEGIN shares. A query without columns has been carried out by then.
    ///
    /// Another query may run once the records are dropped, whether they were read or not. For several results at a time,
    /// call [`cursor`](TransactionRun::cursor).
    pub fn run(&mut self, query: impl Into<Query>) -> TransactionRun<'_> {
        TransactionRun::new(self.inner.run(query))
    }

    /// Queues a query without waiting: the query is sent together with the next request that is waited for. So several
    /// queries, and the [`commit`](Self::commit), cost one round trip together. All rows of the query are requested at once. Parameters are
    /// given by [`query`](crate::query()).
    ///
    /// If a query fails, those queued after it are not carried out.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(mut tx: bolt::Transaction<'_>) -> Result<(), bolt::Error> {
    /// use bolt::query;
    ///
    /// let ada = tx.queue(query("CREATE (n:Person {name: $name}) RETURN elementId(n)").param("name", "Ada"))?;
    /// let count = tx.queue("MATCH (n:Person) RETURN count(n)")?;
    /// let count: i64 = count.single(&mut tx)?.get(0)?;
    /// let id: String = ada.single(&mut tx)?.get(0)?;
    /// tx.commit()?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the query or a parameter cannot be sent, or the transaction has failed. Nothing is queued then.
    pub fn queue(&mut self, query: impl Into<Query>) -> Result<Cursor, Error> {
        self.inner.queue(query).map(Cursor::new)
    }

    /// Commits the transaction. What is left of its results is carried out first. A transaction without queries is begun
    /// and committed in one round trip.
    ///
    /// # Errors
    /// * If the transaction has failed. It is rolled back.
    /// * [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the connection is lost, the deadline passes, or the call is
    ///   [cancelled](crate::CancelHandle), before the answer arrives, unless the transaction only reads.
    ///
    /// # Cancel safety
    /// [*cancel-clean*](index.html#cancellation) until COMMIT has left, [*cancel-unknown*](index.html#cancellation) afterwards.
    pub fn commit(self) -> Result<(), Error> {
        call(self.inner.commit())
    }

    /// Rolls the transaction back, and waits until the server has done so. If nothing was sent yet, nothing is sent.
    ///
    /// Rows that are on their way are waited for, for up to 100 ms. The server stops a result that takes longer. Drop the
    /// transaction to stop it at once.
    ///
    /// # Errors
    /// If the server did not answer. The transaction is rolled back all the same: servers roll back what is open when a
    /// connection ends.
    ///
    /// # Cancel safety
    /// [*cancel-clean*](index.html#cancellation).
    pub fn rollback(self) -> Result<(), Error> {
        call(self.inner.rollback())
    }
}

impl CursorHost for Transaction<'_> {
    fn host(&mut self, _: Seal) -> &mut dyn bolt_client::CursorHost {
        &mut self.inner
    }
}

blocking_builder! {
    /// A query of a transaction. [`call`](Self::call) runs the query for its [`Records`]; other methods read the rows, too.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(mut tx: bolt::Transaction<'_>) -> Result<(), bolt::Error> {
    /// let born: i64 = tx
    ///     .run("MATCH (n:Person {name: $name}) RETURN n.born")
    ///     .param("name", "Ada")
    ///     .single()?
    ///     .get(0)?;
    /// # Ok(()) }
    /// ```
    TransactionRun<'t> of Records<'t>, by Records::new {
        /// Sets a parameter. The value is encoded at once. If that fails, the call returns the error, and nothing is sent.
        param(name: impl AsRef<str>, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// Sets how long the query may take on *this* side, to its last row; never longer than the transaction. Default:
        /// as long as the transaction.
        deadline(limit: impl Into<Option<Duration>>);
    }
    /// # Errors
    /// If the server refuses the query, or refused BEGIN or an earlier query. The transaction can only be rolled back
    /// then, and after a call whose deadline passed.
    ///
    /// # Cancel safety
    /// [*cancel-clean*](index.html#cancellation): after the query has left, the transaction can only be rolled back.
    call
}

runs!(
    TransactionRun,
    "[*cancel-clean*](index.html#cancellation): after the query has left, the transaction can only be rolled back."
);
