//! The Bolt driver on smol, or on any other executor: what it needs is async-io.
//!
//! Everything runs on the caller's own tasks: the driver spawns nothing. async-io has one thread for the sockets and
//! timers of the whole process, whatever polls them; see [`runtime::Smol`].
//!
//! ```no_run
//! use adapter_smol::{Access, Auth, EagerResult};
//!
//! fn main() -> Result<(), adapter_smol::Error> {
//!     smol::block_on(run())
//! }
//!
//! async fn run() -> Result<(), adapter_smol::Error> {
//!     let driver = adapter_smol::driver("bolt://localhost:7687", Auth::basic("neo4j", "secret"))?;
//!     let EagerResult { records, summary, .. } = driver
//!         .execute_query("MATCH (a:Person) WHERE a.age > $age RETURN a.name AS name")
//!         .param("age", 18)
//!         .routing(Access::Read)
//!         .await?;
//!     for record in &records {
//!         println!("{}", record.get::<&str>("name")?);
//!     }
//!     println!("{} people in {:?}", records.len(), summary.database());
//!     driver.close().await;
//!     Ok(())
//! }
//! ```

pub mod runtime;

use std::sync::Arc;

#[doc(inline)]
pub use bolt_client::{
    Access, Address, Auth, BeginTransaction, BookmarkManager, Bookmarks, Config, ConversionError, Cost,
    Counters, Cursor, CursorHost, Driver, EagerResult, EncodeError, Error, ErrorKind, ExecuteManaged,
    ExecuteQuery, FromValue, Keys, Limits, ManagedTransaction, MinimumSeverity, Notification,
    NotificationFilter, OrAbort, Plan, PoolCounts, Position, ProtocolViolation, Query, QueryRun, QueryRunner,
    QueryType, Record, RecordRef, Records, Serde, ServerError, ServerInfo, Session, SessionBuilder,
    SessionRun, Status, Summary, ToValue, Transaction, TransactionRun, UsageError, Value, Version, Versions,
    as_value, error, query, types,
};
#[doc(inline)]
pub use bolt_client::{DecodeError, ErrorClass, ParseVersionError};

use runtime::Smol;

/// A driver for the server at `uri`: `bolt://host[:port]`. Nothing is opened before the first query.
///
/// A program that calls `fork` makes its drivers after that, one in each process: parent and child would share the sockets
/// of a driver that was made before, and each would read answers that are meant for the other.
///
/// # Errors
/// [`ErrorKind::Config`] if the URI cannot be used; it says why.
pub fn driver(uri: &str, auth: Auth) -> Result<Driver, Error> {
    driver_with(Config::new(uri, auth)?)
}

/// A driver with options of your own. As with [`driver`], make it after a `fork`.
///
/// # Errors
/// [`ErrorKind::Config`] if an option is out of range.
pub fn driver_with(config: Config) -> Result<Driver, Error> {
    Driver::with_runtime(Arc::new(Smol::default()), config)
}
