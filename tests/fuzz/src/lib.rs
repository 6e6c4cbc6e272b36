//! Invariants that hold for any input: one function per target, to be called with any bytes. A panic is a finding.
//!
//! Fuzzers search for such bytes, in the layout of cargo-fuzz:
//!
//! ```text
//! cd tests/fuzz
//! cargo +nightly fuzz run --fuzz-dir . --features libfuzzer -s none packstream
//! ```
//!
//! The plain tests of this crate call each target with its committed corpus and with fixed mutations of it, so that the
//! stable toolchain detects regressions at once.
//!
//! | target | invariant |
//! |---|---|
//! | [`packstream`] | skipping, views and trees agree on a value; what is encoded decodes to the same |
//! | [`typed`] | both ways of reading a type agree, and a value survives a round trip through serde |
//! | [`splits`] | any split of a server's bytes gives the same events |
//! | [`client`] | the client's half keeps its invariants for any server and any caller |
//! | [`peer`] | the server's half keeps its invariants for any client and any answers |
//! | [`halves`] | no call leads to a request that a strict server refuses, or to an answer that the client refuses |
//! | [`handshake`] | any answer to any proposal ends in a proposed version, a violation, or waiting for more |
//! | [`texts`] | a date, a time, a duration or a UUID that is read from a text is shown in a form that means the same; a name in quotes is one name |
//! | [`summary`] | all that a summary may say is read without a panic, as often as it is asked for |
//! | [`rows`] | a batch contains the rows that were added; columns contain what rows contain; markers of other formats are not sent |
//! | [`uri`] | a connection URI is accepted or refused, and a password in it is never repeated |

mod client;
mod halves;
mod handshake;
mod outbound;
mod packstream;
mod peer;
mod requests;
mod rows;
mod server;
mod splits;
mod summary;
mod texts;
mod trace;
mod typed;
mod uri;

pub use client::client;
pub use halves::halves;
pub use handshake::handshake;
pub use packstream::packstream;
pub use peer::peer;
pub use rows::rows;
pub use splits::splits;
pub use summary::summary;
pub use texts::texts;
pub use typed::typed;
pub use uri::uri;

/// A target: it panics if an invariant does not hold for these bytes.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its corpus.
pub const TARGETS: [(&str, Target); 11] = [
    ("packstream", packstream),
    ("typed", typed),
    ("splits", splits),
    ("client", client),
    ("peer", peer),
    ("halves", halves),
    ("handshake", handshake),
    ("texts", texts),
    ("summary", summary),
    ("rows", rows),
    ("uri", uri),
];
