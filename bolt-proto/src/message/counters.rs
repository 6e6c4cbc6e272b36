//! The type of a query, and its changes.

use core::fmt;
use core::iter::Sum;
use core::ops::{Add, AddAssign};

use crate::message::Metadata;
use crate::packstream::ValueRef;

/// The type of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueryType {
    /// `r`: the query only reads.
    Read,
    /// `w`: the query only writes.
    Write,
    /// `rw`: the query reads and writes.
    ReadWrite,
    /// `s`: the query changes the schema.
    Schema,
    /// A type that this version of the driver does not know.
    Unknown,
}

impl QueryType {
    pub(crate) fn read(text: &[u8]) -> Self {
        match text {
            b"r" => Self::Read,
            b"w" => Self::Write,
            b"rw" => Self::ReadWrite,
            b"s" => Self::Schema,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for QueryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::ReadWrite => "read-write",
            Self::Schema => "schema",
            Self::Unknown => "unknown",
        })
    }
}

/// The number of changes that a query made, by kind.
///
/// Counters of several queries can be added:
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::Counters;
///
/// fn nodes_created(batches: &[Counters]) -> u64 {
///     batches.iter().sum::<Counters>().nodes_created
/// }
/// # assert_eq!(nodes_created(&[Counters::default(); 3]), 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Counters {
    /// The number of nodes created.
    pub nodes_created: u64,
    /// The number of nodes deleted.
    pub nodes_deleted: u64,
    /// The number of relationships created.
    pub relationships_created: u64,
    /// The number of relationships deleted.
    pub relationships_deleted: u64,
    /// The number of properties set.
    pub properties_set: u64,
    /// The number of labels added to nodes.
    pub labels_added: u64,
    /// The number of labels removed from nodes.
    pub labels_removed: u64,
    /// The number of indexes added to the schema.
    pub indexes_added: u64,
    /// The number of indexes removed from the schema.
    pub indexes_removed: u64,
    /// The number of constraints added to the schema.
    pub constraints_added: u64,
    /// The number of constraints removed from the schema.
    pub constraints_removed: u64,
    /// The number of changes to the system: users, databases.
    pub system_updates: u64,
    contains_updates: Option<bool>,
    contains_system_updates: Option<bool>,
}

impl Counters {
    /// Returns whether the query changed the database, as the server reports it.
    ///
    /// Servers before 4.4 do not report it. Then this is true if any counter except `system_updates` is above zero.
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

    /// Returns whether the query changed the system.
    #[must_use]
    pub fn contains_system_updates(&self) -> bool {
        self.contains_system_updates.unwrap_or(self.system_updates > 0)
    }

    /// Reads the counters in one pass.
    pub(crate) fn read(stats: Metadata<'_>) -> Self {
        let mut counters = Self::default();
        for (key, value) in stats.map().into_iter().flatten() {
            match value {
                ValueRef::Integer(count) => counters.set(key, u64::try_from(count).unwrap_or(0)),
                ValueRef::Boolean(truth) if key == "contains-updates" => {
                    counters.contains_updates = Some(truth);
                }
                ValueRef::Boolean(truth) if key == "contains-system-updates" => {
                    counters.contains_system_updates = Some(truth);
                }
                _ => {}
            }
        }
        counters
    }

    fn set(&mut self, key: &str, count: u64) {
        let counter = match key {
            "nodes-created" => &mut self.nodes_created,
            "nodes-deleted" => &mut self.nodes_deleted,
            "relationships-created" => &mut self.relationships_created,
            "relationships-deleted" => &mut self.relationships_deleted,
            "properties-set" => &mut self.properties_set,
            "labels-added" => &mut self.labels_added,
            "labels-removed" => &mut self.labels_removed,
            "indexes-added" => &mut self.indexes_added,
            "indexes-removed" => &mut self.indexes_removed,
            "constraints-added" => &mut self.constraints_added,
            "constraints-removed" => &mut self.constraints_removed,
            "system-updates" => &mut self.system_updates,
            _ => return,
        };
        *counter = count;
    }
}

impl AddAssign for Counters {
    /// Adds the counters of another query. The sum contains updates if either part does.
    fn add_assign(&mut self, other: Self) {
        // A report of the server exists in the sum if it exists in either part: the derived value replaces the other.
        let either = |reported: (Option<bool>, Option<bool>), derived: (bool, bool)| match reported {
            (None, None) => None,
            _ => Some(derived.0 || derived.1),
        };
        let contains_updates = either(
            (self.contains_updates, other.contains_updates),
            (self.contains_updates(), other.contains_updates()),
        );
        let contains_system_updates = either(
            (self.contains_system_updates, other.contains_system_updates),
            (self.contains_system_updates(), other.contains_system_updates()),
        );
        let Self {
            nodes_created,
            nodes_deleted,
            relationships_created,
            relationships_deleted,
            properties_set,
            labels_added,
            labels_removed,
            indexes_added,
            indexes_removed,
            constraints_added,
            constraints_removed,
            system_updates,
            ..
        } = *self;
        *self = Self {
            nodes_created: nodes_created.saturating_add(other.nodes_created),
            nodes_deleted: nodes_deleted.saturating_add(other.nodes_deleted),
            relationships_created: relationships_created.saturating_add(other.relationships_created),
            relationships_deleted: relationships_deleted.saturating_add(other.relationships_deleted),
            properties_set: properties_set.saturating_add(other.properties_set),
            labels_added: labels_added.saturating_add(other.labels_added),
            labels_removed: labels_removed.saturating_add(other.labels_removed),
            indexes_added: indexes_added.saturating_add(other.indexes_added),
            indexes_removed: indexes_removed.saturating_add(other.indexes_removed),
            constraints_added: constraints_added.saturating_add(other.constraints_added),
            constraints_removed: constraints_removed.saturating_add(other.constraints_removed),
            system_updates: system_updates.saturating_add(other.system_updates),
            contains_updates,
            contains_system_updates,
        };
    }
}

impl Add for Counters {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.add_assign(other);
        self
    }
}

impl Sum for Counters {
    fn sum<I: Iterator<Item = Self>>(counters: I) -> Self {
        counters.fold(Self::default(), Add::add)
    }
}

impl<'a> Sum<&'a Self> for Counters {
    fn sum<I: Iterator<Item = &'a Self>>(counters: I) -> Self {
        counters.copied().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_adds_every_counter_and_keeps_what_the_server_reported() {
        let reported = Counters {
            nodes_created: 2,
            contains_updates: Some(true),
            contains_system_updates: Some(false),
            ..Counters::default()
        };
        let old_server = Counters {
            nodes_created: 1,
            system_updates: 3,
            ..Counters::default()
        };
        let sum: Counters = [reported, old_server].iter().sum();
        assert_eq!((sum.nodes_created, sum.system_updates), (3, 3));
        assert!(sum.contains_updates() && sum.contains_system_updates());
        assert_eq!(reported + Counters::default(), reported);
        assert_eq!(Counters::default() + old_server, old_server);
    }

    #[test]
    fn system_updates_alone_are_no_updates_of_the_database() {
        let system = Counters {
            system_updates: 1,
            ..Counters::default()
        };
        assert!(system.contains_system_updates() && !system.contains_updates());
        assert!(!(system + system).contains_updates());
    }
}
