//! The lowest floor: connections, from the socket to the pool that shares them. The meaning of the work on them is
//! not known here.

pub(crate) mod encryption;
pub(crate) mod fallout;
pub(crate) mod link;
pub(crate) mod login;
pub(crate) mod open;
pub(crate) mod pool;
pub(crate) mod routing;
mod shared;
mod side_by_side;
mod single_flight;
#[cfg(feature = "rustls")]
pub(crate) mod tls;
mod want;

pub(crate) use shared::{Begun, Shared};
pub(crate) use want::Want;
