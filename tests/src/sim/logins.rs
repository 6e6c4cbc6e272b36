//! Logins in a world: its users, the manager of its driver, and which login each query must run under.
//!
//! Users have passwords that change. The driver's own user has tokens, which a manager provides and which expire. Sessions
//! and queries have the driver's login, or that of a user, or a wrong one.

use std::collections::BTreeMap;
use std::time::Duration;

use bolt_client::{Auth, AuthManager, BearerAuthManager, Error, ErrorKind, ExpiringAuth, Version};
use bolt_proto::peer::Token;

use super::clock::{MILLI, Nanos, SECOND};
use super::net::ConnId;
use super::oracle::Call;
use super::rng::Rng;
use super::runtime::Alarm;
use super::server::Cause;
use super::state::{Sim, State};

/// How logins behave in a world. Shares are per thousand.
#[derive(Debug, Clone)]
pub(super) struct LoginWeather {
    /// How long a token of the driver is valid.
    pub(super) lifetime: Option<Nanos>,
    /// The longest time that the manager takes to provide one.
    pub(super) slow: Nanos,
    /// Calls of the manager that fail.
    pub(super) fails: u64,
    /// How often passwords change.
    pub(super) rotation: Option<Nanos>,
    /// Requests that fail because the server forgets all logins.
    pub(super) expirations: u64,
    /// Requests that fail because the server accepts the token no longer.
    pub(super) revocations: u64,
}

/// The users with a password. The last one never has the right one.
const USERS: [&str; 3] = ["ada", "bob", "eve"];

/// The number of a user.
pub(super) type UserId = usize;

/// How many logins a program may choose from.
pub(super) const LOGINS: u64 = USERS.len() as u64;

impl LoginWeather {
    /// In calm worlds no login is refused, except for wrong passwords.
    pub(super) fn draw(rng: &mut Rng, calm: bool) -> Self {
        let mut share = |one_in, most| {
            let share = rng.between(1, most);
            if rng.one_in(one_in) && !calm { share } else { 0 }
        };
        let (fails, expirations, revocations) = (share(3, 400), share(3, 60), share(3, 60));
        let lifetime = rng.magnitude(MILLI, 20 * SECOND);
        let rotation = rng.magnitude(10 * MILLI, 20 * SECOND);
        Self {
            lifetime: rng.one_in(2).then_some(lifetime),
            slow: rng.magnitude(1, 100 * MILLI),
            fails,
            rotation: rng.one_in(3).then_some(rotation).filter(|_| !calm),
            expirations,
            revocations,
        }
    }

    /// From now on, no login is refused, except for wrong passwords.
    pub(super) fn calm_down(&mut self) {
        self.slow = 1;
        (self.fails, self.expirations, self.revocations) = (0, 0, 0);
    }
}

/// A login of a connection, as the server knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Carried {
    /// A token of the driver's manager, by number.
    Token(u64),
    /// A user, and the number of the password.
    User(UserId, u64),
}

/// The login that a query must run under.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// A token of the driver's manager, this one or a later one.
    Driver(u64),
    /// A user, and the number of the password.
    User(UserId, u64),
}

/// What is known about logins.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// The calls of the manager: when each began, and its end.
    calls: Vec<ManagerCall>,
    /// How many of them run.
    running: usize,
    /// The number of the last token that the manager has provided.
    provided: u64,
    /// What calls want, by the tag of their transactions.
    wanted: BTreeMap<u64, Wanted>,
    /// How often each password was refused in sequence.
    refused: BTreeMap<(UserId, u64), Refused>,
}

/// How often a password was refused in sequence.
#[derive(Debug, Clone, Copy, Default)]
struct Refused {
    /// By the server.
    times: u64,
    /// As far as the client knows.
    known: u64,
    /// When the last of these was.
    since: Nanos,
}

/// The refusal of a login, until the client has read it.
#[derive(Debug)]
pub(super) struct RefusedLogin {
    login: (UserId, u64),
    /// Where the answer ends in the byte stream.
    end: u64,
    at: Nanos,
}

/// A call of the manager.
#[derive(Debug, Clone, Copy)]
struct ManagerCall {
    began: Nanos,
    /// When it failed.
    failed: Option<Nanos>,
}

impl Logins {
    /// Returns the first token under which a call may work that begins now.
    fn least(&self, lifetime: Option<Nanos>, now: Nanos) -> u64 {
        let newest = self
            .provided
            .checked_sub(1)
            .and_then(|at| self.calls.get(at as usize));
        let is_over = |call: &ManagerCall| lifetime.is_some_and(|lifetime| call.began + lifetime <= now);
        self.provided + u64::from(newest.is_some_and(is_over))
    }

    /// Whether a call of the manager has not ended.
    pub(super) const fn is_running(&self) -> bool {
        self.running > 0
    }

    /// Whether a call has a login of its own.
    fn is_own(&self, call: &Call) -> bool {
        let mut wanted = call
            .expected_failures
            .iter()
            .filter_map(|tag| self.wanted.get(tag));
        call.own_login || wanted.any(|wanted| matches!(wanted, Wanted::User(..)))
    }

    /// Returns what is wrong with a transaction that begins under this login.
    pub(super) fn check(&self, tag: u64, carried: Option<&Carried>) -> Option<String> {
        let wanted = self.wanted.get(&tag)?;
        let right = match (wanted, carried) {
            (Wanted::Driver(least), Some(Carried::Token(number))) => number >= least,
            (Wanted::User(user, password), Some(Carried::User(other, changed))) => {
                (user, password) == (other, changed)
            }
            _ => false,
        };
        (!right).then(|| format!("it runs as {carried:?}, and wants {wanted:?}"))
    }
}

impl State {
    /// Returns the number of a user's password.
    fn password(&self, user: UserId) -> u64 {
        let rotation = self
            .weather
            .extremes
            .logins
            .as_ref()
            .and_then(|logins| logins.rotation);
        // Not all users' passwords change at the same time.
        let shift = user as u64 * MILLI;
        rotation.map_or(0, |rotation| (self.clock.now() + shift) / rotation)
    }

    /// Returns the user that work runs as, if there are several in this world, and it names one.
    pub(super) fn own_user(&self, user: Option<UserId>) -> Option<UserId> {
        user.filter(|_| self.weather.extremes.logins.is_some())
    }

    /// Returns the login of a user as it is now.
    pub(super) fn login_of(&self, user: UserId) -> Wanted {
        Wanted::User(user, self.password(user))
    }

    /// Notes which login a call wants that begins now: its own, or a valid one of the driver.
    pub(super) fn want(&mut self, tag: u64, own: Option<Wanted>) {
        if let Some(weather) = &self.weather.extremes.logins {
            let least = self.history.logins.least(weather.lifetime, self.clock.now());
            let wanted = own.unwrap_or(Wanted::Driver(least));
            self.history.logins.wanted.insert(tag, wanted);
        }
    }

    /// Logs a client in. Returns the code and the text of the failure, if the server refuses that.
    pub(super) fn authenticate(&mut self, conn: ConnId, token: &Presented) -> Result<(), &'static str> {
        self.conns[conn].actor.login = None;
        let carried = match token {
            Presented::Token(number) if self.is_valid(*number) => Carried::Token(*number),
            Presented::Token(_) => return Err(UNAUTHORIZED),
            Presented::User(user, password) => {
                self.check_attempt(conn, *user, *password);
                let right = *password == self.password(*user) && *user + 1 < USERS.len();
                let refused = self.history.logins.refused.entry((*user, *password)).or_default();
                if !right {
                    refused.times += 1;
                    return Err(if refused.times > 2 {
                        RATE_LIMIT
                    } else {
                        UNAUTHORIZED
                    });
                }
                *refused = Refused::default();
                Carried::User(*user, *password)
            }
        };
        self.note(|| format!("conn {conn}: logged in as {carried:?}"));
        self.conns[conn].actor.login = Some(carried);
        Ok(())
    }

    /// A token is valid for its lifetime from when the manager was asked for it.
    fn is_valid(&self, number: u64) -> bool {
        number > 0 && number <= self.history.logins.provided
    }

    /// The client knows of a refusal once it has read this far.
    pub(super) fn login_refused(&mut self, conn: ConnId, presented: &Presented) {
        if let Presented::User(user, password) = *presented {
            let end = self.conns[conn].end_of_answers();
            let (login, at) = ((user, password), self.clock.now());
            self.conns[conn].refused_login = Some(RefusedLogin { login, end, at });
        }
    }

    /// Notes that the client has read this far, or could have. The answer may have lain in the socket of an idle connection
    /// for long, so what counts is when the server refused.
    pub(super) fn note_refused_login(&mut self, conn: ConnId, read: u64) {
        let refused_login = &mut self.conns[conn].refused_login;
        let Some(RefusedLogin { login, at, .. }) = refused_login.take_if(|refused| refused.end <= read)
        else {
            return;
        };
        if let Some(refused) = self.history.logins.refused.get_mut(&login) {
            refused.known += 1;
            refused.since = refused.since.max(at);
        }
    }

    /// After two refusals that the client knows, the same login must not be tried for a while.
    fn check_attempt(&mut self, conn: ConnId, user: UserId, password: u64) {
        let Some(&Refused {
            known: times, since, ..
        }) = self.history.logins.refused.get(&(user, password))
        else {
            return;
        };
        let since_then = self.clock.now() - since;
        // The answer travels to the client, and the attempt to the server. Small windows and buffers delay both.
        let on_its_way = 200 * self.weather.net.latency + 100 * MILLI;
        let stood_still = self.stalled.1 > since || self.weather.extremes.babble > 0;
        // In a small window a login may be half sent when another is refused, and the next caller sends the rest.
        let half_sent = self.weather.net.window < 4_096 && self.conns[conn].made_at() <= since;
        let excused = stood_still || half_sent;
        if times >= 3 && since_then > on_its_way && since_then < 4 * SECOND && !excused {
            self.history.violation(format!(
                "conn {conn}: {} is tried again {:?} after it was refused {times} times",
                USERS[user],
                Duration::from_nanos(since_then)
            ));
        }
    }

    /// Whether a request fails because of the login, at random. Returns the code.
    pub(super) fn expires_by_itself(&mut self, conn: ConnId) -> Option<&'static str> {
        let logins = self.weather.extremes.logins.as_ref()?;
        let (expirations, revocations) = (logins.expirations, logins.revocations);
        let rng = &mut self.conns[conn].login_rng;
        if expirations > 0 && rng.permille(expirations) {
            return Some("Neo.ClientError.Security.AuthorizationExpired");
        }
        (revocations > 0 && rng.permille(revocations)).then_some("Neo.ClientError.Security.TokenExpired")
    }

    /// Checks that a call may fail because of its login.
    pub(super) fn check_auth(&mut self, call: &Call, started: Nanos, error: &Error) -> Option<String> {
        let text = error.to_string();
        if let Some(number) = text.split("manager call ").nth(1) {
            let number = number
                .split(' ')
                .next()
                .and_then(|number| number.parse::<usize>().ok());
            let failed = number.and_then(|number| self.history.logins.calls.get(number)?.failed);
            return match failed {
                None => Some("reports a call of the manager that has not failed".to_owned()),
                Some(failed) if failed < started && !call.spoiled => {
                    Some("reports a call of the manager that had ended before".to_owned())
                }
                Some(_) => None,
            };
        }
        match error.server().map(Cause::of) {
            Some(Cause::Login) if self.history.logins.is_own(call) => None,
            Some(Cause::Login) => Some("reports the refusal of a login that is not the driver's".to_owned()),
            _ => self.check_failure(call, error),
        }
    }

    /// Whether the server is too old for a call with a login of its own.
    pub(super) fn is_too_old_for(&self, call: &Call) -> bool {
        let old = self.weather.server.version < Version::new(5, 1);
        let verifies = call.what.starts_with("verify_authentication");
        self.weather.extremes.logins.is_some() && old && (verifies || self.history.logins.is_own(call))
    }

    /// Checks what a verification reports: the wrong user is never accepted.
    pub(super) fn check_verified(&self, wanted: Option<Wanted>, accepted: bool) -> Option<String> {
        match wanted {
            Some(Wanted::User(user, _)) if user + 1 == USERS.len() => {
                accepted.then(|| "accepts a password that is wrong".to_owned())
            }
            // Passwords may have changed in the meantime.
            Some(_) => None,
            None => (!accepted && self.weather.calm).then(|| "denies the driver's token".to_owned()),
        }
    }
}

const UNAUTHORIZED: &str = "Neo.ClientError.Security.Unauthorized";
const RATE_LIMIT: &str = "Neo.ClientError.Security.AuthenticationRateLimit";

/// What a client presents to log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Presented {
    Token(u64),
    User(UserId, u64),
}

impl Presented {
    /// `None` if no client of a world presents this.
    pub(super) fn read(token: Token<'_>) -> Option<Self> {
        let number = token.credentials()?.parse().ok();
        match token.scheme()? {
            "bearer" => number.map(Self::Token),
            // The login of drivers in worlds without managers.
            "basic" if token.principal()? == "neo4j" => Some(Self::Token(0)),
            "basic" => {
                let user = USERS.iter().position(|user| Some(*user) == token.principal())?;
                number.map(|password| Self::User(user, password))
            }
            _ => None,
        }
    }
}

impl Wanted {
    /// Returns the login as the driver gets it; `None` for the driver's own.
    pub(super) fn auth(self) -> Option<Auth> {
        match self {
            Self::Driver(_) => None,
            Self::User(user, password) => Some(Auth::basic(USERS[user], password.to_string())),
        }
    }
}

/// Whether an error is due to a login, which a retry may help against or not.
pub(super) fn is_login_failure(error: &Error) -> bool {
    error.kind() == ErrorKind::Auth
        || error
            .server()
            .is_some_and(|failure| failure.name().contains(".Security."))
}

/// Returns the manager of a world's driver: slow, and sometimes failing.
pub(super) fn manager(sim: &Sim, weather: &LoginWeather) -> impl AuthManager + use<> {
    let (sim, lifetime) = (sim.clone(), weather.lifetime.map(Duration::from_nanos));
    let manager = BearerAuthManager::new(move || {
        let sim = sim.clone();
        async move {
            let running = Running::begin(&sim);
            let (wait, fails) = sim.with(|state| {
                let weather = state.weather.extremes.logins.clone();
                let (slow, fails) = weather.map_or((1, 0), |weather| (weather.slow, weather.fails));
                (state.rng.magnitude(1, slow), state.rng.permille(fails))
            });
            Alarm::after(&sim, wait).await;
            match running.end(fails) {
                Ok(token) => Ok(ExpiringAuth::new(Auth::bearer(token.to_string())).expires_in(lifetime)),
                Err(call) => Err(format!("manager call {call} failed")),
            }
        }
    });
    manager.margin(Duration::from_millis(1))
}

/// A call of the manager that runs.
struct Running {
    sim: Sim,
    number: usize,
}

impl Running {
    fn begin(sim: &Sim) -> Self {
        let number = sim.with(|state| {
            let began = state.clock.now();
            let logins = &mut state.history.logins;
            logins.calls.push(ManagerCall { began, failed: None });
            logins.running += 1;
            let (running, number) = (logins.running, logins.calls.len() - 1);
            state.note(|| format!("manager call {number} begins"));
            if running > 1 {
                state
                    .history
                    .violation(format!("{running} calls of the manager run at the same time"));
            }
            number
        });
        Self {
            sim: sim.clone(),
            number,
        }
    }

    /// Ends the call with a new token, or a failure.
    fn end(self, fails: bool) -> Result<u64, usize> {
        let number = self.number;
        self.sim.with(|state| {
            let now = state.clock.now();
            state.note(|| {
                format!(
                    "manager call {number} ends{}",
                    if fails { " in a failure" } else { "" }
                )
            });
            let logins = &mut state.history.logins;
            if fails {
                logins.calls[number].failed = Some(now);
                return Err(number);
            }
            logins.provided = number as u64 + 1;
            Ok(logins.provided)
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.sim.with(|state| state.history.logins.running -= 1);
    }
}
