//! What a call waited for when it timed out.

use std::fmt;

use bolt_proto::state::Message;

use crate::connect::pool::PoolCounts;

/// What a call waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// A connection of the pool.
    Pool(PoolCounts),
    /// A new connection, opened by this or by another call.
    Opening(PoolCounts),
    /// The answer on a connection that was idle, or that another call left with unread answers.
    Settling(PoolCounts),
    /// A routing table for which another call asks.
    RoutingTable,
    /// The credentials that the auth manager provides.
    AuthManager,
    /// The server's answer to this request.
    Answer(Option<Message>),
}

impl Waiting {
    /// Returns whether the server was to blame, and not the number of connections.
    pub(crate) const fn is_for_a_server(&self) -> bool {
        matches!(self, Self::Opening(_) | Self::Settling(_) | Self::Answer(_))
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(counts) => write!(
                f,
                "waited for a connection of the pool ({counts}); \
                 raise max_connection_pool_size, or hold connections for a shorter time"
            ),
            Self::Opening(counts) => write!(
                f,
                "waited for a new connection to be ready (DNS, TCP, handshake and login; {counts}); \
                 is a Bolt server listening at this address?",
            ),
            Self::Settling(counts) => write!(
                f,
                "waited for the server's answer on a connection of the pool that was idle, or had unread answers of an \
                 earlier call ({counts}); is the server overloaded?"
            ),
            Self::RoutingTable => f.write_str("waited for the routing table of the cluster"),
            Self::AuthManager => f.write_str("waited for the credentials of the auth manager"),
            Self::Answer(Some(Message::Pull)) => f.write_str("waited for the rows of a query"),
            Self::Answer(Some(message)) => write!(f, "waited for the server's answer to {message}"),
            Self::Answer(None) => f.write_str("waited for the server's answer"),
        }
    }
}
