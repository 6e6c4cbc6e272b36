//! Protocol versions and their capabilities, as one table.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// A version of the Bolt protocol, such as 5.8.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::Version;
///
/// let version: Version = "5.8".parse()?;
/// assert!(version > Version::V5_1 && version == Version::from((5, 8)));
/// assert_eq!(version.to_string(), "5.8");
/// # Ok::<(), bolt::ParseVersionError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    major: u8,
    minor: u8,
}

impl Version {
    /// Bolt 3, of Neo4j 3.5. Memgraph and ArcadeDB still support it.
    pub const V3: Self = Self::new(3, 0);
    /// Bolt 4.4, of Neo4j 4.4.
    pub const V4_4: Self = Self::new(4, 4);
    /// Bolt 5.0: element ids, UTC date-times.
    pub const V5_0: Self = Self::new(5, 0);
    /// Bolt 5.1: LOGON and LOGOFF.
    pub const V5_1: Self = Self::new(5, 1);
    /// Bolt 6.0: vectors.
    pub const V6_0: Self = Self::new(6, 0);
    /// Bolt 6.1: UUIDs. The newest version.
    pub const V6_1: Self = Self::new(6, 1);

    /// Creates the version `major.minor`, whether or not it exists.
    #[must_use]
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }

    /// Does what `<` does, for constants.
    pub(crate) const fn is_before(self, other: Self) -> bool {
        self.major < other.major || (self.major == other.major && self.minor < other.minor)
    }

    /// Returns the number before the point.
    #[must_use]
    pub const fn major(self) -> u8 {
        self.major
    }

    /// Returns the number after the point.
    #[must_use]
    pub const fn minor(self) -> u8 {
        self.minor
    }

    /// Returns every version that this crate supports, oldest first.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> {
        TABLE.iter().map(|row| row.version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<(u8, u8)> for Version {
    /// Creates the version from its major and minor number.
    fn from((major, minor): (u8, u8)) -> Self {
        Self::new(major, minor)
    }
}

/// The error of parsing a [`Version`]: the text is not of the form `major.minor`, or `major`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid Bolt version {0:?}; expected major.minor, such as 5.8")]
pub struct ParseVersionError(String);

impl FromStr for Version {
    type Err = ParseVersionError;

    /// Parses `major.minor`, or `major` for `major.0`. The version need not exist.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        match (number(major), number(minor)) {
            (Some(major), Some(minor)) => Ok(Self::new(major, minor)),
            _ => Err(ParseVersionError(text.to_owned())),
        }
    }
}

/// Parses digits. Unlike `u8::from_str`, a sign is an error.
fn number(digits: &str) -> Option<u8> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        digits.parse().ok()
    } else {
        None
    }
}

/// The capabilities of a version.
///
/// Every difference between versions is a row of this table or a rule of the state table; there is no module per
/// version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Capabilities {
    /// The version that this row describes.
    pub version: Version,
    /// 4.0: PULL and DISCARD take a number of rows and a query id. Earlier they always meant "all".
    pub paging: bool,
    /// 4.0: RUN and BEGIN name a database.
    pub databases: bool,
    /// 4.1: HELLO carries a routing context.
    pub routing_context: bool,
    /// The way a client requests a routing table.
    pub routing: Routing,
    /// 4.4: RUN and BEGIN name a user to impersonate.
    pub impersonation: bool,
    /// 5.0: nodes and relationships carry element ids.
    pub element_ids: bool,
    /// The form in which date-times with a zone are sent.
    pub utc: Utc,
    /// 5.1: authentication is a message of its own, LOGON, which LOGOFF undoes.
    pub logon: bool,
    /// Whether notifications can be filtered, and under which name.
    pub notifications: Filtering,
    /// 5.3: HELLO carries `bolt_agent`.
    pub bolt_agent: bool,
    /// 5.4: TELEMETRY exists.
    pub telemetry: bool,
    /// 5.6: summaries carry GQL statuses instead of notifications.
    pub statuses: bool,
    /// 5.7: failures carry a GQL status and causes, and their code is called `neo4j_code`.
    pub gql_errors: bool,
    /// 6.0: vectors, and a placeholder for values that a version cannot carry.
    pub vectors: bool,
    /// 6.1: UUIDs.
    pub uuids: bool,
}

impl Capabilities {
    /// Returns the capabilities of a version. `None` if this crate does not support it.
    ///
    /// 5.5 is not supported: no server ever negotiated it.
    #[must_use]
    pub fn of(version: Version) -> Option<&'static Self> {
        TABLE.iter().find(|row| row.version == version)
    }
}

/// The way a client requests a routing table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Routing {
    /// Bolt 3 to 4.2: by a procedure call.
    Procedure,
    /// Bolt 4.3: ROUTE, with the database as its third field.
    Database,
    /// Bolt 4.4 and later: ROUTE, with a map as its third field.
    Extra,
}

/// The form in which date-times with an offset or a zone are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Utc {
    /// Always by the local wall clock (structures `F` and `f`).
    Never,
    /// By the instant (`I` and `i`), if client and server agree on the patch `utc` in HELLO.
    Patch,
    /// Always by the instant.
    Always,
}

/// The name under which a client can filter notifications, if it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Filtering {
    /// Before 5.2: no filter.
    Never,
    /// 5.2 to 5.4: `notifications_disabled_categories`.
    Categories,
    /// 5.6 and later: `notifications_disabled_classifications`.
    Classifications,
}

const V3_0: Capabilities = Capabilities {
    version: Version::V3,
    paging: false,
    databases: false,
    routing_context: false,
    routing: Routing::Procedure,
    impersonation: false,
    element_ids: false,
    utc: Utc::Never,
    logon: false,
    notifications: Filtering::Never,
    bolt_agent: false,
    telemetry: false,
    statuses: false,
    gql_errors: false,
    vectors: false,
    uuids: false,
};
const V4_0: Capabilities = Capabilities {
    version: Version::new(4, 0),
    paging: true,
    databases: true,
    ..V3_0
};
const V4_1: Capabilities = Capabilities {
    version: Version::new(4, 1),
    routing_context: true,
    ..V4_0
};
const V4_2: Capabilities = Capabilities {
    version: Version::new(4, 2),
    ..V4_1
};
const V4_3: Capabilities = Capabilities {
    version: Version::new(4, 3),
    routing: Routing::Database,
    utc: Utc::Patch,
    ..V4_2
};
const V4_4: Capabilities = Capabilities {
    version: Version::V4_4,
    routing: Routing::Extra,
    impersonation: true,
    ..V4_3
};
const V5_0: Capabilities = Capabilities {
    version: Version::V5_0,
    element_ids: true,
    utc: Utc::Always,
    ..V4_4
};
const V5_1: Capabilities = Capabilities {
    version: Version::V5_1,
    logon: true,
    ..V5_0
};
const V5_2: Capabilities = Capabilities {
    version: Version::new(5, 2),
    notifications: Filtering::Categories,
    ..V5_1
};
const V5_3: Capabilities = Capabilities {
    version: Version::new(5, 3),
    bolt_agent: true,
    ..V5_2
};
const V5_4: Capabilities = Capabilities {
    version: Version::new(5, 4),
    telemetry: true,
    ..V5_3
};
const V5_6: Capabilities = Capabilities {
    version: Version::new(5, 6),
    notifications: Filtering::Classifications,
    statuses: true,
    ..V5_4
};
const V5_7: Capabilities = Capabilities {
    version: Version::new(5, 7),
    gql_errors: true,
    ..V5_6
};
const V5_8: Capabilities = Capabilities {
    version: Version::new(5, 8),
    ..V5_7
};
const V6_0: Capabilities = Capabilities {
    version: Version::V6_0,
    vectors: true,
    ..V5_8
};
const V6_1: Capabilities = Capabilities {
    version: Version::V6_1,
    uuids: true,
    ..V6_0
};

/// Oldest first. To add a version, add its row here.
static TABLE: [Capabilities; 16] = [
    V3_0, V4_0, V4_1, V4_2, V4_3, V4_4, V5_0, V5_1, V5_2, V5_3, V5_4, V5_6, V5_7, V5_8, V6_0, V6_1,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_does_not_contain_5_5() {
        assert!(TABLE.windows(2).all(|pair| pair[0].version < pair[1].version));
        assert!(Capabilities::of(Version::new(5, 5)).is_none());
        assert_eq!(Version::all().next_back(), Some(Version::V6_1));
    }

    #[test]
    fn a_version_is_parsed_from_its_displayed_form() {
        for version in Version::all() {
            assert_eq!(std::format!("{version}").parse(), Ok(version));
        }
        assert_eq!("4".parse(), Ok(Version::new(4, 0)));
        for text in ["", ".", "5.", ".8", "+5.8", "5.-1", "5.8.1", "256.0", "five"] {
            assert_eq!(text.parse::<Version>(), Err(ParseVersionError(text.to_owned())));
        }
    }
}
