//! The engine as any client sees it: over TCP, with a minimal client that shares no code with the driver.

mod client;
mod connections;
mod load;
mod queries;
mod transactions;
mod values;
