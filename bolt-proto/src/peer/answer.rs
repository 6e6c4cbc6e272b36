//! Answers that nobody would give.

use crate::error::EncodeError;
use crate::state::Message;

/// An answer that was refused. Nothing was queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// No request has been taken that is not answered yet.
    #[error("there is no request to answer")]
    NothingToAnswer,
    /// A row for a request that has none.
    #[error("only PULL is answered by rows, not {message}")]
    NoRows {
        /// The request.
        message: Message,
    },
    /// A row beyond those that PULL has asked for.
    #[error("PULL has asked for {asked} rows, and those are sent")]
    SurplusRow {
        /// How many rows it has asked for.
        asked: u64,
    },
    /// An answer that says that the result goes on, to a request that leaves nothing of it.
    #[error("{message} leaves no rows, so its answer must not have \"has_more\"")]
    NothingLeft {
        /// The request.
        message: Message,
    },
    /// The request must be answered by IGNORED.
    #[error("{message} must be answered by IGNORED")]
    MustBeIgnored {
        /// The request.
        message: Message,
    },
    /// The request must not be answered by IGNORED, since nothing has failed and no RESET has come.
    #[error("{message} must be carried out or fail: nothing before it has failed")]
    MustNotBeIgnored {
        /// The request.
        message: Message,
    },
    /// A value cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}
