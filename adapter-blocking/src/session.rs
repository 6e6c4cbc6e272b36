//! Sessions: auto-commit queries, and where transactions begin.

use std::time::Duration;

use bolt_client::{Access, Error, Query, ToValue};

use crate::block_on::call;
use crate::builder::blocking_builder;
use crate::records::Records;
use crate::transaction::BeginTransaction;

/// How a session shall be. [`build`](Self::build) makes it.
#[derive(Debug, Clone)]
#[must_use = "a session is made by `build`"]
pub struct SessionBuilder<'d>(bolt_client::SessionBuilder<'d>);

impl<'d> SessionBuilder<'d> {
    pub(crate) const fn new(inner: bolt_client::SessionBuilder<'d>) -> Self {
        Self(inner)
    }

    /// The database to work on. Default: the user's home database.
    pub fn database(self, name: impl Into<String>) -> Self {
        Self(self.0.database(name))
    }

    /// What auto-commit queries and transactions of the session may do. Default: [`Access::Write`]. Under
    /// [`Access::Read`] the server refuses writes.
    pub fn default_access_mode(self, access: Access) -> Self {
        Self(self.0.default_access_mode(access))
    }

    /// How many rows to ask for at a time, at least one; pages of long rows have fewer, about 16 MiB. Default: 1000.
    pub fn fetch_size(self, rows: u64) -> Self {
        Self(self.0.fetch_size(rows))
    }

    /// Asks for all rows of each result at once. Whoever reads them slower than they arrive holds up the server, and
    /// nothing but rows travels on the connection meanwhile.
    pub fn fetch_all(self) -> Self {
        Self(self.0.fetch_all())
    }

    /// How long each call of the session may take on *this* side: an auto-commit query from waiting for a connection to
    /// its last row, a transaction from its beginning to its commit. DNS alone cannot be bounded. Default: no limit,
    /// beyond those of getting a connection.
    pub fn deadline(self, limit: Duration) -> Self {
        Self(self.0.deadline(limit))
    }

    /// The session. No connection is made.
    pub fn build(self) -> Session {
        Session {
            inner: self.0.build(),
        }
    }
}

/// A series of transactions, one after the other.
///
/// It is cheap to make and holds a connection only while a query or transaction is under way. It cannot be shared: use
/// one for each thread that works at the same time.
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
    /// Runs a query in a transaction of its own, which the server commits at the end of the result. Set parameters and
    /// options on what this returns, then [`call`](SessionRun::call) it for the [`Records`]: one round trip on a
    /// connection that is open already. A query without columns has been carried out when that returns.
    ///
    /// Queries that manage transactions themselves (`CALL { … } IN TRANSACTIONS`) need this. Everything else is better
    /// off in [`execute_query`](crate::Driver::execute_query).
    pub fn run(&mut self, query: impl Into<Query>) -> SessionRun<'_> {
        SessionRun::new(self.inner.run(query))
    }

    /// Begins a transaction of several queries. Set options on what this returns, then
    /// [`call`](BeginTransaction::call) it.
    pub fn begin_transaction(&mut self) -> BeginTransaction<'_> {
        BeginTransaction::new(self.inner.begin_transaction())
    }

    /// Ends the session. Nothing is open between two calls, so there is nothing to wait for.
    ///
    /// # Errors
    /// None so far, but that the calling thread is in the scope of a [`CancelHandle`](crate::CancelHandle) that was used.
    pub fn close(self) -> Result<(), Error> {
        call(self.inner.close())
    }
}

blocking_builder! {
    /// An auto-commit query. [`call`](Self::call) runs it.
    ///
    /// A connection of the pool that turns out to be dead is replaced without a word, if nothing can have been carried
    /// out on it. If the connection is lost, or the deadline passes, after the query has left, whether it was carried
    /// out is [unknown](crate::ErrorKind::UnknownCommit), unless it only reads.
    ///
    /// ```no_run
    /// # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
    /// use std::time::Duration;
    ///
    /// let mut session = driver.session().build();
    /// let summary = session
    ///     .run("CREATE (:Person {name: $name})")
    ///     .param("name", "Ada")
    ///     .deadline(Duration::from_secs(10))
    ///     .call()?
    ///     .consume()?;
    /// println!("{} created", summary.counters().nodes_created);
    /// # Ok(()) }
    /// ```
    SessionRun<'s> of Records<'s>, by Records::new {
        /// Sets a parameter. It is encoded at once; should that fail, the call says so before anything is sent.
        param(name: &str, value: impl ToValue);
        /// Sets a parameter for each field of a struct, or each entry of a map.
        params(parameters: &impl serde::Serialize);
        /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
        timeout(timeout: Duration);
        /// How long it may take on *this* side, from waiting for a connection to the last row. Default: the session's.
        deadline(limit: Duration);
    }
}
