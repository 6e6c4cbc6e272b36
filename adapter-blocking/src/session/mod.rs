//! Sessions: auto-commit queries, and where transactions begin.

mod builder;
mod run;

use bolt_client::adapter;
use bolt_client::{Bookmarks, Error, Query};

use crate::block_on::{block_on, call};
use crate::cursor::{CursorHost, Seal};
use crate::managed::{ExecuteManaged, ManagedTransaction};
use crate::transaction::BeginTransaction;

pub use builder::SessionBuilder;
pub use run::SessionRun;

/// A series of transactions, one after the other, each of which sees what those before it have written.
///
/// It is cheap to make and holds a connection only while a query or transaction is under way. It cannot be shared: use
/// one for each thread that works at the same time.
///
/// # Dropping it
/// Auto-commit queries whose cursors were not read to their end are carried out, if they may write: as when
/// [records](crate::Records) are dropped, that waits for the server, for at most
/// [`teardown_timeout`](crate::Config::teardown_timeout).
///
/// ```no_run
/// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
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

    /// Runs a query in a transaction of its own, which the server commits at the end of the result. Set parameters and
    /// options on what this returns, then [`call`](SessionRun::call) it for the [`Records`](crate::Records): one round
    /// trip on a connection that is open already. A query without columns has been carried out when that returns.
    ///
    /// Queries that manage transactions themselves (`CALL { … } IN TRANSACTIONS`) need this. Everything else is better
    /// off in [`execute_query`](crate::Driver::execute_query), or in [`execute_write`](Self::execute_write).
    pub fn run(&mut self, query: impl Into<Query>) -> SessionRun<'_> {
        SessionRun::new(self.inner.run(query))
    }

    /// Runs a query as [`run`](Self::run) does, for records that own the session: they can be returned by a function,
    /// held in a struct, or sent to another thread. The session ends with the records.
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

    /// Begins a transaction of several queries that you commit or roll back yourself. Set options on what this returns,
    /// then [`call`](BeginTransaction::call) it. It is not done again when it fails: see
    /// [`execute_write`](Self::execute_write).
    pub fn begin_transaction(&mut self) -> BeginTransaction<'_> {
        BeginTransaction::new(self.inner.begin_transaction())
    }

    /// Begins a transaction as [`begin_transaction`](Self::begin_transaction) does, which owns the session: the transaction
    /// can be returned by a function, held in a struct, or sent to another thread. The session ends with it; its
    /// [manager](crate::SessionBuilder::bookmark_manager), if there is one, learns of the commit.
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

    /// Runs `work` in a transaction that only reads, and does it again when that may help: see
    /// [`execute_write`](Self::execute_write).
    pub fn execute_read<'s, T: 's>(
        &'s mut self,
        work: impl FnMut(&mut ManagedTransaction) -> Result<T, Error> + 's,
    ) -> ExecuteManaged<'s, T> {
        ExecuteManaged::read(&mut self.inner, work)
    }

    /// Runs `work` in a transaction, commits it, and returns what `work` returned. Set options on what this returns, then
    /// [`call`](ExecuteManaged::call) it.
    ///
    /// If the server reports a failure that may go away (a deadlock, a change of leader), or the connection is lost before
    /// the commit, everything is done again after a pause, for as long as
    /// [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) allows: so `work` may run several times
    /// and should do nothing but query. If it returns an error for which the server is not to blame, the transaction is
    /// rolled back and the error returned. [`Error::abort`] carries an error of your own out;
    /// [`try_execute_write`](Self::try_execute_write) takes functions with an error type of their own.
    ///
    /// ```no_run
    /// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
    /// use adapter_blocking::{Error, ManagedTransaction};
    ///
    /// fn add_person(tx: &mut ManagedTransaction) -> Result<i64, Error> {
    ///     tx.run("CREATE (:Person {name: 'Ada'})").call()?;
    ///     let people = tx.run("MATCH (n:Person) RETURN count(n)").call()?.single()?;
    ///     Ok(people.get(0)?)
    /// }
    ///
    /// let mut session = driver.session().build();
    /// let people = session.execute_write(add_person).call()?;
    /// let names: Vec<String> = session
    ///     .execute_read(|tx| tx.run("MATCH (n:Person) RETURN n.name").call()?.collect_column())
    ///     .call()?;
    /// # Ok(()) }
    /// ```
    pub fn execute_write<'s, T: 's>(
        &'s mut self,
        work: impl FnMut(&mut ManagedTransaction) -> Result<T, Error> + 's,
    ) -> ExecuteManaged<'s, T> {
        ExecuteManaged::write(&mut self.inner, work)
    }

    /// As [`execute_read`](Self::execute_read), but for a function with an error type of its own: see
    /// [`try_execute_write`](Self::try_execute_write).
    pub fn try_execute_read<'s, T: 's, E: From<Error> + 'static>(
        &'s mut self,
        work: impl FnMut(&mut ManagedTransaction) -> Result<T, E> + 's,
    ) -> ExecuteManaged<'s, T, E> {
        ExecuteManaged::read(&mut self.inner, work)
    }

    /// As [`execute_write`](Self::execute_write), but for a function with an error type of its own: one that `?` makes of
    /// the driver's [`Error`], such as `anyhow::Error`, or an enum of the application's.
    ///
    /// What is done again is decided by the transaction, not by the error: if it failed for a reason that may go away,
    /// `work` runs again, whatever it made of that failure. At the end of the budget the driver's own error is returned.
    ///
    /// ```no_run
    /// use adapter_blocking::{ConversionError, Driver, Error, ManagedTransaction};
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
    /// // `get` and `to` of a row have an error type of their own.
    /// impl From<ConversionError> for ShopError {
    ///     fn from(error: ConversionError) -> Self {
    ///         Self::Database(error.into())
    ///     }
    /// }
    ///
    /// fn buy(tx: &mut ManagedTransaction) -> Result<i64, ShopError> {
    ///     let stock = tx.run("MATCH (i:Item) SET i.stock = i.stock - 1 RETURN i.stock").call()?;
    ///     let left: i64 = stock.single()?.get(0)?;
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

    /// The bookmark of the last transaction of the session that was committed; before the first, those that it was given.
    /// Give them to another session that has to see what this one wrote.
    ///
    /// Queries whose cursors are open are carried out first, and what is left of their rows is kept.
    ///
    /// # Errors
    /// What such a query failed with.
    pub fn last_bookmarks(&mut self) -> Result<Bookmarks, Error> {
        call(self.inner.last_bookmarks())
    }

    /// Ends the session: queries whose cursors are open are carried out, without their rows.
    ///
    /// # Errors
    /// What such a query failed with.
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
