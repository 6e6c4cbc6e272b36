//! The Bolt driver on tokio.
//!
//! Everything runs on the caller's own tasks: the driver spawns nothing and starts no thread. Host names are looked up on
//! tokio's own pool of blocking threads. The driver needs a runtime with I/O and time enabled, as `#[tokio::main]`,
//! `#[tokio::test]` and `Builder::enable_all` make it; both the multi-threaded and the current-thread kind will do. Where
//! there is none, calls fail at once with an error that says so. A driver may be shared between runtimes, and may
//! outlive one: see [`runtime::Tokio`].
//!
//! ```no_run
//! use adapter_tokio::{Access, Auth, EagerResult};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), adapter_tokio::Error> {
//!     let driver = adapter_tokio::driver("bolt://localhost:7687", Auth::basic("neo4j", "secret"))?;
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

use runtime::Tokio;

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
    Driver::with_runtime(Arc::new(Tokio::default()), config)
}
