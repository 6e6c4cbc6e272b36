//! Sessions: auto-commit queries, and where transactions begin.

use std::fmt;
use std::future::IntoFuture;
use std::time::Duration;

use bolt_proto::value::ToValue;
use bolt_proto::{Access, Extra, Fetch, Query};
use serde::Serialize;

use crate::deadline::Deadline;
use crate::driver::Driver;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::records::Records;
use crate::runtime::BoxFuture;
use crate::transaction::BeginTransaction;

/// How a session shall be. [`build`](Self::build) makes it.
#[derive(Debug, Clone)]
#[must_use = "a session is made by `build`"]
pub struct SessionBuilder<'d> {
    driver: &'d Driver,
    settings: Settings,
}

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) database: Option<String>,
    pub(crate) access: Access,
    pub(crate) page: Fetch,
    pub(crate) deadline: Option<Duration>,
}

impl<'d> SessionBuilder<'d> {
    pub(crate) const fn new(driver: &'d Driver) -> Self {
        Self {
            driver,
            settings: Settings {
                database: None,
                access: Access::Write,
                page: Fetch::Rows(1000),
                deadline: None,
            },
        }
    }

    /// The database to work on. Default: the user's home database.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.settings.database = Some(name.into());
        self
    }

    /// What auto-commit queries and transactions of the session may do. Default: [`Access::Write`]. Under
    /// [`Access::Read`] the server refuses writes.
    pub const fn default_access_mode(mut self, access: Access) -> Self {
        self.settings.access = access;
        self
    }

    /// How many rows to ask for at a time, at least one; pages of long rows have fewer, about 16 MiB. Default: 1000.
    pub const fn fetch_size(mut self, rows: u64) -> Self {
        self.settings.page = Fetch::Rows(rows);
        self
    }

    /// Asks for all rows of each result at once. Whoever reads them slower than they arrive holds up the server, and
    /// nothing but rows travels on the connection meanwhile.
    pub const fn fetch_all(mut self) -> Self {
        self.settings.page = Fetch::All;
        self
    }

    /// How long each call of the session may take on *this* side: an auto-commit query from waiting for a connection to
    /// its last row, a transaction from its beginning to its commit. Default: no limit, beyond those of getting a
    /// connection.
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.settings.deadline = Some(limit);
        self
    }

    /// The session. No connection is made.
    pub fn build(self) -> Session {
        Session {
            driver: self.driver.clone(),
            settings: self.settings,
            exchange: None,
        }
    }
}

/// A series of transactions, one after the other.
///
/// It is cheap to make and holds a connection only while a query or transaction is under way. It cannot be shared: use
/// one for each task or thread that works at the same time.
pub struct Session {
    driver: Driver,
    settings: Settings,
    /// The auto-commit query whose result somebody holds.
    exchange: Option<Exchange>,
}

impl Session {
    /// Runs a query in a transaction of its own, which the server commits at the end of the result. Set parameters and
    /// options on what this returns, then await it for the [`Records`]: one round trip on a connection that is open
    /// already. A query without columns has been carried out when `run` returns.
    ///
    /// Queries that manage transactions themselves (`CALL { … } IN TRANSACTIONS`) need this. Everything else is better
    /// off in [`execute_query`](Driver::execute_query).
    pub fn run(&mut self, query: impl Into<Query>) -> SessionRun<'_> {
        SessionRun {
            session: self,
            query: query.into(),
            extra: Extra::default(),
            deadline: None,
        }
    }

    /// Begins a transaction of several queries. Set options on what this returns, then await it.
    pub fn begin_transaction(&mut self) -> BeginTransaction<'_> {
        BeginTransaction::new(self)
    }

    /// Ends the session. Nothing is open between two calls, so there is nothing to wait for.
    ///
    /// # Errors
    /// None so far.
    ///
    /// # Cancel safety
    /// Cancel-safe.
    #[expect(clippy::unused_async, reason = "sessions with cursors will have to wait")]
    pub async fn close(self) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) const fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The instant by which a call has to end that begins now and may take this long.
    pub(crate) fn by(&self, limit: Option<Duration>) -> Deadline {
        let limit = limit.or(self.settings.deadline);
        limit.map_or(Deadline::NONE, |limit| {
            Deadline::after(self.driver.runtime().now(), limit)
        })
    }

    /// The options of a transaction, completed by those of the session.
    pub(crate) fn complete(&self, extra: Extra) -> Extra {
        let extra = extra.access(self.settings.access);
        match &self.settings.database {
            Some(name) => extra.database(name.as_str()),
            None => extra,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// An auto-commit query. Await it to run it.
///
/// A connection of the pool that turns out to be dead is replaced without a word, if nothing can have been carried out on
/// it.
///
/// # Errors
/// What the server has against the query; for one without columns, also what it failed with in the end. If the connection
/// is lost, or the deadline passes, after the query has left, whether it was carried out is
/// [unknown](crate::ErrorKind::UnknownCommit), unless it only reads.
///
/// # Cancel safety
/// Dropped after the query has left, it is cancelled; whether the server was faster only the server knows
/// (*cancel-unknown*). Under read access: cancel-safe.
#[derive(Debug)]
#[must_use = "a query runs when it is awaited"]
pub struct SessionRun<'s> {
    session: &'s mut Session,
    query: Query,
    extra: Extra,
    deadline: Option<Duration>,
}

impl<'s> SessionRun<'s> {
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

    /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.extra = self.extra.timeout(timeout);
        self
    }

    /// How long it may take on *this* side, from waiting for a connection to the last row. Default: the session's.
    pub const fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    async fn start(self) -> Result<Records<'s>, Error> {
        let Self {
            session,
            query,
            extra,
            deadline,
        } = self;
        query.check().map_err(Clone::clone)?;
        session.exchange = None;
        let by = session.by(deadline);
        let extra = session.complete(extra);
        let settings = &session.settings;
        let (exchange, id) = loop {
            let lease = session.driver.acquire(by).await?;
            let mut exchange = Exchange::auto_commit(lease, settings.access, settings.page);
            match exchange.run(&query, &extra, by).await {
                Ok(id) => break (exchange, id),
                Err(error) if exchange.may_be_taken_over(&error) => {}
                Err(error) => return Err(error),
            }
        };
        Ok(Records::new(session.exchange.insert(exchange), id, by))
    }
}

impl<'s> IntoFuture for SessionRun<'s> {
    type Output = Result<Records<'s>, Error>;
    type IntoFuture = BoxFuture<'s, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}
