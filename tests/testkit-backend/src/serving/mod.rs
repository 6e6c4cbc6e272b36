//! From requests to calls of the driver.
//!
//! This folder is compiled twice: in `asynchronous` and in `blocking`. They differ in the types of the driver, and in the
//! macros that run a call, `go!` and `wait!`.

pub(super) mod connection;
mod driver;
mod results;
mod session;
mod transaction;

use super::{Cursor, CursorHost, Driver, QueryRunner, Session, driver as new_driver, run};
