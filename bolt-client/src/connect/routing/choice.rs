//! How work gets a connection to one of the servers that can carry it out.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bolt_proto::Access;

use crate::address::Address;
use crate::connect::Want;
use crate::connect::fallout::{self, ForSearch};
use crate::connect::login::Credentials;
use crate::connect::pool::{Acquiring, Lease, Pool};
use crate::deadline::Deadline;
use crate::error::{Error, Failures, Known};

use super::ask;
use super::placement::Placement;
use super::refresh::Found;
use super::shortcuts::Shortcut;
use super::table::Table;
use super::{Router, State, select, share};

/// How many tables a call asks for because other calls have removed all servers of the last one.
const MAX_TABLES: usize = 4;

/// What one call has tried.
#[derive(Default)]
struct Tried {
    /// The table that has arrived for this call.
    found: Option<Found>,
    /// How many have.
    tables: usize,
    /// The home database is a guess of the last one, and the server decides.
    guessed: bool,
    /// A guess is not good enough: a connection does not lead to a server that would decide.
    no_guess: bool,
    failures: Failures,
}

/// What a call does next.
enum Next {
    Use(Chosen),
    /// Ask for the table of this database, or of the home database.
    Refresh {
        database: Option<Arc<str>>,
        guessed: bool,
        /// How many tables had arrived when none was found.
        seen: u64,
    },
    /// No server is left.
    Fail(Error),
}

/// A server that can carry the work out.
#[derive(Clone)]
pub(crate) struct Chosen {
    pool: Arc<Pool>,
    /// The database whose table names the server.
    database: Option<Arc<str>>,
    /// How many others could do the same.
    others: usize,
    guessed: bool,
}

/// A call that acquires a connection, as far as it has come without a wait.
pub(crate) enum Choosing {
    Done(Lease),
    /// It waits for a connection to this server, or has failed to get one.
    Tries(Box<(Chosen, Result<Acquiring, Error>)>),
    /// No table names a server.
    Searches,
}

/// The end of a wait in the pool of a server.
enum Waited {
    Ended(Result<Lease, Error>),
    /// The server has left the table.
    Left,
}

impl Router {
    /// Acquires a connection that is ready, to a server that can carry the work out. Servers that cannot be reached are
    /// forgotten, and others are tried. Cancel-safe.
    ///
    /// The connection may carry another login than that of these credentials, which are those of a new connection. A
    /// search for a table may take its time, so they are asked for once more after it.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        want: &Want,
        credentials: &mut Credentials,
        by: Deadline,
    ) -> Result<Lease, Error> {
        match self.begin_acquiring(want, credentials, self.now())? {
            Choosing::Done(lease) => Ok(lease),
            begun => self.go_on_acquiring(begun, want, credentials, by).await,
        }
    }

    /// Does what [`acquire`](Self::acquire) does, as far as it needs no wait: nearly all calls find a connection.
    pub(crate) fn begin_acquiring(
        self: &Arc<Self>,
        want: &Want,
        credentials: &Credentials,
        now: Instant,
    ) -> Result<Choosing, Error> {
        let chosen = match self.choose_quickly(want, now)? {
            Some(chosen) => chosen,
            None => match self.choose(want, &Tried::default(), now)? {
                Next::Use(chosen) => chosen,
                _ => return Ok(Choosing::Searches),
            },
        };
        match chosen.pool.begin_acquiring(credentials, now) {
            Ok(Acquiring::Done(mut lease)) if !lease.has_route() && chosen.is_right_for(&lease) => {
                lease.place(self.placement(chosen.database));
                Ok(Choosing::Done(lease))
            }
            begun => Ok(Choosing::Tries(Box::new((chosen, begun)))),
        }
    }

    /// Goes on with what [`begin_acquiring`](Self::begin_acquiring) has begun.
    pub(crate) async fn go_on_acquiring(
        self: &Arc<Self>,
        begun: Choosing,
        want: &Want,
        credentials: &mut Credentials,
        by: Deadline,
    ) -> Result<Lease, Error> {
        let mut tried = Tried::default();
        let mut first = match begun {
            Choosing::Done(lease) => return Ok(lease),
            Choosing::Tries(first) => Some(*first),
            Choosing::Searches => None,
        };
        loop {
            if let Some((chosen, acquiring)) = first.take() {
                let lease = self.try_server(want, &chosen, acquiring, &mut tried, by).await?;
                if let Some(lease) = lease {
                    return Ok(lease);
                }
            }
            let now = self.now();
            match self.choose(want, &tried, now)? {
                Next::Fail(error) => return Err(error),
                Next::Refresh {
                    database,
                    guessed,
                    seen,
                } => {
                    let home = database.is_none();
                    // Boxed, since it is rare, and larger than the rest of a call.
                    let found =
                        Box::pin(self.refresh_unless_newer(want, credentials, database, seen, by)).await?;
                    let Some(found) = found else { continue };
                    if let (true, false, Some(name)) = (home, guessed, &found.database) {
                        want.pin(name);
                    }
                    tried.guessed = guessed;
                    tried.found = Some(found);
                    tried.tables += 1;
                    *credentials = self.logins.credentials(&want.login, &*self.runtime, by).await?;
                }
                Next::Use(chosen) => {
                    let acquiring = chosen.pool.begin_acquiring(credentials, now);
                    first = Some((chosen, acquiring));
                }
            }
        }
    }

    /// Returns whether there is a server for this work beside these, by the present table or else by a new one.
    pub(crate) async fn has_other_server(
        self: &Arc<Self>,
        want: &Want,
        credentials: &Credentials,
        than: &[Arc<Address>],
        by: Deadline,
    ) -> bool {
        let other = |database: Option<&str>, fresh: bool| {
            let now = self.now();
            let state = self.lock();
            let table = state.tables.get(database);
            let table = table.filter(|table| !fresh || table.is_fresh(want.access, now));
            let servers = table.map(|table| table.servers(want.access)).unwrap_or_default();
            servers.iter().any(|server| !than.contains(server))
        };
        let database = match want.database() {
            Some(name) => Some(Arc::clone(name)),
            None => self.lock().homes.get(&self.user(want)),
        };
        if other(database.as_deref(), true) {
            return true;
        }
        match self
            .refresh(want, credentials, want.database().cloned(), by)
            .await
        {
            Ok(found) => other(found.database.as_deref(), false),
            // The next attempt finds out.
            Err(_) => false,
        }
    }

    /// Acquires a connection to this server. `None` if another one must be tried.
    async fn try_server(
        self: &Arc<Self>,
        want: &Want,
        chosen: &Chosen,
        acquiring: Result<Acquiring, Error>,
        tried: &mut Tried,
        by: Deadline,
    ) -> Result<Option<Lease>, Error> {
        let until = share(by, self.now(), chosen.others);
        let waited = match acquiring {
            Ok(acquiring) => self.wait_for(chosen, want.access, acquiring, until).await,
            Err(error) => Waited::Ended(Err(error)),
        };
        let error = match waited {
            Waited::Ended(Ok(lease)) => match self.place(lease, chosen, want.access, tried, until).await {
                Ok(lease) => return Ok(lease),
                Err(error) => error,
            },
            Waited::Ended(Err(error)) => error,
            Waited::Left => return Ok(None),
        };
        let over = by.has_passed(self.now()) || self.runtime.is_cancelled();
        match fallout::for_choice(&error, over) {
            ForSearch::Final => return Err(self.final_error(want, chosen, tried, error)),
            ForSearch::ForgetServer => {
                self.note_failure(chosen.address(), &error);
                self.forget(chosen.address());
                tried.failures.push((Arc::clone(chosen.address()), error));
            }
            ForSearch::NextServer => {}
        }
        Ok(None)
    }

    /// Makes a connection that of this work. `None` if another one must be acquired.
    async fn place(
        self: &Arc<Self>,
        mut lease: Lease,
        chosen: &Chosen,
        access: Access,
        tried: &mut Tried,
        by: Deadline,
    ) -> Result<Option<Lease>, Error> {
        if !chosen.is_right_for(&lease) {
            *tried = Tried {
                no_guess: true,
                ..Tried::default()
            };
            return Ok(None);
        }
        // Other calls may have learned meanwhile that the server has left.
        if !ask::settle_route(&mut lease, by).await? || !self.names(chosen, access) {
            return Ok(None);
        }
        lease.place(self.placement(chosen.database.clone()));
        Ok(Some(lease))
    }

    fn placement(self: &Arc<Self>, database: Option<Arc<str>>) -> Placement {
        Placement::new(Arc::clone(self), database)
    }

    /// Waits for a connection of a pool, as long as its server is in the table. A connection that is ready when the server
    /// has left goes back to the pool: a server that no longer leads, for example, would refuse the work.
    async fn wait_for(&self, chosen: &Chosen, access: Access, acquiring: Acquiring, by: Deadline) -> Waited {
        let mut acquiring = pin!(acquiring.lease(by));
        let mut watch = Watch {
            router: self,
            number: None,
        };
        poll_fn(|cx| match acquiring.as_mut().poll(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Waited::Ended(Err(error))),
            Poll::Ready(Ok(lease)) if self.names(chosen, access) => Poll::Ready(Waited::Ended(Ok(lease))),
            Poll::Pending if watch.sees(chosen, access, cx) => Poll::Pending,
            _ => Poll::Ready(Waited::Left),
        })
        .await
    }

    /// Returns whether the table still names the server.
    fn names(&self, chosen: &Chosen, access: Access) -> bool {
        self.lock().names(chosen, access)
    }

    /// Chooses a server for a call that has tried none, as [`choose`](Self::choose) would, by what that has found before.
    fn choose_quickly(&self, want: &Want, now: Instant) -> Result<Option<Chosen>, Error> {
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
    fn choose(&self, want: &Want, tried: &Tried, now: Instant) -> Result<Next, Error> {
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
        let least = match servers {
            [only] => Some((only, state.pools.get(only))),
            servers => {
                let pools = servers.iter().map(|address| (address, state.pools.get(address)));
                let loads = pools.map(|(address, pool)| ((address, pool), load(pool)));
                select::least_in_use(loads, &self.draws)
            }
        };
        let Some(least) = least else {
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
            (Some(table), None) if state.shortcuts.have_room() => {
                let pool = |server| state.pools.get(server).map(Arc::clone);
                let servers: Option<_> = servers.iter().map(pool).collect();
                servers.map(|servers| Shortcut {
                    database: database.clone(),
                    access: want.access,
                    ends: table.ends(),
                    servers,
                })
            }
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

    /// Returns the error that ends the search for a server, with what has failed before.
    fn final_error(&self, want: &Want, chosen: &Chosen, tried: &Tried, error: Error) -> Error {
        if tried.failures.is_empty() {
            return error;
        }
        let state = self.lock();
        let table = state.tables.get(chosen.database.as_deref());
        let known = self.known(want, chosen.database.clone(), table);
        drop(state);
        error.after_servers(known, chosen.address(), &tried.failures)
    }

    fn known(&self, want: &Want, database: Option<Arc<str>>, table: Option<&Table>) -> Known {
        let now = self.now();
        let count = |of: fn(&Table) -> &[Arc<Address>]| table.map_or(0, |table| of(table).len());
        Known {
            access: want.access,
            database,
            routers: count(Table::routers),
            readers: count(Table::readers),
            writers: count(Table::writers),
            age: table
                .map(|table| now.saturating_duration_since(table.received()))
                .unwrap_or_default(),
            writerless: table
                .and_then(Table::writerless_since)
                .map(|since| now.saturating_duration_since(since)),
        }
    }
}

impl Tried {
    /// Returns whether the call has a table without a server for the work, and is not to blame for that: other calls have
    /// removed those that were in it, and what they have met says little about this one.
    fn is_worth_another_table(&self, table: Option<&Table>, access: Access) -> bool {
        let came_without = |table: &Table| access == Access::Write && table.came_without_writers();
        self.failures.is_empty() && self.tables < MAX_TABLES && !table.is_some_and(came_without)
    }
}

impl Chosen {
    fn address(&self) -> &Arc<Address> {
        self.pool.address()
    }

    /// Returns whether a connection leads to where the work can be carried out: only a server that forwards queries may be
    /// wrong about the home database.
    fn is_right_for(&self, lease: &Lease) -> bool {
        !self.guessed || lease.info().is_some_and(|info| info.hints().ssr_enabled)
    }
}

impl State {
    fn names(&self, chosen: &Chosen, access: Access) -> bool {
        let table = self.tables.get(chosen.database.as_deref());
        // Without a table there is nothing to choose another server by.
        table.is_none_or(|table| table.servers(access).contains(chosen.address()))
    }
}

/// Returns how much a server has to do for this driver.
fn load(pool: Option<&Arc<Pool>>) -> usize {
    pool.map_or(0, |pool| pool.load())
}

/// The attention of a waiting call to changes of the tables.
struct Watch<'r> {
    router: &'r Router,
    /// The call's number, once it has waited.
    number: Option<u64>,
}

impl Watch<'_> {
    /// Returns whether the table still names the server; if so, keeps the waker.
    fn sees(&mut self, chosen: &Chosen, access: Access, cx: &Context<'_>) -> bool {
        let waker = cx.waker().clone();
        let mut state = self.router.lock();
        let listed = state.names(chosen, access);
        let number = *self.number.get_or_insert_with(|| {
            state.calls += 1;
            state.calls
        });
        let stale = if listed {
            state.waiting.insert(number, waker)
        } else {
            Some(waker)
        };
        drop(state);
        drop(stale);
        listed
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let waker: Option<Waker> = self
            .number
            .and_then(|number| self.router.lock().waiting.remove(&number));
        drop(waker);
    }
}
