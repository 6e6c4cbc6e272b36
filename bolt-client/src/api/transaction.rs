//! Explicit transactions.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bolt_proto::{OwnExtra, Query, ResultId};

use crate::api::builders::{Lazy, debug_without_query, query_setters, transaction_setters};
use crate::api::cursor::{Cursor, CursorHost, Seal};
use crate::api::held::Held;
use crate::api::records::Records;
use crate::api::rows::run_and;
use crate::api::session::Session;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::exchange::attempts::Attempts;
use crate::run_methods;

/// A transaction that is about to begin. Await it for the [`Transaction`].
///
/// # Errors
/// * If no connection can be obtained.
/// * If the transaction begins [eagerly](Self::eager), and the server refuses it. Otherwise the first query reports that.
///
/// # Cancel safety
/// [*cancel-clean*](index.html#cancellation): a transaction that has begun is rolled back.
#[must_use = "a transaction begins when it is awaited"]
pub struct BeginTransaction<'s> {
    work: Lazy<'s, Beginning<'s>, Result<Transaction<'s>, Error>>,
}

/// The options of the transaction.
struct Beginning<'s> {
    session: Held<'s, Session>,
    extra: OwnExtra,
    deadline: Option<Duration>,
    eager: bool,
}

impl<'s> BeginTransaction<'s> {
    pub(crate) fn new(session: Held<'s, Session>) -> Self {
        Self {
            work: Lazy::new(Beginning {
                session,
                extra: OwnExtra::default(),
                deadline: None,
                eager: false,
            }),
        }
    }

    transaction_setters!();

    /// Sets how long the whole transaction may take on *this* side, from waiting for a connection to the commit. Default:
    /// the session's.
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.work.set(|setup| setup.deadline = limit.into());
        self
    }

    /// Sets whether awaiting this waits until the server has begun the transaction, which costs a round trip. Otherwise
    /// BEGIN travels with the first query. Default: `false`.
    pub fn eager(mut self, eager: bool) -> Self {
        self.work.set(|setup| setup.eager = eager);
        self
    }
}

impl<'s> Beginning<'s> {
    /// Begins the transaction.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    fn begin(mut self) -> impl Future<Output = Result<Transaction<'s>, Error>> + Send {
        async move {
            let by = self.session.context().deadline(self.deadline);
            self.session.make_room(by).await?;
            let mut tx = Tx::begin(self.session.context().explicit(self.extra, by)).await?;
            if self.eager {
                tx.send_begin().await?;
            }
            Ok(Transaction {
                tx,
                _session: PhantomData,
            })
        }
    }
}

impl<'s> Future for BeginTransaction<'s> {
    type Output = Result<Transaction<'s>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.begin()))
    }
}

/// A transaction: queries that are carried out together or not at all.
///
/// A transaction holds a connection. One that was begun [by a session](Session::begin_transaction) borrows that session.
/// One that was begun [by the driver](crate::Driver::begin_transaction), or that [took its
/// session](Session::into_transaction), is a `Transaction<'static>`: a function can return it, and a struct can hold it.
///
/// # Dropping it
/// The transaction is rolled back: ROLLBACK or RESET is sent at once, without waiting, and the server frees the locks. That
/// may cost the connection if the server has not answered BEGIN yet.
///
/// ```no_run
/// # use bolt_client as bolt;
/// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().await?;
/// let created = tx.run("CREATE (n:Person {name: $name})").param("name", "Ada").consume().await?;
/// println!("{} created", created.counters().nodes_created);
/// tx.commit().await?;
/// # Ok(()) }
/// ```
///
/// A unit of work of an application that owns its transaction:
///
/// ```no_run
/// # use bolt_client as bolt;
/// use bolt::{Driver, Error, Transaction};
///
/// struct Order {
///     tx: Transaction<'static>,
/// }
///
/// impl Order {
///     async fn begin(driver: &Driver) -> Result<Self, Error> {
///         Ok(Self { tx: driver.begin_transaction().await? })
///     }
///
///     async fn add(&mut self, item: &str) -> Result<(), Error> {
///         self.tx.run("CREATE (:Item {name: $name})").param("name", item).consume().await?;
///         Ok(())
///     }
///
///     async fn place(self) -> Result<(), Error> {
///         self.tx.commit().await
///     }
/// }
/// ```
pub struct Transaction<'s> {
    tx: Box<Tx>,
    /// A borrowed session can do nothing else meanwhile.
    _session: PhantomData<&'s mut Session>,
}

impl Transaction<'_> {
    /// Runs a query. Set parameters on what this returns, then await it for the [`Records`]: one round trip, which BEGIN
    /// shares. A query without columns has been carried out by then.
    ///
    /// Another query may run once the records are dropped, whether they were read or not. For several results at a time,
    /// call [`cursor`](TransactionRun::cursor).
    pub fn run(&mut self, query: impl Into<Query>) -> TransactionRun<'_> {
        TransactionRun::new(&mut self.tx, query.into())
    }

    /// Queues a query without waiting: the query is sent together with the next request that is awaited. So several
    /// queries, and the [`commit`](Self::commit), cost one round trip together. All rows of the query are requested at once. Parameters are
    /// given by [`query`](crate::query()).
    ///
    /// If a query fails, those queued after it are not carried out.
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(mut tx: bolt::Transaction<'_>) -> Result<(), bolt::Error> {
    /// use bolt::query;
    ///
    /// let ada = tx.queue(query("CREATE (n:Person {name: $name}) RETURN elementId(n)").param("name", "Ada"))?;
    /// let count = tx.queue("MATCH (n:Person) RETURN count(n)")?;
    /// let count: i64 = count.single(&mut tx).await?.get(0)?;
    /// let id: String = ada.single(&mut tx).await?.get(0)?;
    /// tx.commit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// If the query or a parameter cannot be sent, or the transaction has failed. Nothing is queued then.
    pub fn queue(&mut self, query: impl Into<Query>) -> Result<Cursor, Error> {
        self.tx.queue(&query.into())
    }

    /// Commits the transaction. What is left of its results is carried out first. A transaction without queries is begun
    /// and committed in one round trip.
    ///
    /// # Errors
    /// * If the transaction has failed. It is rolled back.
    /// * [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the connection is lost, or the deadline passes, before the
    ///   answer arrives, unless the transaction only reads.
    ///
    /// # Cancel safety
    /// [*cancel-clean*](index.html#cancellation) until COMMIT has left, [*cancel-unknown*](index.html#cancellation) afterwards.
    pub async fn commit(mut self) -> Result<(), Error> {
        let Tx { attempts, exchange } = &mut *self.tx;
        let by = attempts.by();
        loop {
            match exchange.commit(by).await {
                Ok(()) => return Ok(()),
                Err(error) => attempts.replace_connection(exchange, error, by).await?,
            }
        }
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
    pub async fn rollback(mut self) -> Result<(), Error> {
        let by = self.tx.attempts.by();
        self.tx.exchange.rollback(by).await
    }
}

impl CursorHost for Transaction<'_> {
    fn exchange(&mut self, number: u64, _: Seal) -> Option<&mut Exchange> {
        self.tx.exchange(number)
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("failure", &self.tx.exchange.failure())
            .finish_non_exhaustive()
    }
}

/// The common part of explicit and managed transactions.
#[derive(Debug)]
pub(crate) struct Tx {
    pub(crate) attempts: Attempts,
    pub(crate) exchange: Exchange,
}

impl Tx {
    /// A transaction of which nothing has been sent. It is boxed, since it moves through several futures.
    pub(crate) async fn begin(mut attempts: Attempts) -> Result<Box<Self>, Error> {
        let lease = attempts.acquire().await?;
        let exchange = attempts.exchange(lease);
        Ok(Box::new(Self { attempts, exchange }))
    }

    pub(crate) fn queue(&mut self, query: &Query) -> Result<Cursor, Error> {
        let token = self.exchange.queue(query)?;
        Ok(Cursor::new(token, self.attempts.by()))
    }

    pub(crate) fn exchange(&mut self, number: u64) -> Option<&mut Exchange> {
        Some(&mut self.exchange)
            .filter(|exchange| planted!(CursorOfAnotherTransaction) || exchange.number() == number)
    }

    async fn send_begin(&mut self) -> Result<(), Error> {
        let by = self.attempts.by();
        loop {
            match self.exchange.begin(by).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    self.attempts
                        .replace_connection(&mut self.exchange, error, by)
                        .await?
                }
            }
        }
    }

    /// Sends BEGIN, and waits for the answer; after transient errors again.
    pub(crate) async fn begin_with_retries(&mut self) -> Result<(), Error> {
        let by = self.attempts.by();
        loop {
            match self.exchange.begin(by).await {
                Ok(()) => return Ok(()),
                Err(error) => self.attempts.retry(&mut self.exchange, error).await?,
            }
        }
    }

    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    fn run(&mut self, query: &Query, by: Deadline) -> impl Future<Output = Result<ResultId, Error>> + Send {
        async move {
            loop {
                match self.exchange.run(query, by).await {
                    Ok(id) => return Ok(id),
                    Err(error) => {
                        self.attempts
                            .replace_connection(&mut self.exchange, error, by)
                            .await?
                    }
                }
            }
        }
    }
}

/// A query of a transaction. Await it for the [`Records`], or call one of the methods that read the rows, too.
///
/// # Errors
/// If the server refuses the query, or refused BEGIN or an earlier query. The transaction can only be rolled back then.
///
/// # Cancel safety
/// [*cancel-clean*](index.html#cancellation): after the query has left, the transaction can only be rolled back.
#[must_use = "a query runs when it is awaited"]
pub struct TransactionRun<'t> {
    work: Lazy<'t, Setup<'t>, Result<Records<'t>, Error>>,
}

/// The query and its options.
struct Setup<'t> {
    tx: &'t mut Tx,
    query: Query,
    deadline: Option<Duration>,
}

impl<'t> TransactionRun<'t> {
    pub(crate) const fn new(tx: &'t mut Tx, query: Query) -> Self {
        Self {
            work: Lazy::new(Setup {
                tx,
                query,
                deadline: None,
            }),
        }
    }

    query_setters!();

    /// Sets how long the query may take on *this* side, to its last row; never longer than the transaction. Default: as
    /// long as the transaction.
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.work.set(|setup| setup.deadline = limit.into());
        self
    }

    /// Runs the query for a [`Cursor`], which does not borrow the transaction: other queries may run before all rows are
    /// read.
    ///
    /// # Errors
    /// As awaiting the query.
    ///
    /// # Cancel safety
    /// As awaiting the query.
    pub async fn cursor(self) -> Result<Cursor, Error> {
        Box::pin(self.work.into_setup()?.cursor()).await
    }

    run_methods!([async] "[*cancel-clean*](index.html#cancellation): after the query has left, the transaction can only be rolled back." run_and);
}

impl<'t> Setup<'t> {
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` has room for the arguments twice"
    )]
    fn records(self) -> impl Future<Output = Result<Records<'t>, Error>> + Send {
        async move {
            let by = self.tx.attempts.limit(self.deadline);
            let id = self.tx.run(&self.query, by).await?;
            Ok(Records::of_transaction(&mut self.tx.exchange, id, by))
        }
    }

    async fn cursor(self) -> Result<Cursor, Error> {
        let by = self.tx.attempts.limit(self.deadline);
        let id = self.tx.run(&self.query, by).await?;
        Ok(Cursor::new(self.tx.exchange.token(id), by))
    }
}

impl<'t> Future for TransactionRun<'t> {
    type Output = Result<Records<'t>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.records()))
    }
}

debug_without_query!(BeginTransaction, TransactionRun);
