//! Sessions and transactions against scripted servers.

mod connectivity;
mod cut_off;
mod debugging;
mod dropped;
mod errors;
mod linear;
mod load;
mod memory;
mod options;
mod owned;
mod parked;
mod pipelined;
mod routing;
mod unknown;

use std::time::Duration;

use bolt_proto::state::Message;

use crate::scripted::{Scripted, Task, now};
use crate::{Access, Driver, ErrorKind, Session};

const SECOND: Duration = Duration::from_secs(1);

const UNAVAILABLE: &str = "Neo.TransientError.General.DatabaseUnavailable";
const DEADLOCK: &str = "Neo.TransientError.Transaction.DeadlockDetected";
const SYNTAX: &str = "Neo.ClientError.Statement.SyntaxError";

fn bookmarks(session: &mut Session) -> Vec<String> {
    let bookmarks = now(session.last_bookmarks()).unwrap();
    bookmarks.raw_values().map(str::to_owned).collect()
}
