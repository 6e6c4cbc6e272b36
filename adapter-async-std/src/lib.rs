//! A driver for Neo4j and other databases that speak Bolt, on async-std.
//!
//! async-std is discontinued: new programs should take `adapter-smol`. This adapter is for programs that run on async-std
//! already. It uses that library's sockets and name look-ups.
//!
//! # Connecting
//!
//! ```toml
//! [dependencies]
//! bolt = { package = "adapter-async-std", path = "…" }
//! async-std = "1"
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! ```no_run
//! # use adapter_async_std as bolt;
//! use bolt::{Auth, Error};
//!
//! fn main() -> Result<(), Error> {
//!     async_std::task::block_on(async {
//!         let driver = bolt::driver("bolt://localhost:7687", Auth::basic("neo4j", "secret"))?;
//!         driver.verify_connectivity().await?;
//!         // … queries …
//!         driver.close().await;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! A [`Driver`] holds a pool of connections. Create one per server and process, and clone it where it is needed.
//! [`driver_with`] takes options, which [`Config::from_env`] can read from the environment. [`Driver::warm_up`] opens connections ahead.
//!
//! The driver spawns no tasks: everything runs on the caller's. See [`runtime::AsyncStd`].
//!
#![doc = include_str!("../guide.md")]

pub mod runtime;

use std::sync::Arc;

#[doc(inline)]
pub use bolt_client::{
    Access, Address, AsValue, Auth, AuthManager, BasicAuthManager, BearerAuthManager, BeginTransaction,
    BlockingAuthManager, BlockingManager, BookmarkManager, Bookmarks, BookmarksIter, BoxError, ColumnIndex,
    Columns, Config, ConfigOptions, ConversionError, Cost, Counters, Cursor, CursorHost, Driver, EagerResult,
    EncodeError, Error, ErrorClass, ErrorKind, ExecuteManaged, ExecuteQuery, ExpiringAuth, FetchSize,
    FromValue, Keys, Limits, Load, LoadRow, Loaded, ManagedTransaction, MinimumSeverity, Notification,
    NotificationFilter, OptionalName, OrAbort, ParseVersionError, Plan, PoolCounts, Position, Query,
    QueryRun, QueryRunner, QueryType, Record, RecordIter, RecordRef, Records, RoutingFailure, RoutingTable,
    Serde, ServerError, ServerInfo, Session, SessionBuilder, SessionRun, Status, Summary, ToValue,
    Transaction, TransactionRun, Value, Version, Versions, error, ident, list, map, newtype, protocol, query,
    serde, types,
};
#[cfg(feature = "rustls")]
#[doc(inline)]
pub use bolt_client::{ClientCertificate, Tls};

use runtime::AsyncStd;

/// Creates a driver for the server at `uri`: `bolt://host[:port]`, or `bolt+s://` for TLS (see [`Config::new`]). No connection is opened before the first query.
///
/// A program that calls `fork` creates its drivers after the fork, one in each process. Otherwise parent and child share sockets
/// and read each other's answers.
///
/// # Errors
/// If the URI is invalid: [`ErrorKind::Config`].
pub fn driver(uri: &str, auth: impl AuthManager) -> Result<Driver, Error> {
    driver_with(Config::new(uri, auth)?)
}

/// Creates a driver with the options of `config`, which [`Config::from_env`] reads from the environment. As with
/// [`driver`], create it after a `fork`.
///
/// # Errors
/// If an option is out of range: [`ErrorKind::Config`].
pub fn driver_with(config: Config) -> Result<Driver, Error> {
    Driver::with_runtime(Arc::new(AsyncStd::default()), config)
}
