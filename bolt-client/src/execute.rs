//! `execute_query`: one query, one transaction, all rows.

use std::future::IntoFuture;
use std::time::Duration;

use bolt_proto::value::ToValue;
use bolt_proto::{Access, Event, Extra, Fetch, Keys, Kind, Query, Record, RequestId, ResultId, ServerError};
use serde::Serialize;

use crate::deadline::Deadline;
use crate::driver::Driver;
use crate::error::{Error, ErrorKind};
use crate::pool::Lease;
use crate::runtime::BoxFuture;
use crate::summary::Summary;

/// A query to be run in a transaction of its own. Await it to run it.
///
/// ```no_run
/// # async fn example(driver: bolt_client::Driver) -> Result<(), bolt_client::Error> {
/// use bolt_client::{Access, EagerResult};
///
/// let EagerResult { records, summary, keys } = driver
///     .execute_query("MATCH (a:Person) WHERE a.age > $age RETURN a.name AS name")
///     .param("age", 18)
///     .database("neo4j")
///     .routing(Access::Read)
///     .await?;
/// for record in &records {
///     println!("{}", record.get::<&str>("name")?);
/// }
/// # Ok(()) }
/// ```
///
/// A connection of the pool that turns out to be dead before anything was committed is replaced, and the query sent again
/// on another: each such attempt ends one dead connection. On a new connection a loss is an error.
///
/// # Cancel safety
/// Dropped before the commit has left, the work is undone (*cancel-clean*); later only the server knows
/// (*cancel-unknown*), unless it was a read.
#[derive(Debug)]
#[must_use = "a query runs when it is awaited"]
pub struct ExecuteQuery<'d> {
    driver: &'d Driver,
    query: Query,
    extra: Extra,
    access: Access,
    deadline: Option<Duration>,
}

/// All that a query gave.
#[derive(Debug, Clone)]
pub struct EagerResult {
    /// The rows, in the server's order.
    pub records: Vec<Record>,
    /// What the server tells about the query.
    pub summary: Summary,
    /// The names of the columns, known even without rows.
    pub keys: Keys,
}

impl<'d> ExecuteQuery<'d> {
    pub(crate) fn new(driver: &'d Driver, query: Query) -> Self {
        Self {
            driver,
            query,
            extra: Extra::default(),
            access: Access::Write,
            deadline: None,
        }
    }

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

    /// The database to run on. Default: the user's home database.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.extra = self.extra.database(name);
        self
    }

    /// Whether the query only reads. Default: [`Access::Write`]. A read costs one round trip, and the server refuses
    /// writes in it.
    pub fn routing(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// After which time the *server* ends the transaction; zero means never. Default: the server's own setting.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.extra = self.extra.timeout(timeout);
        self
    }

    /// How long the whole call may take on *this* side, from waiting for a connection to the last row. Default: no
    /// limit, beyond those of getting a connection.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = Some(limit);
        self
    }

    async fn run(self) -> Result<EagerResult, Error> {
        if let Err(error) = self.query.check() {
            return Err(error.clone().into());
        }
        let by = self.deadline.map_or(Deadline::NONE, |limit| {
            Deadline::after(self.driver.runtime().now(), limit)
        });
        let extra = self.extra.access(self.access);
        loop {
            let lease = self.driver.acquire(by).await?;
            let reused = lease.is_reused();
            let flight = Flight {
                lease,
                query: &self.query,
                access: self.access,
                by,
            };
            match flight.run(&extra).await {
                // The socket of an idle connection may have died without our noticing. Nothing was committed, so
                // the next connection is as good as this one; each such round ends one dead connection.
                Err(error) if reused && error.kind() == ErrorKind::ConnectionLost => {}
                result => return result,
            }
        }
    }
}

impl<'d> IntoFuture for ExecuteQuery<'d> {
    type Output = Result<EagerResult, Error>;
    type IntoFuture = BoxFuture<'d, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The requests of a flight.
struct Asked {
    run: RequestId,
    result: ResultId,
    pull: RequestId,
    /// The last of those that left together.
    last: RequestId,
}

/// One attempt on one connection.
struct Flight<'q> {
    lease: Lease,
    query: &'q Query,
    access: Access,
    by: Deadline,
}

impl Flight<'_> {
    /// BEGIN, RUN and PULL leave in one write. A read sends COMMIT with them: servers ignore it if anything before
    /// it fails, and nothing is lost if they do not. A write sends it once the rows are there.
    async fn run(mut self, extra: &Extra) -> Result<EagerResult, Error> {
        let proto = &mut self.lease.proto;
        proto.begin(extra)?;
        let (run, result) = proto.run(self.query, &Extra::default())?;
        let pull = proto.pull(result, Fetch::All)?;
        let last = if self.access == Access::Read {
            proto.commit()?
        } else {
            pull
        };

        let asked = Asked {
            run,
            result,
            pull,
            last,
        };
        let rows = self.collect(&asked).await?;
        if self.access == Access::Write {
            self.commit().await?;
        }
        Ok(rows)
    }

    /// Reads everything up to the answer to `last`.
    async fn collect(&mut self, asked: &Asked) -> Result<EagerResult, Error> {
        let &Asked {
            run,
            result,
            pull,
            last,
        } = asked;
        let mut records = Vec::new();
        let (mut keys, mut available_after, mut summary) = (Keys::default(), None, None);
        let mut failure = None;
        loop {
            let head = match self.lease.head(self.by).await {
                Ok(head) => head,
                // What the server said before it went tells more than that it went.
                Err(error) => return Err(failure.map_or(error, |failure: ServerError| failure.into())),
            };
            let info = self.lease.info().cloned();
            match self.lease.event() {
                Some(Event::Record(row)) => records.push(row.to_owned()),
                Some(Event::Success(metadata)) if head.request == Some(run) => {
                    available_after = metadata.milliseconds("t_first");
                }
                Some(Event::Success(metadata)) if head.request == Some(pull) => {
                    summary =
                        info.map(|info| Summary::read(self.query.text(), info, available_after, metadata));
                }
                Some(Event::Failure(error)) => {
                    failure.get_or_insert(error);
                }
                _ => {}
            }
            if head.request == Some(run) {
                keys = self.lease.proto.keys(result).cloned().unwrap_or_default();
            }
            if head.request == Some(last) && head.kind != Kind::Record {
                break;
            }
        }
        match (failure, summary) {
            (Some(error), _) => Err(error.into()),
            (None, Some(summary)) => Ok(EagerResult {
                records,
                summary,
                keys,
            }),
            (None, None) => Err(Error::misuse("the server ignored the query without a reason")),
        }
    }

    /// Whatever goes wrong from here on, but for a failure that the server reports, leaves open whether the
    /// transaction was committed.
    async fn commit(&mut self) -> Result<(), Error> {
        let commit = self.lease.proto.commit()?;
        loop {
            let head = self.lease.head(self.by).await.map_err(Error::unknown_commit)?;
            match self.lease.event() {
                Some(Event::Failure(error)) => return Err(error.into()),
                _ if head.request == Some(commit) => break,
                _ => {}
            }
        }
        Ok(())
    }
}
