//! The Bolt protocol of Neo4j, Memgraph, ArcadeDB and others, as a pure state machine.
//!
//! Requests and inbound bytes go in; events and outbound bytes come out. The crate has no I/O, no clock, no
//! randomness, no futures and no `unsafe`, and needs only `alloc`, not `std`.
//!
//! It is the core of a family of drivers (`adapter-tokio`, `adapter-smol`, `adapter-async-std`,
//! `adapter-blocking`). Applications should use one of them. Use this crate for anything that needs the protocol
//! without the driver: proxies, test servers, other transports, bindings for other languages.
//!
//! # A whole exchange
//!
//! [`Connection`] is the client's half of the protocol. This loop is a complete client; its "socket" is a list of
//! answers:
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
//!     // All pending bytes leave in one write.
//!     let written = write(connection.pending_bytes());
//!     connection.wrote(written);
//!     // Bytes are read directly into the receive buffer. Zero means that the server has closed the connection.
//!     let read = read(connection.recv_space());
//!     connection.received(read);
//!     // The head names the kind of the event and its request; `event` borrows the contents.
//!     while let Some(head) = connection.has_event()? {
//!         match connection.event() {
//!             Some(Event::Negotiated(_version)) => {
//!                 // Requests are pipelined: they need not wait for answers, and leave in one write.
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
//! # How it works
//!
//! * **Bytes.** [`Connection::pending_bytes`] is what should be written, and [`wrote`](Connection::wrote) says how
//!   much was. [`recv_space`](Connection::recv_space) is where to read to, and [`received`](Connection::received)
//!   says how much arrived.
//! * **Requests.** Each method that queues a request returns a [`RequestId`]. A request that the server could not
//!   accept is refused with a [`UsageError`] before a byte is queued.
//! * **Events.** [`has_event`](Connection::has_event) returns the [`Head`] of the next event, and
//!   [`event`](Connection::event) its contents, borrowed from the receive buffer.
//! * **Seen and taken.** `has_event` processes ("sees") everything that has arrived. Events may be taken later, but
//!   [`has_more`](Connection::has_more) and [`disposition`](Connection::disposition) are up to date at once, so the
//!   next page can be requested before the rows of this one are taken.
//! * **Errors.** They are divided by responsibility: the caller ([`UsageError`], [`EncodeError`]), the wire
//!   ([`ProtocolViolation`], [`DecodeError`]), the server ([`ServerError`]), a conversion ([`ConversionError`]).
//!
//! # Invariants
//!
//! Each has tests that bear its name:
//!
//! * **P1** Any split of the inbound bytes gives the same events.
//! * **P2** The bytes out depend on nothing but the calls and the bytes in.
//! * **P3** A request that is refused changes nothing.
//! * **P4** Every request but GOODBYE gets exactly one summary event, in order, unless it was taken back unsent or
//!   the connection ended.
//! * **P5** Garbage yields events or a [`ProtocolViolation`]: never a panic, never more memory than [`Limits`].
//! * **P6** After a violation every call returns it.
//! * **P7** Decoding what was encoded gives the same value.
//! * **P8** The [state table](state), printed, equals a committed file.
//!
//! # What it does not do
//!
//! It opens no sockets, measures no time and retries nothing. Deadlines, pools, routing and TLS are the work of a
//! driver.
//!
//! # Where to look next
//!
//! | for | see |
//! |---|---|
//! | queries and their parameters | [`Query`], [`query()`], [`Batch`], [`ident()`], [`value::ToValue`] |
//! | rows and values | [`RecordRef`], [`Record`], [`types`], [`value::FromValue`], [`serde`] |
//! | login and options of transactions | [`Hello`], [`Auth`], [`Extra`] |
//! | the contents of answers | [`Metadata`], [`ResultEnd`] |
//! | which requests are allowed in which state | [`state`] |
//! | differences between versions | [`Version`], [`Capabilities`] |
//! | the encoding itself | [`packstream`] |
//! | the server's half, for proxies, test servers and simulators | the module `peer` (feature `peer`) |
//!
//! # Features
//!
//! | feature | effect |
//! |---|---|
//! | `std` (default) | hash maps as values |
//! | `peer` | the server's half |
//! | `chrono-0_4`, `jiff-0_2`, `time-0_3`, `uuid-1`, `serde_json` | types of these crates as values |

#![no_std]
// No input of a peer or a caller may cause a panic.
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

/// Returns whether this bug is planted, for tests of the tests. Always false except in builds with `--cfg planted`.
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
mod ident;
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
mod secret;
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
pub use ident::{Ident, ident};
pub use keys::Keys;
pub use limits::Limits;
pub use message::{
    Access, Api, Auth, BeginSuccess, BoltAgent, Cost, Counters, Extra, Hello, HelloSuccess, Hints,
    LogonSuccess, Metadata, MinimumSeverity, Notification, NotificationFilter, OwnedMetadata, Page, Plan,
    Position, QueryType, ResultEnd, Route, RoutingContext, RoutingTable, RunSuccess, Shape, Status,
};
#[doc(hidden)]
pub use message::{ExtraRef, Highlights, OwnExtra};
pub use query::{Batch, EncodedParameters, Query, query};
pub use record::{ColumnIndex, Columns, Record, RecordIter, RecordRef};
pub use value::{FromValue, ToValue, Value};
pub use version::{Capabilities, Filtering, ParseVersionError, Routing, Utc, Version};

/// For the expansion of macros.
#[doc(hidden)]
pub mod __private {
    pub use alloc::string::String;
    pub use alloc::vec;

    pub use crate::record::push;
}
