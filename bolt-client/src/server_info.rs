//! Who answered.

use bolt_proto::{Hints, Metadata, Version};

use crate::address::Address;

/// The server that a connection reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    address: Address,
    agent: String,
    protocol_version: Version,
    connection_id: String,
    hints: Hints,
}

impl ServerInfo {
    /// As the answer to HELLO tells.
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

    /// How the server would like to be treated.
    pub(crate) const fn hints(&self) -> &Hints {
        &self.hints
    }

    /// The address, as the driver was given it.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// The server's product and version, such as `Neo4j/2026.08.1`.
    #[must_use]
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The version of Bolt that was agreed on.
    #[must_use]
    pub const fn protocol_version(&self) -> Version {
        self.protocol_version
    }

    /// The server's name for the connection, as its logs show it.
    #[must_use]
    pub fn connection_id(&self) -> &str {
        &self.connection_id
    }
}
