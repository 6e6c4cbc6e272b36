//! Explicit transactions.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use bolt_proto::value::ToValue;
use bolt_proto::{Extra, Query};
use serde::Serialize;

use crate::deadline::Deadline;
use crate::driver::Driver;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::records::Records;
use crate::runtime::BoxFuture;
use crate::session::Session;

/// A transaction that is about to begin. Await it for the [`Transaction`].
///
/// # Errors
/// Why there is no connection. What the server has against the transaction itself is told by its first query, unless it
/// begins [eagerly](Self::eager).
///
/// # Cancel safety
/// Cancel-clean: a transaction that was begun is undone.
#[derive(Debug)]
#[must_use = "a transaction begins when it is awaited"]
pub struct BeginTransaction<'s> {
    session: &'s mut Session,
    extra: Extra,
    deadline: Option<Duration>,
    eager: bool,
}

impl<'s> BeginTransaction<'s> {
    pub(crate) fn new(session: &'s mut Session) -> Self {
        Self {
            session,
            extra: Extra::default(),
            deadline: None,
            eager: false,
        }
    }

    /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.extra = self.extra.timeout(timeout);
        self
    }

    /// How long the whole transaction may take on *this* side, from waiting for a connection to the commit. Default: the
    /// session's.
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    /// Waits for the server to have begun the transaction, which costs a round trip. Default: it begins together with the
    /// first query.
    pub const fn eager(mut self) -> Self {
        self.eager = true;
        self
    }

    async fn begin(self) -> Result<Transaction<'s>, Error> {
        let Self {
            session,
            extra,
            deadline,
            eager,
        } = self;
        let by = session.by(deadline);
        let extra = session.complete(extra);
        let settings = session.settings();
        let lease = session.driver().acquire(by).await?;
        let exchange = Exchange::transaction(lease, settings.access, extra, settings.page);
        let mut transaction = Transaction {
            driver: session.driver(),
            exchange,
            by,
        };
        if eager {
            transaction.begin().await?;
        }
        Ok(transaction)
    }
}

impl<'s> IntoFuture for BeginTransaction<'s> {
    type Output = Result<Transaction<'s>, Error>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.begin())
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
    driver: &'s Driver,
    exchange: Exchange,
    by: Deadline,
}

impl Transaction<'_> {
    /// Runs a query. Set parameters on what this returns, then await it for the [`Records`]: one round trip, which the
    /// beginning of the transaction shares. A query without columns has been carried out when it returns.
    ///
    /// Another query may run once the records are dropped, whether they were read or not.
    pub fn run(&mut self, query: impl Into<Query>) -> TransactionRun<'_> {
        TransactionRun {
            by: self.by,
            driver: self.driver,
            exchange: &mut self.exchange,
            query: query.into(),
            deadline: None,
        }
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
        loop {
            match self.exchange.commit(self.by).await {
                Err(error) if self.exchange.may_be_taken_over(&error) => {
                    self.exchange.take_over(self.driver.acquire(self.by).await?);
                }
                result => return result,
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
        self.exchange.rollback(self.by).await
    }

    async fn begin(&mut self) -> Result<(), Error> {
        loop {
            match self.exchange.begin(self.by).await {
                Err(error) if self.exchange.may_be_taken_over(&error) => {
                    self.exchange.take_over(self.driver.acquire(self.by).await?);
                }
                result => return result,
            }
        }
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field(
                "failure",
                &self.exchange.failure().map(bolt_proto::ServerError::code),
            )
            .finish_non_exhaustive()
    }
}

/// A query of a transaction. Await it to run it.
///
/// # Errors
/// What the server has against the query, or had against the transaction before: it can only be rolled back then.
///
/// # Cancel safety
/// Dropped after the query has left, it leaves a transaction that can only be rolled back (*cancel-clean*).
#[derive(Debug)]
#[must_use = "a query runs when it is awaited"]
pub struct TransactionRun<'t> {
    driver: &'t Driver,
    exchange: &'t mut Exchange,
    by: Deadline,
    query: Query,
    deadline: Option<Duration>,
}

impl<'t> TransactionRun<'t> {
    /// Sets a parameter. It is encoded at once; should that fail, awaiting the query says so before anything is
    /// sent.
    pub fn param(mut self, name: &str, value: impl ToValue) -> Self {
        self.query = self.query.param(name, value);
        self
    }

    /// Sets a parameter for each field of a struct, or each entry of a map.
    pub fn params(mut self, parameters: &impl Serialize) -> Self {
        self.query = self.query.params(parameters);
        self
    }

    /// How long it may take on *this* side, to its last row; never longer than the transaction. Default: as long as the
    /// transaction.
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    async fn start(self) -> Result<Records<'t>, Error> {
        let Self {
            driver,
            exchange,
            by,
            query,
            deadline,
        } = self;
        query.check().map_err(Clone::clone)?;
        let by = deadline.map_or(by, |limit| {
            by.earlier(Deadline::after(driver.runtime().now(), limit))
        });
        let id = loop {
            match exchange.run(&query, &Extra::default(), by).await {
                Ok(id) => break id,
                Err(error) if exchange.may_be_taken_over(&error) => {
                    exchange.take_over(driver.acquire(by).await?);
                }
                Err(error) => return Err(error),
            }
        };
        Ok(Records::new(exchange, id, by))
    }
}

impl<'t> IntoFuture for TransactionRun<'t> {
    type Output = Result<Records<'t>, Error>;
    type IntoFuture = BoxFuture<'t, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}
