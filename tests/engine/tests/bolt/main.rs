//! The engine as any client sees it: over TCP, by a client of a few lines that shares nothing with the driver.

mod client;
mod connections;
mod load;
mod queries;
mod transactions;
mod values;
