//! The searches that are under way.

use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use crate::address::Address;
use crate::connect::routing::order::Search;
use crate::connect::routing::refresh::{Progress, Refresh};
use crate::connect::routing::table::Table;
use crate::connect::routing::{RefreshKey, Router, State};
use crate::error::Error;

use super::Errand;

/// The most searches without a caller that are kept.
const MAX_SEARCHES: usize = 100;

impl Router {
    /// Returns the search for a table; begins one if there is none.
    pub(super) fn search_for(&self, errand: &Errand) -> Result<Arc<Refresh>, Error> {
        let now = self.now();
        let state = self.lock_open()?;
        match state.search(errand, now) {
            Some(refresh) => Ok(refresh),
            None => Ok(self.insert_search(state, errand, now)),
        }
    }

    /// The same, but `None` if there is no search, and other tables have arrived than were `seen`.
    pub(super) fn search_unless_newer(
        &self,
        errand: &Errand,
        seen: u64,
    ) -> Result<Option<Arc<Refresh>>, Error> {
        let now = self.now();
        let state = self.lock_open()?;
        match state.search(errand, now) {
            Some(refresh) => Ok(Some(refresh)),
            None if seen != state.arrivals => Ok(None),
            None => Ok(Some(self.insert_search(state, errand, now))),
        }
    }

    fn insert_search(&self, mut state: MutexGuard<'_, State>, errand: &Errand, now: Instant) -> Arc<Refresh> {
        let progress = Progress::new(state.new_search(&self.seed, errand));
        let refresh = Arc::new(Refresh::new(progress, now));
        let forgotten = state.refreshes.insert(errand.key.clone(), Arc::clone(&refresh));
        drop(state);
        drop(forgotten);
        refresh
    }

    pub(super) fn begin_search(&self, errand: &Errand) -> Box<Progress> {
        Progress::new(self.lock().new_search(&self.seed, errand))
    }

    pub(super) fn end_search(&self, key: &RefreshKey, refresh: &Arc<Refresh>) {
        let mut state = self.lock();
        let present = state.refreshes.get(key);
        if present.is_some_and(|present| Arc::ptr_eq(present, refresh)) {
            let ended = state.refreshes.remove(key);
            drop(state);
            drop(ended);
        }
    }

    /// Drops searches that no caller carries on, if there are many.
    pub(super) fn forget_searches(&self) {
        let mut state = self.lock();
        let mut dropped = Vec::new();
        if state.refreshes.len() > MAX_SEARCHES {
            state.refreshes.retain(|_, refresh| {
                let idle = refresh.is_idle();
                if idle {
                    dropped.push(Arc::clone(refresh));
                }
                !idle
            });
        }
        drop(state);
        drop(dropped);
    }
}

impl State {
    /// Returns the search that is under way, if it is carried on.
    fn search(&self, errand: &Errand, now: Instant) -> Option<Arc<Refresh>> {
        let refresh = self.refreshes.get(&errand.key)?;
        let is_over = refresh.is_forgotten(now) || planted!(RoutingHerd);
        (!is_over).then(|| Arc::clone(refresh))
    }

    fn new_search(&mut self, seed: &Address, errand: &Errand) -> Search<Error> {
        let table = self.tables.get(errand.key.database.as_deref());
        let search = Search::new(table, seed, errand.access);
        let Some(user) = &errand.key.user else {
            return search;
        };
        // Any router knows which database is the user's home, and the seed may be gone.
        let home = self.homes.get(user);
        let table = home.and_then(|home| self.tables.get(Some(&home)));
        let known = table.map(Table::routers).unwrap_or_default();
        search.and_then(known.iter().filter(|router| ***router != *seed))
    }
}
