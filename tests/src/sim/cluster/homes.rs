//! Home databases: which user has which, how that changes, and which ones work may reach that names none.
//!
//! A session stays in the home database that it has found, whatever happens to that of its user.

use std::collections::BTreeMap;

use crate::sim::clock::{MICRO, Nanos, SECOND};
use crate::sim::logins::UserId;
use crate::sim::rng::Rng;
use crate::sim::state::State;

use super::weather::Planned;
use super::{Change, ClusterWeather, DbId, Target};

/// Streams of random numbers of a cluster; those of its steps have lower numbers.
const OF_LOGINS: u64 = 1 << 32;
const OF_CHANGES: u64 = 1 << 33;

/// A user that has a home database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Owner {
    /// The user of the driver's login, which is the first, or one that is impersonated.
    Listed(usize),
    /// A user with a login of its own.
    Login(UserId),
}

/// The home database that a unit of work wants.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Home {
    pub(in crate::sim) owner: Owner,
    /// When its session began, or the call without one.
    pub(in crate::sim) since: Nanos,
    /// The session, by its number in the judge of causality.
    pub(in crate::sim) session: Option<usize>,
}

/// What is known of work in home databases.
#[derive(Debug, Default)]
pub(super) struct Homes {
    /// By the tag of the work.
    wanted: BTreeMap<u64, Home>,
    /// Where each unit of work was carried out last.
    reached: BTreeMap<u64, DbId>,
    /// Where each session has worked, as its caller knows.
    known: BTreeMap<usize, DbId>,
}

impl ClusterWeather {
    /// Returns what happens to home databases.
    pub(super) fn draw_homes(&self) -> Vec<Planned> {
        let mut rng = Rng::stream(self.seed, OF_CHANGES);
        let several = self.databases.len() > 1;
        if !several || !self.impersonating || !rng.one_in(3) {
            return Vec::new();
        }
        let mut change = || {
            let owner = if rng.one_in(3) {
                Owner::Login(rng.between(0, 1) as usize)
            } else {
                Owner::Listed(rng.between(0, self.homes.len() as u64 - 1) as usize)
            };
            let to = rng.between(0, self.databases.len() as u64 - 1) as usize;
            Planned {
                at: rng.magnitude(MICRO, 10 * SECOND),
                change: Change::Home(owner, to),
            }
        };
        let changes = 1 + self.seed % 4;
        (0..changes).map(|_| change()).collect()
    }

    /// Whether a home database changes.
    pub(super) fn changes_homes(&self) -> bool {
        self.plan
            .iter()
            .any(|planned| matches!(planned.change, Change::Home(..)))
    }

    /// Returns the home database of a user at the beginning.
    pub(super) fn first_home(&self, owner: Owner) -> Option<DbId> {
        match owner {
            Owner::Listed(number) => self.homes.get(number).copied(),
            Owner::Login(user) => {
                let mut rng = Rng::stream(self.seed, OF_LOGINS + user as u64);
                Some(rng.between(0, self.databases.len() as u64 - 1) as usize)
            }
        }
    }

    /// Returns the home database of a user.
    pub(super) fn home(&self, owner: Owner, now: Nanos) -> Option<DbId> {
        let last = self
            .moves_of(owner)
            .filter(|(at, _)| *at <= now)
            .max_by_key(|(at, _)| *at);
        last.map(|(_, to)| to).or_else(|| self.first_home(owner))
    }

    /// Returns whether this was the home database of a user at some time.
    fn was_home(&self, owner: Owner, database: DbId, since: Nanos, now: Nanos) -> bool {
        let mut later = self.moves_of(owner).filter(|(at, _)| since < *at && *at <= now);
        self.home(owner, since) == Some(database) || later.any(|(_, to)| to == database)
    }

    fn moves_of(&self, owner: Owner) -> impl Iterator<Item = (Nanos, DbId)> {
        self.plan.iter().filter_map(move |planned| match planned.change {
            Change::Home(of, to) if of == owner => Some((planned.at, to)),
            _ => None,
        })
    }
}

impl Target {
    /// Returns the user with the home database that is used, if one is.
    pub(in crate::sim) const fn owner(self, own: Option<UserId>) -> Option<Owner> {
        match (self.named, self.user, own) {
            (true, ..) => None,
            (false, 0, Some(user)) => Some(Owner::Login(user)),
            (false, user, _) => Some(Owner::Listed(user)),
        }
    }
}

impl State {
    /// Notes that work begins that names no database.
    pub(in crate::sim) fn want_home(&mut self, tag: u64, home: Option<Home>) {
        if let (Some((cluster, _)), Some(home)) = (self.cluster(), home) {
            cluster.ledger.homes_of_work.wanted.insert(tag, home);
        }
    }

    /// Checks that work that names no database is carried out in a home database of its user, and in that of its session.
    /// Returns whether it is such work.
    pub(super) fn check_home(&mut self, tag: u64, database: DbId) -> bool {
        let now = self.clock.now();
        let Some((cluster, weather)) = self.cluster() else {
            return false;
        };
        let is_peace = cluster.ledger.is_peace();
        let homes = &mut cluster.ledger.homes_of_work;
        let Some(home) = homes.wanted.get(&tag).copied() else {
            return false;
        };
        homes.reached.insert(tag, database);
        // The answer to a search that began before may be old. In peace nothing waits for one.
        let since = if is_peace { home.since } else { 0 };
        let known = home
            .session
            .and_then(|session| homes.known.get(&session).copied());
        let problem = if !weather.was_home(home.owner, database, since, now) {
            Some("which is not its home".to_owned())
        } else {
            // Before Bolt 4.4 nothing tells a driver the name.
            known
                .filter(|known| *known != database && weather.impersonating)
                .map(|known| format!("although its session has worked in db{known}"))
        };
        if let Some(problem) = problem {
            self.history
                .violation(format!("transaction {tag} has reached db{database}, {problem}"));
        }
        true
    }

    /// Notes that a caller knows that its work was carried out.
    pub(in crate::sim) fn note_home_known(&mut self, tag: u64) {
        if let Some((cluster, _)) = self.cluster() {
            let homes = &mut cluster.ledger.homes_of_work;
            let session = homes.wanted.get(&tag).and_then(|home| home.session);
            if let (Some(session), Some(database)) = (session, homes.reached.get(&tag)) {
                homes.known.entry(session).or_insert(*database);
            }
        }
    }
}
