//! Changes of the login of an open connection (Bolt 5.1 and later).

use std::time::Instant;

use bolt_proto::{Event, RequestId, ServerError};

use crate::connect::fallout;
use crate::connect::login::Credentials;
use crate::error::Error;

use super::Link;

/// The login that a connection carries.
#[derive(Debug, Clone)]
pub(crate) struct CarriedLogin {
    pub(crate) credentials: Credentials,
    /// The pool's [generation](crate::connect::pool::Pool) of logins when it was made.
    pub(crate) generation: u64,
}

impl CarriedLogin {
    /// The generation of a login that the server has declared invalid.
    const ENDED: u64 = u64::MAX;
}

/// LOGOFF and LOGON, queued and not answered yet.
#[derive(Debug)]
pub(super) struct LoggingIn {
    logoff: RequestId,
    logon: RequestId,
    /// What the connection carries if they are taken back.
    previous: CarriedLogin,
    since: Instant,
}

impl Link {
    pub(crate) const fn login(&self) -> &CarriedLogin {
        &self.login
    }

    /// Returns whether the login of an open connection can be changed.
    pub(crate) fn can_log_in_again(&self) -> bool {
        self.proto.capabilities().is_some_and(|version| version.logon)
    }

    /// Returns whether a change of the login is not answered yet.
    pub(crate) const fn is_logging_in(&self) -> bool {
        self.logging_in.is_some()
    }

    /// Queues LOGOFF and LOGON, which leave with the next request. Their answers are taken before any other event is
    /// returned; if the server refuses the login, that ends the connection, and the next wait fails.
    ///
    /// # Errors
    /// If the credentials cannot be encoded. Nothing is queued then.
    pub(crate) fn log_in(&mut self, login: CarriedLogin) -> Result<(), Error> {
        let logoff = self.proto.logoff().map_err(|error| self.refusal(error))?;
        let logon = match self.proto.logon(&login.credentials.auth) {
            Ok(logon) => logon,
            Err(error) => {
                self.proto.unqueue();
                return Err(self.refusal(error));
            }
        };
        let previous = std::mem::replace(&mut self.login, login);
        self.logging_in = Some(LoggingIn {
            logoff,
            logon,
            previous,
            since: self.wire.runtime().now(),
        });
        Ok(())
    }

    /// Returns the error of a change of the login that must not leave any more: since it was queued, servers have rejected
    /// its credentials so often that they are not tried now.
    pub(crate) fn late_login(&self) -> Option<Error> {
        let change = self.logging_in.as_ref()?;
        let now = self.wire.runtime().now();
        self.logins
            .remembered_since(&self.login.credentials, change.since, now)
    }

    /// Notes a failure that no caller is left for, as far as it is about the login.
    pub(super) fn note_failure(&mut self, error: &ServerError) {
        if fallout::reported(error).invalidates_logins {
            self.login.generation = CarriedLogin::ENDED;
        } else if error.is_security() {
            self.logins.rejected(&self.login.credentials, error);
        }
    }

    /// Takes back the requests of which no byte has left, but for a change of the login: what is queued next needs it.
    /// Returns the first of them.
    pub(crate) fn unqueue(&mut self) -> Option<RequestId> {
        match &self.logging_in {
            Some(change) => self.proto.unqueue_after(change.logon),
            None => self.proto.unqueue(),
        }
    }

    /// Takes back all requests of which no byte has left. A change of the login is taken back as a whole, or not at
    /// all.
    pub(super) fn unqueue_all(&mut self) {
        let first = self.proto.unqueue();
        let Some(change) = &self.logging_in else { return };
        if first.is_some_and(|first| first <= change.logoff) {
            if let Some(change) = self.logging_in.take() {
                self.login = change.previous;
            }
        } else if first.is_some_and(|first| first <= change.logon) {
            // After LOGOFF the server accepts nothing else.
            match self.proto.logon(&self.login.credentials.auth) {
                Ok(logon) => {
                    if let Some(change) = &mut self.logging_in {
                        change.logon = logon;
                    }
                }
                Err(_) => self.say_goodbye(),
            }
        }
    }

    fn login_refused(&mut self, error: ServerError) {
        self.logging_in = None;
        let credentials = &self.login.credentials;
        let error = Error::login(error, &self.peer, &credentials.auth);
        let now = self.wire.runtime().now();
        self.refused_login = Some(self.logins.refused(credentials, error, now));
    }

    /// No server ignores a login, so nothing is known of this one.
    fn login_ignored(&mut self) {
        self.logging_in = None;
        self.refused_login = Some(Error::misuse("the server ignored a login without a reason"));
        self.say_goodbye();
    }

    /// Takes the answers to a change of the login that have arrived.
    pub(super) fn take_login_answers(&mut self) {
        while let Some(change) = &self.logging_in {
            let (last, Ok(Some(head))) = (change.logon, self.proto.has_event()) else {
                return;
            };
            let is_last = head.request == Some(last);
            match self.proto.event() {
                Some(Event::Failure(error)) => self.login_refused(error),
                Some(Event::Success(_)) if is_last => {
                    self.logging_in = None;
                    self.logins.accepted(&self.login.credentials);
                }
                Some(Event::Success(_)) => {}
                _ => self.login_ignored(),
            }
        }
    }
}
