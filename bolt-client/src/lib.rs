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
mod api;
mod bookmarks;
mod config;
mod connect;
mod deadline;
mod eager_result;
pub mod error;
mod exchange;
mod exclusive;
mod no_runtime;
#[cfg(planted)]
#[doc(hidden)]
pub mod planted;
pub mod runtime;
#[cfg(test)]
mod scripted;
mod server_info;
mod summary;
mod uri;

pub use address::Address;
#[doc(hidden)]
pub use api::adapter;
pub use api::cursor::{Cursor, CursorHost};
pub use api::driver::Driver;
pub use api::execute_query::ExecuteQuery;
pub use api::managed::{ExecuteManaged, ManagedTransaction};
pub use api::records::Records;
pub use api::runner::{QueryRun, QueryRunner};
pub use api::session::{Session, SessionBuilder, SessionRun};
pub use api::transaction::{BeginTransaction, Transaction, TransactionRun};
pub use bolt_proto::serde::{Serde, as_value};
pub use bolt_proto::types;
pub use bolt_proto::value::{FromValue, ToValue, Value};
pub use bolt_proto::{
    Access, Auth, ConversionError, Cost, Counters, EncodeError, Keys, Limits, MinimumSeverity, Notification,
    NotificationFilter, Plan, Position, ProtocolViolation, Query, QueryType, Record, RecordRef, ServerError,
    Status, UsageError, Version, Versions, query,
};
pub use bolt_proto::{DecodeError, ErrorClass, ParseVersionError};
pub use bookmarks::{BookmarkManager, Bookmarks};
pub use config::Config;
pub use connect::pool::PoolCounts;
pub use eager_result::EagerResult;
pub use error::{Error, ErrorKind, OrAbort};
pub use server_info::ServerInfo;
pub use summary::Summary;
