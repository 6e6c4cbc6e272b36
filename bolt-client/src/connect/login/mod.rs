//! What connections log in with: the driver's manager, asked once at a time, and what servers have rejected.

mod rejections;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bolt_proto::{Auth, ServerError};

use crate::auth::AuthSource;
use crate::config::Config;
use crate::deadline::Deadline;
use crate::error::{Error, Waiting};
use crate::runtime::{BoxFuture, Runtime};

use super::single_flight::SingleFlight;
use rejections::Rejections;

/// The login that a unit of work wants.
#[derive(Debug, Clone, Default)]
pub(crate) enum Login {
    /// The one that the driver's manager provides.
    #[default]
    Driver,
    /// The caller's own.
    Own(Auth),
}

/// The credentials of one login.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) auth: Auth,
    /// The caller's own, and not from the driver's manager.
    pub(crate) own: bool,
}

#[cfg(test)]
impl Credentials {
    pub(crate) const fn of_driver(auth: Auth) -> Self {
        Self { auth, own: false }
    }
}

/// The logins of one driver.
#[derive(Debug)]
pub(crate) struct Logins {
    source: AuthSource,
    /// The manager has had credentials at hand, so it has others if it has none at hand now.
    keeps: AtomicBool,
    /// The call of the manager that is being made.
    calls: SingleFlight<Result<Auth, Error>>,
    /// How long a call of the manager is kept without callers.
    call_limit: Duration,
    rejections: Mutex<Rejections>,
}

impl Logins {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            source: config.auth.clone(),
            keeps: AtomicBool::new(false),
            calls: SingleFlight::new(),
            call_limit: config.connection_timeout,
            rejections: Mutex::new(Rejections::default()),
        }
    }

    /// Returns the driver's present credentials, if they are at hand.
    pub(crate) fn current(&self, now: Instant) -> Option<Credentials> {
        let auth = self.source.current(now)?;
        if !self.source.is_fixed() {
            self.keeps.store(true, Ordering::Relaxed);
        }
        Some(Credentials { auth, own: false })
    }

    /// Returns whether these are the driver's credentials at present.
    pub(crate) fn are_the_drivers(&self, auth: &Auth, now: Instant) -> bool {
        self.current(now).is_some_and(|current| current.auth == *auth)
    }

    /// Returns whether the driver's credentials may change from one moment to the next, and are at hand.
    pub(crate) fn are_kept(&self, now: Instant) -> bool {
        !self.source.is_fixed() && self.current(now).is_some()
    }

    /// Returns the credentials of a login, if they are at hand.
    pub(crate) fn at_hand(&self, login: &Login, now: Instant) -> Option<Credentials> {
        match login {
            Login::Driver => self.current(now),
            Login::Own(auth) => Some(Credentials {
                auth: auth.clone(),
                own: true,
            }),
        }
    }

    /// Returns the credentials of a login, and waits for the manager if it has none at hand. Callers that wait at the
    /// same time get the result of the same call, or its failure.
    pub(crate) async fn credentials(
        &self,
        login: &Login,
        runtime: &dyn Runtime,
        by: Deadline,
    ) -> Result<Credentials, Error> {
        let now = runtime.now();
        if let Some(credentials) = self.at_hand(login, now) {
            return Ok(credentials);
        }
        let expires = Deadline::after(now, self.call_limit);
        let call = || -> BoxFuture<'static, _> {
            let token = self.source.token(now);
            Box::pin(async move { token.await.map_err(Error::auth_manager) })
        };
        // Boxed, since most managers have credentials at hand.
        match Box::pin(self.calls.join(runtime, by, expires, call)).await? {
            Some(provided) => provided.map(|auth| Credentials { auth, own: false }),
            None => Err(Error::out_of_time(
                runtime,
                "auth manager",
                Waiting::AuthManager,
                by,
            )),
        }
    }

    /// Returns the error of a login that must not be tried now, since a server has rejected these credentials before. If
    /// the manager has others by now, the error says that the work may be tried again.
    pub(crate) fn remembered(&self, credentials: &Credentials, now: Instant) -> Option<Error> {
        let found = self.lock().find(&credentials.auth, now);
        found.map(|error| self.explain(credentials, error, now))
    }

    /// As [`remembered`](Self::remembered), for a login that was permitted at `begun`.
    pub(crate) fn remembered_since(
        &self,
        credentials: &Credentials,
        begun: Instant,
        now: Instant,
    ) -> Option<Error> {
        let found = self.lock().find_since(&credentials.auth, begun, now);
        found.map(|error| self.explain(credentials, error, now))
    }

    fn explain(&self, credentials: &Credentials, error: Error, now: Instant) -> Error {
        if self.have_changed(credentials, now) {
            error.with_new_credentials()
        } else {
            error
        }
    }

    /// Returns whether these are of the driver's manager, which keeps others now, or none.
    fn have_changed(&self, credentials: &Credentials, now: Instant) -> bool {
        let is_current = |current: Credentials| current.auth == credentials.auth;
        let keeps = self.keeps.load(Ordering::Relaxed);
        keeps && !credentials.own && !self.current(now).is_some_and(is_current)
    }

    /// Notes that a server has accepted these credentials.
    pub(crate) fn accepted(&self, credentials: &Credentials) {
        let gone = self.lock().remove(&credentials.auth);
        drop(gone);
    }

    /// Notes that a server has refused a login with these credentials. Returns the error for the caller.
    pub(crate) fn refused(&self, credentials: &Credentials, error: Error, now: Instant) -> Error {
        let Some(server) = error.server().filter(|server| server.is_security()) else {
            return error;
        };
        self.lock().add(&credentials.auth, &error, now);
        if self.rejected(credentials, server) {
            error.with_new_credentials()
        } else {
            error
        }
    }

    /// Reports a failure to the manager if it is about these credentials, at a login or later. Returns whether there may
    /// be others now.
    pub(crate) fn rejected(&self, credentials: &Credentials, error: &ServerError) -> bool {
        !credentials.own && error.is_security() && self.source.rejected(&credentials.auth, error)
    }

    fn lock(&self) -> MutexGuard<'_, Rejections> {
        self.rejections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
