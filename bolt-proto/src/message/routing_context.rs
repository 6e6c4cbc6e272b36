//! The routing context of a client.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::EncodeError;
use crate::packstream::write;

/// The routing context: the address that the client connected to, and the query of its URI, such as `region=eu`.
///
/// It is part of HELLO (4.1 and later) and of ROUTE (4.3 and later).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoutingContext {
    entries: Vec<(String, String)>,
}

impl RoutingContext {
    /// Creates the context of a client that connected to this address, `host:port`. A single server repeats the
    /// address in its routing table.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self::default().entry("address", address)
    }

    /// Adds an entry, or replaces the entry of the same name. The server's configuration gives the names their
    /// meaning.
    #[must_use]
    pub fn entry(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.entries.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((name, value)),
        }
        self
    }

    /// Returns the entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Writes the map.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::map_header(out, self.entries.len())?;
        for (name, value) in &self.entries {
            write::string(out, name)?;
            write::string(out, value)?;
        }
        Ok(())
    }
}
