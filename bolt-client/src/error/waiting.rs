//! What a call waited for when its time was up.

use std::fmt;

use bolt_proto::state::Message;

use crate::connect::pool::PoolCounts;

/// What was being waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// A connection of the pool to become free.
    Pool(PoolCounts),
    /// A new connection, whoever began it.
    Opening(PoolCounts),
    /// A connection that was idle, or that another call left behind, to answer.
    Settling(PoolCounts),
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
            Self::Opening(counts) => write!(
                f,
                "waited for a new connection to be ready (DNS, TCP, handshake and login; {counts}); \
                 does a Bolt server listen there?",
            ),
            Self::Settling(counts) => write!(
                f,
                "waited for the server's answer on a connection of the pool that was idle or had been left \
                 in the middle of something ({counts}); is the server overloaded?"
            ),
            Self::Answer(Some(Message::Pull)) => f.write_str("waited for the rows of a query"),
            Self::Answer(Some(message)) => write!(f, "waited for the server's answer to {message}"),
            Self::Answer(None) => f.write_str("waited for the server's answer"),
        }
    }
}
