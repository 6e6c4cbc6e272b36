//! Errors of answers that the protocol does not allow.

use crate::error::EncodeError;
use crate::state::Message;

/// An answer that was refused. Nothing was queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// No request has been taken that is unanswered.
    #[error("no request has been taken that could be answered")]
    NothingToAnswer,
    /// The request is not answered by rows.
    #[error("{message} cannot be answered by a row; only PULL can")]
    RowsNotAllowed {
        /// The request.
        message: Message,
    },
    /// The row exceeds the number that PULL requested.
    #[error("PULL requested {requested} rows, which were all sent; answer by SUCCESS")]
    SurplusRow {
        /// The number of requested rows.
        requested: u64,
    },
    /// The answer says that rows are left, but the request left none.
    #[error("the answer to {message} must not contain \"has_more\": the request left no rows")]
    UnexpectedHasMore {
        /// The request.
        message: Message,
    },
    /// The request must be answered by IGNORED.
    #[error("{message} must be answered by IGNORED: a request before it has failed, or a RESET has arrived")]
    MustBeIgnored {
        /// The request.
        message: Message,
    },
    /// The request must not be answered by IGNORED: nothing has failed, and no RESET has arrived.
    #[error(
        "{message} must not be answered by IGNORED: nothing before it has failed, and no RESET has arrived"
    )]
    MustNotBeIgnored {
        /// The request.
        message: Message,
    },
    /// A value cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
