//! Host and port of a server.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::uri;

/// The host and the port of a server, as given by the application.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::Address;
///
/// let address: Address = "db.example:7688".parse()?;
/// assert_eq!(address, Address::new("db.example", 7688));
/// assert_eq!("[::1]".parse::<Address>()?.to_string(), "[::1]:7687");
/// # Ok::<(), bolt::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The default port of Bolt.
    pub const DEFAULT_PORT: u16 = 7687;

    /// Creates an address of a host (a name, an IPv4 address, or an IPv6 address without brackets) and a port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// Creates the address of a Unix-domain socket: its absolute path in place of the host.
    pub(crate) const fn of_socket(path: String) -> Self {
        Self { host: path, port: 0 }
    }

    /// Returns the path, if this is the address of a Unix-domain socket. No host begins with a slash.
    pub(crate) fn socket_path(&self) -> Option<&str> {
        Some(&*self.host).filter(|host| host.starts_with('/'))
    }

    /// Returns the host: a name, an IPv4 address, or an IPv6 address without brackets. For a Unix-domain socket it is
    /// the path.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port; 0 for a Unix-domain socket.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// Shows the address as `host:port`, with brackets around an IPv6 address. A Unix-domain socket is shown as its path.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.socket_path() {
            f.write_str(path)
        } else if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Reads `host[:port]`, with brackets around an IPv6 address. The port is 7687 by default.
///
/// Fails with [`ErrorKind::Config`](crate::ErrorKind::Config) if the text is no such address.
impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        uri::parse_address(text)
    }
}

impl<H: Into<String>> From<(H, u16)> for Address {
    fn from((host, port): (H, u16)) -> Self {
        Self::new(host, port)
    }
}
