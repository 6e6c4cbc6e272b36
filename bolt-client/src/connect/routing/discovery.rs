//! How a routing table is obtained.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use bolt_proto::{Access, RoutingTable};

use crate::address::Address;
use crate::config::Resolver;
use crate::connect::Want;
use crate::connect::fallout::{self, ForSearch};
use crate::connect::login::{Credentials, Login};
use crate::connect::pool::{Lease, Pool};
use crate::connect::shared::own_login_unsupported;
use crate::deadline::Deadline;
use crate::error::{Error, Waiting};

use super::ask::{self, Asked};
use super::order::{Candidate, Search};
use super::question::Question;
use super::refresh::{Asker, Failure, Found, Next, Outcome, Present, Progress, Refresh, Turn};
use super::table::Table;
use super::{RefreshKey, Router, State, share};

/// The most searches without a caller that are kept.
const MAX_SEARCHES: usize = 100;
/// The most addresses of one name that are asked after the first one.
const MAX_ADDRESSES: usize = 16;

/// A caller that needs a table.
struct Errand {
    key: RefreshKey,
    question: Question,
    asker: Asker,
    access: Access,
    credentials: Credentials,
    by: Deadline,
}

impl Errand {
    /// Returns whether this caller may succeed where another has failed: what a server reports to another user, or about
    /// another login, or about other bookmarks, says nothing about this one, and servers may answer in more time.
    fn may_succeed_after(&self, failure: &Failure) -> bool {
        let answer = failure.error.server();
        let of_another = answer.is_some_and(|answer| self.asker.may_differ_from(&failure.asker, answer));
        let has_more_time = self.by != failure.by && failure.by.earlier(self.by) == failure.by;
        of_another || (has_more_time && failure.error.is_short_of_time())
    }
}

impl Router {
    /// Obtains the table of a database from the servers: of the user's home database if `database` is `None`. All callers
    /// that need the same table wait for one search. Cancel-safe.
    pub(super) async fn refresh(
        self: &Arc<Self>,
        want: &Want,
        credentials: &Credentials,
        database: Option<Arc<str>>,
        by: Deadline,
    ) -> Result<Found, Error> {
        let errand = self.errand(want, credentials, database, by);
        let refresh = self.search_for(&errand)?;
        self.outcome_of(refresh, &errand).await
    }

    /// The same for a caller that has looked at the tables when so many had arrived. `None` if another one has arrived since
    /// and no search is under way: the caller looks again, so that it does not ask for what another caller has just got.
    pub(super) async fn refresh_unless_newer(
        self: &Arc<Self>,
        want: &Want,
        credentials: &Credentials,
        database: Option<Arc<str>>,
        seen: u64,
        by: Deadline,
    ) -> Result<Option<Found>, Error> {
        let errand = self.errand(want, credentials, database, by);
        let Some(refresh) = self.search_unless_newer(&errand, seen)? else {
            return Ok(None);
        };
        self.outcome_of(refresh, &errand).await.map(Some)
    }

    fn errand(
        &self,
        want: &Want,
        credentials: &Credentials,
        database: Option<Arc<str>>,
        by: Deadline,
    ) -> Errand {
        let user = self.user(want);
        let bookmarks = want.bookmarks();
        Errand {
            key: RefreshKey {
                user: database.is_none().then(|| user.clone()),
                database: database.clone(),
            },
            question: Question {
                database,
                impersonated_user: want.impersonated_user.clone(),
                bookmarks: bookmarks.clone(),
            },
            asker: Asker {
                user,
                login: credentials.auth.clone(),
                bookmarks,
            },
            access: want.access,
            credentials: credentials.clone(),
            by,
        }
    }

    /// Waits for the outcome of a search, or carries it on. After a failure that says nothing about this caller, there is
    /// another search.
    async fn outcome_of(
        self: &Arc<Self>,
        mut refresh: Arc<Refresh>,
        errand: &Errand,
    ) -> Result<Found, Error> {
        let by = errand.by;
        loop {
            let again = || self.begin_search(errand);
            let next = refresh.next(&*self.runtime, errand.access, by, again).await?;
            let outcome = match next {
                None => return Err(self.timed_out(by)),
                Some(Next::Over(outcome)) => outcome,
                Some(Next::Turn(turn)) => self.take_turn(turn, &refresh, errand).await?,
            };
            match outcome {
                Outcome::Found(found) => return Ok(found),
                Outcome::Failed(failure) if errand.may_succeed_after(&failure) => {}
                Outcome::Failed(failure) => return Err(failure.error),
                Outcome::Closed => return Err(Error::closed()),
            }
            refresh = self.search_for(errand)?;
        }
    }

    /// Asks servers, as the caller that has the turn. An error is this caller's alone: the search goes on without it.
    async fn take_turn(
        self: &Arc<Self>,
        mut turn: Turn,
        refresh: &Arc<Refresh>,
        errand: &Errand,
    ) -> Result<Outcome, Error> {
        let outcome = match self.search(&mut turn, errand).await {
            Ended::Found(table, router) => {
                let database = table.database().cloned();
                self.keep(&errand.question, &errand.asker.user, table);
                Outcome::Found(Found { database, router })
            }
            Ended::Failed(error, asker) => Outcome::Failed(Failure {
                error,
                asker,
                by: errand.by,
            }),
            Ended::CallersOwn(error) => {
                drop(turn);
                self.forget_searches();
                return Err(error);
            }
        };
        self.end_search(&errand.key, refresh);
        turn.end(outcome.clone());
        Ok(outcome)
    }

    /// Asks one server after the other.
    async fn search(self: &Arc<Self>, turn: &mut Turn, errand: &Errand) -> Ended {
        loop {
            let now = self.now();
            let Some(progress) = turn.progress() else {
                return Ended::CallersOwn(Error::closed());
            };
            let present = match progress.present.clone() {
                Some(present) => present,
                None => match progress.search.next() {
                    Some(Candidate::Router(router)) => Present::new(router, now),
                    Some(Candidate::Seed) => {
                        // If this call ends while it waits, the next one carries on.
                        progress.search.postpone_seed();
                        let seeds = turn.attended(&*self.runtime, async |_| self.seeds(errand.by).await);
                        match (seeds.await, turn.progress()) {
                            (Ok(seeds), Some(progress)) => self.expand_seed(&mut progress.search, seeds),
                            (Err(error), _) => return Ended::CallersOwn(error),
                            (Ok(_), None) => {}
                        }
                        continue;
                    }
                    None => return end_of(progress, errand),
                },
            };
            progress.present = Some(present.clone());
            let left = progress.search.left() + present.others.as_ref().map_or(0, VecDeque::len);
            let until = share(errand.by, present.since, left);
            let router = Arc::clone(&present.router);
            let answer = turn
                .attended(&*self.runtime, async |turn| {
                    self.ask(turn, &present, errand, until).await
                })
                .await;
            let needs_writer = turn.needs_writer();
            let Some(progress) = turn.progress() else { continue };
            let answer = answer.and_then(|sent| self.read(&sent, errand));
            let over = errand.by.has_passed(self.now()) || self.runtime.is_cancelled();
            let error = match answer {
                Ok(table) => {
                    self.note_answer(&router);
                    progress.server_is_done();
                    if needs_writer {
                        progress.search.joined(Access::Write);
                    }
                    match progress.search.answered(table, &router) {
                        Some(table) => return Ended::Found(table, router),
                        None => continue,
                    }
                }
                Err(error) => error,
            };
            let means = fallout::for_discovery(&error, over);
            if means == ForSearch::Final && error.server().is_none() {
                // The request stays on its way, for the next caller.
                let database = errand.question.database.clone();
                let failures = progress.search.failures();
                return Ended::CallersOwn(error.after_routers(database, &router, failures));
            }
            let asked = progress.asked.take();
            progress.present = None;
            self.note_failure(&router, &error);
            match means {
                ForSearch::Final => {
                    let asker = asked.as_ref().map_or(&errand.asker, Asked::asker).clone();
                    let error = error.of_router(errand.question.database.clone(), router);
                    return Ended::Failed(error, asker);
                }
                ForSearch::ForgetServer => {
                    let connected = asked.is_some() || error.has_answered();
                    progress.search.failed(Arc::clone(&router), error);
                    let next = self.next_address(present, asked, connected, errand.by).await;
                    match (turn.progress(), next) {
                        (Some(progress), Some(next)) => progress.present = Some(next),
                        _ => self.forget(&router),
                    }
                }
                ForSearch::NextServer => progress.search.failed(router, error),
            }
        }
    }

    fn read(&self, sent: &RoutingTable, errand: &Errand) -> Result<Table, Error> {
        let table = Table::read(sent, errand.question.database.as_ref(), self.now());
        table.map_err(|unusable| Error::bad_table(unusable.missing()))
    }

    /// Asks one server, or carries on with a request that an earlier caller sent.
    async fn ask(
        self: &Arc<Self>,
        turn: &mut Turn,
        present: &Present,
        errand: &Errand,
        by: Deadline,
    ) -> Result<RoutingTable, Error> {
        // Another search may have got the connection that this question travelled on. If both asked so again and again, they
        // could take each other's connections for ever.
        let mut travels_with_login = true;
        loop {
            let asked = match turn.progress().map(|progress| &mut progress.asked) {
                Some(Some(asked)) => asked,
                Some(none) => {
                    let pool = self.pool_of(present)?;
                    let pending =
                        travels_with_login.then(|| self.questions.add(&present.router, &errand.question));
                    let lease = self.log_in(&pool, errand, by).await?;
                    drop(pending);
                    let Some(lease) = lease else {
                        travels_with_login = false;
                        continue;
                    };
                    none.insert(Asked::send(
                        lease,
                        errand.asker.clone(),
                        &errand.question,
                        &self.context,
                    )?)
                }
                None => return Err(Error::closed()),
            };
            match asked.answer(by).await? {
                Some(table) => return Ok(table),
                // The connection had been dead in the pool; the next one is new, or proven.
                None => {
                    if let Some(progress) = turn.progress() {
                        progress.asked = None;
                    }
                }
            }
        }
    }

    /// Acquires a connection that carries the caller's login, or changes its login before the next request. No question but
    /// the caller's is on its way there. `None` if another connection must be acquired.
    async fn log_in(&self, pool: &Arc<Pool>, errand: &Errand, by: Deadline) -> Result<Option<Lease>, Error> {
        let mut credentials = errand.credentials.clone();
        loop {
            let mut lease = pool.acquire(&credentials, by).await?;
            // Before Bolt 5.1 a connection keeps its login, and no work of this caller's own login follows the table. Nor does
            // such a server always say of which database its table is, which depends on the login.
            let is_supported = !credentials.own
                || lease.can_log_in_again()
                || self.logins.are_the_drivers(&credentials.auth, self.now());
            if !is_supported {
                return Err(own_login_unsupported(lease, &credentials));
            }
            // A login cannot change while a question is on its way, and another user may be given another answer.
            let is_own = lease.asks(&errand.question)
                && (lease.carries(&credentials) || planted!(LoginChangedBehindRoute));
            if !is_own && !ask::settle_route(&mut lease, by).await? {
                return Ok(None);
            }
            if lease.carry(&credentials)? {
                return Ok(Some(lease));
            }
            if !credentials.own {
                credentials = self
                    .logins
                    .credentials(&Login::Driver, &*self.runtime, by)
                    .await?;
            }
            lease.close();
        }
    }

    /// Returns where the search goes on after this server has failed: at the next address of its name, behind which there
    /// may be another server. `None` if all that could be reached have been asked, or if none could.
    async fn next_address(
        &self,
        present: Present,
        asked: Option<Asked>,
        connected: bool,
        by: Deadline,
    ) -> Option<Present> {
        let Present {
            router,
            since,
            others,
            ..
        } = present;
        let pool = self.pool(&router).ok()?;
        let mut others = match others {
            Some(others) => others,
            None if connected => {
                let socket = asked.as_ref().and_then(Asked::socket);
                let socket = socket.or_else(|| pool.addresses().last_answered())?;
                pool.addresses().note_failure(pool.address(), socket, self.now());
                let others = self.other_addresses(&pool, since, by).await;
                if !others.is_empty() {
                    // The next connection to this name leads to another address.
                    asked.into_iter().for_each(Asked::close);
                }
                others
            }
            // All addresses have been tried.
            None => return None,
        };
        let next = others.pop_front()?;
        Some(Present {
            only: Some(self.single_pool(&router, &pool, next)),
            router,
            since: self.now(),
            others: Some(others),
        })
    }

    /// Returns the addresses of a server's name at which no attempt has failed since then.
    async fn other_addresses(&self, pool: &Pool, since: Instant, by: Deadline) -> VecDeque<SocketAddr> {
        let mut sockets = match pool.addresses().found_since(since) {
            Some(sockets) => sockets,
            None => {
                let server = pool.address();
                let resolving = self.runtime.resolve(server.host(), server.port(), by.at());
                let resolved = by.race(&*self.runtime, resolving).await;
                resolved.and_then(Result::ok).unwrap_or_default()
            }
        };
        sockets.retain(|socket| !pool.addresses().has_failed_since(*socket, since));
        sockets.truncate(MAX_ADDRESSES);
        sockets.into()
    }

    /// Returns the pool by which a server is asked.
    fn pool_of(&self, present: &Present) -> Result<Arc<Pool>, Error> {
        match &present.only {
            Some(_) if self.is_closed() => Err(Error::closed()),
            Some(only) => Ok(Arc::clone(only)),
            None => self.pool(&present.router),
        }
    }

    /// Returns the addresses of the seed. The resolver of the application applies to no other server.
    async fn seeds(&self, by: Deadline) -> Result<Vec<Address>, Error> {
        let resolve = match &self.resolver {
            None => return Ok(vec![(*self.seed).clone()]),
            Some(Resolver::Plain(resolve)) => return Ok(resolve(&self.seed)),
            Some(Resolver::Waiting(resolve)) => resolve,
        };
        let expires = Deadline::after(self.now(), self.config.connection_timeout);
        let call = || resolve((*self.seed).clone());
        let found = self.resolving.join(&*self.runtime, by, expires, call).await?;
        found.ok_or_else(|| self.timed_out(by))
    }

    fn expand_seed(&self, search: &mut Search<Error>, addresses: Vec<Address>) {
        if addresses.is_empty() {
            let error = Error::resolve(self.seed.host(), None);
            search.failed(Arc::clone(&self.seed), error);
        }
        search.expand_seed(addresses);
    }

    /// Returns the search for a table; begins one if there is none.
    fn search_for(&self, errand: &Errand) -> Result<Arc<Refresh>, Error> {
        let now = self.now();
        let state = self.lock_open()?;
        match state.search(errand, now) {
            Some(refresh) => Ok(refresh),
            None => Ok(self.insert_search(state, errand, now)),
        }
    }

    /// The same, but `None` if there is no search, and other tables have arrived than were `seen`.
    fn search_unless_newer(&self, errand: &Errand, seen: u64) -> Result<Option<Arc<Refresh>>, Error> {
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

    fn begin_search(&self, errand: &Errand) -> Box<Progress> {
        Progress::new(self.lock().new_search(&self.seed, errand))
    }

    fn end_search(&self, key: &RefreshKey, refresh: &Arc<Refresh>) {
        let mut state = self.lock();
        let present = state.refreshes.get(key);
        if present.is_some_and(|present| Arc::ptr_eq(present, refresh)) {
            let ended = state.refreshes.remove(key);
            drop(state);
            drop(ended);
        }
    }

    /// Drops searches that no caller carries on, if there are many.
    fn forget_searches(&self) {
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

    fn timed_out(&self, by: Deadline) -> Error {
        Error::out_of_time(&*self.runtime, self.seed.to_string(), Waiting::RoutingTable, by)
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

/// How a search ended, for the caller that has the turn.
enum Ended {
    Found(Table, Arc<Address>),
    /// For all callers that wait and to which the answer to this one applies.
    Failed(Error, Asker),
    /// For this caller only: its time is up, or the driver is closed.
    CallersOwn(Error),
}

fn end_of(progress: &mut Progress, errand: &Errand) -> Ended {
    match progress.search.end() {
        Ok((table, router)) => Ended::Found(table, router),
        Err(failures) => {
            let error = Error::no_routing_table(errand.question.database.clone(), failures);
            Ended::Failed(error, errand.asker.clone())
        }
    }
}
