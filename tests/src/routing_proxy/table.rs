//! The tables that a proxy answers with.

use std::net::SocketAddr;

use bolt_proto::value::{Map, Value};

/// The roles of servers, by their places in the proxy's list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Roles {
    ttl: i64,
    routers: Vec<usize>,
    readers: Vec<usize>,
    writers: Vec<usize>,
}

impl Roles {
    /// Creates a table that names no server, with a ttl of 300 s.
    pub fn new() -> Self {
        Self {
            ttl: 300,
            routers: Vec::new(),
            readers: Vec::new(),
            writers: Vec::new(),
        }
    }

    /// Sets for how many seconds the table is valid.
    pub fn ttl(mut self, seconds: i64) -> Self {
        self.ttl = seconds;
        self
    }

    /// Sets the servers that answer requests for tables. (All servers do; these are those that the table names.)
    pub fn routers(mut self, servers: impl IntoIterator<Item = usize>) -> Self {
        self.routers = servers.into_iter().collect();
        self
    }

    /// Sets the servers for reads.
    pub fn readers(mut self, servers: impl IntoIterator<Item = usize>) -> Self {
        self.readers = servers.into_iter().collect();
        self
    }

    /// Sets the servers for writes.
    pub fn writers(mut self, servers: impl IntoIterator<Item = usize>) -> Self {
        self.writers = servers.into_iter().collect();
        self
    }

    pub(crate) const fn seconds(&self) -> i64 {
        self.ttl
    }

    /// Returns the list of roles, as servers send it.
    pub(crate) fn servers(&self, addresses: &[SocketAddr]) -> Value {
        let role = |name: &str, servers: &[usize]| {
            let servers = servers.iter().filter_map(|&server| addresses.get(server));
            let mut role = Map::new();
            role.insert("role", name.to_owned());
            role.insert(
                "addresses",
                servers.map(SocketAddr::to_string).collect::<Vec<String>>(),
            );
            Value::Map(role)
        };
        Value::from(vec![
            role("WRITE", &self.writers),
            role("READ", &self.readers),
            role("ROUTE", &self.routers),
        ])
    }

    /// Returns the map that answers ROUTE. From Bolt 4.4 on it contains the name of the database.
    pub(crate) fn answer(&self, addresses: &[SocketAddr], database: Option<&str>) -> Value {
        let mut table = Map::new();
        table.insert("ttl", self.ttl);
        table.insert("servers", self.servers(addresses));
        if let Some(name) = database {
            table.insert("db", name.to_owned());
        }
        Value::Map(table)
    }
}

impl Default for Roles {
    fn default() -> Self {
        Self::new()
    }
}
