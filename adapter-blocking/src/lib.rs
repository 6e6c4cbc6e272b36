//! A driver for Neo4j and other databases that speak Bolt, without an async runtime: plain blocking calls.
//!
//! # Connecting
//!
//! ```toml
//! [dependencies]
//! bolt = { package = "adapter-blocking", path = "…" }
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! ```no_run
//! # use adapter_blocking as bolt;
//! use bolt::{Auth, Error};
//!
//! fn main() -> Result<(), Error> {
//!     let driver = bolt::driver("bolt://localhost:7687", Auth::basic("neo4j", "secret"))?;
//!     driver.verify_connectivity()?;
//!     // … queries …
//!     driver.close();
//!     Ok(())
//! }
//! ```
//!
//! A [`Driver`] holds a pool of connections. Create one per server and process, and clone it where it is needed.
//! [`driver_with`] takes options, which [`Config::from_env`] can read from the environment. [`Driver::warm_up`] opens connections ahead.
//!
//! Every call runs on the thread that makes it, and that thread waits in the socket. There is no executor and nothing to start
//! or shut down; the only threads of the driver look up host names. Inside of an async program a call blocks its thread like any
//! other system call. [`runtime::Blocking`] describes how that works.
//!
//! Calls that take options are builders that end in `.call()`; all others simply return.
//!
#![doc = include_str!("../guide.md")]

mod block_on;
mod builder;
mod cancel;
mod cursor;
mod driver;
mod execute;
mod load;
mod managed;
mod records;
mod runner;
pub mod runtime;
mod session;
mod timers;
mod transaction;

#[doc(inline)]
pub use bolt_client::{
    Access, Address, AsValue, Auth, AuthManager, BasicAuthManager, BearerAuthManager, BlockingAuthManager,
    BlockingManager, BookmarkManager, Bookmarks, BookmarksIter, BoxError, ColumnIndex, Columns, Config,
    ConfigOptions, ConversionError, Cost, Counters, EagerResult, EncodeError, Error, ErrorClass, ErrorKind,
    ExpiringAuth, FetchSize, FromValue, Keys, Limits, LoadRow, Loaded, MinimumSeverity, Notification,
    NotificationFilter, OptionalName, OrAbort, ParseVersionError, Plan, PoolCounts, Position, Query,
    QueryType, Record, RecordIter, RecordRef, RoutingFailure, RoutingTable, Serde, ServerError, ServerInfo,
    Status, Summary, ToValue, Value, Version, Versions, error, ident, list, map, newtype, protocol, query,
    serde, types,
};
#[cfg(feature = "rustls")]
#[doc(inline)]
pub use bolt_client::{ClientCertificate, Tls};
pub use cancel::CancelHandle;
pub use cursor::{Cursor, CursorHost};
pub use driver::Driver;
pub use execute::ExecuteQuery;
pub use load::Load;
pub use managed::{ExecuteManaged, ManagedTransaction};
pub use records::Records;
pub use runner::{QueryRun, QueryRunner};
pub use session::{Session, SessionBuilder, SessionRun};
pub use transaction::{BeginTransaction, Transaction, TransactionRun};

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
    Driver::with_config(config)
}
