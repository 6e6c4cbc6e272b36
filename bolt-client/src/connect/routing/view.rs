//! What a driver knows of a cluster, for applications.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::error::Error;

use super::table::Table;

/// A routing table: which servers of a cluster carry out the work on a database, as the driver knows it.
///
/// It is a copy: later changes do not show. `Driver::routing_table` returns it.
#[derive(Debug, Clone)]
pub struct RoutingTable {
    database: Option<Arc<str>>,
    routers: Vec<Address>,
    readers: Vec<Address>,
    writers: Vec<Address>,
    age: Duration,
    ttl: Duration,
    failures: BTreeMap<Address, (Duration, Error)>,
}

impl RoutingTable {
    pub(super) fn new(table: &Table, failures: BTreeMap<Address, (Duration, Error)>, now: Instant) -> Self {
        let list = |servers: &[Arc<Address>]| servers.iter().map(|server| Address::clone(server)).collect();
        Self {
            database: table.database().cloned(),
            routers: list(table.routers()),
            readers: list(table.readers()),
            writers: list(table.writers()),
            age: now.saturating_duration_since(table.received()),
            ttl: table.ttl(),
            failures,
        }
    }

    /// Returns the name of the database, as the servers report it. `None` for servers without named databases.
    #[must_use]
    pub fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Returns the servers that are asked for routing tables. Those that could not be reached are left out.
    #[must_use]
    pub fn routers(&self) -> &[Address] {
        &self.routers
    }

    /// Returns the servers that reads go to. Those that could not be reached are left out.
    #[must_use]
    pub fn readers(&self) -> &[Address] {
        &self.readers
    }

    /// Returns the servers that writes go to. It is empty while servers elect a leader.
    #[must_use]
    pub fn writers(&self) -> &[Address] {
        &self.writers
    }

    /// Returns the time since the table has arrived.
    #[must_use]
    pub const fn age(&self) -> Duration {
        self.age
    }

    /// Returns the time for which the table is valid after its arrival, as the servers set it.
    #[must_use]
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Returns why a server could not be used or asked the last time, and how long ago that was. `None` if it has answered
    /// since.
    #[must_use]
    pub fn last_error(&self, server: &Address) -> Option<(&Error, Duration)> {
        let (ago, error) = self.failures.get(server)?;
        Some((error, *ago))
    }
}
