//! How one server is asked: over which connection, and at which of its addresses.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bolt_proto::RoutingTable;

use crate::connect::login::Login;
use crate::connect::pool::{Lease, Pool};
use crate::connect::routing::Router;
use crate::connect::routing::ask::{self, Asked};
use crate::connect::routing::refresh::{Present, Turn};
use crate::connect::shared::own_login_unsupported;
use crate::deadline::Deadline;
use crate::error::Error;

use super::Errand;

/// The most addresses of one name that are asked after the first one.
const MAX_ADDRESSES: usize = 16;

impl Router {
    /// Asks one server, or carries on with a request that an earlier caller sent.
    pub(super) async fn ask(
        self: &Arc<Self>,
        turn: &mut Turn,
        present: &Present,
        errand: &Errand,
        by: Deadline,
    ) -> Result<RoutingTable, Error> {
        // Another search may have got the connection that this question travelled on. If both asked so again and again, they
        // could take each other's connections for ever.
        let mut travels_with_login = true;
        if let Some(progress) = turn.progress() {
            progress.resume(self.config.connection_timeout);
        }
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
    pub(super) async fn next_address(
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
}
