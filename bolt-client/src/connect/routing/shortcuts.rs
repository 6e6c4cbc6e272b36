//! What calls choose from while no table changes: the servers of a database beside their pools.

use std::sync::Arc;
use std::time::Instant;

use bolt_proto::Access;

use crate::address::Address;
use crate::connect::pool::Pool;

/// The most that are kept. Databases beyond them are looked up.
const MAX_SHORTCUTS: usize = 16;

/// The servers of the databases that calls have asked for since the last change of any table, so that a call need not look
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
    pub(super) servers: Vec<(Arc<Address>, Arc<Pool>)>,
}

impl Shortcuts {
    /// Returns the servers of a database, if its table is fresh.
    pub(super) fn get(&self, database: Option<&Arc<str>>, access: Access, now: Instant) -> Option<&Shortcut> {
        let is_it = |known: &&Shortcut| known.access == access && is_same(known.database.as_ref(), database);
        let known = self.0.iter().find(is_it)?;
        (!known.ends.is_some_and(|end| end <= now)).then_some(known)
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
