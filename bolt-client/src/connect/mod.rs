//! The lowest floor: connections, from the socket to the pool that shares them.

pub(crate) mod link;
pub(crate) mod open;
pub(crate) mod pool;
