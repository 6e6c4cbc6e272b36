//! Explicit transactions.

use std::time::Duration;

use bolt_client::{Error, Query, ToValue};

use crate::block_on::call;
use crate::builder::blocking_builder;
use crate::cursor::{Cursor, Host};
use crate::records::Records;

blocking_builder! {
    /// A transaction that is about to begin. [`call`](Self::call) begins it.
    ///
    /// What the server has against the transaction itself is told by its first query, unless it begins
    /// [eagerly](Self::eager).
    ///
    /// ```no_run
    /// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
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
        /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
        timeout(timeout: Duration);
        /// Attaches a value to the transaction: it shows up in the server's query log and in `SHOW TRANSACTIONS`.
        metadata(name: impl AsRef<str>, value: impl ToValue);
        /// How long the whole transaction may take on *this* side, from waiting for a connection to the commit. Default:
        /// the session's.
        deadline(limit: Duration);
        /// Waits for the server to have begun the transaction, which costs a round trip. Default: it begins together
        /// with the first query.
        eager();
    }
}

/// A transaction: queries that are carried out together or not at all. It holds its session, and a connection.
///
/// # Dropping it
/// It is rolled back: the server is told at once, without waiting, and frees the locks. That may cost the connection if
/// the server has not even answered its beginning.
///
/// ```no_run
/// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().call()?;
/// let created = tx.run("CREATE (n:Person {name: $name})").param("name", "Ada").call()?.consume()?;
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

    /// Runs a query. Set parameters on what this returns, then [`call`](TransactionRun::call) it for the [`Records`]: one
    /// round trip, which the beginning of the transaction shares. A query without columns has been carried out when that
    /// returns.
    ///
    /// Another query may run once the records are dropped, whether they were read or not.
    pub fn run(&mut self, query: impl Into<Query>) -> TransactionRun<'_> {
        TransactionRun::new(self.inner.run(query))
    }

    /// Runs a query whose rows are read by a [`Cursor`], so that others can run before all of them are read.
    pub fn open(&mut self, query: impl Into<Query>) -> TransactionOpen<'_> {
        TransactionOpen::new(self.inner.open(query))
    }

    /// Queues a query without waiting: it leaves with whatever is waited for next, so that several of them, and the
    /// [`commit`](Self::commit), cost one round trip together. All its rows are asked for at once. Give it parameters by
    /// [`query`](crate::query()).
    ///
    /// If one of them fails, the others are not carried out.
    ///
    /// ```no_run
    /// # fn example(mut tx: adapter_blocking::Transaction<'_>) -> Result<(), adapter_blocking::Error> {
    /// use adapter_blocking::query;
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
    /// What is wrong with the query or its parameters, or with the transaction. Nothing is queued then.
    pub fn queue(&mut self, query: impl Into<Query>) -> Result<Cursor, Error> {
        self.inner.queue(query).map(Cursor::new)
    }

    /// Commits. What is left of the results is carried out first. A transaction without queries is begun and committed in
    /// one round trip.
    ///
    /// # Errors
    /// What the transaction failed with: it is rolled back. [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the
    /// connection is lost, the deadline passes, or the call is [cancelled](crate::CancelHandle), while the answer is on
    /// its way, unless the transaction only reads.
    pub fn commit(self) -> Result<(), Error> {
        call(self.inner.commit())
    }

    /// Rolls back, and waits for the server to have done so. Nothing is sent if nothing was.
    ///
    /// # Errors
    /// Why the server did not answer. The transaction is undone all the same: servers undo what is open when a connection
    /// ends.
    pub fn rollback(self) -> Result<(), Error> {
        call(self.inner.rollback())
    }
}

impl<'s> Host for Transaction<'s> {
    type Inner = bolt_client::Transaction<'s>;

    fn host(&mut self) -> &mut Self::Inner {
        &mut self.inner
    }
}

blocking_builder! {
    /// A query of a transaction. [`call`](Self::call) runs it.
    ///
    /// Its errors are what the server has against the query, or had against the transaction before: it can only be
    /// rolled back then. The same goes after a call that ended because its time was up or it was
    /// [cancelled](crate::CancelHandle).
    TransactionRun<'t> of Records<'t>, by Records::new {
        /// Sets a parameter. It is encoded at once; should that fail, the call says so before anything is sent.
        param(name: impl AsRef<str>, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// How long it may take on *this* side, to its last row; never longer than the transaction. Default: as long as
        /// the transaction.
        deadline(limit: Duration);
    }
}

blocking_builder! {
    /// A query of a transaction whose rows are read by a [`Cursor`]. [`call`](Self::call) runs it.
    ///
    /// Its errors are those of [`TransactionRun`].
    TransactionOpen<'t> of Cursor, by Cursor::new {
        /// Sets a parameter. It is encoded at once; should that fail, the call says so before anything is sent.
        param(name: impl AsRef<str>, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// How long it may take on *this* side, to its last row; never longer than the transaction. Default: as long as
        /// the transaction.
        deadline(limit: Duration);
    }
}
