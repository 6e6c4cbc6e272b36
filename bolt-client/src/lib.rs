//! The Bolt driver, over one small [`runtime::Runtime`] trait. Use it through an adapter crate: `adapter-tokio`,
//! `adapter-smol`, `adapter-async-std` or `adapter-blocking`, each of which exports the whole API.
//!
//! This crate names no socket, no clock and no executor; it spawns nothing and blocks nothing.

mod address;
mod config;
mod deadline;
mod driver;
pub mod error;
mod exchange;
mod exclusive;
mod execute;
mod link;
mod open;
mod pool;
mod records;
pub mod runtime;
mod server_info;
mod session;
mod summary;
mod transaction;
mod uri;

pub use address::Address;
pub use bolt_proto::serde::Serde;
pub use bolt_proto::types;
pub use bolt_proto::value::{FromValue, ToValue, Value};
pub use bolt_proto::{
    Access, Auth, ConversionError, Counters, EncodeError, Keys, ProtocolViolation, Query, QueryType, Record,
    RecordRef, ServerError, UsageError, Version, query,
};
pub use config::Config;
pub use driver::Driver;
pub use error::{Error, ErrorKind};
pub use execute::{EagerResult, ExecuteQuery};
pub use pool::PoolCounts;
pub use records::Records;
pub use server_info::ServerInfo;
pub use session::{Session, SessionBuilder, SessionRun};
pub use summary::Summary;
pub use transaction::{BeginTransaction, Transaction, TransactionRun};
