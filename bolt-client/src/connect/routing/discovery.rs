//! How a routing table is obtained.

mod asking;
mod searches;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bolt_proto::{Access, RoutingTable};

use crate::address::Address;
use crate::config::Resolver;
use crate::connect::Want;
use crate::connect::fallout::{self, ForSearch};
use crate::connect::login::Credentials;
use crate::deadline::Deadline;
use crate::error::{Error, Waiting};

use super::ask::Asked;
use super::order::{Candidate, Search};
use super::question::Question;
use super::refresh::{Asker, Failure, Found, Next, Outcome, Present, Progress, Refresh, Turn};
use super::table::Table;
use super::{RefreshKey, Router, share};

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
            let unread_since = progress.asked.as_ref().and_then(Asked::unread_since);
            if self.is_stale(&answer, unread_since) {
                progress.asked = None;
                continue;
            }
            let answer = answer.and_then(|sent| self.read(&sent, errand, unread_since));
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

    /// Returns whether an answer came so long before its caller that it says nothing about now.
    fn is_stale(&self, answer: &Result<RoutingTable, Error>, unread_since: Option<Instant>) -> bool {
        let holds_for = match answer {
            Ok(table) => table.ttl,
            Err(error) if error.server().is_some() => Duration::ZERO,
            Err(_) => return false,
        };
        let ends = unread_since.and_then(|since| since.checked_add(holds_for));
        ends.is_some_and(|end| end < self.now())
    }

    /// Reads a table. `unread_since`: since when the answer may have been there.
    fn read(
        &self,
        sent: &RoutingTable,
        errand: &Errand,
        unread_since: Option<Instant>,
    ) -> Result<Table, Error> {
        let received = unread_since.unwrap_or_else(|| self.now());
        let table = Table::read(sent, errand.question.database.as_ref(), received);
        table.map_err(|unusable| Error::bad_table(unusable.missing()))
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

    fn timed_out(&self, by: Deadline) -> Error {
        Error::out_of_time(&*self.runtime, self.seed.to_string(), Waiting::RoutingTable, by)
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
