//! How work gets a connection to one of the servers that can carry it out.

mod server;
mod waiting;

use std::sync::Arc;
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
use super::table::Table;
use super::{Router, share};
use waiting::Waited;

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
