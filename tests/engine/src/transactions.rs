//! One transaction, from its first statement to its end.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use boltr::error::BoltError;
use boltr::server::{BoltRecord, ResultMetadata, ResultStream};
use boltr::types::{BoltDict, BoltValue};
use graphdblite::{GraphError, Record, Value};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::failures::{from_engine, internal, timed_out, transaction_over, writing_under_read_access};
use crate::statement::Statement;
use crate::store::{Handle, Store, WritePermit};
use crate::values;

/// A client's options for a transaction: the extra map of BEGIN, or of an auto-commit RUN.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Whether it may write.
    pub(crate) may_write: bool,
    /// How long it may take.
    pub(crate) timeout: Option<Duration>,
}

impl Options {
    pub(crate) fn read(extra: &BoltDict) -> Self {
        let timeout = match extra.get("tx_timeout") {
            Some(BoltValue::Integer(milliseconds)) => u64::try_from(*milliseconds).ok(),
            _ => None,
        };
        Self {
            may_write: extra.get("mode").and_then(BoltValue::as_str) != Some("r"),
            // Zero means no limit.
            timeout: timeout
                .filter(|milliseconds| *milliseconds > 0)
                .map(Duration::from_millis),
        }
    }
}

/// A transaction. Dropping it rolls it back.
#[derive(Debug)]
pub(crate) struct Transaction {
    terms: Terms,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Open; without a handle before the first statement.
    Open(Option<Box<Handle>>),
    /// Rolled back by a failure. The client does not know yet.
    Over,
}

impl Transaction {
    pub(crate) fn begin(store: &Arc<Store>, options: Options) -> Self {
        Self {
            terms: Terms {
                store: Arc::clone(store),
                may_write: options.may_write,
                deadline: options.timeout.map(|timeout| Instant::now() + timeout),
            },
            state: State::Open(None),
        }
    }

    /// Runs a statement to its end. If it fails, the transaction has ended and holds nothing any more.
    pub(crate) async fn run(
        &mut self,
        query: &str,
        parameters: &BoltDict,
    ) -> Result<ResultStream, BoltError> {
        let started = Instant::now();
        let job = Arc::new(Job {
            query: query.to_owned(),
            parameters: values::parameters(parameters)?,
        });
        let State::Open(handle) = mem::replace(&mut self.state, State::Over) else {
            return Err(transaction_over());
        };
        let (handle, rows) = self.terms.execute(handle.map(|handle| *handle), job).await?;
        self.terms.check_deadline()?;

        let statement = Statement::read(query);
        let query_type = if handle.writes() {
            statement.query_type()
        } else {
            "r"
        };
        self.state = State::Open(Some(Box::new(handle)));
        Ok(ResultStream {
            metadata: ResultMetadata {
                columns: rows.columns(&statement),
                extra: BoltDict::new(),
            },
            records: rows.records,
            summary: BoltDict::from([
                ("type".to_owned(), BoltValue::from(query_type)),
                (
                    "t_last".to_owned(),
                    BoltValue::Integer(milliseconds_since(started)),
                ),
            ]),
        })
    }

    /// Commits. Fails if the transaction has failed or exceeded its timeout.
    pub(crate) async fn commit(self) -> Result<(), BoltError> {
        self.terms.check_deadline()?;
        match self.state {
            State::Over => Err(transaction_over()),
            State::Open(None) => Ok(()),
            State::Open(Some(handle)) => on_thread(move || handle.commit().map_err(from_engine)).await,
        }
    }
}

/// The constant part of a transaction.
#[derive(Debug)]
struct Terms {
    store: Arc<Store>,
    may_write: bool,
    deadline: Option<Instant>,
}

impl Terms {
    /// Tries to read, and becomes the writer if the statement turns out to write. The engine reports that before it has
    /// done anything.
    ///
    /// The writer sees what was committed since the transaction last read. No transaction holds a handle while it waits
    /// for the right to write, so handles for readers are always available.
    async fn execute(&self, handle: Option<Handle>, job: Arc<Job>) -> Result<(Handle, Rows), BoltError> {
        let handle = match handle {
            Some(handle) => handle,
            None => self.store.handle(self.deadline).await?,
        };
        let attempt = Arc::clone(&job);
        if let Some(done) = on_thread(move || attempt.read(handle)).await? {
            return Ok(done);
        }
        if !self.may_write {
            return Err(writing_under_read_access());
        }
        let permit = self.store.write_permit(self.deadline).await?;
        let handle = self.store.handle(self.deadline).await?;
        on_thread(move || job.write(handle, permit)).await
    }

    fn check_deadline(&self) -> Result<(), BoltError> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(timed_out()),
            _ => Ok(()),
        }
    }
}

/// A statement with its parameters, to be sent between threads.
struct Job {
    query: String,
    parameters: HashMap<String, Value>,
}

impl Job {
    /// Runs the statement in the handle's transaction, or in a new one that reads. Returns `None` if the statement
    /// writes and that transaction does not.
    fn read(&self, mut handle: Handle) -> Result<Option<(Handle, Rows)>, BoltError> {
        if !handle.writes() {
            handle.read().map_err(from_engine)?;
        }
        match self.run(&mut handle) {
            Ok(rows) => Ok(Some((handle, Rows::from_engine(&rows)?))),
            Err(GraphError::Transaction { .. }) if !handle.writes() => Ok(None),
            Err(error) => Err(from_engine(error)),
        }
    }

    /// Runs the statement in a new writing transaction.
    fn write(&self, mut handle: Handle, permit: WritePermit) -> Result<(Handle, Rows), BoltError> {
        handle.write(permit).map_err(from_engine)?;
        let rows = self.run(&mut handle).map_err(from_engine)?;
        Ok((handle, Rows::from_engine(&rows)?))
    }

    fn run(&self, handle: &mut Handle) -> Result<Vec<Record>, GraphError> {
        handle.run(&self.query, &self.parameters)
    }
}

/// A result, and the engine's names of its columns if there is a row.
struct Rows {
    names: Option<Vec<String>>,
    records: Vec<BoltRecord>,
}

impl Rows {
    fn from_engine(records: &[Record]) -> Result<Self, BoltError> {
        Ok(Self {
            names: records.first().map(|record| record.keys().cloned().collect()),
            records: records.iter().map(values::record).collect::<Result<_, _>>()?,
        })
    }

    fn columns(&self, statement: &Statement) -> Vec<String> {
        match &self.names {
            Some(names) => statement.columns_like(names),
            None => statement.columns(),
        }
    }
}

/// Runs blocking work of the engine on a separate thread, never on those that serve connections.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BoltError> + Send + 'static,
) -> Result<T, BoltError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(_panicked) => Err(internal("the engine has panicked")),
    }
}

fn milliseconds_since(started: Instant) -> i64 {
    i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX)
}
