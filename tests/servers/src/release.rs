//! The supported releases and their requirements.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A release of Neo4j Community.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Release {
    /// `neo4j-5`: the long-term release 5.26, Bolt 4.0 to 5.8. Needs Java 17 or newer.
    Neo4j5,
    /// `neo4j-2026`: release 2026.08, Bolt 4.0 to 6.1. Needs Java 21 or newer.
    Neo4j2026,
}

impl Release {
    /// Every release, oldest first.
    pub const ALL: [Self; 2] = [Self::Neo4j5, Self::Neo4j2026];

    /// Returns the short name that commands and settings use, such as `neo4j-5`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Neo4j5 => "neo4j-5",
            Self::Neo4j2026 => "neo4j-2026",
        }
    }

    /// Returns the exact version that is fetched.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Neo4j5 => "5.26.30",
            Self::Neo4j2026 => "2026.08.1",
        }
    }

    /// Returns the main class of the server.
    pub(crate) fn entry_point(self) -> &'static str {
        match self {
            Self::Neo4j5 => "org.neo4j.server.CommunityEntryPoint",
            Self::Neo4j2026 => "org.neo4j.server.Neo4jCommunity",
        }
    }

    /// Returns the major versions of Java that its vendor supports. A newer one is used if there is no other.
    pub(crate) fn java(self) -> RangeInclusive<u32> {
        match self {
            Self::Neo4j5 => 17..=21,
            Self::Neo4j2026 => 21..=25,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error for an unknown release name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown server `{name}`: choose from {}", names())]
pub struct UnknownRelease {
    name: String,
}

impl FromStr for Release {
    type Err = UnknownRelease;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|release| release.name() == name);
        found.ok_or_else(|| UnknownRelease {
            name: name.to_owned(),
        })
    }
}

fn names() -> String {
    Release::ALL.map(Release::name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_is_found_by_its_name() {
        for release in Release::ALL {
            assert_eq!(release.name().parse(), Ok(release));
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_existing_names() {
        let error = "neo4j-3".parse::<Release>().unwrap_err().to_string();
        assert_eq!(error, "unknown server `neo4j-3`: choose from neo4j-5, neo4j-2026");
    }
}
