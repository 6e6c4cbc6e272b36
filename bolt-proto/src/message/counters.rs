//! What a query was and what it changed.

use crate::message::Metadata;

/// What kind of query it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueryType {
    /// `r`: it only reads.
    Read,
    /// `w`: it only writes.
    Write,
    /// `rw`: it does both.
    ReadWrite,
    /// `s`: it changes the schema.
    Schema,
}

impl QueryType {
    pub(crate) fn read(text: &str) -> Option<Self> {
        match text {
            "r" => Some(Self::Read),
            "w" => Some(Self::Write),
            "rw" => Some(Self::ReadWrite),
            "s" => Some(Self::Schema),
            _ => None,
        }
    }
}

/// How much a query changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Nodes created.
    pub nodes_created: u64,
    /// Nodes deleted.
    pub nodes_deleted: u64,
    /// Relationships created.
    pub relationships_created: u64,
    /// Relationships deleted.
    pub relationships_deleted: u64,
    /// Properties set.
    pub properties_set: u64,
    /// Labels added to nodes.
    pub labels_added: u64,
    /// Labels removed from nodes.
    pub labels_removed: u64,
    /// Indexes added to the schema.
    pub indexes_added: u64,
    /// Indexes removed from the schema.
    pub indexes_removed: u64,
    /// Constraints added to the schema.
    pub constraints_added: u64,
    /// Constraints removed from the schema.
    pub constraints_removed: u64,
    /// Changes to the system: users, databases.
    pub system_updates: u64,
    contains_updates: Option<bool>,
    contains_system_updates: Option<bool>,
}

impl Counters {
    /// Whether anything changed in the database. The server's word; servers before 4.4 give none, so then it is
    /// whether any counter but the system's is above zero.
    #[must_use]
    pub fn contains_updates(&self) -> bool {
        self.contains_updates.unwrap_or_else(|| {
            let system = Self {
                system_updates: self.system_updates,
                ..Self::default()
            };
            *self
                != Self {
                    contains_system_updates: self.contains_system_updates,
                    ..system
                }
        })
    }

    /// Whether anything changed in the system.
    #[must_use]
    pub fn contains_system_updates(&self) -> bool {
        self.contains_system_updates.unwrap_or(self.system_updates > 0)
    }

    pub(crate) fn read(stats: Metadata<'_>) -> Self {
        let count = |key| {
            stats
                .integer(key)
                .and_then(|n| u64::try_from(n).ok())
                .unwrap_or(0)
        };
        Self {
            nodes_created: count("nodes-created"),
            nodes_deleted: count("nodes-deleted"),
            relationships_created: count("relationships-created"),
            relationships_deleted: count("relationships-deleted"),
            properties_set: count("properties-set"),
            labels_added: count("labels-added"),
            labels_removed: count("labels-removed"),
            indexes_added: count("indexes-added"),
            indexes_removed: count("indexes-removed"),
            constraints_added: count("constraints-added"),
            constraints_removed: count("constraints-removed"),
            system_updates: count("system-updates"),
            contains_updates: stats.boolean("contains-updates"),
            contains_system_updates: stats.boolean("contains-system-updates"),
        }
    }
}
