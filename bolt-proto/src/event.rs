//! Events: what a connection reports to its caller.

use core::fmt;

use crate::error::ServerError;
use crate::message::Metadata;
use crate::record::RecordRef;
use crate::version::Version;

/// The id of a request on one connection. Later requests have greater ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub(crate) u64);

/// The id of the result of a RUN on one connection.
///
/// It is not the server's query id (`qid`): that is unknown until RUN is answered, and only transactions have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResultId(pub(crate) u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "request {}", self.0)
    }
}

/// The kind of the next event and the request that it belongs to, without the contents.
///
/// A head borrows nothing, so a loop can decide by it which event to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Head {
    /// The request that the event answers. `None` for [`Kind::Negotiated`].
    pub request: Option<RequestId>,
    /// The result that the request was about, if any.
    pub result: Option<ResultId>,
    /// The kind of the event.
    pub kind: Kind,
}

/// The kind of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A protocol version was negotiated.
    Negotiated,
    /// A row arrived.
    Record,
    /// The request succeeded. This is its last event.
    Success,
    /// The request failed. This is its last event.
    Failure,
    /// The server ignored the request, because an earlier one failed or a later RESET overtook it. This is its
    /// last event.
    Ignored,
}

/// An event, borrowed from the receive buffer.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "an event is returned only once; dropping it loses the event"]
pub enum Event<'a> {
    /// A protocol version was negotiated. The caller logs in next.
    Negotiated(Version),
    /// A row.
    Record(RecordRef<'a>),
    /// The request succeeded.
    Success(Metadata<'a>),
    /// The request failed. The server ignores what follows until RESET.
    Failure(ServerError),
    /// The server ignored the request.
    Ignored,
}
