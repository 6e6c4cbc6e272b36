//! Which server a call uses next.

use std::sync::Arc;
use std::time::Instant;

use bolt_proto::Access;

use crate::connect::Want;
use crate::connect::pool::Pool;
use crate::connect::routing::shortcuts::Shortcut;
use crate::connect::routing::table::Table;
use crate::connect::routing::{Router, State, select};
use crate::error::Error;

use super::{Chosen, Next, Tried};

impl Router {
    /// Chooses a server for a call that has tried none, as [`choose`](Self::choose) would, by what that has found before.
    pub(super) fn choose_quickly(&self, want: &Want, now: Instant) -> Result<Option<Chosen>, Error> {
        if planted!(FollowerUsedForWrites) {
            return Ok(None);
        }
        let mut state = self.lock_open()?;
        let guess = match want.database() {
            Some(_) => None,
            None => self.guess(&mut state, want, false),
        };
        let database = want.database().or(guess.as_ref());
        let Some(known) = state.shortcuts.get(database, want.access, now) else {
            return Ok(None);
        };
        let least = match &known.servers[..] {
            [only] => Some(only),
            servers => {
                let loads = servers.iter().map(|pool| (pool, pool.load()));
                select::least_in_use(loads, &self.draws)
            }
        };
        Ok(least.map(|pool| Chosen {
            pool: Arc::clone(pool),
            others: known.servers.len() - 1,
            guessed: guess.is_some(),
            database: guess.or_else(|| want.database().cloned()),
        }))
    }

    /// Decides what a call does next.
    pub(super) fn choose(&self, want: &Want, tried: &Tried, now: Instant) -> Result<Next, Error> {
        let mut state = self.lock_open()?;
        let (database, guessed) = match (want.database(), &tried.found) {
            (Some(name), _) => (Some(Arc::clone(name)), false),
            (None, Some(found)) => (found.database.clone(), tried.guessed),
            (None, None) => match self.guess(&mut state, want, tried.no_guess) {
                Some(home) => (Some(home), true),
                None => (None, false),
            },
        };
        let name = database.as_deref();
        // A table that has just arrived is used even if its time is over at once.
        let table = match tried.found {
            Some(_) => state.tables.get(name),
            None => state.tables.fresh(name, want.access, now),
        };
        // Not always, so that the call ends.
        let access = if planted!(FollowerUsedForWrites) && self.runtime.random() % 2 == 0 {
            Access::Read
        } else {
            want.access
        };
        let servers = table.map(|table| table.servers(access)).unwrap_or_default();
        let pools = servers.iter().map(|address| (address, state.pools.get(address)));
        let loads = pools.map(|(address, pool)| ((address, pool), load(pool)));
        let Some(least) = select::least_in_use(loads, &self.draws) else {
            if tried.found.is_some() && !tried.is_worth_another_table(table, want.access) {
                let known = self.known(want, database, table);
                return Ok(Next::Fail(Error::no_server(known, tried.failures.clone())));
            }
            let database = database.filter(|_| !guessed);
            return Ok(Next::Refresh {
                database,
                guessed,
                seen: state.arrivals,
            });
        };
        // The server that has just sent the table has a connection that is ready.
        let router = tried.found.as_ref().map(|found| &found.router);
        let router = router.filter(|router| servers.contains(router));
        let router = router.map(|router| (router, state.pools.get(router)));
        let router = router.filter(|(_, pool)| load(*pool) <= load(least.1));
        let (address, pool) = router.unwrap_or(least);
        let (address, pool) = (Arc::clone(address), pool.cloned());
        let others = servers.len() - 1;
        let shortcut = match (table, &tried.found) {
            (Some(table), None) => state.shortcut(database.as_ref(), want.access, table),
            _ => None,
        };
        if let Some(shortcut) = shortcut {
            state.shortcuts.note(shortcut);
        }
        Ok(Next::Use(Chosen {
            pool: pool.unwrap_or_else(|| self.pool_in(&mut state, &address)),
            database,
            others,
            guessed,
        }))
    }

    /// Returns the last known home database of the user, if servers correct a wrong guess.
    fn guess(&self, state: &mut State, want: &Want, no_guess: bool) -> Option<Arc<str>> {
        if no_guess || !self.forwarding.is_enabled() {
            return None;
        }
        state.homes.get(&self.user(want))
    }
}

impl State {
    /// Returns what spares the next call the look-ups in this table. `None` if there is no room, or no pool of some server.
    fn shortcut(&self, database: Option<&Arc<str>>, access: Access, table: &Table) -> Option<Shortcut> {
        if !self.shortcuts.have_room() {
            return None;
        }
        let pool = |server| self.pools.get(server).map(Arc::clone);
        let servers: Option<_> = table.servers(access).iter().map(pool).collect();
        Some(Shortcut {
            database: database.cloned(),
            access,
            ends: table.ends(),
            servers: servers?,
        })
    }
}

/// Returns how much a server has to do for this driver.
fn load(pool: Option<&Arc<Pool>>) -> usize {
    pool.map_or(0, |pool| pool.load())
}
