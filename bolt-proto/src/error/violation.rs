//! The peer broke the protocol, or left.

use core::{fmt, str};

use crate::error::DecodeError;
use crate::state::{Message, ServerState};
use crate::version::Version;

/// Why a connection is over. After one of these every call on the connection says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolViolation {
    /// The stream ended. Whether that is anybody's fault depends on what was unanswered.
    #[error("the connection was closed by the peer{}", if *.in_message { " in the middle of a message" } else { "" })]
    EndOfStream {
        /// Whether a message had begun.
        in_message: bool,
    },
    /// The server speaks none of the proposed versions.
    #[error("the server speaks none of the Bolt versions that were proposed")]
    NoCommonVersion,
    /// The server picked a version that was not proposed.
    #[error("the server chose Bolt {version}, which was not proposed")]
    UnwantedVersion {
        /// What it picked.
        version: Version,
    },
    /// An HTTP server answered.
    #[error("an HTTP server answered; Bolt has a port of its own, usually 7687")]
    HttpServer,
    /// A server answered that wants to be spoken to in TLS.
    #[error(
        "the server answered in TLS: its port is for encrypted connections, or of something else, such as HTTPS"
    )]
    TlsServer,
    /// Something answered that is no Bolt server.
    #[error(
        "the answer to the handshake is not Bolt: it begins with {}",
        Beginning(bytes)
    )]
    NotBolt {
        /// The first bytes of the answer.
        bytes: [u8; 4],
    },
    /// A manifest of a version that nobody asked for.
    #[error("the server sent a handshake manifest of version {version}; only version 1 was offered")]
    UnknownManifest {
        /// Its version.
        version: u8,
    },
    /// A manifest with more offers than there are versions.
    #[error("the server's handshake manifest has {offers} offers")]
    ManifestTooLong {
        /// How many it announced.
        offers: u64,
    },
    /// A variable-length number without an end.
    #[error("a number in the server's handshake manifest has no end")]
    VarintTooLong,
    /// A message beyond [`Limits::message`](crate::Limits::message).
    #[error("the peer sent a message of over {limit} bytes; raise the limit if that is meant")]
    MessageTooLong {
        /// The limit.
        limit: usize,
    },
    /// The message is no structure, or carries a tag that no message of the peer has.
    #[error("the peer sent something that is no message of Bolt: it begins with {bytes:02X?}")]
    UnknownMessage {
        /// The first two bytes, zero if missing.
        bytes: [u8; 2],
    },
    /// More has arrived than [`Limits::buffered`](crate::Limits::buffered) while nobody took it.
    #[error(
        "over {limit} bytes have arrived and were not taken; take events before reading on, or raise the limit"
    )]
    BufferFull {
        /// The limit.
        limit: usize,
    },
    /// Values beyond [`Limits::nesting`](crate::Limits::nesting).
    #[error("the peer sent values nested over {limit} levels deep; raise the limit if that is meant")]
    NestedTooDeep {
        /// The limit.
        limit: u16,
    },
    /// A list or a map beyond [`Limits::collection`](crate::Limits::collection).
    #[error(
        "the peer sent a list or a map of {len} items, and {limit} are allowed; raise the limit if that is meant"
    )]
    CollectionTooLong {
        /// How many it has.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// A message cannot be decoded.
    #[error("the peer sent a message that cannot be decoded: {0}")]
    Malformed(#[from] DecodeError),
    /// What a message carries has not the shape that the manual gives it.
    #[error("the peer sent a message whose content {what}")]
    Metadata {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A record has another number of values than its result has columns.
    #[error("the peer sent a record of {values} values for a result of {columns} columns")]
    WrongWidth {
        /// How many values it has.
        values: usize,
        /// How many columns were announced.
        columns: usize,
    },
    /// A row beyond those that PULL has asked for.
    #[error("the peer sent more rows than were asked for")]
    SurplusRow,
    /// An answer that says that the result goes on, to a request that leaves nothing of it: one for all rows, or for
    /// none.
    #[error(
        "the peer answered {message} by saying that more rows are left, although none were left to ask for"
    )]
    NothingLeft {
        /// The request.
        message: Message,
    },
    /// An answer that belongs to another request: it has columns without being that to RUN, or is that to RUN and has
    /// what only the end of a result has.
    #[error("the peer answered {message} with what answers another request: the two sides are out of step")]
    OutOfStep {
        /// The request.
        message: Message,
    },
    /// An answer that nothing was asked for.
    #[error("the peer sent {answer} although no request was unanswered")]
    Unasked {
        /// Which kind of answer.
        answer: &'static str,
    },
    /// The first bytes of a client are not Bolt's.
    #[error("the client does not speak Bolt: it begins with {}", Beginning(bytes))]
    NotBoltClient {
        /// The first bytes.
        bytes: [u8; 4],
    },
    /// A proposal whose range goes below minor version 0.
    #[error("the client proposes Bolt {version} and {range} lower minor versions, which do not exist")]
    BadProposal {
        /// The newest version of the proposal.
        version: Version,
        /// How many lower ones it includes.
        range: u8,
    },
    /// A client chose from the manifest what is not in it.
    #[error(
        "the client chose Bolt {version} with the capabilities {capabilities:#X}, which were not offered"
    )]
    BadChoice {
        /// What it chose.
        version: Version,
        /// The capability bits that it claims.
        capabilities: u64,
    },
    /// A request that the version does not have.
    #[error("the client sent {message}, which Bolt {version} does not have")]
    UnknownRequest {
        /// The request.
        message: Message,
        /// The version of this connection.
        version: Version,
    },
    /// A request that is not allowed where the connection stands.
    #[error("the client sent {message}, which is illegal in the state {state:?}")]
    IllegalRequest {
        /// The request.
        message: Message,
        /// Where the connection stands.
        state: ServerState,
    },
    /// A request whose fields are not those of its kind.
    #[error("the client sent a {message} whose {what}")]
    MalformedRequest {
        /// The request.
        message: Message,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An answer that this request cannot have where the connection stands.
    #[error("the peer answered {message} with {answer}, which is impossible here")]
    Impossible {
        /// The request.
        message: Message,
        /// Which kind of answer.
        answer: &'static str,
    },
}

/// What somebody says who does not speak Bolt: as text, if it is text.
struct Beginning<'a>(&'a [u8; 4]);

impl fmt::Display for Beginning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = self;
        match str::from_utf8(*bytes) {
            Ok(text) if bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) => write!(f, "{text:?}"),
            _ => write!(f, "{bytes:02X?}"),
        }
    }
}

impl ProtocolViolation {
    /// A message that nobody knows.
    pub(crate) fn unknown(message: &[u8]) -> Self {
        let mut bytes = message.iter().copied();
        Self::UnknownMessage {
            bytes: [bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)],
        }
    }

    /// Whether the peer just went away instead of saying something wrong.
    #[must_use]
    pub const fn is_end_of_stream(&self) -> bool {
        matches!(self, Self::EndOfStream { .. })
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn who_does_not_speak_bolt_is_quoted_in_words_if_they_are_words() {
        let says = |bytes: &[u8; 4]| ProtocolViolation::NotBolt { bytes: *bytes }.to_string();
        assert!(says(b"SSH-").ends_with(r#"begins with "SSH-""#));
        assert!(says(b"\x00SQL").ends_with("begins with [00, 53, 51, 4C]"));
    }
}
