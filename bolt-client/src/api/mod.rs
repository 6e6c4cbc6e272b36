//! The top floor: what users call. It knows nothing of the protocol.

pub(crate) mod builders;
pub(crate) mod cursor;
pub(crate) mod driver;
pub(crate) mod execute_query;
pub(crate) mod managed;
pub(crate) mod records;
pub(crate) mod runner;
pub(crate) mod session;
#[cfg(test)]
mod tests;
pub(crate) mod transaction;
