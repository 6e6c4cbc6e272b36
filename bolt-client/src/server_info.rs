//! The server of a connection.

use std::fmt;

use bolt_proto::{Hints, Metadata, Version};

use crate::address::Address;

/// The server of a connection: its address, its product, and the version of Bolt.
///
/// `Display` shows it as `Neo4j/5.26.0 at localhost:7687 (Bolt 5.8)`.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{EagerResult, Version};
///
/// fn has_vectors(result: &EagerResult) -> bool {
///     result.summary.server().protocol_version() >= Version::V6_0
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    address: Address,
    agent: String,
    protocol_version: Version,
    connection_id: String,
    hints: Hints,
}

impl ServerInfo {
    /// Reads the answer to HELLO.
    pub(crate) fn read(address: Address, protocol_version: Version, hello: Metadata<'_>) -> Self {
        let string = |key| hello.string(key).unwrap_or_default().to_owned();
        Self {
            address,
            agent: string("server"),
            protocol_version,
            connection_id: string("connection_id"),
            hints: hello.hello().hints,
        }
    }

    /// Returns the hints that the server has sent.
    pub(crate) const fn hints(&self) -> &Hints {
        &self.hints
    }

    /// Returns the address, as given by the application.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the server's product and version, such as `Neo4j/2026.08.1`.
    #[must_use]
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// Returns the negotiated version of Bolt.
    #[must_use]
    pub const fn protocol_version(&self) -> Version {
        self.protocol_version
    }

    /// Returns the server's name for the connection, which appears in its logs.
    #[must_use]
    pub fn connection_id(&self) -> &str {
        &self.connection_id
    }
}

/// Shows the server as `Neo4j/5.26.0 at localhost:7687 (Bolt 5.8)`.
impl fmt::Display for ServerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = bolt_proto::Escaped(&self.agent);
        write!(f, "{agent} at {} (Bolt {})", self.address, self.protocol_version)
    }
}
