//! The database's files, the handles to them, and the right to write.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use boltr::error::BoltError;
use graphdblite::{Config, Database, GraphError, Record, SyncMode, Value};
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::failures::{internal, lock_not_acquired, timed_out};

/// One database, deleted with its last owner.
///
/// It is a temporary directory and not in SQLite's memory, where every reader would wait for the writer: with files
/// each handle has its own snapshot. Nothing is ever synced to disk.
pub(crate) struct Store {
    idle: Mutex<Vec<Database>>,
    handles: Arc<Semaphore>,
    writer: Arc<Semaphore>,
    lock_timeout: Duration,
    /// Dropped last.
    _directory: TempDir,
}

impl Store {
    /// Creates an empty database for so many concurrent transactions. All handles are opened at once: the engine writes
    /// when it opens a file, which is impossible while another handle writes.
    pub(crate) fn create(transactions: usize, lock_timeout: Duration) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("engine-").tempdir()?;
        let path = directory.path().join("graph.db");
        let idle = (0..transactions)
            .map(|_| open(&path))
            .collect::<Result<Vec<_>, _>>()
            .map_err(io::Error::other)?;
        Ok(Self {
            handles: Arc::new(Semaphore::new(idle.len())),
            idle: Mutex::new(idle),
            writer: Arc::new(Semaphore::new(1)),
            lock_timeout,
            _directory: directory,
        })
    }

    /// Returns a handle for one transaction; waits for one, at most until `deadline`.
    pub(crate) async fn handle(self: &Arc<Self>, deadline: Option<Instant>) -> Result<Handle, BoltError> {
        let permit = self.permit(&self.handles, deadline).await?;
        let database = self.idle().pop();
        Ok(Handle {
            database: Some(database.ok_or_else(|| internal("a handle is missing"))?),
            write: None,
            permit: Some(permit),
            store: Arc::clone(self),
        })
    }

    /// Waits for the right to write, first come, first served, at most until `deadline`.
    pub(crate) async fn write_permit(&self, deadline: Option<Instant>) -> Result<WritePermit, BoltError> {
        self.permit(&self.writer, deadline).await.map(WritePermit)
    }

    async fn permit(
        &self,
        of: &Arc<Semaphore>,
        deadline: Option<Instant>,
    ) -> Result<OwnedSemaphorePermit, BoltError> {
        let patience = Instant::now() + self.lock_timeout;
        let until = deadline.map_or(patience, |deadline| deadline.min(patience));
        match timeout_at(until, Arc::clone(of).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(closed)) => Err(internal(closed)),
            Err(_) if deadline == Some(until) => Err(timed_out()),
            Err(_) => Err(lock_not_acquired()),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Database>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(path: &Path) -> Result<Database, GraphError> {
    let config = Config {
        synchronous: SyncMode::Off,
        max_result_rows: 0,
        // Small, because there are many handles and little data.
        cache_size: -4_000,
        mmap_size: 16 << 20,
        ..Config::default()
    };
    Database::open_with_config(path, config)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("idle", &self.idle().len())
            .finish_non_exhaustive()
    }
}

/// The only right to write.
pub(crate) struct WritePermit(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// The database as one transaction sees it. Dropping it rolls back what was not committed, and then admits the next
/// writer.
pub(crate) struct Handle {
    /// `None` only while it is dropped.
    database: Option<Database>,
    write: Option<WritePermit>,
    /// `None` only while it is dropped.
    permit: Option<OwnedSemaphorePermit>,
    store: Arc<Store>,
}

impl Handle {
    /// Whether this transaction is the writer.
    pub(crate) fn writes(&self) -> bool {
        self.write.is_some()
    }

    /// Takes a snapshot, unless there is one already.
    pub(crate) fn read(&mut self) -> Result<(), GraphError> {
        let database = self.database()?;
        if database.in_transaction() {
            return Ok(());
        }
        database.begin_read()
    }

    /// Makes this transaction the writer. The handle must be fresh: a snapshot cannot be written to.
    pub(crate) fn write(&mut self, permit: WritePermit) -> Result<(), GraphError> {
        self.database()?.begin_write()?;
        self.write = Some(permit);
        Ok(())
    }

    /// Runs a statement.
    pub(crate) fn run(
        &mut self,
        statement: &str,
        parameters: &HashMap<String, Value>,
    ) -> Result<Vec<Record>, GraphError> {
        self.database()?.execute_with_params(statement, Some(parameters))
    }

    /// Makes the writes visible to all transactions.
    pub(crate) fn commit(mut self) -> Result<(), GraphError> {
        self.database()?.commit()
    }

    fn database(&mut self) -> Result<&mut Database, GraphError> {
        self.database.as_mut().ok_or_else(|| GraphError::Transaction {
            message: "the handle has been dropped".to_owned(),
            hint: None,
        })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let Some(mut database) = self.database.take() else {
            return;
        };
        let clean = !database.in_transaction() || database.rollback().is_ok();
        if clean && !std::thread::panicking() {
            self.store.idle().push(database);
        } else if let Some(permit) = self.permit.take() {
            // A handle that has seen a panic, or cannot roll back, is closed, which also rolls back. The pool shrinks
            // by one.
            drop(database);
            permit.forget();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("writes", &self.writes())
            .finish_non_exhaustive()
    }
}
