//! Sessions: auto-commit queries, and where transactions begin.

mod builder;
pub(crate) mod leftover;
mod run;

use std::fmt;
use std::future::Future;
use std::mem;
use std::sync::Arc;

use bolt_proto::{Access, Query};

use crate::api::cursor::{CursorHost, Seal};
use crate::api::held::Held;
use crate::api::managed::{ExecuteManaged, ManagedTransaction};
use crate::api::transaction::BeginTransaction;
use crate::bookmarks::Bookmarks;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::exchange::context::TransactionContext;

pub use builder::SessionBuilder;
use leftover::Leftover;
pub use run::SessionRun;

/// A series of transactions, one after the other, each of which sees what those before it have written.
///
/// It is cheap to make and holds a connection only while a query or transaction is under way. It keeps nothing of queries
/// that have ended, so it can live for as long as the program. It cannot be shared: use one for each task or thread that
/// works at the same time.
///
/// What must not happen at the same time does not compile: while a transaction, or the records of a query, are there, the
/// session can do nothing else.
///
/// ```compile_fail,E0499
/// # async fn example(driver: bolt_client::Driver) -> Result<(), bolt_client::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().await?;
/// session.run("MATCH (n) DELETE n").await?; // the transaction is still open
/// tx.commit().await
/// # }
/// ```
///
/// Nor can anything be done with a transaction that has ended:
///
/// ```compile_fail,E0382
/// # async fn example(driver: bolt_client::Driver) -> Result<(), bolt_client::Error> {
/// # let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().await?;
/// tx.commit().await?;
/// tx.run("RETURN 1").await?; // `commit` has consumed it
/// # Ok(()) }
/// ```
///
/// For several results at a time there are [cursors](Self::open).
pub struct Session {
    context: Arc<TransactionContext>,
    leftover: Leftover,
}

impl Session {
    pub(super) fn new(context: TransactionContext) -> Self {
        Self {
            context: Arc::new(context),
            leftover: Leftover::default(),
        }
    }

    /// Runs a query in a transaction of its own, which the server commits at the end of the result. Set parameters and
    /// options on what this returns, then await it for the [`Records`](crate::Records): one round trip on a connection
    /// that is open already. A query without columns has been carried out when `run` returns.
    ///
    /// Queries that manage transactions themselves (`CALL { … } IN TRANSACTIONS`) need this. Everything else is better
    /// off in [`execute_query`](crate::Driver::execute_query), or in [`execute_write`](Self::execute_write).
    pub fn run(&mut self, query: impl Into<Query>) -> SessionRun<'_> {
        SessionRun::new(Held::Borrowed(self), query.into())
    }

    /// Runs a query as [`run`](Self::run) does, for records that own the session: they can be returned by a function,
    /// held in a struct, or sent to another task. The session ends with the records.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// use bolt::{Driver, Error, Records};
    ///
    /// async fn people(driver: &Driver) -> Result<Records<'static>, Error> {
    ///     let session = driver.session().build();
    ///     session.into_records("MATCH (a:Person) RETURN a.name AS name").await
    /// }
    /// ```
    pub fn into_records(self, query: impl Into<Query>) -> SessionRun<'static> {
        SessionRun::new(Held::Owned(self), query.into())
    }

    /// Begins a transaction of several queries that you commit or roll back yourself. Set options on what this returns,
    /// then await it. It is not done again when it fails: see [`execute_write`](Self::execute_write).
    pub fn begin_transaction(&mut self) -> BeginTransaction<'_> {
        BeginTransaction::new(Held::Borrowed(self))
    }

    /// Begins a transaction as [`begin_transaction`](Self::begin_transaction) does, which owns the session: the transaction
    /// can be returned by a function, held in a struct, or sent to another task. The session ends with it; its
    /// [manager](crate::SessionBuilder::bookmark_manager), if there is one, learns of the commit.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// use bolt::{Driver, Error, Transaction};
    ///
    /// async fn begin(driver: &Driver) -> Result<Transaction<'static>, Error> {
    ///     let session = driver.session().database("orders").build();
    ///     session.into_transaction().await
    /// }
    /// ```
    pub fn into_transaction(self) -> BeginTransaction<'static> {
        BeginTransaction::new(Held::Owned(self))
    }

    /// Runs `work` in a transaction that only reads, and does it again when that may help: see
    /// [`execute_write`](Self::execute_write).
    pub fn execute_read<F, Fut, T>(&mut self, work: F) -> ExecuteManaged<'_, F, T>
    where
        F: FnMut(ManagedTransaction) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        ExecuteManaged::new(self, Access::Read, work)
    }

    /// Runs `work` in a transaction, commits it, and returns what `work` returned. Set options on what this returns, then
    /// await it.
    ///
    /// If the server reports a failure that may go away (a deadlock, a change of leader), or the connection is lost before
    /// the commit, everything is done again after a pause, for as long as
    /// [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) allows: so `work` may run several times
    /// and should do nothing but query. If it returns an error for which the server is not to blame, the transaction is
    /// rolled back and the error returned. [`Error::abort`] carries an error of your own out;
    /// [`try_execute_write`](Self::try_execute_write) takes functions with an error type of their own.
    ///
    /// ```no_run
    /// # async fn example(driver: bolt_client::Driver) -> Result<(), bolt_client::Error> {
    /// use bolt_client::{Error, ManagedTransaction};
    ///
    /// async fn add_person(mut tx: ManagedTransaction) -> Result<i64, Error> {
    ///     tx.run("CREATE (:Person {name: 'Ada'})").await?;
    ///     let people = tx.run("MATCH (n:Person) RETURN count(n)").await?.single().await?;
    ///     Ok(people.get(0)?)
    /// }
    ///
    /// let mut session = driver.session().build();
    /// let people = session.execute_write(add_person).await?;
    /// let names: Vec<String> = session
    ///     .execute_read(|mut tx| async move {
    ///         tx.run("MATCH (n:Person) RETURN n.name").await?.collect_column().await
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    pub fn execute_write<F, Fut, T>(&mut self, work: F) -> ExecuteManaged<'_, F, T>
    where
        F: FnMut(ManagedTransaction) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        ExecuteManaged::new(self, Access::Write, work)
    }

    /// As [`execute_read`](Self::execute_read), but for a function with an error type of its own: see
    /// [`try_execute_write`](Self::try_execute_write).
    pub fn try_execute_read<F, Fut, T, E>(&mut self, work: F) -> ExecuteManaged<'_, F, T, E>
    where
        F: FnMut(ManagedTransaction) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: From<Error> + 'static,
    {
        ExecuteManaged::new(self, Access::Read, work)
    }

    /// As [`execute_write`](Self::execute_write), but for a function with an error type of its own: one that `?` makes of
    /// the driver's [`Error`], such as `anyhow::Error`, or an enum of the application's.
    ///
    /// What is done again is decided by the transaction, not by the error: if it failed for a reason that may go away,
    /// `work` runs again, whatever it made of that failure. At the end of the budget the driver's own error is returned.
    ///
    /// ```no_run
    /// use bolt_client::{ConversionError, Driver, Error, ManagedTransaction};
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
    /// async fn buy(mut tx: ManagedTransaction) -> Result<i64, ShopError> {
    ///     let stock = tx.run("MATCH (i:Item) SET i.stock = i.stock - 1 RETURN i.stock").await?;
    ///     let left: i64 = stock.single().await?.get(0)?;
    ///     if left < 0 { Err(ShopError::SoldOut) } else { Ok(left) }
    /// }
    ///
    /// async fn example(driver: Driver) -> Result<i64, ShopError> {
    ///     let mut session = driver.session().build();
    ///     session.try_execute_write(buy).await
    /// }
    /// ```
    pub fn try_execute_write<F, Fut, T, E>(&mut self, work: F) -> ExecuteManaged<'_, F, T, E>
    where
        F: FnMut(ManagedTransaction) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: From<Error> + 'static,
    {
        ExecuteManaged::new(self, Access::Write, work)
    }

    /// The bookmark of the last transaction of the session that was committed; before the first, those that it was given.
    /// Give them to another session that has to see what this one wrote.
    ///
    /// Queries whose cursors are open are carried out first, and what is left of their rows is kept.
    ///
    /// # Errors
    /// What such a query failed with.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    pub async fn last_bookmarks(&mut self) -> Result<Bookmarks, Error> {
        self.make_room(self.context.deadline(None)).await?;
        Ok(self.context.chain.last())
    }

    /// Ends the session: queries whose cursors are open are carried out, without their rows.
    ///
    /// # Errors
    /// What such a query failed with.
    ///
    /// # Cancel safety
    /// Dropped before the end, the rest is cancelled: under write access nobody knows whether it was carried out
    /// (*cancel-unknown*).
    pub async fn close(mut self) -> Result<(), Error> {
        self.finish().await
    }

    /// Does what [`close`](Self::close) does, for a session that is dropped afterwards.
    pub(crate) async fn finish(&mut self) -> Result<(), Error> {
        self.leftover.finish(self.context.deadline(None)).await
    }

    /// Does what dropping the session does, but waits for the server, at most for the teardown limit.
    pub(crate) async fn settle(&mut self) {
        self.leftover.settle(&self.context.shared).await;
    }

    /// Takes the session, and leaves one with nothing to finish.
    pub(crate) fn take(&mut self) -> Self {
        Self {
            context: Arc::clone(&self.context),
            leftover: mem::take(&mut self.leftover),
        }
    }

    pub(crate) const fn context(&self) -> &Arc<TransactionContext> {
        &self.context
    }

    /// How much it keeps of queries that it has run.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.leftover.len()
    }

    /// Finishes what was dropped, and frees the connection for something else.
    pub(crate) async fn make_room(&mut self, by: Deadline) -> Result<(), Error> {
        self.leftover.make_room(by).await
    }
}

impl CursorHost for Session {
    fn exchange(&mut self, number: u64, _: Seal) -> Option<&mut Exchange> {
        self.leftover.exchange(number)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("settings", &self.context.settings)
            .finish_non_exhaustive()
    }
}
