//! The top floor: what applications call. It knows nothing of the protocol.

#[doc(hidden)]
pub mod adapter;
pub(crate) mod builders;
pub(crate) mod cursor;
pub(crate) mod driver;
pub(crate) mod execute_query;
mod held;
pub(crate) mod load;
pub(crate) mod managed;
pub(crate) mod records;
mod rows;
pub(crate) mod runner;
pub(crate) mod session;
#[cfg(test)]
mod tests;
pub(crate) mod transaction;
