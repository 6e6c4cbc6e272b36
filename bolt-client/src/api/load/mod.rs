//! Loading many rows in batches.

mod cut;
mod filler;
mod row;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bolt_proto::{Access, Api, Batch, Counters, OwnExtra, Query};

use crate::api::builders::{Lazy, transaction_setters};
use crate::api::held::Held;
use crate::api::session::Session;
use crate::deadline::Deadline;
use crate::error::{Error, ErrorKind};
use crate::exchange::attempts::Attempts;
use crate::exclusive::Exclusive;
use crate::loaded::Loaded;

use cut::Cut;
use filler::Filler;
pub(crate) use row::RowSource;
pub use row::{AsValue, LoadRow};

/// A load of many rows in batches. It is a future: await it to load all of them, and for how many these were.
///
/// Each batch is one run of the query, of which the parameter `$rows` is the list of its rows. While the server works on a batch,
/// the next one is encoded. So the memory that a load takes is that of two batches and what the socket has not taken of one of
/// them, however many rows there are.
///
/// ```no_run
/// # use bolt_client as bolt;
/// # async fn example(driver: bolt::Driver) -> Result<(), bolt::Error> {
/// #[derive(serde::Serialize)]
/// struct Person {
///     id: u64,
///     name: String,
/// }
///
/// let people = (0..1_000_000).map(|id| Person { id, name: format!("person {id}") });
/// let mut session = driver.session().database("neo4j").build();
/// let loaded = session
///     .load("UNWIND $rows AS row MERGE (p:Person {id: row.id}) SET p.name = row.name", people)
///     .batch_rows(20_000)
///     .progress(|loaded| println!("{loaded}"))
///     .await?;
/// println!("{} created", loaded.counters.nodes_created);
/// # Ok(()) }
/// ```
///
/// Each batch is a transaction of its own, and is retried as the function of
/// [`execute_write`](crate::Session::execute_write) is: after transient errors, and if the connection is lost before the
/// commit. A retry sends the batch again, and does not encode it again. [`auto_commit`](Self::auto_commit) runs queries that
/// manage their transactions themselves.
///
/// # Errors
/// The error of the first batch that fails for good, or of a row that cannot be sent. Batches before it stay committed.
/// [`Error::loaded`](crate::Error::loaded) says how far the load got:
///
/// ```no_run
/// # use bolt_client as bolt;
/// # async fn example(mut session: bolt::Session, numbers: Vec<i64>) -> Result<(), bolt::Error> {
/// let mut done = 0;
/// loop {
///     match session.load("UNWIND $rows AS n CREATE (:Number {n: n})", &numbers[done..]).await {
///         Ok(_) => return Ok(()),
///         // Some progress, and it is known what is committed: go on there.
///         Err(error) => match error.loaded() {
///             Some(loaded) if loaded.rows > 0 && loaded.uncertain_rows == 0 => done += loaded.rows,
///             _ => return Err(error),
///         },
///     }
/// }
/// # }
/// ```
///
/// A row that cannot be sent ends the load: the rows before it in the same batch are not sent either.
///
/// # Cancel safety
/// Batches that were committed stay. The batch on its way is [*cancel-clean*](index.html#cancellation) until its COMMIT has left,
/// [*cancel-unknown*](index.html#cancellation) afterwards, and so is an [auto-commit](Self::auto_commit) query once it has left.
/// [`progress`](Self::progress) has reported what is committed.
#[must_use = "rows are loaded when it is awaited"]
pub struct Load<'r> {
    work: Lazy<'r, Setup<'r>, Result<Loaded, Error>>,
}

/// The rows, and the options of their batches.
struct Setup<'r> {
    session: Held<'r, Session>,
    query: Query,
    rows: RowSource<'r>,
    cut: Cut,
    auto_commit: bool,
    progress: Option<Exclusive<Progress<'r>>>,
    extra: OwnExtra,
    deadline: Option<Duration>,
}

type Progress<'r> = Box<dyn FnMut(&Loaded) + Send + 'r>;

impl<'r> Load<'r> {
    pub(crate) fn new(session: Held<'r, Session>, query: Query, rows: RowSource<'r>) -> Self {
        Self {
            work: Lazy::new(Setup {
                session,
                query,
                rows,
                cut: Cut::default(),
                auto_commit: false,
                progress: None,
                extra: OwnExtra::default(),
                deadline: None,
            }),
        }
    }

    transaction_setters!();

    /// Sets the largest number of rows in a batch, at least 1. Default: 10,000.
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.work.set(|setup| setup.cut.rows = rows);
        self
    }

    /// Sets the number of bytes at which a batch is full. The row that reaches it is the last of its batch, so a batch is larger
    /// by less than one row. Default: 1 MiB.
    pub fn batch_bytes(mut self, bytes: usize) -> Self {
        self.work.set(|setup| setup.cut.bytes = bytes);
        self
    }

    /// Sets whether each batch is an auto-commit query, as [`Session::run`](crate::Session::run) runs it, rather than a
    /// transaction of the driver. Default: `false`.
    ///
    /// Queries that manage their transactions themselves need it:
    ///
    /// ```no_run
    /// # use bolt_client as bolt;
    /// # async fn example(mut session: bolt::Session, lines: Vec<String>) -> Result<(), bolt::Error> {
    /// let query = "UNWIND $rows AS line
    ///              CALL (line) { CREATE (:Line {text: line}) } IN TRANSACTIONS OF 1000 ROWS";
    /// session.load(query, lines).batch_rows(100_000).auto_commit(true).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Such a batch is sent once more only if the server says that this is safe. If it fails, the rows of
    /// the batch are [uncertain](crate::Loaded::uncertain_rows).
    pub fn auto_commit(mut self, auto_commit: bool) -> Self {
        self.work.set(|setup| setup.auto_commit = auto_commit);
        self
    }

    /// Sets a function that is called after each batch that was committed, with all that was loaded by then. Default: none.
    pub fn progress(mut self, progress: impl FnMut(&Loaded) + Send + 'r) -> Self {
        self.work
            .set(|setup| setup.progress = Some(Exclusive::new(Box::new(progress))));
        self
    }

    /// Sets how long *each batch* may take on *this* side, from waiting for a connection to its commit, with all its attempts.
    /// Default: the session's.
    pub fn deadline(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.work.set(|setup| setup.deadline = limit.into());
        self
    }
}

impl Setup<'_> {
    async fn run(self) -> Result<Loaded, Error> {
        let mut loaded = Loaded::default();
        match self.load(&mut loaded).await {
            Ok(()) => Ok(loaded),
            Err(error) => Err(error.of_load(loaded)),
        }
    }

    async fn load(self, loaded: &mut Loaded) -> Result<(), Error> {
        let Self {
            mut session,
            query,
            rows,
            cut,
            mut progress,
            auto_commit,
            extra,
            deadline,
        } = self;
        let by = session.context().deadline(deadline);
        session.make_room(by).await?;
        let mut sent = Batch::new(query.clone(), filler::ROWS)?;
        let mut next = Filler::new(rows, cut, query)?;
        while next.complete(&mut sent).await?.is_some() {
            let by = session.context().deadline(deadline);
            let attempts = if auto_commit {
                session.context().auto_commit(extra.clone(), by)
            } else {
                let (api, access) = (Api::ManagedTransaction, Access::Write);
                session.context().retried(api, access, extra.clone(), by)
            };
            match send(attempts, &sent, &mut next).await {
                Ok(counters) => loaded.add(sent.len(), counters),
                Err(failed) => {
                    if planted!(BatchCountedEarly) {
                        loaded.add(sent.len(), Counters::default());
                    }
                    if failed.is_uncertain(auto_commit) && !planted!(UncertainBatchDenied) {
                        loaded.uncertain_rows = sent.len();
                    }
                    return Err(failed.error);
                }
            }
            if let Some(progress) = &mut progress {
                (progress.get_mut())(loaded);
            }
        }
        Ok(())
    }
}

/// Loads one batch, and fills the next one meanwhile.
async fn send(mut attempts: Attempts, batch: &Batch, next: &mut Filler<'_>) -> Result<Counters, Failed> {
    let by: Deadline = attempts.by();
    let mut work = attempts.begin().await.map_err(Failed::unsent)?;
    let mut retried = false;
    loop {
        let mut fill = |cx: &mut Context<'_>| next.poll_step(cx);
        match work.load(batch.query(), &mut fill, by).await {
            Ok(_) if planted!(RetriedBatchSentTwice) && retried => {
                retried = false;
                work = attempts.begin().await.map_err(Failed::unsent)?;
            }
            Ok(counters) => return Ok(counters),
            Err(error) => {
                attempts.retry(&mut work, error).await.map_err(Failed::sent)?;
                retried = true;
                #[cfg(planted)]
                if planted!(RowsAheadLost) {
                    next.lose_rows();
                }
            }
        }
    }
}

/// Why a batch is not known to be committed.
struct Failed {
    error: Error,
    /// Whether a connection had been found for the batch.
    sent: bool,
}

impl Failed {
    const fn unsent(error: Error) -> Self {
        Self { error, sent: false }
    }

    const fn sent(error: Error) -> Self {
        Self { error, sent: true }
    }

    /// Returns whether some of the batch may be committed.
    fn is_uncertain(&self, auto_commit: bool) -> bool {
        if self.error.kind() == ErrorKind::UnknownCommit {
            return true;
        }
        // Its inner transactions are committed one by one, whatever the last of them failed with. A login may travel with it.
        auto_commit && self.sent && self.error.server().is_some() && !self.error.is_failed_login()
    }
}

impl Future for Load<'_> {
    type Output = Result<Loaded, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.poll(cx, |setup| Box::pin(setup.run()))
    }
}

/// Shows nothing of the query, whose text may hold a password, nor of the rows.
impl fmt::Debug for Load<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Load")
            .field("batches", &self.work.setup().map(|setup| setup.cut))
            .finish_non_exhaustive()
    }
}
