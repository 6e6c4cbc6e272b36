//! Errors of the caller: requests that cannot be sent.

use alloc::format;
use alloc::string::String;

use crate::error::{EncodeError, ProtocolViolation};
use crate::state::{Message, ServerState};
use crate::version::Version;

/// An error for a request that was refused. Nothing was queued, and the connection is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The handshake is not complete.
    #[error("{message} was sent before a protocol version was negotiated; wait for Event::Negotiated")]
    NotNegotiated {
        /// The refused request.
        message: Message,
    },
    /// The server would fail the request and close the connection.
    #[error("{message} is not allowed in the state {state:?} of the connection")]
    Illegal {
        /// The refused request.
        message: Message,
        /// The state of the server once everything sent so far has succeeded.
        state: ServerState,
    },
    /// The request must wait for answers: the server closes the connection on it if an earlier request fails.
    #[error(
        "{message} must wait for the answer to {after}: servers close the connection on it after a failure"
    )]
    Unanswered {
        /// The refused request.
        message: Message,
        /// An unanswered request that could fail.
        after: Message,
    },
    /// RESET must not overtake this request: servers close the connection on that.
    #[error(
        "RESET must wait for the answer to {unanswered}: RESET would overtake it, and servers close the connection on that"
    )]
    Overtakes {
        /// The unanswered request.
        unanswered: Message,
    },
    /// The result has ended, or is not of this connection.
    #[error("{message} refers to a result that has ended; run the query again to get a new one")]
    NoSuchResult {
        /// The refused request.
        message: Message,
    },
    /// Rows of the result were requested, and their end has not arrived.
    #[error("{message} must wait until the requested rows of this result have arrived")]
    PageInFlight {
        /// The refused request.
        message: Message,
    },
    /// The result is not the newest one, and the server has not reported its query id yet.
    #[error("{message} on a result that is not the newest must wait for the answer to its RUN")]
    NoQueryId {
        /// The refused request.
        message: Message,
    },
    /// COMMIT would silently drop the rows that were not requested.
    #[error("COMMIT would lose the unread part of an open result; pull or discard all of it first")]
    OpenResult,
    /// Options were passed to a query inside a transaction.
    #[error("a query inside a transaction takes no options; pass them to BEGIN")]
    ExtraInTransaction,
    /// The fetch size is zero.
    #[error("fetch size must be at least 1, or all")]
    ZeroFetchSize,
    /// The negotiated version does not support this.
    #[error("{what} needs Bolt {needs} or newer; this connection uses {has}")]
    Version {
        /// The feature.
        what: String,
        /// The first version that supports it.
        needs: Version,
        /// The version of this connection.
        has: Version,
    },
    /// The form of a date-time with an offset or a zone is not known yet. 4.3 and 4.4 have two forms, and the
    /// answer to HELLO decides between them.
    #[error(
        "a date-time with an offset or a zone must wait for the answer to HELLO, which decides on its form"
    )]
    DateTimeFormUnknown,
    /// A parameter or another value cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The connection has ended.
    #[error("the connection has ended: {0}")]
    Ended(ProtocolViolation),
    /// GOODBYE was sent.
    #[error("{message} cannot be sent after GOODBYE; open another connection")]
    Goodbye {
        /// The refused request.
        message: Message,
    },
}

impl UsageError {
    /// Creates the error for a feature that the version does not have.
    pub(crate) fn impersonation(user: &str, has: Version) -> Self {
        Self::unsupported(format!("impersonating the user {user:?}"), Version::V4_4, has)
    }

    pub(crate) fn unsupported(what: impl Into<String>, needs: Version, has: Version) -> Self {
        Self::Version {
            what: what.into(),
            needs,
            has,
        }
    }
}
