//! Errors of the wire: the peer broke the protocol, or closed the connection.

use core::{fmt, str};

use crate::error::DecodeError;
use crate::state::{Message, ServerState};
use crate::version::Version;

/// The reason why a connection ended. Every later call on the connection returns it as well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolViolation {
    /// The stream ended. Whether that is an error depends on which requests were unanswered.
    #[error("the connection was closed by the peer{}", if *.in_message { " in the middle of a message" } else { "" })]
    EndOfStream {
        /// Whether a message had begun.
        in_message: bool,
    },
    /// The server supports none of the proposed versions.
    #[error(
        "the server supports none of the proposed Bolt versions; allow more versions, or update the server"
    )]
    NoCommonVersion,
    /// The server picked a version that was not proposed.
    #[error("the server chose Bolt {version}, which was not proposed")]
    UnwantedVersion {
        /// The version that the server picked.
        version: Version,
    },
    /// An HTTP server answered.
    #[error("an HTTP server answered; use the Bolt port of the server, usually 7687")]
    HttpServer,
    /// The server answered in TLS.
    #[error(
        "the server answered in TLS: the port is for encrypted connections, or for another protocol, such as HTTPS"
    )]
    TlsServer,
    /// The answer is not Bolt.
    #[error(
        "the answer to the handshake is not Bolt: it begins with {}",
        FirstBytes(bytes)
    )]
    NotBolt {
        /// The first bytes of the answer.
        bytes: [u8; 4],
    },
    /// The server sent a manifest of a version that was not offered.
    #[error("the server sent a handshake manifest of version {version}; only version 1 was offered")]
    UnknownManifest {
        /// The version of the manifest.
        version: u8,
    },
    /// The server sent a manifest with more offers than there are versions.
    #[error("the server's handshake manifest has too many offers: {offers}")]
    ManifestTooLong {
        /// The number of offers that the manifest announces.
        offers: u64,
    },
    /// A variable-length number has no end.
    #[error("a number in the server's handshake manifest has no end")]
    VarintTooLong,
    /// A message exceeds [`Limits::message`](crate::Limits::message).
    #[error("the peer sent a message of over {limit} bytes; raise Limits::message if that is expected")]
    MessageTooLong {
        /// The limit.
        limit: usize,
    },
    /// A message is not a structure, or its tag is unknown.
    #[error("the peer sent something that is not a Bolt message: it begins with {bytes:02X?}")]
    UnknownMessage {
        /// The first two bytes. Missing ones are zero.
        bytes: [u8; 2],
    },
    /// More bytes than [`Limits::buffered`](crate::Limits::buffered) have arrived without being taken.
    #[error(
        "over {limit} bytes have arrived and were not taken; take events before reading more, or raise Limits::buffered"
    )]
    BufferFull {
        /// The limit.
        limit: usize,
    },
    /// A value exceeds [`Limits::nesting`](crate::Limits::nesting).
    #[error(
        "the peer sent values nested over {limit} levels deep; raise Limits::nesting if that is expected"
    )]
    NestedTooDeep {
        /// The limit.
        limit: u16,
    },
    /// A list or a map exceeds [`Limits::collection`](crate::Limits::collection).
    #[error(
        "the peer sent a list or a map of {len} items, but {limit} are allowed; raise Limits::collection if that is expected"
    )]
    CollectionTooLong {
        /// The number of items.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// A message cannot be decoded.
    #[error("the peer sent a message that cannot be decoded: {0}")]
    Malformed(#[from] DecodeError),
    /// The contents of a message do not have the form that the manual defines.
    #[error("the peer sent a message with malformed contents: {what}")]
    Metadata {
        /// The defect of the contents.
        what: &'static str,
    },
    /// A record has a different number of values than its result has columns.
    #[error("the peer sent a record of {values} values for a result of {columns} columns")]
    WrongWidth {
        /// The number of values.
        values: usize,
        /// The number of columns.
        columns: usize,
    },
    /// A row arrived beyond those that PULL requested.
    #[error("the peer sent more rows than were requested")]
    SurplusRow,
    /// The answer says that more rows are left, but the request left none: it was for all rows, or for none.
    #[error("the peer answered {message} with has_more, although the request left no rows")]
    UnexpectedHasMore {
        /// The request.
        message: Message,
    },
    /// The answer belongs to another request: it has columns but does not answer RUN, or answers RUN and has fields
    /// that only the end of a result has.
    #[error(
        "the peer answered {message} with the answer to another request: the connection is desynchronized"
    )]
    Desynchronized {
        /// The request.
        message: Message,
    },
    /// An answer arrived while no request was unanswered.
    #[error("the peer sent {answer} although no request was unanswered")]
    UnsolicitedAnswer {
        /// The kind of the answer.
        answer: &'static str,
    },
    /// The first bytes of a client are not Bolt.
    #[error("the client does not speak Bolt: it begins with {}", FirstBytes(bytes))]
    NotBoltClient {
        /// The first bytes.
        bytes: [u8; 4],
    },
    /// A proposed range goes below minor version 0.
    #[error("the client proposes Bolt {version} and {range} lower minor versions, which do not exist")]
    BadProposal {
        /// The newest version of the range.
        version: Version,
        /// The number of lower versions that the range includes.
        range: u8,
    },
    /// A client chose something that the manifest does not offer.
    #[error(
        "the client chose Bolt {version} with the capabilities {capabilities:#X}, which were not offered"
    )]
    BadChoice {
        /// The version that the client chose.
        version: Version,
        /// The capability bits that the client claims.
        capabilities: u64,
    },
    /// A client sent a request that the version does not have.
    #[error("the client sent {message}, which Bolt {version} does not have")]
    UnknownRequest {
        /// The request.
        message: Message,
        /// The version of this connection.
        version: Version,
    },
    /// A client sent a request that is not allowed in the current state.
    #[error("the client sent {message}, which is illegal in the state {state:?}")]
    IllegalRequest {
        /// The request.
        message: Message,
        /// The current state.
        state: ServerState,
    },
    /// A client sent a value that the version does not have, or that only servers send.
    #[error("the client sent {message} with {value}, which clients do not send in Bolt {version}")]
    UnknownValue {
        /// The request.
        message: Message,
        /// The type of the value in words.
        value: &'static str,
        /// The version of the connection.
        version: Version,
    },
    /// The fields of a request do not match its kind.
    #[error("the client sent a malformed {message}: {what}")]
    MalformedRequest {
        /// The request.
        message: Message,
        /// The defect of the request.
        what: &'static str,
    },
    /// The answer is not possible for this request in the current state.
    #[error("the peer answered {message} with {answer}, which is not a possible answer in this state")]
    UnexpectedAnswer {
        /// The request.
        message: Message,
        /// The kind of the answer.
        answer: &'static str,
    },
}

/// The first bytes of a peer that does not speak Bolt: shown as text if they are printable.
struct FirstBytes<'a>(&'a [u8; 4]);

impl fmt::Display for FirstBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = self;
        match str::from_utf8(*bytes) {
            Ok(text) if bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) => write!(f, "{text:?}"),
            _ => write!(f, "{bytes:02X?}"),
        }
    }
}

impl ProtocolViolation {
    /// Creates the error for a message with an unknown tag.
    pub(crate) fn unknown_message(message: &[u8]) -> Self {
        let mut bytes = message.iter().copied();
        Self::UnknownMessage {
            bytes: [bytes.next().unwrap_or(0), bytes.next().unwrap_or(0)],
        }
    }

    /// Returns whether the peer closed the connection instead of violating the protocol.
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
    fn the_first_bytes_of_another_protocol_are_quoted_as_text_if_they_are_printable() {
        let says = |bytes: &[u8; 4]| ProtocolViolation::NotBolt { bytes: *bytes }.to_string();
        assert!(says(b"SSH-").ends_with(r#"begins with "SSH-""#));
        assert!(says(b"\x00SQL").ends_with("begins with [00, 53, 51, 4C]"));
    }
}
