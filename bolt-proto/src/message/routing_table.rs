//! Routing tables: the roles of the servers of a cluster.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use crate::message::Metadata;

/// A routing table: the roles of the servers of a cluster.
///
/// It is the answer to ROUTE, or, before 4.3, the row of the procedure that [`Route`](crate::Route) names. Entries of
/// the same role are merged; unknown roles are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RoutingTable {
    /// The time for which the table is valid after its arrival.
    pub ttl: Duration,
    /// The database of the table, by its real name (4.4 and later).
    pub database: Option<String>,
    /// The servers that provide routing tables.
    pub routers: Vec<String>,
    /// The servers for reads.
    pub readers: Vec<String>,
    /// The servers for writes. Empty while a cluster elects its leader.
    pub writers: Vec<String>,
}

impl RoutingTable {
    /// Reads a table: the map under `rt`, or any map of the same form.
    #[must_use]
    pub fn read(table: Metadata<'_>) -> Self {
        let ttl = table
            .integer("ttl")
            .and_then(|seconds| u64::try_from(seconds).ok())
            .unwrap_or(0);
        let mut read = Self {
            ttl: Duration::from_secs(ttl),
            database: table.string("db").map(ToOwned::to_owned),
            ..Self::default()
        };
        for entry in table.maps("servers") {
            let addresses = entry.strings("addresses").map(ToOwned::to_owned);
            match entry.string("role") {
                Some("ROUTE") => read.routers.extend(addresses),
                Some("READ") => read.readers.extend(addresses),
                Some("WRITE") => read.writers.extend(addresses),
                _ => {}
            }
        }
        read
    }
}
