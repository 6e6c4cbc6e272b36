//! Transaction functions: work that is retried after transient errors.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bolt_proto::{Access, Api, OwnExtra, Query};

use crate::api::builders::{Lazy, transaction_setters};
use crate::api::cursor::{Cursor, CursorHost, Seal};
use crate::api::session::Session;
use crate::api::transaction::{TransactionRun, Tx};
use crate::error::Error;
use crate::exchange::Exchange;

/// A transaction function that is about to run. Await it for what the function returns.
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
#[must_use = "a transaction function runs when it is awaited"]
pub struct ExecuteManaged<'s, F, T, E = Error> {
    work: Lazy<'s, Setup<'s, F>, Result<T, E>>,
}

/// The function and the options of its transaction.
struct Setup<'s, F> {
    session: &'s mut Session,
    access: Access,
    extra: OwnExtra,
    deadline: Option<Duration>,
    eager: bool,
    function: F,
}

impl<'s, F, T, E> ExecuteManaged<'s, F, T, E> {
    pub(crate) fn new(session: &'s mut Session, access: Access, function: F) -> Self {
        Self {
            work: Lazy::new(Setup {
                session,
                access,
                extra: OwnExtra::default(),
                deadline: None,
                eager: false,
                function,
            }),
        }
    }

    transaction_setters!();

    /// Sets how long the call may take on *this* side, from waiting for a connection to the commit, with all its attempts.
    /// Default: the session's.
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.work.set(|setup| setup.deadline = limit.into());
        self
    }

    /// Sets whether each attempt waits until the server has begun the transaction before the function runs, which costs a
    /// round trip. Otherwise BEGIN travels with the first query. Default: `false`.
    ///
    /// So a function with an expensive part before its first query does not run for a transaction that cannot begin.
    pub fn eager(mut self, eager: bool) -> Self {
        self.work.set(|setup| setup.eager = eager);
        self
    }
}

impl<F, Fut, T, E> ExecuteManaged<'_, F, T, E>
where
    F: FnMut(ManagedTransaction) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: From<Error> + 'static,
{
    /// Runs as awaiting the builder does, for a function that need not be `Send`.
    pub(crate) async fn run(self) -> Result<T, E> {
        self.work.into_setup()?.run().await
    }
}

impl<F> Setup<'_, F> {
    async fn run<Fut, T, E>(self) -> Result<T, E>
    where
        F: FnMut(ManagedTransaction) -> Fut,
        Fut: Future<Output = Result<T, E>>,
        E: From<Error> + 'static,
    {
        let Self {
            session,
            access,
            extra,
            deadline,
            eager,
            mut function,
        } = self;
        let by = session.context().deadline(deadline);
        session.make_room(by).await?;
        let attempts = session
            .context()
            .retried(Api::ManagedTransaction, access, extra, by);
        let mut tx = Tx::begin(attempts).await?;
        loop {
            if eager {
                tx.begin_with_retries().await?;
            }
            match attempt(tx, &mut function).await {
                Verdict::Done(result) => return result,
                Verdict::Failed(mut failed, error) => {
                    failed.attempts.retry(&mut failed.exchange, error).await?;
                    tx = failed;
                }
            }
        }
    }
}

/// The outcome of an attempt.
enum Verdict<T, E> {
    Done(Result<T, E>),
    /// The transaction failed, and not the work itself. Another attempt may succeed.
    Failed(Box<Tx>, Error),
}

/// Runs the function once, and ends its transaction accordingly.
async fn attempt<F, Fut, T, E>(tx: Box<Tx>, work: &mut F) -> Verdict<T, E>
where
    F: FnMut(ManagedTransaction) -> Fut,
    Fut: Future<Output = Result<T, E>>,
    E: From<Error> + 'static,
{
    let slot = Slot::default();
    let tx = ManagedTransaction {
        tx: Some(tx),
        slot: slot.clone(),
    };
    let result = work(tx).await;
    let Some(tx) = slot.take() else {
        let outlived = Error::misuse(
            "the transaction outlived its transaction function: it must be dropped, with all that borrows it, before the \
             function returns",
        );
        return Verdict::Done(result.and(Err(outlived.into())));
    };
    judge(tx, result).await
}

async fn judge<T, E: From<Error> + 'static>(mut tx: Box<Tx>, result: Result<T, E>) -> Verdict<T, E> {
    let by = tx.attempts.by();
    let exchange = &mut tx.exchange;
    let forgiven = planted!(RetryAfterAbort) && exchange.failure().is_some();
    if !forgiven && result.as_ref().is_err_and(gives_up) {
        // If the rollback fails, the server rolls the work back when the connection ends.
        let _undone = exchange.rollback(by).await;
        return Verdict::Done(result);
    }
    if let Some(failure) = exchange.failure().cloned() {
        return match result {
            // The transaction has failed, even if the function returned `Ok`.
            _ if tx.attempts.is_retryable(&failure) => Verdict::Failed(tx, failure),
            Ok(_) => Verdict::Done(Err(failure.into())),
            Err(error) => Verdict::Done(Err(error)),
        };
    }
    match result {
        Err(error) => {
            let _undone = exchange.rollback(by).await;
            Verdict::Done(Err(error))
        }
        Ok(value) => match exchange.commit(by).await {
            Ok(()) => Verdict::Done(Ok(value)),
            Err(error) => Verdict::Failed(tx, error),
        },
    }
}

/// Returns whether the function returned an error that forbids another attempt.
fn gives_up<E: 'static>(error: &E) -> bool {
    let error = (error as &dyn Any).downcast_ref::<Error>();
    error.is_some_and(Error::is_final_abort)
}

impl<'s, F, Fut, T, E> Future for ExecuteManaged<'s, F, T, E>
where
    F: FnMut(ManagedTransaction) -> Fut + Send + 's,
    Fut: Future<Output = Result<T, E>> + Send + 's,
    T: Send + 's,
    E: From<Error> + Send + 'static,
{
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.run()))
    }
}

/// The function is never pinned: it moves into the future at the first poll.
impl<F, T, E> Unpin for ExecuteManaged<'_, F, T, E> {}

impl<F, T, E> fmt::Debug for ExecuteManaged<'_, F, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecuteManaged")
            .field("access", &self.work.setup().map(|setup| setup.access))
            .finish_non_exhaustive()
    }
}

/// The transaction of a transaction function. The transaction is committed when the function returns `Ok`, and must be
/// dropped by then.
///
/// The function owns the transaction, so that it can be a plain `async fn` or an async closure:
///
/// ```no_run
/// # use bolt_client as bolt;
/// # async fn example(mut session: bolt::Session, name: String) -> Result<(), bolt::Error> {
/// use bolt::ManagedTransaction;
///
/// let people: i64 = session
///     .execute_write(async |mut tx: ManagedTransaction| {
///         tx.run("MERGE (:Person {name: $name})").param("name", &name).consume().await?;
///         let count = tx.run("MATCH (n:Person) RETURN count(n)").single().await?;
///         Ok(count.get(0)?)
///     })
///     .await?;
/// # Ok(()) }
/// ```
pub struct ManagedTransaction {
    /// Taken only while the transaction is being dropped.
    tx: Option<Box<Tx>>,
    slot: Slot,
}

impl ManagedTransaction {
    /// Runs a query: see [`Transaction::run`](crate::Transaction::run).
    pub fn run(&mut self, query: impl Into<Query>) -> TransactionRun<'_> {
        TransactionRun::new(self.tx(), query.into())
    }

    /// Queues a query without waiting: see [`Transaction::queue`](crate::Transaction::queue).
    ///
    /// # Errors
    /// If the query or a parameter cannot be sent, or the transaction has failed. Nothing is queued then.
    pub fn queue(&mut self, query: impl Into<Query>) -> Result<Cursor, Error> {
        self.tx().queue(&query.into())
    }

    #[expect(clippy::expect_used, reason = "only `drop` takes the transaction")]
    fn tx(&mut self) -> &mut Tx {
        self.tx.as_mut().expect("only `drop` takes the transaction")
    }
}

impl CursorHost for ManagedTransaction {
    fn exchange(&mut self, number: u64, _: Seal) -> Option<&mut Exchange> {
        self.tx.as_mut()?.exchange(number)
    }
}

impl Drop for ManagedTransaction {
    fn drop(&mut self) {
        self.slot.put(self.tx.take());
    }
}

impl fmt::Debug for ManagedTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedTransaction").finish_non_exhaustive()
    }
}

/// Returns a transaction from its function to the call. If the call is gone by then, the transaction is dropped with the
/// slot.
#[derive(Debug, Clone, Default)]
struct Slot(Arc<Mutex<Option<Box<Tx>>>>);

impl Slot {
    fn put(&self, tx: Option<Box<Tx>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tx;
    }

    fn take(&self) -> Option<Box<Tx>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
