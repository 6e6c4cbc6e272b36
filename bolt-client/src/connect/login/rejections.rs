//! Credentials that servers have rejected: a pure decider.

use std::time::{Duration, Instant};

use bolt_proto::Auth;

use crate::error::Error;

/// How many credentials are remembered. The oldest rejection is forgotten first.
const MAX: usize = 16;

/// How long a login is not tried again after its credentials were rejected repeatedly. As long as Neo4j refuses every
/// login of a user after three wrong passwords, by default.
const PAUSE: Duration = Duration::from_secs(5);

/// Credentials that servers have rejected, so that a wrong password costs a server no more than a login every few
/// seconds, however many calls want one.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    /// The newest is last.
    rejected: Vec<Rejection>,
}

#[derive(Debug)]
struct Rejection {
    auth: Auth,
    /// The server's last answer.
    error: Error,
    times: u32,
    since: Instant,
    /// When the server rejected them last.
    last: Instant,
    /// When the next login may be tried.
    next_try: Instant,
}

impl Rejections {
    /// Notes that a server has rejected these credentials.
    pub(super) fn add(&mut self, auth: &Auth, error: &Error, now: Instant) {
        let known = self.position(auth).map(|at| self.rejected.remove(at));
        let (times, since) = known.map_or((0, now), |known| (known.times, known.since));
        let times = times.saturating_add(1);
        let is_final = times > 1 || error.server().is_some_and(|error| error.name() == RATE_LIMIT);
        let next_try = if is_final {
            now.checked_add(PAUSE).unwrap_or(now)
        } else {
            now
        };
        if self.rejected.len() >= MAX {
            self.rejected.remove(0);
        }
        self.rejected.push(Rejection {
            auth: auth.clone(),
            error: error.clone(),
            times,
            since,
            last: now,
            next_try,
        });
    }

    /// Returns the error of a login that must not be tried now. After a pause one caller may try, and the others wait
    /// for another pause.
    pub(super) fn find(&mut self, auth: &Auth, now: Instant) -> Option<Error> {
        let at = self.position(auth)?;
        let rejection = self.rejected.get_mut(at)?;
        if now < rejection.next_try {
            return Some(rejection.remembered(now));
        }
        if rejection.times > 1 {
            rejection.next_try = now.checked_add(PAUSE).unwrap_or(now);
        }
        None
    }

    /// As [`find`](Self::find), for a login that was permitted at `begun`: it must not be tried if others were rejected
    /// meanwhile.
    pub(super) fn find_since(&self, auth: &Auth, begun: Instant, now: Instant) -> Option<Error> {
        let rejection = self.rejected.get(self.position(auth)?)?;
        let is_late = rejection.last >= begun && now < rejection.next_try;
        is_late.then(|| rejection.remembered(now))
    }

    /// Forgets these credentials: a server has accepted them. The caller drops what it gets without a lock.
    pub(super) fn remove(&mut self, auth: &Auth) -> Option<impl Sized + use<>> {
        if self.rejected.is_empty() {
            return None;
        }
        self.position(auth).map(|at| self.rejected.remove(at))
    }

    fn position(&self, auth: &Auth) -> Option<usize> {
        self.rejected.iter().position(|rejection| rejection.auth == *auth)
    }
}

impl Rejection {
    fn remembered(&self, now: Instant) -> Error {
        let within = now.saturating_duration_since(self.since);
        self.error.clone().remembered(self.times, within)
    }
}

const RATE_LIMIT: &str = "ClientError.Security.AuthenticationRateLimit";

#[cfg(test)]
mod tests {
    use bolt_proto::ServerError;

    use super::*;
    use crate::address::Address;

    const UNAUTHORIZED: &str = "Neo.ClientError.Security.Unauthorized";

    fn rejected(rejections: &mut Rejections, auth: &Auth, code: &str, now: Instant) {
        let error = ServerError::new(code, "no");
        let error = Error::login(error, &Address::new("there", 7687), auth);
        rejections.add(auth, &error, now);
    }

    #[test]
    fn a_login_that_was_rejected_twice_is_tried_by_one_caller_after_each_pause() {
        let now = Instant::now();
        let auth = Auth::basic("ada", "wrong");
        let mut rejections = Rejections::default();
        rejected(&mut rejections, &auth, UNAUTHORIZED, now);
        // The user may have been created in between.
        assert!(rejections.find(&auth, now).is_none());
        rejected(&mut rejections, &auth, UNAUTHORIZED, now);
        let error = rejections.find(&auth, now).unwrap().to_string();
        assert!(
            error.contains(UNAUTHORIZED) && error.contains("rejected 2 times"),
            "{error}"
        );
        assert!(rejections.find(&Auth::basic("ada", "other"), now).is_none());
        let later = now + PAUSE;
        assert!(rejections.find(&auth, later).is_none());
        assert!(rejections.find(&auth, later).is_some());
        rejections.remove(&auth);
        assert!(rejections.find(&auth, later).is_none());
    }

    #[test]
    fn a_login_that_was_permitted_before_the_rejections_is_not_tried_after_them() {
        let now = Instant::now();
        let begun = now + PAUSE / 2;
        let auth = Auth::basic("ada", "wrong");
        let mut rejections = Rejections::default();
        rejected(&mut rejections, &auth, UNAUTHORIZED, now);
        assert!(rejections.find(&auth, begun).is_none());
        assert!(rejections.find_since(&auth, begun, begun).is_none());
        rejected(&mut rejections, &auth, UNAUTHORIZED, begun);
        assert!(rejections.find_since(&auth, begun, begun).is_some());
        // The caller that may try after the pause is not stopped by its own permission.
        let later = begun + PAUSE;
        assert!(rejections.find(&auth, later).is_none());
        assert!(rejections.find_since(&auth, later, later).is_none());
    }

    #[test]
    fn a_server_that_limits_logins_is_obeyed_at_once() {
        let now = Instant::now();
        let auth = Auth::basic("ada", "wrong");
        let mut rejections = Rejections::default();
        let limit = "Neo.ClientError.Security.AuthenticationRateLimit";
        rejected(&mut rejections, &auth, limit, now);
        assert_eq!(rejections.find(&auth, now).unwrap().code(), Some(limit));
    }

    #[test]
    fn only_so_many_credentials_are_remembered() {
        let now = Instant::now();
        let mut rejections = Rejections::default();
        for number in 0..10 * MAX {
            let auth = Auth::bearer(format!("{number}"));
            rejected(&mut rejections, &auth, UNAUTHORIZED, now);
            rejected(&mut rejections, &auth, UNAUTHORIZED, now);
            assert!(rejections.find(&auth, now).is_some());
        }
        assert_eq!(rejections.rejected.len(), MAX);
        assert!(rejections.find(&Auth::bearer("0"), now).is_none());
    }
}
