//! A borrowed connection.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use bolt_proto::{Access, ServerError};

use crate::address::Address;
use crate::connect::Want;
use crate::connect::fallout::{ForRouting, Others};
use crate::connect::link::{CarriedLogin, Link};
use crate::connect::login::Credentials;
use crate::connect::routing::Placement;
use crate::deadline::Deadline;
use crate::error::Error;

use super::{Pool, Pooled};

/// A borrowed connection. Dropping it, at any point, gives the connection back in order.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(super) pool: Arc<Pool>,
    /// Empty only while it is being dropped.
    pooled: Option<Box<Pooled>>,
    reused: bool,
    /// Since when the connection had been idle when this lease began; the begin of the lease if it had not.
    idle_since: Instant,
    /// Why the server was chosen, in a cluster.
    placement: Option<Placement>,
}

impl Lease {
    /// Borrows a connection that served an earlier lease, and is ready again.
    pub(super) fn reused(pool: &Arc<Pool>, mut pooled: Box<Pooled>, idle_since: Instant) -> Self {
        pooled.late_since = None;
        pooled.silent_until = Deadline::NONE;
        pooled.link.begin_lease();
        Self {
            pool: Arc::clone(pool),
            pooled: Some(pooled),
            reused: true,
            idle_since,
            placement: None,
        }
    }

    /// Borrows a connection on which a session reads the end of its own earlier work.
    pub(super) fn resumed(pool: &Arc<Pool>, pooled: Box<Pooled>, idle_since: Instant) -> Self {
        Self {
            pool: Arc::clone(pool),
            pooled: Some(pooled),
            reused: true,
            idle_since,
            placement: None,
        }
    }

    /// Begins another lease of a connection on which the rest of earlier work has been read. `None` if it cannot be used.
    pub(super) fn renewed(mut self, now: Instant) -> Option<Self> {
        let pooled = self.pooled.take()?;
        if pooled.is_usable(now) {
            return Some(Self::reused(&self.pool, pooled, now));
        }
        if pooled.is_dead() {
            self.report_dead();
        }
        self.pooled = Some(pooled);
        None
    }

    /// Gives back a connection on which the rest of earlier work has not come in time.
    pub(super) fn put_off(mut self, now: Instant) {
        if let Some(pooled) = self.pooled.as_deref_mut() {
            pooled.mark_late(now);
        }
    }

    /// Borrows a connection that has just been opened. If an earlier call began that (`inherited`), it may have been
    /// half open for long, and dead since.
    pub(super) fn opened(pool: &Arc<Pool>, pooled: Box<Pooled>, inherited: bool, now: Instant) -> Self {
        Self {
            pool: Arc::clone(pool),
            pooled: Some(pooled),
            reused: inherited,
            idle_since: now,
            placement: None,
        }
    }

    /// Reports what happened to this connection, and what that means for others.
    pub(crate) fn report(&self, others: Others) {
        match others {
            Others::Unaffected => {}
            Others::MayBeDead => self.report_dead(),
            Others::MayBeForgotten => self.report_silent(),
        }
    }

    /// Notes why the server was chosen, in a cluster.
    pub(crate) fn place(&mut self, placement: Placement) {
        self.placement = Some(placement);
    }

    /// Returns the server, if it is one of a cluster.
    pub(crate) fn server(&self) -> Option<&Arc<Address>> {
        self.placement.as_ref().map(|_| self.pool.address())
    }

    /// Returns the database by which the server was chosen, in a cluster.
    pub(crate) fn assumed_database(&self) -> Option<&Arc<str>> {
        self.placement.as_ref()?.database()
    }

    /// Returns whether the server is still one for this work: always, unless it is one of a cluster.
    pub(crate) fn is_well_placed(&self, access: Access) -> bool {
        let placement = self.placement.as_ref();
        placement.is_none_or(|placement| placement.is_current(self.pool.address(), access))
    }

    /// Reports an error, by what it means for the routing tables.
    pub(crate) fn report_to_router(&self, means: ForRouting) {
        if let Some(placement) = &self.placement {
            placement.report(self.pool.address(), means);
        }
    }

    /// Notes the home database, on which the server carries out work that names none.
    pub(crate) fn note_home(&mut self, want: &Want, home: &Arc<str>) {
        if let Some(placement) = &mut self.placement {
            placement.note_home(want, home);
        }
    }

    /// Reports that this connection was lost. The cause (a server that went away, a firewall that forgot it) may have
    /// ended others to the same address. Those that have been idle at least as long as this one had been at the begin
    /// of the lease are probed before they are used.
    pub(crate) fn report_dead(&self) {
        let now = self.pool.runtime.now();
        self.pool.decide(|slots| slots.suspect(self.idle_since, now));
    }

    /// Reports that nothing arrived on this connection during the whole deadline of a call. The server may be slow;
    /// but a connection that a firewall has forgotten looks the same. So the effects are those of
    /// [`report_dead`](Self::report_dead): one round trip for each healthy connection.
    ///
    /// Not for a connection on which something arrived in this lease: it is alive.
    pub(crate) fn report_silent(&self) {
        self.report_dead();
    }

    /// Reports that the login of this connection has become invalid. So have all that are as old: their connections
    /// log in again before they are used.
    pub(crate) fn invalidate_logins(&self) {
        self.pool.end_login_generation(self.login().generation);
    }

    /// Makes the connection carry this login, which must be changed before the first request is queued. The change
    /// leaves with that request. Returns `false` if it is not possible on this connection, before Bolt 5.1.
    ///
    /// # Errors
    /// If the credentials cannot be encoded, or have been rejected so often that they must not be tried now.
    pub(crate) fn carry(&mut self, credentials: &Credentials) -> Result<bool, Error> {
        let login = self.pool.login(credentials);
        if self.carries_login(&login) || planted!(OtherUsersConnection) {
            return Ok(true);
        }
        self.change_login(login)
    }

    /// Returns whether the connection carries this login.
    pub(crate) fn carries(&self, credentials: &Credentials) -> bool {
        self.carries_login(&self.pool.login(credentials))
    }

    fn carries_login(&self, login: &CarriedLogin) -> bool {
        self.pooled.as_deref().is_some_and(|pooled| pooled.carries(login))
    }

    /// Logs in again, even with the login that the connection carries. Returns `false` as [`carry`](Self::carry).
    ///
    /// # Errors
    /// As [`carry`](Self::carry).
    pub(crate) fn log_in_again(&mut self, credentials: &Credentials) -> Result<bool, Error> {
        if self.is_logging_in() {
            return Ok(true);
        }
        let login = self.pool.login(credentials);
        self.change_login(login)
    }

    /// Queues a change of the login, unless a server has rejected it so often that it must not be tried now.
    fn change_login(&mut self, login: CarriedLogin) -> Result<bool, Error> {
        if !self.can_log_in_again() {
            return Ok(false);
        }
        if let Some(error) = self.pool.logins.remembered(&login.credentials, self.pool.now()) {
            return Err(error);
        }
        self.log_in(login)?;
        Ok(true)
    }

    /// Reports a failure to the driver's auth manager if it is about the login of this connection. Returns whether
    /// there may be other credentials now.
    pub(crate) fn credentials_rejected(&self, error: &ServerError) -> bool {
        self.pool.logins.rejected(&self.login().credentials, error)
    }

    /// Closes the connection in order, in place of giving it back.
    pub(crate) fn close(mut self) {
        self.say_goodbye();
    }

    /// Returns the runtime's time.
    pub(crate) fn now(&self) -> Instant {
        self.pool.now()
    }

    /// Returns the deadline for what is left on the wire.
    pub(crate) fn teardown(&self) -> Deadline {
        Deadline::after(self.pool.runtime.now(), self.pool.config.teardown_timeout)
    }

    /// Counts the connection as a new one if its opening began after `failed_at`, whichever call opened it.
    pub(crate) fn compare_with_failure(&mut self, failed_at: Instant) {
        self.reused &= self
            .pooled
            .as_deref()
            .is_none_or(|pooled| pooled.begun() <= failed_at);
    }

    /// Returns whether the connection served, or was opened for, an earlier call, so that its socket may have died
    /// since.
    pub(crate) const fn is_reused(&self) -> bool {
        self.reused
    }
}

// The link is present from the constructor until `drop` takes it.
#[expect(clippy::expect_used, reason = "a lease holds its link until it is dropped")]
impl Deref for Lease {
    type Target = Link;

    #[inline]
    fn deref(&self) -> &Link {
        let pooled = self.pooled.as_deref();
        &pooled.expect("a lease holds its link until it is dropped").link
    }
}

#[expect(clippy::expect_used, reason = "a lease holds its link until it is dropped")]
impl DerefMut for Lease {
    #[inline]
    fn deref_mut(&mut self) -> &mut Link {
        let pooled = self.pooled.as_deref_mut();
        &mut pooled.expect("a lease holds its link until it is dropped").link
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take() {
            pooled.give_back(&self.pool, None);
        }
    }
}
