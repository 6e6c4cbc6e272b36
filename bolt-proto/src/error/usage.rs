//! The caller asked for something impossible.

use alloc::string::String;

use crate::error::{EncodeError, ProtocolViolation};
use crate::state::{Message, ServerState};
use crate::version::Version;

/// A request that was refused. Nothing was queued, and the connection is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The handshake is not done yet.
    #[error("{message} must wait until a protocol version is agreed on")]
    NotNegotiated {
        /// The refused request.
        message: Message,
    },
    /// The server would refuse it and close the connection.
    #[error("{message} is not allowed in the state {state:?}")]
    Illegal {
        /// The refused request.
        message: Message,
        /// Where the connection stands once everything sent so far has succeeded.
        state: ServerState,
    },
    /// The server closes the connection if the request comes behind one that fails, so it must wait for answers.
    #[error(
        "{message} must wait until {behind} is answered: behind a failure servers close the connection on it"
    )]
    Unanswered {
        /// The refused request.
        message: Message,
        /// An unanswered request that could fail.
        behind: Message,
    },
    /// RESET must not overtake this request: servers close the connection.
    #[error("RESET must wait until {unanswered} is answered: it would overtake it")]
    Overtakes {
        /// The unanswered request.
        unanswered: Message,
    },
    /// The result has ended, or was never of this connection.
    #[error("{message} on a result that has ended")]
    NoSuchResult {
        /// The refused request.
        message: Message,
    },
    /// Rows of the result have been asked for, and whether it goes on behind them is not known yet.
    #[error("{message} must wait until the rows that were asked for have arrived")]
    PageInFlight {
        /// The refused request.
        message: Message,
    },
    /// The result is not the newest one, and the server has not told its query id yet.
    #[error("{message} on an older result must wait until its RUN is answered")]
    NoQueryId {
        /// The refused request.
        message: Message,
    },
    /// COMMIT would silently cut off what a result has not been asked for.
    #[error("COMMIT with an open result would lose its unread part: pull or discard all of it first")]
    OpenResult,
    /// Options were given to a query inside a transaction.
    #[error("the options of a transaction are given to BEGIN; a query inside it has none")]
    ExtraInTransaction,
    /// A number of rows that cannot be asked for.
    #[error("no rows cannot be asked for: at least one, or all")]
    NoRows,
    /// The version that was negotiated cannot express it.
    #[error("{what} needs Bolt {needs} or newer; this connection speaks {has}")]
    Version {
        /// What was asked for.
        what: String,
        /// The first version that has it.
        needs: Version,
        /// The version of this connection.
        has: Version,
    },
    /// A date-time with an offset or a zone has two forms on 4.3 and 4.4, and the answer to HELLO says which one the
    /// server takes.
    #[error(
        "a date-time with an offset or a zone must wait until HELLO is answered: it decides on their form"
    )]
    FormUnknown,
    /// A parameter or another value cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The connection is over.
    #[error("the connection is over: {0}")]
    Over(ProtocolViolation),
    /// GOODBYE was sent.
    #[error("{message} behind GOODBYE")]
    Goodbye {
        /// The refused request.
        message: Message,
    },
}

impl UsageError {
    /// The version lacks what was asked for.
    pub(crate) fn unsupported(what: impl Into<String>, needs: Version, has: Version) -> Self {
        Self::Version {
            what: what.into(),
            needs,
            has,
        }
    }
}
