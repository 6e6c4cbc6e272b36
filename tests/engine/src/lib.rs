//! A graph database that speaks Bolt, inside the calling process.
//!
//! ```
//! let engine = engine::Engine::start()?;
//! println!("connect to {} as {} / {}", engine.uri(), engine.user(), engine.password());
//! # std::io::Result::Ok(())
//! ```
//!
//! `boltr` speaks the protocol (Bolt 5.1 to 5.4), `graphdblite` executes the queries (openCypher over SQLite), and this
//! crate connects them. Neither shares code with the driver, so the driver is also tested against independent
//! implementations.
//!
//! # Features
//!
//! * Auto-commit queries, explicit transactions, several open results in a transaction.
//! * Any number of concurrent readers, each with its own snapshot, and one writer. A transaction becomes the writer
//!   with its first writing statement; others wait for it, at most [`Builder::lock_timeout`].
//! * Null, booleans, integers, floats, strings, lists, maps and all temporal values, in both directions; nodes,
//!   relationships and paths in results.
//! * Read access is enforced, unknown databases are refused, errors carry Neo4j's codes.
//! * A failed statement ends its transaction at once; RESET, GOODBYE or a lost connection roll it back.
//!
//! # Limitations
//!
//! * Bytes and points are refused with a clear error. There are no `elementId()`, constraints, procedures, further
//!   databases or `SHOW`.
//! * Summaries have no counters, notifications or plans.
//! * Results without rows have no column names for `RETURN *`.
//! * A running statement cannot be stopped: RESET is read after it. A transaction's timeout is checked between
//!   statements.
//! * An auto-commit query is committed when RUN is answered, not when its result has been read.
//! * Bookmarks are not checked: every transaction sees everything that was committed before it began.

mod auth;
mod backend;
mod failures;
mod server;
mod statement;
mod store;
mod transactions;
mod values;

pub use server::{Builder, Engine};
