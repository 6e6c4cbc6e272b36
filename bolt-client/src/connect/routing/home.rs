//! The home databases of users, as servers have reported them: a pure decider.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use bolt_proto::Auth;

/// The most users whose home databases are known.
const MAX_USERS: usize = 10_000;

/// The user of a session, as far as its home database is concerned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HomeKey {
    /// The user of the driver's own login.
    Driver,
    /// An impersonated user, or the user of a basic login.
    User(Arc<str>),
    /// The user of another login, by a fingerprint that differs from process to process.
    Token(u64, u64),
}

/// A guess of each user's home database. The user that was looked up longest ago makes room, but for that of the driver's own
/// login: nearly all work is that user's.
#[derive(Debug)]
pub(crate) struct Homes {
    of_driver: Option<Arc<str>>,
    known: BTreeMap<HomeKey, Known>,
    /// The users by their last look-up.
    by_use: BTreeMap<u64, HomeKey>,
    uses: u64,
    max: usize,
}

#[derive(Debug)]
struct Known {
    database: Arc<str>,
    last_use: u64,
}

/// Makes fingerprints of logins, from which nothing of a login can be learnt.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fingerprints(RandomState, RandomState);

impl Default for Homes {
    fn default() -> Self {
        Self::with_room_for(MAX_USERS)
    }
}

impl Homes {
    fn with_room_for(max: usize) -> Self {
        Self {
            of_driver: None,
            known: BTreeMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            max,
        }
    }

    /// Returns the user's last known home database.
    #[inline]
    pub(crate) fn get(&mut self, key: &HomeKey) -> Option<Arc<str>> {
        match key {
            HomeKey::Driver => self.of_driver.clone(),
            other => self.look_up(other).map(|known| Arc::clone(&known.database)),
        }
    }

    /// Notes what a server has reported.
    pub(crate) fn set(&mut self, key: HomeKey, database: Arc<str>) {
        if let HomeKey::Driver = key {
            self.of_driver = Some(database);
            return;
        }
        if let Some(known) = self.look_up(&key) {
            known.database = database;
            return;
        }
        if self.known.len() >= self.max {
            if let Some((_, oldest)) = self.by_use.pop_first() {
                self.known.remove(&oldest);
            }
        }
        self.uses += 1;
        self.by_use.insert(self.uses, key.clone());
        let last_use = self.uses;
        self.known.insert(key, Known { database, last_use });
    }

    /// Returns what is known of a user. That of all other users was looked up earlier.
    fn look_up(&mut self, key: &HomeKey) -> Option<&mut Known> {
        let known = self.known.get_mut(key)?;
        if known.last_use != self.uses {
            self.uses += 1;
            if let Some(key) = self.by_use.remove(&known.last_use) {
                self.by_use.insert(self.uses, key);
            }
            known.last_use = self.uses;
        }
        Some(known)
    }
}

impl Fingerprints {
    /// Returns the key of a user: that of the impersonated user, or else of the session's own login, or else of the
    /// driver's.
    #[inline]
    pub(crate) fn key(&self, impersonated: Option<&Arc<str>>, own: Option<&Auth>) -> HomeKey {
        match (impersonated, own) {
            (Some(user), _) => HomeKey::User(Arc::clone(user)),
            (None, Some(auth)) => self.of_login(auth),
            (None, None) => HomeKey::Driver,
        }
    }

    fn of_login(&self, auth: &Auth) -> HomeKey {
        if let ("basic", Some(user)) = (auth.scheme(), auth.principal()) {
            return HomeKey::User(user.into());
        }
        HomeKey::Token(self.0.hash_one(auth), self.1.hash_one(auth))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(name: &str) -> HomeKey {
        HomeKey::User(name.into())
    }

    #[test]
    fn the_key_is_the_impersonated_user_or_else_the_login_or_else_the_driver() {
        let prints = Fingerprints::default();
        let basic = Auth::basic("ada", "1");
        assert_eq!(prints.key(None, None), HomeKey::Driver);
        assert_eq!(prints.key(Some(&"bob".into()), Some(&basic)), user("bob"));
        assert_eq!(prints.key(None, Some(&basic)), user("ada"));
        let changed = Auth::basic("ada", "2");
        assert_eq!(
            prints.key(None, Some(&changed)),
            user("ada"),
            "only the password differs"
        );
    }

    #[test]
    fn other_logins_are_told_apart_as_a_whole_and_nothing_of_them_is_kept() {
        let prints = Fingerprints::default();
        let key = |auth: &Auth| prints.key(None, Some(auth));
        assert_eq!(key(&Auth::bearer("hunter2")), key(&Auth::bearer("hunter2")));
        for other in [
            Auth::bearer("hunter3"),
            Auth::kerberos("hunter2"),
            Auth::bearer("hunter2").realm("x"),
            Auth::bearer("hunter2").parameter("x", 1),
            Auth::custom("basic2", "ada", "hunter2"),
            Auth::none(),
        ] {
            assert_ne!(key(&other), key(&Auth::bearer("hunter2")), "{other:?}");
        }
        assert!(!format!("{:?}", key(&Auth::bearer("hunter2"))).contains("hunter2"));
        let elsewhere = Fingerprints::default().key(None, Some(&Auth::bearer("hunter2")));
        assert_ne!(elsewhere, key(&Auth::bearer("hunter2")), "the keys are random");
    }

    #[test]
    fn the_driver_s_own_user_never_makes_room() {
        let mut homes = Homes::with_room_for(2);
        homes.set(HomeKey::Driver, "own".into());
        for name in ["a", "b", "c"] {
            homes.set(user(name), name.into());
        }
        assert_eq!(homes.get(&HomeKey::Driver), Some("own".into()));
        assert_eq!(homes.get(&user("a")), None);
        assert_eq!(homes.get(&user("b")), Some("b".into()));
        homes.set(HomeKey::Driver, "moved".into());
        assert_eq!(homes.get(&HomeKey::Driver), Some("moved".into()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_user_that_was_looked_up_longest_ago_makes_room(
            max in 1_usize..5,
            steps in prop::collection::vec((any::<bool>(), 0_u8..8, 0_u8..3), 1..60),
        ) {
            let mut homes = Homes::with_room_for(max);
            // The last used is at the end.
            let mut model: Vec<(u8, u8)> = Vec::new();
            for (sets, name, database) in steps {
                let key = user(&name.to_string());
                let at = model.iter().position(|(known, _)| *known == name);
                let before = at.map(|at| model.remove(at));
                if sets {
                    homes.set(key, database.to_string().into());
                    model.push((name, database));
                    if model.len() > max {
                        model.remove(0);
                    }
                } else {
                    let found = homes.get(&key);
                    model.extend(before);
                    prop_assert_eq!(found, before.map(|(_, home)| home.to_string().into()));
                }
                prop_assert_eq!(homes.known.len(), model.len());
                prop_assert_eq!(homes.by_use.len(), model.len());
            }
        }
    }
}
