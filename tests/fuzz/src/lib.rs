//! What must hold for any input: one function a target, to be called with any bytes. A panic is a finding.
//!
//! Fuzzers look for such bytes, in the layout of cargo-fuzz:
//!
//! ```text
//! cd tests/fuzz
//! cargo +nightly fuzz run --fuzz-dir . --features libfuzzer -s none packstream
//! ```
//!
//! The plain tests of this crate call each target with its committed corpus and with mutations of it, the same ones
//! every time, so that the stable toolchain sees at once when something that was found is back.
//!
//! | target | what must hold |
//! |---|---|
//! | [`packstream`] | skipping, views and trees agree on a value; what is encoded decodes to the same |
//! | [`typed`] | both ways of reading a type agree, and by serde a value survives the way out and back |
//! | [`splits`] | any split of a server's bytes gives the same events |
//! | [`client`] | whatever a server says and a caller wants, the client's half keeps its promises |
//! | [`peer`] | the same of the server's half |
//! | [`halves`] | no call leads to a request that a strict server refuses, or to an answer that the client refuses |
//! | [`handshake`] | any answer to any proposal ends in a wanted version, a violation, or waiting for more |
//! | [`uri`] | a connection URI is understood or refused, and a password in it is never repeated |

mod client;
mod halves;
mod handshake;
mod outbound;
mod packstream;
mod peer;
mod requests;
mod server;
mod splits;
mod trace;
mod typed;
mod uri;

pub use client::client;
pub use halves::halves;
pub use handshake::handshake;
pub use packstream::packstream;
pub use peer::peer;
pub use splits::splits;
pub use typed::typed;
pub use uri::uri;

/// A target: it panics if something does not hold for these bytes.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its corpus, too.
pub const TARGETS: [(&str, Target); 8] = [
    ("packstream", packstream),
    ("typed", typed),
    ("splits", splits),
    ("client", client),
    ("peer", peer),
    ("halves", halves),
    ("handshake", handshake),
    ("uri", uri),
];
