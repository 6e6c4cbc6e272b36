//! The Bolt driver without an async runtime: plain blocking calls.
//!
//! Every call runs on the thread that makes it, and that thread really waits in the socket: there is no executor, no
//! thread in the background but for looking host names up, and nothing to start or to shut down. It may be called from
//! within an async program, where it blocks like any other system call. [`runtime::Blocking`] describes how it works.
//!
//! ```no_run
//! use adapter_blocking::{Access, Auth, EagerResult};
//!
//! fn main() -> Result<(), adapter_blocking::Error> {
//!     let driver = adapter_blocking::driver("bolt://localhost:7687", Auth::basic("neo4j", "secret"))?;
//!     let EagerResult { records, summary, .. } = driver
//!         .execute_query("MATCH (a:Person) WHERE a.age > $age RETURN a.name AS name")
//!         .param("age", 18)
//!         .routing(Access::Read)
//!         .call()?;
//!     for record in &records {
//!         println!("{}", record.get::<&str>("name")?);
//!     }
//!     println!("{} people in {:?}", records.len(), summary.database());
//!     driver.close();
//!     Ok(())
//! }
//! ```
//!
//! Sessions are for transactions of several queries, and for results that are read row by row:
//!
//! ```no_run
//! # fn example(driver: adapter_blocking::Driver) -> Result<(), adapter_blocking::Error> {
//! let mut session = driver.session().database("neo4j").build();
//! let mut tx = session.begin_transaction().call()?;
//! tx.run("MERGE (:Person {name: $name})").param("name", "Ada").call()?;
//! for person in tx.run("MATCH (a:Person) RETURN a.name AS name").call()? {
//!     println!("{}", person?.get::<&str>("name")?);
//! }
//! tx.commit()?;
//! # Ok(()) }
//! ```
//!
//! A call may take until its `deadline`, if it has one; before that, a [`CancelHandle`] ends it from another thread.

mod block_on;
mod builder;
mod cancel;
mod cursor;
mod driver;
mod execute;
mod managed;
mod records;
mod runner;
pub mod runtime;
mod session;
mod transaction;

#[doc(inline)]
pub use bolt_client::{
    Access, Address, Auth, BookmarkManager, Bookmarks, Config, ConversionError, Cost, Counters, EagerResult,
    EncodeError, Error, ErrorKind, FromValue, Keys, Limits, MinimumSeverity, Notification,
    NotificationFilter, OrAbort, Plan, PoolCounts, Position, ProtocolViolation, Query, QueryType, Record,
    RecordRef, Serde, ServerError, ServerInfo, Status, Summary, ToValue, UsageError, Value, Version,
    Versions, as_value, error, query, types,
};
#[doc(inline)]
pub use bolt_client::{DecodeError, ErrorClass, ParseVersionError};
pub use cancel::CancelHandle;
pub use cursor::{Cursor, CursorHost};
pub use driver::Driver;
pub use execute::ExecuteQuery;
pub use managed::{ExecuteManaged, ManagedTransaction};
pub use records::Records;
pub use runner::{QueryRun, QueryRunner};
pub use session::{Session, SessionBuilder, SessionRun};
pub use transaction::{BeginTransaction, Transaction, TransactionRun};

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
    Driver::with_config(config)
}
