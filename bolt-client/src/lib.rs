//! The Bolt driver, over one small [`runtime::Runtime`] trait. Use it through an adapter crate: `adapter-tokio`,
//! `adapter-smol`, `adapter-async-std` or `adapter-blocking`, each of which exports the whole API.
//!
//! This crate names no socket, no clock and no executor; it spawns nothing and blocks nothing.

/// Whether this bug is planted, for the tests of the tests: never, but in builds with `--cfg planted`.
#[cfg(planted)]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is($crate::planted::Bug::$bug)
    };
}
#[cfg(not(planted))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

mod address;
mod attempts;
mod bookmarks;
mod builders;
mod config;
mod cursor;
mod deadline;
mod driver;
pub mod error;
mod exchange;
mod exclusive;
mod execute;
mod link;
mod managed;
mod open;
#[cfg(planted)]
#[doc(hidden)]
pub mod planted;
mod pool;
mod records;
mod retry;
mod runner;
pub mod runtime;
mod server_info;
mod session;
mod settings;
mod summary;
mod transaction;
mod uri;

pub use address::Address;
pub use bolt_proto::serde::{Serde, as_value};
pub use bolt_proto::types;
pub use bolt_proto::value::{FromValue, ToValue, Value};
pub use bolt_proto::{
    Access, Auth, ConversionError, Cost, Counters, EncodeError, Keys, MinimumSeverity, Notification,
    NotificationFilter, Plan, Position, ProtocolViolation, Query, QueryType, Record, RecordRef, ServerError,
    Status, UsageError, Version, query,
};
pub use bookmarks::{BookmarkManager, Bookmarks};
pub use config::Config;
pub use cursor::{Cursor, CursorHost};
pub use driver::Driver;
pub use error::{Error, ErrorKind, OrAbort};
pub use execute::{EagerResult, ExecuteQuery};
pub use managed::{ExecuteManaged, ManagedTransaction};
pub use pool::PoolCounts;
pub use records::Records;
pub use runner::QueryRunner;
pub use server_info::ServerInfo;
pub use session::{Session, SessionBuilder, SessionOpen, SessionRun};
pub use summary::Summary;
pub use transaction::{BeginTransaction, Transaction, TransactionOpen, TransactionRun};
