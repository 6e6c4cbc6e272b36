//! Clusters: which server carries out work.
//!
//! The decisions are pure: [`table`] and [`tables`] (which server has which role), [`order`] (which server is asked for a table),
//! [`select`] (which one gets work) and [`home`] (the home database of a user). Around them, [`discovery`] obtains a table and
//! [`choice`] a connection.

mod ask;
mod choice;
mod discovery;
mod home;
mod order;
mod placement;
mod question;
mod refresh;
mod select;
mod shortcuts;
mod ssr;
mod table;
mod tables;
mod view;
mod whole;

use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;
use std::time::{Duration, Instant};

use bolt_proto::RoutingContext;

use crate::address::Address;
use crate::config::{Config, Resolver};
use crate::connect::Want;
use crate::connect::encryption::Encryption;
use crate::connect::login::{Login, Logins};
use crate::connect::pool::Pool;
use crate::connect::single_flight::SingleFlight;
use crate::deadline::Deadline;
use crate::error::Error;
use crate::runtime::Runtime;

pub(crate) use choice::Choosing;
use home::{Fingerprints, HomeKey, Homes};
pub(crate) use placement::Placement;
pub(crate) use question::{Question, Questions};
use refresh::Refresh;
use select::Draws;
use shortcuts::Shortcuts;
pub(crate) use ssr::{Counted, Forwarding};
use table::Table;
use tables::Tables;
pub use view::RoutingTable;

/// The most servers whose last failure is remembered.
const MAX_FAILURES: usize = 64;
/// The least time that a server has to answer, however little its share is.
const LEAST_SHARE: Duration = Duration::from_secs(1);

/// What each connection of a cluster needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Membership {
    pub(crate) context: RoutingContext,
    pub(crate) forwarding: Arc<Forwarding>,
    pub(crate) questions: Arc<Questions>,
}

/// The connections to a cluster: a pool for each server, and what is known of the servers' roles.
pub(crate) struct Router {
    runtime: Arc<dyn Runtime>,
    /// The options of the servers' pools.
    config: Arc<Config>,
    encryption: Encryption,
    logins: Arc<Logins>,
    seed: Arc<Address>,
    resolver: Option<Resolver>,
    /// The call of the resolver that is being made.
    resolving: SingleFlight<Vec<Address>>,
    context: RoutingContext,
    forwarding: Arc<Forwarding>,
    questions: Arc<Questions>,
    fingerprints: Fingerprints,
    draws: Draws,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tables: Tables,
    homes: Homes,
    pools: BTreeMap<Arc<Address>, Arc<Pool>>,
    /// What the tables and pools say, to be looked up quickly.
    shortcuts: Shortcuts,
    /// The pools of single addresses of a server's name, by which searches ask. They belong to the searches, which share them.
    single: BTreeMap<(Arc<Address>, SocketAddr), Weak<Pool>>,
    refreshes: BTreeMap<RefreshKey, Arc<Refresh>>,
    /// The calls that wait for a connection, to be woken when the tables change.
    waiting: BTreeMap<u64, Waker>,
    calls: u64,
    /// How many tables have arrived.
    arrivals: u64,
    /// The last failure of each server that was asked for a table, until it answers.
    failures: BTreeMap<Arc<Address>, (Instant, Error)>,
    closed: bool,
}

/// What distinguishes one search for a table from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct RefreshKey {
    database: Option<Arc<str>>,
    /// The user, if the search is for a home database.
    user: Option<HomeKey>,
}

impl Router {
    /// Creates the router of a cluster. Connects to nothing.
    pub(crate) fn new(
        runtime: Arc<dyn Runtime>,
        config: &Config,
        encryption: Encryption,
        logins: Arc<Logins>,
        context: &[(String, String)],
    ) -> Self {
        let seed = config.address.clone();
        let entries = context.iter().cloned();
        let context = entries.fold(RoutingContext::new(seed.to_string()), |context, (key, value)| {
            context.entry(key, value)
        });
        let forwarding = Arc::new(Forwarding::default());
        let questions = Arc::new(Questions::default());
        let membership = Membership {
            context: context.clone(),
            forwarding: Arc::clone(&forwarding),
            questions: Arc::clone(&questions),
        };
        // The resolver applies to the seed only.
        let members = Config {
            resolver: None,
            membership: Some(membership),
            ..config.clone()
        };
        Self {
            draws: Draws::new(runtime.random()),
            runtime,
            config: Arc::new(members),
            encryption,
            logins,
            seed: Arc::new(seed),
            resolver: config.resolver.clone(),
            resolving: SingleFlight::new(),
            context,
            forwarding,
            questions,
            fingerprints: Fingerprints::default(),
            state: Mutex::default(),
        }
    }

    fn now(&self) -> Instant {
        self.runtime.now()
    }

    /// Returns the user of a session, as far as its home database is concerned.
    #[inline]
    fn user(&self, want: &Want) -> HomeKey {
        if planted!(HomeOfAnotherUser) {
            return HomeKey::Driver;
        }
        let own = match &want.login {
            Login::Driver => None,
            Login::Own(auth) => Some(auth),
        };
        self.fingerprints.key(want.impersonated_user.as_ref(), own)
    }

    /// Returns the pool of a server, which need not be in any table.
    fn pool(&self, address: &Arc<Address>) -> Result<Arc<Pool>, Error> {
        let mut state = self.lock_open()?;
        Ok(self.pool_in(&mut state, address))
    }

    /// Returns a pool for one of the addresses of a server's name: that of another search, if one asks there.
    fn single_pool(&self, server: &Arc<Address>, of: &Pool, address: SocketAddr) -> Arc<Pool> {
        let key = (Arc::clone(server), address);
        let mut state = self.lock();
        if let Some(pool) = state.single.get(&key).and_then(Weak::upgrade) {
            return pool;
        }
        state.single.retain(|_, pool| pool.strong_count() > 0);
        let pool = Arc::new(of.only(address));
        state.single.insert(key, Arc::downgrade(&pool));
        pool
    }

    fn pool_in(&self, state: &mut State, address: &Arc<Address>) -> Arc<Pool> {
        if let Some(pool) = state.pools.get(address) {
            return Arc::clone(pool);
        }
        let pool = Arc::new(Pool::new(
            Arc::clone(&self.runtime),
            Arc::clone(&self.config),
            self.encryption.clone(),
            Arc::clone(&self.logins),
            Arc::clone(address),
        ));
        state.pools.insert(Arc::clone(address), Arc::clone(&pool));
        pool
    }

    /// Keeps a table that has arrived. Idle connections to servers that have left all tables are closed.
    fn keep(&self, question: &Question, user: &HomeKey, table: Table) {
        let now = self.now();
        let mut state = self.lock();
        if let (None, Some(home)) = (&question.database, table.database()) {
            state.homes.set(user.clone(), Arc::clone(home));
        }
        // Before pools are taken away: it matters whether others hold them.
        state.shortcuts.clear();
        state.tables.update(question.database.as_ref(), table, now);
        state.arrivals += 1;
        let left = state.take_left();
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        for pool in &left {
            pool.close_idle();
        }
        waiting.into_values().for_each(Waker::wake);
    }

    /// Removes a server from all tables: it cannot be reached.
    fn forget(&self, address: &Address) {
        self.change(|tables| tables.deactivate(address));
    }

    /// Changes the tables, and wakes those that wait for a server that may have left one.
    fn change(&self, change: impl FnOnce(&mut Tables)) {
        let mut state = self.lock();
        state.shortcuts.clear();
        change(&mut state.tables);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(Waker::wake);
    }

    fn note_answer(&self, router: &Arc<Address>) {
        let failure = self.lock().failures.remove(router);
        drop(failure);
    }

    fn note_failure(&self, router: &Arc<Address>, error: &Error) {
        let now = self.now();
        let mut state = self.lock();
        let forgotten = if state.failures.len() >= MAX_FAILURES {
            mem::take(&mut state.failures)
        } else {
            BTreeMap::new()
        };
        let replaced = state.failures.insert(Arc::clone(router), (now, error.clone()));
        drop(state);
        drop((forgotten, replaced));
    }

    /// Fails if the driver is closed.
    #[inline]
    fn lock_open(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.lock();
        if state.closed {
            return Err(Error::closed());
        }
        Ok(state)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The deciders do not panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns the pools of servers that have left all tables. Those without any connection are dropped.
    fn take_left(&mut self) -> Vec<Arc<Pool>> {
        let Self { tables, pools, .. } = self;
        let mut left = Vec::new();
        if planted!(ConnectionToGoneServerKept) {
            return left;
        }
        pools.retain(|address, pool| {
            pool.set_retired(!tables.lists(address));
            if tables.lists(address) {
                return true;
            }
            // A call that has just found the pool is about to use it.
            let in_use = Arc::strong_count(pool) > 1 || !pool.is_unused();
            left.push(Arc::clone(pool));
            in_use
        });
        left
    }
}

/// Returns until when a server has time that was asked at `since`, if as many `others` could be asked after it.
fn share(by: Deadline, since: Instant, others: usize) -> Deadline {
    let share = by.share(since, others);
    let least = Deadline::after(since, LEAST_SHARE);
    match share.at() {
        None => by,
        Some(_) if share.earlier(least) == share => by.earlier(least),
        Some(_) => by.earlier(share),
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}
