//! A simulated world: the whole driver on a simulated runtime, network and server, under random programs.
//!
//! One seed determines everything: latency, fragmentation, what breaks and when, how the server reacts, which task is
//! polled next, and which future is dropped at which await. Time is virtual, there is one thread, and nothing sleeps,
//! so a seed always means the same world. A state without events but with waiting tasks is a deadlock, and is detected
//! at once.
//!
//! # Terms
//!
//! * *Weather*: how the network and the server of a world behave, and how its driver is configured (`weather`).
//! * *Extremes*: the rare part of the weather. Threads stall while tasks are ready, transports buffer until they are
//!   flushed, servers *babble* (send keep-alives without end), results exceed any buffer, a look-up or a connect
//!   panics, a name has silent addresses, firewalls drop idle connections, connections are encrypted, users log in (`extremes`;
//!   `SIM_SWITCHES=stalls,long` enables only the named ones, and only the named rules).
//! * *Program*: the random calls of a world's tasks; a *player* makes them on a driver (`program`, `play`).
//! * *Judges*: the checks of what calls return and of what the server sees (`oracle`, `history`, `causality`).
//!
//! # Rules
//!
//! * Rows are those of the model, in order, none lost or repeated, whatever was dropped on the way.
//! * Each call ends by its deadline, to the nanosecond. None reports a timeout before its time, or although the answer
//!   to its commit lies in the socket. Where nothing goes wrong, nothing times out. (A stalled thread is excused.)
//! * Callers learn the truth about commits. After success a write is applied exactly once. After any error except
//!   `UnknownCommit`, and when its transaction was rolled back or dropped, it is not applied. After `UnknownCommit`, or
//!   if the call was dropped while it ran, it is applied at most once. If its result was dropped unread it is applied
//!   exactly once, unless that connection broke, the server failed, or the driver was dropped or out of time.
//! * Transaction functions are retried only if that may help: never after an abort, a final failure, an unknown commit,
//!   their deadline or the end of the retry budget. The rows that an attempt reads are its own.
//! * A load applies its rows in order, in the batches that its limits make of them, each exactly once, unless its commit
//!   was reported unknown. A batch begins once the one before it is committed, and is reported as soon as that is known; what
//!   a failed load says about its progress is what is committed. Rows are asked for at most one batch ahead.
//! * A transaction carries the bookmarks that its session or manager must know by then, and none that those replace.
//!   Its reader sees what was reported to it before, although servers lag as far as bookmarks permit.
//! * A dropped read, or a dropped transaction, ends on the server within round trips.
//! * A session finishes its dropped writes before it begins anything else, and knows their bookmarks.
//! * No poll reads forever, and a runtime that panics in one call does not affect others.
//! * A cursor reads the rows of its own query, interleaved with others in any order; it is refused after its
//!   transaction.
//! * A server with telemetry enabled learns which part of the API is used; other servers do not.
//! * No caller gets the failure of another. A broken connection causes at most one caller's error, and none for work
//!   that began after it broke.
//! * The server gets no request that is illegal in its state, COMMIT never finds an open result, and no more rows are
//!   requested than a reader's page allows.
//! * The pool never exceeds its size, and no caller waits while a connection could be had.
//! * Each query runs as the user that its caller wants, under the driver's present token or a later one. The manager of
//!   tokens is called once at a time. Its failure is that of the calls that waited for it. Credentials that a server has
//!   refused repeatedly are left alone for a while.
//! * At rest nothing is in use, no caller waits, and no transaction is open. When the driver is gone, neither side
//!   holds a connection, a lock or a timer.
//!
//! In worlds with a cluster (`cluster`):
//!
//! * A transaction reaches the database, and the home database of the user, that its session means.
//! * A session stays in the home database that it has found, although its user may get another one.
//! * In a cluster to which nothing happens, no write reaches a server that does not lead its database, and no work a
//!   server without it.
//! * No write goes to a server after a caller was refused there, unless a newer table names the server.
//! * Followers lag as far as bookmarks permit, on whatever server: the rules about bookmarks above hold all the same.
//! * Servers are asked for tables at most as often as tables expire, calls fail or are dropped, and sessions use home
//!   databases.
//! * Once nothing happens any more, each database can be read and written within round trips, without a pause, and no
//!   connection is idle to a server that is in no table.
//!
//! The driver's promises about openings and evidence are checked in small worlds (`promises`); that it accumulates
//! nothing, and that costs are proportional, in `tests/linear.rs`.

mod causality;
mod clock;
mod cluster;
mod database;
mod executor;
mod extremes;
mod history;
mod loads;
mod logins;
mod net;
mod oracle;
mod play;
mod program;
mod promises;
#[cfg(test)]
mod regressions;
#[cfg(test)]
mod regressions_logins;
#[cfg(test)]
mod regressions_tls;
mod rng;
mod runtime;
mod server;
mod state;
mod statement;
mod tls;
mod weather;
mod world;

pub use promises::{
    HERD, delayed_by_a_dropped_search, delayed_by_a_hung_opening, replaced_after_a_message_of_tls,
    requests_of_a_herd,
};
pub use world::{Outcome, World};
