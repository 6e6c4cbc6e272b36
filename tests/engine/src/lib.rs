//! A graph database that speaks Bolt, in the process of whoever starts it.
//!
//! ```
//! let engine = engine::Engine::start()?;
//! println!("connect to {} as {} / {}", engine.uri(), engine.user(), engine.password());
//! # std::io::Result::Ok(())
//! ```
//!
//! `boltr` speaks the protocol (Bolt 5.1 to 5.4), `graphdblite` answers the queries (openCypher over SQLite), this
//! crate joins them. Neither knows the driver, so that the driver is never tested against its own ideas alone.
//!
//! # What it can do
//!
//! * Auto-commit queries, explicit transactions, several open results in a transaction.
//! * Any number of readers at a time, each with a snapshot of its own, and one writer. A transaction becomes the
//!   writer with its first writing statement, and others wait for it up to [`Builder::lock_timeout`].
//! * Null, booleans, integers, floats, strings, lists, maps and all temporal values, both ways; nodes, relationships
//!   and paths in results.
//! * Read access is enforced, unknown databases are refused, errors carry Neo4j's codes.
//! * A failed statement ends its transaction at once, and RESET, GOODBYE or a lost connection roll it back.
//!
//! # What it cannot do
//!
//! * Bytes and points: refused by name. `elementId()`, constraints, procedures, more than one database, `SHOW`.
//! * Counters in summaries: the engine does not count. Notifications and plans neither.
//! * Column names of `RETURN *` when there is no row.
//! * Stop a statement that runs: RESET is read after it. Its transaction's timeout is looked at between statements.
//! * Hold back the commit of an auto-commit query until its result is read: it is committed when RUN is answered.
//! * Check bookmarks: every transaction sees all that was committed before it began.

mod auth;
mod backend;
mod failures;
mod server;
mod statement;
mod store;
mod transactions;
mod values;

pub use server::{Builder, Engine};
