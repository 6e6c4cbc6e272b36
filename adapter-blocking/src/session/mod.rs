//! Sessions: auto-commit queries, and the beginning of transactions.

mod builder;
mod run;

use bolt_client::adapter;
use bolt_client::{Bookmarks, BoxError, Error, LoadRow, Query};

use crate::block_on::{block_on, call};
use crate::cursor::{CursorHost, Seal};
use crate::load::Load;
use crate::managed::{ExecuteManaged, ManagedTransaction};
use crate::transaction::BeginTransaction;

pub use builder::SessionBuilder;
pub use run::SessionRun;

/// A series of transactions, one after the other, each of which sees what those before it have written.
///
/// A session is cheap to make, and holds a connection only while a query or transaction is under way. It keeps nothing of
/// queries that have ended, so it can live for as long as the program. A session cannot be shared: use one for each thread
/// that works at the same time.
///
/// # Dropping it
/// Auto-commit queries whose cursors were not read to their end are carried out, if they may write: as when
/// [records](crate::Records) are dropped, that waits for the server, for at most
/// [`teardown_timeout`](crate::Config::teardown_timeout).
///
/// ```no_run
/// # use adapter_blocking as bolt;
/// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// let mut session = driver.session().database("neo4j").build();
/// for person in session.run("MATCH (a:Person) RETURN a.name AS name").call()? {
///     println!("{}", person?.get::<&str>("name")?);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Session {
    inner: bolt_client::Session,
}

impl Session {
    pub(crate) const fn inner(&mut self) -> &mut bolt_client::Session {
        &mut self.inner
    }

    /// Runs a query in a transaction of its own, which the server commits at the end of the result.
    ///
    /// Set parameters and options on what this returns. Then [`call`](SessionRun::call) it for the
    /// [`Records`](crate::Records), or call one of its methods that read the rows, too. This costs one round trip on an open
    /// connection. A query without columns has been carried out by then.
    ///
    /// Queries that manage transactions themselves (`CALL { … } IN TRANSACTIONS`) need this method. For other queries,
    /// [`execute_query`](crate::Driver::execute_query) and [`execute_write`](Self::execute_write) add retries.
    pub fn run(&mut self, query: impl Into<Query>) -> SessionRun<'_> {
        SessionRun::new(self.inner.run(query))
    }

    /// Runs a query as [`run`](Self::run) does, for records that own the session: they can be returned by a function,
    /// held in a struct, or sent to another thread. The session is dropped with the records.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// use bolt::{Driver, Error, Record};
    ///
    /// fn people(driver: &Driver) -> Result<impl Iterator<Item = Result<Record, Error>> + use<>, Error> {
    ///     let session = driver.session().build();
    ///     session.into_records("MATCH (a:Person) RETURN a.name AS name").call()
    /// }
    /// ```
    pub fn into_records(mut self, query: impl Into<Query>) -> SessionRun<'static> {
        SessionRun::new(adapter::take_session(&mut self.inner).into_records(query))
    }

    /// Begins a transaction of several queries, which the caller commits or rolls back. Set options on what this returns,
    /// then [`call`](BeginTransaction::call) it. A failed transaction is not retried, unlike the function of
    /// [`execute_write`](Self::execute_write).
    pub fn begin_transaction(&mut self) -> BeginTransaction<'_> {
        BeginTransaction::new(self.inner.begin_transaction())
    }

    /// Begins a transaction that owns the session: the transaction can be returned by a function, held in a struct, or sent
    /// to another thread. The session is dropped with the transaction. The session's
    /// [bookmark manager](crate::SessionBuilder::bookmark_manager), if there is one, gets the bookmark of the commit.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// use bolt::{Driver, Error, Transaction};
    ///
    /// fn begin(driver: &Driver) -> Result<Transaction<'static>, Error> {
    ///     let session = driver.session().database("orders").build();
    ///     session.into_transaction().call()
    /// }
    /// ```
    pub fn into_transaction(mut self) -> BeginTransaction<'static> {
        BeginTransaction::new(adapter::take_session(&mut self.inner).into_transaction())
    }

    /// Runs `work` in a transaction that only reads, and retries after transient errors: see
    /// [`execute_write`](Self::execute_write).
    pub fn execute_read<'s, T: 's>(
        &'s mut self,
        work: impl FnMut(&mut ManagedTransaction) -> Result<T, Error> + 's,
    ) -> ExecuteManaged<'s, T> {
        ExecuteManaged::read(&mut self.inner, work)
    }

    /// Runs `work` in a transaction, commits the transaction, and returns what `work` returned. Set options on what this
    /// returns, then [`call`](ExecuteManaged::call) it.
    ///
    /// `work` runs again, after a pause, after a transient error (a deadlock, a change of leader) or if the connection is
    /// lost before the commit. Retries last as long as
    /// [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) allows. So `work` may run several times,
    /// and should do nothing but query. If `work` returns an error that the server did not
    /// cause, the transaction is rolled back and the error returned. [`Error::abort`] wraps an error of the application;
    /// [`try_execute_write`](Self::try_execute_write) takes functions with an error type of their own.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
    /// use bolt::{Error, ManagedTransaction};
    ///
    /// fn add_person(tx: &mut ManagedTransaction) -> Result<i64, Error> {
    ///     tx.run("CREATE (:Person {name: 'Ada'})").consume()?;
    ///     let people = tx.run("MATCH (n:Person) RETURN count(n)").single()?;
    ///     people.get(0)
    /// }
    ///
    /// let mut session = driver.session().build();
    /// let people = session.execute_write(add_person).call()?;
    /// let names: Vec<String> = session
    ///     .execute_read(|tx| tx.run("MATCH (n:Person) RETURN n.name").collect_column())
    ///     .call()?;
    /// # Ok(()) }
    /// ```
    pub fn execute_write<'s, T: 's>(
        &'s mut self,
        work: impl FnMut(&mut ManagedTransaction) -> Result<T, Error> + 's,
    ) -> ExecuteManaged<'s, T> {
        ExecuteManaged::write(&mut self.inner, work)
    }

    /// Runs `work` as [`execute_read`](Self::execute_read) does, for a function with an error type of its own: see
    /// [`try_execute_write`](Self::try_execute_write).
    pub fn try_execute_read<'s, T: 's, E: From<Error> + 'static>(
        &'s mut self,
        work: impl FnMut(&mut ManagedTransaction) -> Result<T, E> + 's,
    ) -> ExecuteManaged<'s, T, E> {
        ExecuteManaged::read(&mut self.inner, work)
    }

    /// Runs `work` as [`execute_write`](Self::execute_write) does, for a function with an error type of its own: one that
    /// `?` makes of the driver's [`Error`], such as `anyhow::Error`, or an enum of the application.
    ///
    /// The state of the transaction decides whether `work` runs again, not the returned error. If the transaction failed with
    /// a transient error, `work` runs again even if it returned `Ok`. After
    /// [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) the driver's own error is returned.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// use bolt::{Driver, Error, ManagedTransaction};
    ///
    /// enum ShopError {
    ///     Database(Error),
    ///     SoldOut,
    /// }
    ///
    /// impl From<Error> for ShopError {
    ///     fn from(error: Error) -> Self {
    ///         Self::Database(error)
    ///     }
    /// }
    ///
    /// fn buy(tx: &mut ManagedTransaction) -> Result<i64, ShopError> {
    ///     let stock = tx.run("MATCH (i:Item) SET i.stock = i.stock - 1 RETURN i.stock").single()?;
    ///     let left: i64 = stock.get(0)?;
    ///     if left < 0 { Err(ShopError::SoldOut) } else { Ok(left) }
    /// }
    ///
    /// fn example(driver: Driver) -> Result<i64, ShopError> {
    ///     let mut session = driver.session().build();
    ///     session.try_execute_write(buy).call()
    /// }
    /// ```
    pub fn try_execute_write<'s, T: 's, E: From<Error> + 'static>(
        &'s mut self,
        work: impl FnMut(&mut ManagedTransaction) -> Result<T, E> + 's,
    ) -> ExecuteManaged<'s, T, E> {
        ExecuteManaged::write(&mut self.inner, work)
    }

    /// Loads many rows in batches: runs the query once for each batch, with the parameter `$rows`. Set options on what this
    /// returns, then [`call`](Load::call) it. Other parameters are given by [`query`](crate::query()).
    ///
    /// A row is anything that serializes, or an [`AsValue`](crate::AsValue). Rows are taken from the iterator as batches are
    /// filled, at most one batch ahead of the server. [`Load`] says what a batch is, and what happens if one fails.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(mut session: bolt::Session, people: Vec<(u64, String)>) -> Result<(), bolt::Error> {
    /// use bolt::query;
    ///
    /// let query = query("UNWIND $rows AS row CREATE (:Person {id: row[0], name: row[1], source: $source})")
    ///     .param("source", "census");
    /// let loaded = session.load(query, people).call()?;
    /// println!("{loaded}");
    /// # Ok(()) }
    /// ```
    #[doc(alias("bulk", "batch", "import", "unwind", "insert_many"))]
    pub fn load<'r, I>(&'r mut self, query: impl Into<Query>, rows: I) -> Load<'r>
    where
        I: IntoIterator<Item: LoadRow, IntoIter: Send + 'r>,
    {
        Load::new(self.inner.load(query, rows))
    }

    /// Loads rows as [`load`](Self::load) does, from an iterator of results, such as that of a reader of files. The first error
    /// ends the load, as [`ErrorKind::Abort`](crate::ErrorKind::Abort); [`Error::into_abort`] unwraps it. An [`Error`] of the
    /// driver stays itself, as the rows may come from another query. Rows before it in the same batch are not sent.
    ///
    /// ```no_run
    /// # use adapter_blocking as bolt;
    /// # fn example(here: bolt::Session, mut there: bolt::Session) -> Result<(), bolt::Error> {
    /// let people = here.into_records("MATCH (p:Person) RETURN p.id AS id, p.name AS name").call()?;
    /// there.try_load("UNWIND $rows AS row CREATE (p:Person) SET p = row", people).call()?;
    /// # Ok(()) }
    /// ```
    pub fn try_load<'r, I, T, E>(&'r mut self, query: impl Into<Query>, rows: I) -> Load<'r>
    where
        I: IntoIterator<Item = Result<T, E>, IntoIter: Send + 'r>,
        T: LoadRow,
        E: Into<BoxError>,
    {
        Load::new(self.inner.try_load(query, rows))
    }

    /// Returns the bookmark of the session's last committed transaction; before the first commit, the bookmarks that the
    /// session was built with. Give them to another session that has to see what this one wrote.
    ///
    /// Queries whose cursors are open are carried out first, and what is left of their rows is kept.
    ///
    /// # Errors
    /// If such a query fails.
    ///
    /// # Cancel safety
    /// [*cancel-safe*](index.html#cancellation).
    pub fn last_bookmarks(&mut self) -> Result<Bookmarks, Error> {
        call(self.inner.last_bookmarks())
    }

    /// Ends the session: queries whose cursors are open are carried out, without their rows.
    ///
    /// # Errors
    /// If such a query fails.
    ///
    /// # Cancel safety
    /// What was not carried out yet is cancelled, which is [*cancel-unknown*](index.html#cancellation) under write access.
    pub fn close(mut self) -> Result<(), Error> {
        call(adapter::finish_session(&mut self.inner))
    }
}

impl CursorHost for Session {
    fn host(&mut self, _: Seal) -> &mut dyn bolt_client::CursorHost {
        &mut self.inner
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        block_on(adapter::settle_session(&mut self.inner));
    }
}
