//! The routing tables of a driver, one for each database: a pure decider.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use bolt_proto::Access;

use crate::address::Address;

use super::table::Table;

/// The most databases whose tables are kept. The one that would be dropped next makes room.
const MAX_TABLES: usize = 10_000;
/// The most names of databases that are not the name of their table.
const MAX_ALIASES: usize = 10_000;

/// The routing tables, under the names that the servers report.
///
/// A database that was requested by another name (an alias) is found by that name, too. Tables whose time has long
/// been over are dropped when another arrives. What an update or a removal costs depends on the tables that it
/// concerns, not on their number.
#[derive(Debug)]
pub(crate) struct Tables {
    /// The name is empty for servers without named databases.
    tables: BTreeMap<Arc<str>, Kept>,
    /// The name of the table of each other name.
    aliases: BTreeMap<Arc<str>, Arc<str>>,
    /// When each table is dropped.
    due: BTreeMap<(Instant, u64), Arc<str>>,
    /// In which tables each address is.
    listed: BTreeMap<Arc<Address>, BTreeSet<Arc<str>>>,
    arrivals: u64,
    max: usize,
}

#[derive(Debug)]
struct Kept {
    table: Table,
    /// Its place in the order of those to be dropped.
    due: Option<(Instant, u64)>,
    aliases: BTreeSet<Arc<str>>,
}

impl Default for Tables {
    fn default() -> Self {
        Self::with_room_for(MAX_TABLES)
    }
}

impl Tables {
    fn with_room_for(max: usize) -> Self {
        Self {
            tables: BTreeMap::new(),
            aliases: BTreeMap::new(),
            due: BTreeMap::new(),
            listed: BTreeMap::new(),
            arrivals: 0,
            max,
        }
    }

    /// Returns the table of a database, by its name or an alias, whether or not it is fresh.
    pub(crate) fn get(&self, database: Option<&str>) -> Option<&Table> {
        self.tables.get(self.name_of(database)).map(|kept| &kept.table)
    }

    /// As [`get`](Self::get), if the table is fresh for this access.
    pub(crate) fn fresh(&self, database: Option<&str>, access: Access, now: Instant) -> Option<&Table> {
        if planted!(TableOfAnotherDatabase) {
            let mut tables = self.tables.values().map(|kept| &kept.table);
            return tables.find(|table| table.is_fresh(access, now));
        }
        self.get(database).filter(|table| table.is_fresh(access, now))
    }

    /// Keeps a table that has arrived for a request of this database, in place of an earlier one of the same name.
    pub(crate) fn update(&mut self, requested: Option<&Arc<str>>, mut table: Table, now: Instant) {
        self.drop_expired(now);
        let name = table.database().cloned().unwrap_or_default();
        // What was another database's alias has become the name of one.
        self.aliases.remove(&name);
        let previous = self.remove(&name);
        if let Some(previous) = &previous {
            table.succeeds(&previous.table);
        }
        let aliases = previous.map(|kept| kept.aliases).unwrap_or_default();
        while self.tables.len() >= self.max && self.drop_next() {}
        self.arrivals += 1;
        let due = table.kept_until().map(|at| (at, self.arrivals));
        if let Some(due) = due {
            self.due.insert(due, Arc::clone(&name));
        }
        for address in table.all() {
            let listed = self.listed.entry(Arc::clone(address)).or_default();
            listed.insert(Arc::clone(&name));
        }
        let kept = Kept { table, due, aliases };
        self.tables.insert(Arc::clone(&name), kept);
        if let Some(requested) = requested {
            self.note_alias(requested, &name);
        }
    }

    /// Removes an address from all roles of all tables: it cannot be reached.
    pub(crate) fn deactivate(&mut self, address: &Address) {
        let Some((address, names)) = self.listed.remove_entry(address) else {
            return;
        };
        for name in names {
            if let Some(kept) = self.tables.get_mut(&name) {
                kept.table.remove(&address);
            }
        }
    }

    /// Removes an address from the writers of one database.
    pub(crate) fn remove_writer(&mut self, database: Option<&str>, address: &Address) {
        let name = Arc::<str>::from(self.name_of(database));
        let Some(kept) = self.tables.get_mut(&name) else {
            return;
        };
        let known = kept.table.names(address);
        kept.table.remove_writer(address);
        if known && !kept.table.names(address) {
            self.unlist(address, &name);
        }
    }

    /// Returns whether any table names this address.
    pub(crate) fn lists(&self, address: &Address) -> bool {
        self.listed.contains_key(address)
    }

    fn name_of<'n>(&'n self, database: Option<&'n str>) -> &'n str {
        let name = database.unwrap_or_default();
        self.aliases.get(name).map_or(name, |of| of)
    }

    fn note_alias(&mut self, requested: &Arc<str>, name: &Arc<str>) {
        if requested == name {
            return;
        }
        if self.aliases.len() >= MAX_ALIASES {
            // They are learnt again, by a request each.
            self.aliases.clear();
            self.tables.values_mut().for_each(|kept| kept.aliases.clear());
        }
        let before = self.aliases.insert(Arc::clone(requested), Arc::clone(name));
        if before.as_ref() != Some(name) {
            if let Some(kept) = self.tables.get_mut(name) {
                kept.aliases.insert(Arc::clone(requested));
            }
        }
    }

    fn drop_expired(&mut self, now: Instant) {
        while self.due.first_key_value().is_some_and(|((at, _), _)| *at < now) {
            self.drop_next();
        }
    }

    /// Drops the table whose time ends first. Returns whether there was one.
    fn drop_next(&mut self) -> bool {
        let next = match self.due.first_key_value() {
            Some((_, name)) => Arc::clone(name),
            // The time of all of them is endless.
            None => match self.tables.keys().next() {
                Some(name) => Arc::clone(name),
                None => return false,
            },
        };
        let Some(kept) = self.remove(&next) else {
            return false;
        };
        for alias in kept.aliases {
            if self.aliases.get(&alias) == Some(&next) {
                self.aliases.remove(&alias);
            }
        }
        true
    }

    fn remove(&mut self, name: &Arc<str>) -> Option<Kept> {
        let kept = self.tables.remove(name)?;
        if let Some(due) = kept.due {
            self.due.remove(&due);
        }
        for address in kept.table.all() {
            self.unlist(address, name);
        }
        Some(kept)
    }

    /// An address is no longer in the table of this name.
    fn unlist(&mut self, address: &Address, name: &Arc<str>) {
        let Some(names) = self.listed.get_mut(address) else {
            return;
        };
        names.remove(name);
        if names.is_empty() {
            self.listed.remove(address);
        }
    }
}
