//! What calls choose from while no table changes: the pools of a database's servers.

use std::sync::Arc;
use std::time::Instant;

use bolt_proto::Access;

use crate::connect::pool::Pool;

/// The most that are kept. Databases beyond them are looked up.
const MAX_SHORTCUTS: usize = 16;

/// The pools of the servers of the databases that calls have asked for since the last change of any table, so that a call need not look
/// each of them up by its address.
///
/// They say what the tables said when they were made. So whatever changes a table, or takes a pool away, ends all of them.
#[derive(Default)]
pub(super) struct Shortcuts(Vec<Shortcut>);

/// The servers of one database for one kind of access.
pub(super) struct Shortcut {
    /// The name by which the database was asked for.
    pub(super) database: Option<Arc<str>>,
    pub(super) access: Access,
    /// When the table's time is over.
    pub(super) ends: Option<Instant>,
    pub(super) servers: Vec<Arc<Pool>>,
}

impl Shortcuts {
    /// Returns the servers of a database, if its table is fresh.
    pub(super) fn get(&self, database: Option<&Arc<str>>, access: Access, now: Instant) -> Option<&Shortcut> {
        let is_it = |known: &&Shortcut| known.access == access && is_same(known.database.as_ref(), database);
        let known = self.0.iter().find(is_it)?;
        known.ends.is_none_or(|end| now < end).then_some(known)
    }

    /// Returns whether there is room for another one.
    pub(super) fn have_room(&self) -> bool {
        self.0.len() < MAX_SHORTCUTS
    }

    /// Keeps one, in place of that of a table whose time is over.
    pub(super) fn note(&mut self, shortcut: Shortcut) {
        let database = shortcut.database.as_ref();
        self.0
            .retain(|known| known.access != shortcut.access || !is_same(known.database.as_ref(), database));
        self.0.push(shortcut);
    }

    /// A table has changed, or a pool goes.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Compares names, which as a rule are the same text in memory.
fn is_same(one: Option<&Arc<str>>, other: Option<&Arc<str>>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn shortcut(database: Option<&str>, access: Access, ends: Option<Instant>) -> Shortcut {
        Shortcut {
            database: database.map(Arc::from),
            access,
            ends,
            servers: Vec::new(),
        }
    }

    #[test]
    fn a_shortcut_is_found_by_database_and_access_until_its_table_has_expired() {
        let begun = Instant::now();
        let end = begun + Duration::from_secs(1);
        let mut shortcuts = Shortcuts::default();
        shortcuts.note(shortcut(Some("a"), Access::Read, Some(end)));
        shortcuts.note(shortcut(None, Access::Write, None));
        let (a, b) = (Arc::from("a"), Arc::from("b"));
        let finds = |shortcuts: &Shortcuts, database, access, now| {
            let found = shortcuts.get(database, access, now);
            found.map(|found| (found.database.clone(), found.access))
        };
        assert!(finds(&shortcuts, Some(&a), Access::Read, begun).is_some());
        assert!(finds(&shortcuts, Some(&a), Access::Read, end).is_none());
        assert!(finds(&shortcuts, Some(&a), Access::Write, begun).is_none());
        assert!(finds(&shortcuts, Some(&b), Access::Read, begun).is_none());
        assert!(finds(&shortcuts, None, Access::Read, begun).is_none());
        assert!(finds(&shortcuts, None, Access::Write, end).is_some());

        // The next table of the same database takes its place.
        shortcuts.note(shortcut(Some("a"), Access::Read, None));
        assert!(finds(&shortcuts, Some(&a), Access::Read, end).is_some());
        assert_eq!(shortcuts.0.len(), 2);
        shortcuts.clear();
        assert!(finds(&shortcuts, Some(&a), Access::Read, begun).is_none());
    }

    #[test]
    fn there_is_room_for_a_few() {
        let mut shortcuts = Shortcuts::default();
        let mut noted = 0;
        while shortcuts.have_room() {
            shortcuts.note(shortcut(Some(&noted.to_string()), Access::Read, None));
            noted += 1;
        }
        assert_eq!(noted, MAX_SHORTCUTS);
    }
}
