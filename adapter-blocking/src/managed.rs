//! Transaction functions: work that is retried after transient errors.

use std::fmt;
use std::future::{Ready, ready};
use std::time::Duration;

use bolt_client::adapter::run_managed;
use bolt_client::{Error, Query, ToValue};

use crate::block_on::call;
use crate::cursor::{Cursor, CursorHost, Seal};
use crate::transaction::TransactionRun;

/// The application's function, as `bolt_client` calls it.
type Work<'s, T, E> = Box<dyn FnMut(bolt_client::ManagedTransaction) -> Ready<Result<T, E>> + 's>;

/// A transaction function that is about to run. [`call`](Self::call) runs the function, and returns what it returned.
///
/// ```no_run
/// # use adapter_blocking as bolt;
/// # fn example(mut session: bolt::Session) -> Result<(), bolt::Error> {
/// use std::time::Duration;
///
/// let people: i64 = session
///     .execute_read(|tx| Ok(tx.run("MATCH (n:Person) RETURN count(n)").single()?.get(0)?))
///     .timeout(Duration::from_secs(5))
///     .metadata("page", "start")
///     .call()?;
/// # Ok(()) }
/// ```
#[must_use = "nothing happens before it is called"]
pub struct ExecuteManaged<'s, T, E = Error> {
    inner: bolt_client::ExecuteManaged<'s, Work<'s, T, E>, T, E>,
}

impl<'s, T: 's, E: From<Error> + 'static> ExecuteManaged<'s, T, E> {
    pub(crate) fn read(
        session: &'s mut bolt_client::Session,
        work: impl FnMut(&mut ManagedTransaction) -> Result<T, E> + 's,
    ) -> Self {
        Self {
            inner: session.try_execute_read(polled_once(work)),
        }
    }

    pub(crate) fn write(
        session: &'s mut bolt_client::Session,
        work: impl FnMut(&mut ManagedTransaction) -> Result<T, E> + 's,
    ) -> Self {
        Self {
            inner: session.try_execute_write(polled_once(work)),
        }
    }

    /// Sets how long the transaction may take before the *server* ends it. Zero means no limit; `None` is the server's
    /// own setting. Default: `None`.
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.inner = self.inner.timeout(timeout);
        self
    }

    /// Attaches a value to the transaction, which the server shows in its query log and in `SHOW TRANSACTIONS`.
    pub fn metadata(mut self, name: impl AsRef<str>, value: impl ToValue) -> Self {
        self.inner = self.inner.metadata(name, value);
        self
    }

    /// Sets how long the call may take on *this* side, from waiting for a connection to the commit, with all its attempts.
    /// Default: the session's.
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.inner = self.inner.deadline(limit);
        self
    }

    /// Sets whether each attempt waits until the server has begun the transaction before the function runs, which costs a
    /// round trip. Otherwise BEGIN travels with the first query. Default: `false`.
    ///
    /// So a function with an expensive part before its first query does not run for a transaction that cannot begin.
    pub fn eager(mut self, eager: bool) -> Self {
        self.inner = self.inner.eager(eager);
        self
    }

    /// Runs the function on this thread.
    ///
    /// # Errors
    /// * If the function returns an error.
    /// * If the server reports a failure that is final, or that lasted to the end of the
    ///   [retries](crate::Config::max_transaction_retry_time).
    /// * If no connection can be obtained.
    /// * [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the answer to COMMIT was lost. That is never retried.
    ///
    /// # Cancel safety
    /// [*cancel-clean*](index.html#cancellation) until COMMIT has left, [*cancel-unknown*](index.html#cancellation) afterwards.
    pub fn call(self) -> Result<T, E> {
        call(run_managed(self.inner))
    }
}

/// Wraps a function that blocks into one whose future is ready. The transaction is dropped, and so given back, before the
/// future is returned.
fn polled_once<'s, T, E>(
    mut work: impl FnMut(&mut ManagedTransaction) -> Result<T, E> + 's,
) -> Work<'s, T, E> {
    Box::new(move |inner| ready(work(&mut ManagedTransaction { inner })))
}

impl<T, E> fmt::Debug for ExecuteManaged<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// The transaction of a transaction function. The transaction is committed when the function returns `Ok`.
///
/// ```no_run
/// # use adapter_blocking as bolt;
/// # fn example(mut session: bolt::Session) -> Result<(), bolt::Error> {
/// use bolt::{Error, ManagedTransaction};
///
/// fn add(tx: &mut ManagedTransaction, name: &str) -> Result<i64, Error> {
///     tx.run("MERGE (:Person {name: $name})").param("name", name).consume()?;
///     Ok(tx.run("MATCH (n:Person) RETURN count(n)").single()?.get(0)?)
/// }
///
/// let people = session.execute_write(|tx| add(tx, "Ada")).call()?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct ManagedTransaction {
    inner: bolt_client::ManagedTransaction,
}

impl ManagedTransaction {
    pub(crate) const fn inner(&mut self) -> &mut bolt_client::ManagedTransaction {
        &mut self.inner
    }

    /// Runs a query: see [`Transaction::run`](crate::Transaction::run).
    pub fn run(&mut self, query: impl Into<Query>) -> TransactionRun<'_> {
        TransactionRun::new(self.inner.run(query))
    }

    /// Queues a query without waiting: see [`Transaction::queue`](crate::Transaction::queue).
    ///
    /// # Errors
    /// If the query or a parameter cannot be sent, or the transaction has failed. Nothing is queued then.
    pub fn queue(&mut self, query: impl Into<Query>) -> Result<Cursor, Error> {
        self.inner.queue(query).map(Cursor::new)
    }
}

impl CursorHost for ManagedTransaction {
    fn host(&mut self, _: Seal) -> &mut dyn bolt_client::CursorHost {
        &mut self.inner
    }
}
