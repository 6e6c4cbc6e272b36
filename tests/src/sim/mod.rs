//! A simulated world: the whole driver on a simulated runtime, network and server, under random programs.
//!
//! One seed decides everything: latency, fragmentation, what breaks and when, what the server thinks of a request, which
//! task is polled next, and which future is dropped at which await. Time is virtual, there is one thread, and nothing
//! sleeps, so a seed always means the same world. If nothing is going to happen and somebody still waits, that is a
//! deadlock, and found at once.
//!
//! # Weather
//!
//! Beside what breaks, slows down or cuts into pieces: threads that poll stand still while tasks are ready, transports keep
//! what was written until it is flushed, servers answer by keep-alives without end, results are far longer than any buffer,
//! a look-up or a connect panics, a name stands for addresses that are silent, and firewalls forget idle connections
//! (`extremes`; `SIM_SWITCHES=stalls,long` has only these, and only the judges that are named).
//!
//! # What is judged
//!
//! * Rows are those of the model, in order, none lost or told twice, whatever was dropped on the way.
//! * Each call ends by its deadline, to the nanosecond, and none says that its time is up before it is, or although the answer
//!   to its commit lies in the socket. Where nothing goes wrong, nothing times out. (A thread that stands still is excused.)
//! * Callers are told the truth about commits: after success a write is applied exactly once;
//!   after any error but `UnknownCommit`, and when its transaction was rolled back or dropped, not at all; after
//!   `UnknownCommit`, or if the call was dropped while it ran, at most once; if its result was dropped unread, exactly
//!   once, unless that connection broke, the server failed, or the driver was dropped or out of time.
//! * Transaction functions are called again only when that may help: never behind an abort, a final failure, a commit of
//!   which nobody knows, their deadline or the end of the budget; and the rows that an attempt reads are its own.
//! * A transaction carries the bookmarks that its session, or its manager, has to know by then, and none that those stand
//!   for; and its reader sees what it was told of before, although servers lag behind as far as bookmarks permit.
//! * A read that was dropped, and a transaction that was, is over on the server within round trips.
//! * A session finishes what it dropped before it begins anything else, and knows the bookmark of that.
//! * No poll reads for ever, and a runtime that panics in one call harms no other.
//! * A cursor reads the rows of its own query, in any order with others; when its transaction is over it is refused.
//! * A server that wants to know which part of the API is used is told so, and no other.
//! * Nobody is told of another's failure, and a connection that breaks is at most one caller's loss: nobody's whose work
//!   began after it.
//! * The server is asked for nothing that is illegal in its state, COMMIT never finds an open result, and no more rows
//!   are asked for than a reader's page allows.
//! * The pool never has more connections than it may, and nobody waits while there is something to be had.
//! * At rest nothing is on loan, nobody waits, and no transaction is open; when the driver is gone, neither side holds
//!   a connection, a lock or a timer.
//!
//! What the driver promises of openings and of evidence is judged in small worlds (`promises`); that it keeps nothing, and
//! costs in proportion, in `tests/linear.rs`.

mod causality;
mod clock;
mod database;
mod executor;
mod extremes;
mod history;
mod net;
mod oracle;
mod play;
mod program;
mod promises;
#[cfg(test)]
mod regressions;
mod rng;
mod runtime;
mod server;
mod state;
mod statement;
mod weather;
mod world;

pub use promises::held_up_by_a_hung_opening;
pub use world::{Outcome, World};
