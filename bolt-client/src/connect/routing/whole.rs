//! The pools of a cluster, all at once.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use crate::address::Address;
use crate::connect::Want;
use crate::connect::login::Credentials;
use crate::connect::pool::{Pool, PoolCounts};
use crate::connect::side_by_side::SideBySide;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::runtime::Runtime;

use super::Router;
use super::view::RoutingTable;

impl Router {
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Returns the counts of each server's pool, in the order of the addresses.
    pub(crate) fn pool_counts(&self) -> Vec<(Address, PoolCounts)> {
        let pools = self.pools();
        let mut counts: Vec<_> = pools
            .iter()
            .map(|(address, pool)| (Address::clone(address), pool.counts()))
            .collect();
        counts.sort_by(|(one, _), (other, _)| one.cmp(other));
        counts
    }

    /// Returns what is known of a database's servers; of the driver's home database if it is `None`.
    pub(crate) fn view(&self, want: &Want) -> Option<RoutingTable> {
        let now = self.now();
        let mut state = self.lock();
        let home = state.homes.get(&self.user(want));
        let database = want.database().or(home.as_ref());
        let table = state.tables.get(database.map(|name| &**name))?;
        let failures = state.failures.iter().map(|(address, (at, error))| {
            let ago = now.saturating_duration_since(*at);
            (Address::clone(address), (ago, error.clone()))
        });
        Some(RoutingTable::new(table, failures.collect(), now))
    }

    /// Obtains the table of a database from the servers, and returns what is known of it then.
    pub(crate) async fn refreshed(
        self: &Arc<Self>,
        want: &Want,
        credentials: &Credentials,
        by: Deadline,
    ) -> Result<RoutingTable, Error> {
        let found = self.refresh(want, credentials, want.database.clone(), by).await?;
        let named = Want {
            database: found.database,
            ..want.clone()
        };
        // A later table may have taken its place, but there is one, unless many others have arrived since.
        let gone = || Error::misuse("the routing table was dropped as soon as it had arrived");
        self.view(&named).ok_or_else(gone)
    }

    /// Opens the connections to every server of the default table that the options want to be idle. Returns the first failure
    /// once all have been opened, or have failed.
    pub(crate) async fn warm_up(
        self: &Arc<Self>,
        want: &Want,
        credentials: &Credentials,
        by: Deadline,
    ) -> Result<(), Error> {
        // A connection is the proof that the table can be used. It goes to the pool.
        drop(self.acquire(want, &mut credentials.clone(), by).await?);
        let pools = self.pools_of(want);
        let mut first = Ok(());
        let warm_ups = pools.iter().map(|pool| pool.warm_up(credentials, by));
        all(&*self.runtime, warm_ups, |outcome| {
            if first.is_ok() {
                first = outcome;
            }
        })
        .await;
        first
    }

    /// Closes all pools, in one wait.
    pub(crate) async fn close(&self) {
        self.refuse_calls();
        let pools: Vec<Arc<Pool>> = {
            let state = self.lock();
            let single = state.single.values().filter_map(Weak::upgrade);
            state.pools.values().cloned().chain(single).collect()
        };
        all(&*self.runtime, pools.iter().map(|pool| pool.close()), drop).await;
    }

    fn refuse_calls(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.shortcuts.clear();
        let refreshes = mem::take(&mut state.refreshes);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
        refreshes.values().for_each(|refresh| refresh.close());
    }

    fn pools(&self) -> Vec<(Arc<Address>, Arc<Pool>)> {
        let state = self.lock();
        let pools = state.pools.iter();
        pools
            .map(|(address, pool)| (Arc::clone(address), Arc::clone(pool)))
            .collect()
    }

    fn pools_of(&self, want: &Want) -> Vec<Arc<Pool>> {
        let mut state = self.lock();
        let home = state.homes.get(&self.user(want));
        let database = want.database().or(home.as_ref());
        let Some(table) = state.tables.get(database.map(|name| &**name)) else {
            return Vec::new();
        };
        let servers: BTreeSet<_> = table.readers().iter().chain(table.writers()).cloned().collect();
        let pools = servers.iter().map(|server| self.pool_in(&mut state, server));
        pools.collect()
    }
}

/// Waits for all futures side by side, and hands their outputs on as they come.
async fn all<F: Future>(
    runtime: &dyn Runtime,
    futures: impl Iterator<Item = F>,
    mut done: impl FnMut(F::Output),
) {
    let mut left: SideBySide<Pin<Box<F>>> = futures.map(Box::pin).collect();
    poll_fn(|cx| {
        if runtime.is_cancelled() {
            // Each of them ends by itself, but only the task was woken.
            left.poll_all_next();
        }
        while let Poll::Ready((_, output)) = left.poll(cx, |future, cx| future.as_mut().poll(cx)) {
            done(output);
        }
        if left.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[cfg(test)]
mod tests;
