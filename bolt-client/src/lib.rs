//! The Bolt driver, over one small [`runtime::Runtime`] trait. Use it through an adapter crate: `adapter-tokio`,
//! `adapter-smol`, `adapter-async-std` or `adapter-blocking`, each of which exports the whole API.
//!
//! A library that leaves the runtime to its users depends on this crate in place of an adapter: the async adapters export its types.
//! Functions over `&mut impl` [`QueryRunner`] accept sessions and transactions of each of them.
//!
//! This crate names no socket, no clock and no executor; it spawns nothing and blocks nothing. (An adapter may use its
//! [`runtime::ThreadTimer`], which does.)
//!
//! # Cancellation
//!
//! Any future may be dropped at any await. Each method says under *Cancel safety* what its own work comes to:
//!
//! * *cancel-safe*: nothing is lost. A later call continues as if the dropped one had never been made.
//! * *cancel-clean*: the work is undone. The server rolls it back, and nothing of it is committed.
//! * *cancel-unknown*: only the server knows whether the work was committed. The connection and later calls are unaffected.

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
#[cfg(feature = "arrow-59")]
mod arrow;
mod auth;
mod bookmarks;
mod config;
mod connect;
mod deadline;
mod eager_result;
pub mod error;
mod exchange;
mod exclusive;
mod loaded;
mod no_runtime;
#[cfg(planted)]
#[doc(hidden)]
pub mod planted;
mod record;
pub mod runtime;
#[cfg(test)]
mod scripted;
mod server_info;
mod summary;
mod uri;

/// Details of the protocol, which signatures of other items name.
pub mod protocol {
    pub use bolt_proto::state::{Message, ServerState};
    pub use bolt_proto::{Capabilities, EncodedParameters, Filtering, Routing, Utc};
}

pub use address::Address;
#[doc(hidden)]
pub use api::adapter;
pub use api::cursor::{Cursor, CursorHost};
pub use api::driver::Driver;
pub use api::execute_query::ExecuteQuery;
pub use api::load::{AsValue, Load, LoadRow};
pub use api::managed::{ExecuteManaged, ManagedTransaction};
pub use api::records::Records;
pub use api::runner::{QueryRun, QueryRunner};
pub use api::session::{Session, SessionBuilder, SessionRun};
pub use api::transaction::{BeginTransaction, Transaction, TransactionRun};
pub use auth::{
    AuthManager, BasicAuthManager, BearerAuthManager, BlockingAuthManager, BlockingManager, BoxError,
    ExpiringAuth,
};
pub use bolt_proto::{
    Access, Auth, ColumnIndex, Columns, ConversionError, Cost, Counters, EncodeError, FromValue, Keys,
    Limits, MinimumSeverity, Notification, NotificationFilter, Plan, Position, Query, QueryType, Serde,
    ServerError, Status, ToValue, Value, Version, Versions, ident, list, map, newtype, query, serde, types,
};
pub use bolt_proto::{ErrorClass, ParseVersionError};
pub use bookmarks::{BookmarkManager, Bookmarks, BookmarksIter};
pub use config::{Config, ConfigOptions, FetchSize, OptionalName};
pub use connect::pool::PoolCounts;
pub use connect::routing::RoutingTable;
#[cfg(feature = "rustls")]
pub use connect::tls::{ClientCertificate, Tls};
pub use eager_result::EagerResult;
pub use error::{Error, ErrorKind, OrAbort, RoutingFailure};
pub use loaded::Loaded;
pub use record::{Record, RecordIter, RecordRef};
pub use server_info::ServerInfo;
pub use summary::Summary;
