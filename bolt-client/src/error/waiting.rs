//! What a call waited for when its time was up.

use std::fmt;

use bolt_proto::state::Message;

use crate::pool::PoolCounts;

/// What was being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// A connection of the pool to become free.
    Pool(PoolCounts),
    /// A new connection, whoever began it.
    Opening,
    /// A connection that another call left behind to become ready.
    Settling,
    /// The server's answer to this request.
    Answer(Option<Message>),
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(counts) => write!(
                f,
                "waited for a connection of the pool ({counts}); \
                 raise max_connection_pool_size, or hold connections for less long"
            ),
            Self::Opening => f.write_str(
                "waited for a new connection to be ready (DNS, TCP, handshake and login); \
                 does a Bolt server listen there?",
            ),
            Self::Settling => f.write_str("waited for the answer to RESET on a pooled connection"),
            Self::Answer(Some(Message::Pull)) => f.write_str("waited for the rows of a query"),
            Self::Answer(Some(message)) => write!(f, "waited for the server's answer to {message}"),
            Self::Answer(None) => f.write_str("waited for the server's answer"),
        }
    }
}
