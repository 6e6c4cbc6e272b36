//! What a connection tells.

use core::fmt;

use crate::error::ServerError;
use crate::message::Metadata;
use crate::record::RecordRef;
use crate::version::Version;

/// Names a request of one connection. Later requests are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u64);

/// Names the result of a RUN of one connection. It is not the server's query id (`qid`), which is unknown until
/// RUN is answered, and which only transactions have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResultId(pub(crate) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {}", self.0)
    }
}

/// What the next event is and to whom it belongs, without its contents. It borrows nothing, so a loop can decide
/// by it which event to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The request that it answers; `None` for [`Kind::Negotiated`].
    pub request: Option<RequestId>,
    /// The result that the request was about, if any.
    pub result: Option<ResultId>,
    /// Which event it is.
    pub kind: Kind,
}

/// Which event it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A version is agreed on.
    Negotiated,
    /// A row.
    Record,
    /// The request was carried out. Its last event.
    Success,
    /// The request failed. Its last event.
    Failure,
    /// The request was not carried out, because one before it failed or a RESET came behind it. Its last event.
    Ignored,
}

/// An event, lent from the receive buffer.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "an event that is taken is not told again"]
pub enum Event<'a> {
    /// A version is agreed on: log in now.
    Negotiated(Version),
    /// A row.
    Record(RecordRef<'a>),
    /// The request was carried out.
    Success(Metadata<'a>),
    /// The request failed. Until RESET the server ignores what follows.
    Failure(ServerError),
    /// The request was not carried out.
    Ignored,
}
