//! Explicit transactions.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bolt_proto::{Extra, Query, ResultId};

use crate::api::builders::{Lazy, debug_without_query, query_setters, transaction_setters};
use crate::api::cursor::{Cursor, Host};
use crate::api::records::Records;
use crate::api::session::Session;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::exchange::attempts::Attempts;

/// A transaction that is about to begin. Await it for the [`Transaction`].
///
/// # Errors
/// Why there is no connection. What the server has against the transaction itself is told by its first query, unless it
/// begins [eagerly](Self::eager).
///
/// # Cancel safety
/// Cancel-clean: a transaction that was begun is undone.
#[must_use = "a transaction begins when it is awaited"]
pub struct BeginTransaction<'s> {
    work: Lazy<'s, Beginning<'s>, Result<Transaction<'s>, Error>>,
}

/// How the transaction begins.
struct Beginning<'s> {
    session: &'s mut Session,
    extra: Extra,
    deadline: Option<Duration>,
    eager: bool,
}

impl<'s> BeginTransaction<'s> {
    pub(crate) fn new(session: &'s mut Session) -> Self {
        Self {
            work: Lazy::new(Beginning {
                session,
                extra: Extra::default(),
                deadline: None,
                eager: false,
            }),
        }
    }

    transaction_setters!();

    /// How long the whole transaction may take on *this* side, from waiting for a connection to the commit. Default: the
    /// session's.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.work.set(|setup| setup.deadline = Some(limit));
        self
    }

    /// Waits for the server to have begun the transaction, which costs a round trip. Default: it begins together with the
    /// first query.
    pub fn eager(mut self) -> Self {
        self.work.set(|setup| setup.eager = true);
        self
    }
}

impl<'s> Beginning<'s> {
    async fn begin(self) -> Result<Transaction<'s>, Error> {
        let by = self.session.origin().by(self.deadline);
        self.session.make_room(by).await?;
        let mut tx = Tx::begin(self.session.origin().explicit(self.extra, by)).await?;
        if self.eager {
            tx.send_begin().await?;
        }
        Ok(Transaction {
            tx,
            _session: PhantomData,
        })
    }
}

impl<'s> Future for BeginTransaction<'s> {
    type Output = Result<Transaction<'s>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.begin()))
    }
}

/// A transaction: queries that are carried out together or not at all. It holds its session, and a connection.
///
/// # Dropping it
/// It is rolled back: the server is told at once, without waiting, and frees the locks. That may cost the connection if
/// the server has not even answered its beginning.
///
/// ```no_run
/// # async fn example(driver: bolt_client::Driver) -> Result<(), bolt_client::Error> {
/// let mut session = driver.session().build();
/// let mut tx = session.begin_transaction().await?;
/// let created = tx.run("CREATE (n:Person {name: $name})").param("name", "Ada").await?.consume().await?;
/// tx.commit().await?;
/// # Ok(()) }
/// ```
pub struct Transaction<'s> {
    tx: Tx,
    /// Its session can do nothing else meanwhile.
    _session: PhantomData<&'s mut Session>,
}

impl Transaction<'_> {
    /// Runs a query. Set parameters on what this returns, then await it for the [`Records`]: one round trip, which the
    /// beginning of the transaction shares. A query without columns has been carried out when it returns.
    ///
    /// Another query may run once the records are dropped, whether they were read or not.
    pub fn run(&mut self, query: impl Into<Query>) -> TransactionRun<'_> {
        TransactionRun::new(&mut self.tx, query.into())
    }

    /// Runs a query whose rows are read by a [`Cursor`], so that others can run before all of them are read.
    pub fn open(&mut self, query: impl Into<Query>) -> TransactionOpen<'_> {
        TransactionOpen::new(&mut self.tx, query.into())
    }

    /// Queues a query without waiting: it leaves with whatever is waited for next, so that several of them, and the
    /// [`commit`](Self::commit), cost one round trip together. All its rows are asked for at once. Give it parameters by
    /// [`query`](crate::query()).
    ///
    /// If one of them fails, the others are not carried out.
    ///
    /// ```no_run
    /// # async fn example(mut tx: bolt_client::Transaction<'_>) -> Result<(), bolt_client::Error> {
    /// use bolt_client::query;
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
    /// What is wrong with the query or its parameters, or with the transaction. Nothing is queued then.
    pub fn queue(&mut self, query: impl Into<Query>) -> Result<Cursor, Error> {
        self.tx.queue(&query.into())
    }

    /// Commits. What is left of the results is carried out first. A transaction without queries is begun and committed in
    /// one round trip.
    ///
    /// # Errors
    /// What the transaction failed with: it is rolled back. [`UnknownCommit`](crate::ErrorKind::UnknownCommit) if the
    /// connection is lost, or the deadline passes, while the answer is on its way, unless the transaction only reads.
    ///
    /// # Cancel safety
    /// Dropped before COMMIT has left, the transaction is rolled back; later the commit takes its course
    /// (*cancel-unknown*).
    pub async fn commit(mut self) -> Result<(), Error> {
        let Tx { attempts, exchange } = &mut self.tx;
        let by = attempts.by();
        loop {
            match exchange.commit(by).await {
                Ok(()) => return Ok(()),
                Err(error) => attempts.replace(exchange, error, by).await?,
            }
        }
    }

    /// Rolls back, and waits for the server to have done so. Nothing is sent if nothing was.
    ///
    /// # Errors
    /// Why the server did not answer. The transaction is undone all the same: servers undo what is open when a connection
    /// ends.
    ///
    /// # Cancel safety
    /// Cancel-clean: the transaction is undone.
    pub async fn rollback(mut self) -> Result<(), Error> {
        let by = self.tx.attempts.by();
        self.tx.exchange.rollback(by).await
    }
}

impl Host for Transaction<'_> {
    fn exchange(&mut self, number: u64) -> Option<&mut Exchange> {
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

/// What explicit and managed transactions have in common.
#[derive(Debug)]
pub(crate) struct Tx {
    pub(crate) attempts: Attempts,
    pub(crate) exchange: Exchange,
}

impl Tx {
    /// A transaction of which nothing has been sent.
    pub(crate) async fn begin(mut attempts: Attempts) -> Result<Self, Error> {
        let exchange = attempts.begin().await?;
        Ok(Self { attempts, exchange })
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
                Err(error) => self.attempts.replace(&mut self.exchange, error, by).await?,
            }
        }
    }

    async fn run(&mut self, query: &Query, by: Deadline) -> Result<ResultId, Error> {
        loop {
            match self.exchange.run(query, by).await {
                Ok(id) => return Ok(id),
                Err(error) => self.attempts.replace(&mut self.exchange, error, by).await?,
            }
        }
    }
}

/// A query of a transaction. Await it to run it.
///
/// # Errors
/// What the server has against the query, or had against the transaction before: it can only be rolled back then.
///
/// # Cancel safety
/// Dropped after the query has left, it leaves a transaction that can only be rolled back (*cancel-clean*).
#[must_use = "a query runs when it is awaited"]
pub struct TransactionRun<'t> {
    work: Lazy<'t, Setup<'t>, Result<Records<'t>, Error>>,
}

/// A query of a transaction whose rows are read by a [`Cursor`]. Await it to run it.
///
/// # Errors and cancel safety
/// As [`TransactionRun`].
#[must_use = "a query runs when it is awaited"]
pub struct TransactionOpen<'t> {
    work: Lazy<'t, Setup<'t>, Result<Cursor, Error>>,
}

/// What the query is, and how it runs.
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

    /// How long it may take on *this* side, to its last row; never longer than the transaction. Default: as long as the
    /// transaction.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.work.set(|setup| setup.deadline = Some(limit));
        self
    }
}

impl<'t> TransactionOpen<'t> {
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

    /// How long it may take on *this* side, to its last row; never longer than the transaction. Default: as long as the
    /// transaction.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.work.set(|setup| setup.deadline = Some(limit));
        self
    }
}

impl<'t> Setup<'t> {
    async fn records(self) -> Result<Records<'t>, Error> {
        let by = self.tx.attempts.limit(self.deadline);
        let id = self.tx.run(&self.query, by).await?;
        Ok(Records::of_transaction(&mut self.tx.exchange, id, by))
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

impl Future for TransactionOpen<'_> {
    type Output = Result<Cursor, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.cursor()))
    }
}

debug_without_query!(BeginTransaction, TransactionRun, TransactionOpen);
