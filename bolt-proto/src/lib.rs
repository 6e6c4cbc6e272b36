//! Bolt, the protocol of Neo4j, Memgraph, ArcadeDB and others, as a pure state machine: bytes and requests in,
//! events and bytes out. No I/O, no clock, no randomness, no futures, no `unsafe`, no `std`.
//!
//! It is the core of a driver family, and made for whoever needs the protocol without the driver: proxies, test
//! servers, other transports, other languages.
//!
//! # A whole exchange
//!
//! [`Connection`] is the client's half. This is all there is to driving it; the "socket" here is a list of what a
//! server answers:
//!
//! ```
//! use bolt_proto::{Auth, Connection, Event, Extra, Fetch, Hello, Options, Query};
//!
//! # let mut replies: std::collections::VecDeque<&[u8]> = [
//! #     &b"\x00\x00\x04\x05"[..], // Bolt 5.4
//! #     b"\x00\x03\xB1\x70\xA0\0\0\x00\x03\xB1\x70\xA0\0\0",
//! #     b"\x00\x0D\xB1\x70\xA1\x86fields\x91\x81n\0\0\x00\x04\xB1\x71\x91\x2A\0\0\x00\x03\xB1\x70\xA0\0\0",
//! # ].into();
//! # let mut sent = Vec::new();
//! # let mut write = |bytes: &[u8]| -> usize { sent.extend_from_slice(bytes); bytes.len() };
//! # let mut read = move |space: &mut [u8]| -> usize {
//! #     let reply = replies.pop_front().unwrap_or_default();
//! #     space[..reply.len()].copy_from_slice(reply);
//! #     reply.len()
//! # };
//! let mut connection = Connection::new(Options::default()); // the handshake is queued
//! let mut rows = Vec::new();
//! let mut last = None;
//! 'exchange: loop {
//!     // What is pending goes out in one write.
//!     let written = write(connection.pending_bytes());
//!     connection.wrote(written);
//!     // Bytes are read straight into the parser's buffer; 0 would mean that the server is gone.
//!     let read = read(connection.recv_space());
//!     connection.received(read);
//!     // Events: the head says what comes and for whom, `event` lends the contents.
//!     while let Some(head) = connection.has_event()? {
//!         match connection.event() {
//!             Some(Event::Negotiated(_version)) => {
//!                 // Requests may be queued without waiting for answers: one write for all of them.
//!                 connection.login(&Hello::new("example/1.0"), &Auth::basic("neo4j", "secret"))?;
//!                 let (_, result) = connection.run(&Query::new("RETURN 42 AS n"), &Extra::default())?;
//!                 last = Some(connection.pull(result, Fetch::All)?);
//!             }
//!             Some(Event::Record(row)) => rows.push(row.get::<i64>("n")?),
//!             Some(Event::Success(_)) if head.request == last => break 'exchange,
//!             Some(Event::Failure(error)) => return Err(error.into()),
//!             _ => {}
//!         }
//!     }
//! }
//! connection.goodbye()?;
//! assert_eq!(rows, [42]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//!
//! * **P1** Any split of the inbound bytes gives the same events.
//! * **P2** The bytes out depend on nothing but the calls and the bytes in.
//! * **P3** A request that is refused changes nothing.
//! * **P4** Every request but GOODBYE gets exactly one summary event, in order, unless it was taken back unsent or
//!   the connection ended.
//! * **P5** Garbage yields events or a [`ProtocolViolation`]: never a panic, never more memory than [`Limits`].
//! * **P6** After a violation every call says so.
//! * **P7** Decoding what was encoded gives the same value.
//! * **P8** The [state table](state), printed, equals a committed file.
//!
//! # The other half
//!
//! With the feature `peer` there is the server's half, too: for proxies, test servers and simulators. See the module
//! `peer`.
//!
//! # What it does not do
//!
//! It opens no sockets, keeps no time and retries nothing. Deadlines, pools, routing and TLS are a driver's work.

#![no_std]
// What a peer or a caller hands in must never make it panic.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

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

mod buffer;
mod connection;
mod error;
mod event;
mod handshake;
mod keys;
mod limits;
mod message;
pub mod packstream;
#[cfg(feature = "peer")]
pub mod peer;
#[cfg(planted)]
#[doc(hidden)]
pub mod planted;
mod query;
mod record;
pub mod serde;
pub mod state;
pub mod types;
#[cfg_attr(
    not(test),
    expect(
        clippy::arithmetic_side_effects,
        reason = "calendars and sizes are arithmetic; each operand is bounded where it is made"
    )
)]
pub mod value;
mod version;

pub use crate::serde::Serde;
pub use connection::{Connection, Disposition, Fetch, Options};
pub use error::{
    ConversionError, DecodeError, EncodeError, ErrorClass, Escaped, ProtocolViolation, ServerError,
    UsageError,
};
pub use event::{Event, Head, Kind, RequestId, ResultId};
pub use handshake::Versions;
pub use keys::Keys;
pub use limits::Limits;
pub use message::{
    Access, Api, Auth, BeginSuccess, BoltAgent, Cost, Counters, Extra, Hello, HelloSuccess, Hints,
    LogonSuccess, Metadata, MinimumSeverity, Notification, NotificationFilter, Page, Plan, Position,
    QueryType, ResultEnd, Route, RoutingContext, RoutingTable, RunSuccess, Shape, Status,
};
pub use query::{EncodedParameters, Query, query};
pub use record::{ColumnIndex, Record, RecordIter, RecordRef};
pub use value::{FromValue, ToValue, Value};
#[doc(hidden)]
pub mod __private {
    //! For the expansion of macros.
    pub use alloc::string::String;
    pub use alloc::vec;
}
pub use version::{Capabilities, Filtering, Routing, Utc, Version};
