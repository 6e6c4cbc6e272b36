//! Sessions: auto-commit queries, and the beginning of transactions.

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
use crate::api::load::{Load, LoadRow, RowSource};
use crate::api::managed::{ExecuteManaged, ManagedTransaction};
use crate::api::transaction::BeginTransaction;
use crate::auth::BoxError;
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
/// A session is cheap to make, and holds a connection only while a query or transaction is under way. It keeps nothing of
/// queries that have ended, so it can live for as long as the program. A session cannot be shared: use one for each task or
/// thread that works at the same time.
///
/// ```no_run
/// # use bolt_client as bolt;
/// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// let mut session = driver.session().database("neo4j").build();
/// let name = "Ada";
/// session.run("MERGE (:Person {name: $name})").param("name", name).consume().await?;
/// let names: Vec<String> = session.run("MATCH (n:Person) RETURN n.name").collect_column().await?;
/// # Ok(()) }
/// ```
///
/// Misuse does not compile: while there is a transaction of the session, or there are records of a query, the session can
/// do nothing else.
///
/// ```compile_fail,E0499
/// # use bolt_client as bolt;
/// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().await?;
/// session.run("MATCH (n) DELETE n").await?; // the transaction is still open
/// tx.commit().await
/// # }
/// ```
///
/// A transaction that has ended cannot be used any more:
///
/// ```compile_fail,E0382
/// # use bolt_client as bolt;
/// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// # let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().await?;
/// tx.commit().await?;
/// tx.run("RETURN 1").await?; // `commit` has consumed it
/// # Ok(()) }
/// ```
///
/// For several results at a time there are [cursors](SessionRun::cursor). For a transaction or records that outlive the
/// function that made the session, there are [`into_transaction`](Self::into_transaction) and
/// [`into_records`](Self::into_records).
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

    /// Runs a query in a transaction of its own, which the server commits at the end of the result.
    ///
    /// Set parameters and options on what this returns. Then await it for the [`Records`](crate::Records), or call one of
    /// its methods that read the rows, too. This costs one round trip on an open connection. A query without columns has been
    /// carried out by then.
    ///
    /// Queries that manage transactions themselves (`CALL { … } IN TRANSACTIONS`) need this method. For other queries,
    /// [`execute_query`](crate::Driver::execute_query) and [`execute_write`](Self::execute_write) add retries.
    pub fn run(&mut self, query: impl Into<Query>) -> SessionRun<'_> {
        SessionRun::new(Held::Borrowed(self), query.into())
    }

    /// Runs a query as [`run`](Self::run) does, for records that own the session: they can be returned by a function,
    /// held in a struct, or sent to another task. The session is dropped with the records.
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

    /// Begins a transaction of several queries, which the caller commits or rolls back. Set options on what this returns,
    /// then await it. A failed transaction is not retried, unlike the function of [`execute_write`](Self::execute_write).
    pub fn begin_transaction(&mut self) -> BeginTransaction<'_> {
        BeginTransaction::new(Held::Borrowed(self))
    }

    /// Begins a transaction that owns the session: the transaction can be returned by a function, held in a struct, or sent
    /// to another task. The session is dropped with the transaction. The session's
    /// [bookmark manager](crate::SessionBuilder::bookmark_manager), if there is one, gets the bookmark of the commit.
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

    /// Runs `work` in a transaction that only reads, and retries after transient errors: see
    /// [`execute_write`](Self::execute_write).
    pub fn execute_read<F, Fut, T>(&mut self, work: F) -> ExecuteManaged<'_, F, T>
    where
        F: FnMut(ManagedTransaction) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        ExecuteManaged::new(self, Access::Read, work)
    }

    /// Runs `work` in a transaction, commits the transaction, and returns what `work` returned. Set options on what this
    /// returns, then await it.
    ///
    /// `work` runs again, after a pause, after a transient error (a deadlock, a change of leader) or if the connection is
    /// lost before the commit. Retries last as long as
    /// [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) allows. So `work` may run several times,
    /// and should do nothing but query. If `work` returns an error that the server did not
    /// cause, the transaction is rolled back and the error returned. [`Error::abort`] wraps an error of the application;
    /// [`try_execute_write`](Self::try_execute_write) takes functions with an error type of their own.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
    /// use bolt::{Error, ManagedTransaction};
    ///
    /// async fn count_people(mut tx: ManagedTransaction) -> Result<i64, Error> {
    ///     let people = tx.run("MATCH (n:Person) RETURN count(n)").single().await?;
    ///     people.get(0)
    /// }
    ///
    /// let mut session = driver.session().build();
    /// let people = session.execute_read(count_people).await?;
    ///
    /// // An async closure borrows what it uses.
    /// let name = String::from("Ada");
    /// session
    ///     .execute_write(async |mut tx: ManagedTransaction| {
    ///         tx.run("CREATE (:Person {name: $name})").param("name", &name).consume().await
    ///     })
    ///     .await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Since `work` may run several times, each run needs the captured state again. So `work` cannot move that state into
    /// its future, as `async move |tx|` would, nor change it from inside of the future. Where borrowing is not enough, clone
    /// before an `async move` block:
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(mut session: bolt::Session, name: String) -> Result<(), bolt::Error> {
    /// let mut attempts = 0;
    /// session
    ///     .execute_write(|mut tx| {
    ///         attempts += 1;
    ///         let name = name.clone();
    ///         async move { tx.run("CREATE (:Person {name: $name})").param("name", name).consume().await }
    ///     })
    ///     .await?;
    /// println!("{attempts} attempts");
    /// # Ok(()) }
    /// ```
    ///
    /// ```compile_fail,E0507
    /// # use bolt_client as bolt;
    /// # async fn example(mut session: bolt::Session, name: String) -> Result<(), bolt::Error> {
    /// session
    ///     .execute_write(|mut tx| async move {
    ///         // The first run would take `name` from the second.
    ///         tx.run("CREATE (:Person {name: $name})").param("name", name).consume().await
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

    /// Runs `work` as [`execute_read`](Self::execute_read) does, for a function with an error type of its own: see
    /// [`try_execute_write`](Self::try_execute_write).
    pub fn try_execute_read<F, Fut, T, E>(&mut self, work: F) -> ExecuteManaged<'_, F, T, E>
    where
        F: FnMut(ManagedTransaction) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: From<Error> + 'static,
    {
        ExecuteManaged::new(self, Access::Read, work)
    }

    /// Runs `work` as [`execute_write`](Self::execute_write) does, for a function with an error type of its own: one that
    /// `?` makes of the driver's [`Error`], such as `anyhow::Error`, or an enum of the application.
    ///
    /// The state of the transaction decides whether `work` runs again, not the returned error. If the transaction failed with
    /// a transient error, `work` runs again even if it returned `Ok`. After
    /// [`max_transaction_retry_time`](crate::Config::max_transaction_retry_time) the driver's own error is returned.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
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
    /// async fn buy(mut tx: ManagedTransaction) -> Result<i64, ShopError> {
    ///     let stock = tx.run("MATCH (i:Item) SET i.stock = i.stock - 1 RETURN i.stock").single().await?;
    ///     let left: i64 = stock.get(0)?;
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

    /// Loads many rows in batches: runs the query once for each batch, with the parameter `$rows`. Set options on what this
    /// returns, then await it. Other parameters are given by [`query`](crate::query()).
    ///
    /// A row is anything that serializes, or an [`AsValue`](crate::AsValue). Rows are taken from the iterator as batches are
    /// filled, at most one batch ahead of the server. [`Load`] says what a batch is, and what happens if one fails.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(mut session: bolt::Session, people: Vec<(u64, String)>) -> Result<(), bolt::Error> {
    /// use bolt::query;
    ///
    /// let query = query("UNWIND $rows AS row CREATE (:Person {id: row[0], name: row[1], source: $source})")
    ///     .param("source", "census");
    /// let loaded = session.load(query, people).await?;
    /// println!("{loaded}");
    /// # Ok(()) }
    /// ```
    #[doc(alias("bulk", "batch", "import", "unwind", "insert_many"))]
    pub fn load<'r, I>(&'r mut self, query: impl Into<Query>, rows: I) -> Load<'r>
    where
        I: IntoIterator<Item: LoadRow, IntoIter: Send + 'r>,
    {
        Load::new(Held::Borrowed(self), query.into(), RowSource::of_iter(rows))
    }

    /// Loads rows as [`load`](Self::load) does, from an iterator of results, such as that of a reader of files. The first error
    /// ends the load, as [`ErrorKind::Abort`](crate::ErrorKind::Abort); [`Error::into_abort`] unwraps it. An [`Error`] of the driver stays itself, as the
    /// rows may come from another query. Rows before it in the same batch are not sent.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(mut session: bolt::Session) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::fs::File;
    /// use std::io::{BufRead, BufReader};
    ///
    /// let lines = BufReader::new(File::open("lines.txt")?).lines();
    /// session.try_load("UNWIND $rows AS line CREATE (:Line {text: line})", lines).await?;
    /// # Ok(()) }
    /// ```
    pub fn try_load<'r, I, T, E>(&'r mut self, query: impl Into<Query>, rows: I) -> Load<'r>
    where
        I: IntoIterator<Item = Result<T, E>, IntoIter: Send + 'r>,
        T: LoadRow,
        E: Into<BoxError>,
    {
        Load::new(
            Held::Borrowed(self),
            query.into(),
            RowSource::of_fallible_iter(rows),
        )
    }

    /// Loads rows as [`load`](Self::load) does, from a stream. While the stream has no row, the batch before is worked on; a
    /// batch is sent once it is full, or the stream has ended.
    #[cfg(feature = "stream")]
    pub fn load_stream<'r, S>(&'r mut self, query: impl Into<Query>, rows: S) -> Load<'r>
    where
        S: futures_core::Stream<Item: LoadRow> + Send + 'r,
    {
        Load::new(Held::Borrowed(self), query.into(), RowSource::of_stream(rows))
    }

    /// Loads rows as [`try_load`](Self::try_load) does, from a stream of results, such as the [`Records`](crate::Records) of
    /// another session.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(here: bolt::Session, mut there: bolt::Session) -> Result<(), bolt::Error> {
    /// let people = here.into_records("MATCH (p:Person) RETURN p.id AS id, p.name AS name").await?;
    /// there.try_load_stream("UNWIND $rows AS row CREATE (p:Person) SET p = row", people).await?;
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "stream")]
    pub fn try_load_stream<'r, S, T, E>(&'r mut self, query: impl Into<Query>, rows: S) -> Load<'r>
    where
        S: futures_core::Stream<Item = Result<T, E>> + Send + 'r,
        T: LoadRow,
        E: Into<BoxError>,
    {
        Load::new(
            Held::Borrowed(self),
            query.into(),
            RowSource::of_fallible_stream(rows),
        )
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
    pub async fn last_bookmarks(&mut self) -> Result<Bookmarks, Error> {
        self.make_room(self.context.deadline(None)).await?;
        Ok(self.context.chain.last())
    }

    /// Ends the session: queries whose cursors are open are carried out, without their rows.
    ///
    /// # Errors
    /// If such a query fails.
    ///
    /// # Cancel safety
    /// What was not carried out yet is cancelled, which is [*cancel-unknown*](index.html#cancellation) under write access.
    pub async fn close(mut self) -> Result<(), Error> {
        self.finish().await
    }

    /// Does what [`close`](Self::close) does, for a session that is dropped afterwards.
    pub(crate) async fn finish(&mut self) -> Result<(), Error> {
        self.leftover.finish(self.context.deadline(None)).await
    }

    /// Finishes as dropping the session does, but waits for the server, at most for the teardown limit.
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

    /// Returns how much the session keeps of queries that it has run.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.leftover.len()
    }

    /// Finishes what was dropped, and frees the connection for other work.
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
