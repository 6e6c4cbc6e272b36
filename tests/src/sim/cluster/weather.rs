//! The weather of a cluster: its servers and databases, and what happens to them.

use std::collections::BTreeSet;

use bolt_client::{Address, Config, Version};

use crate::sim::clock::{MICRO, MILLI, Nanos, SECOND};
use crate::sim::logins::UserId;
use crate::sim::rng::Rng;

use super::homes::Owner;
use super::{DbId, SEED, ServerId, host};

/// Keys of a database are those from its number times this.
pub(in crate::sim) const KEYS: u64 = 100;

/// How a cluster is made, and what happens to it.
#[derive(Debug, Clone)]
pub(in crate::sim) struct ClusterWeather {
    /// Draws which database each step of the program uses.
    pub(in crate::sim) seed: u64,
    /// Whether each server is a member at the beginning.
    pub(in crate::sim) members: Vec<bool>,
    pub(in crate::sim) databases: Vec<DatabaseWeather>,
    /// The home database of the driver's user, and of each impersonated user.
    pub(in crate::sim) homes: Vec<DbId>,
    /// Whether versions of the server have named databases, and users that are impersonated.
    pub(in crate::sim) named: bool,
    pub(in crate::sim) impersonating: bool,
    /// How long a table holds, in seconds.
    pub(in crate::sim) ttl: u64,
    /// Whether each server forwards writes to the leader.
    pub(in crate::sim) forwards: Vec<bool>,
    /// The longest time until a follower has a commit.
    pub(in crate::sim) lag: Nanos,
    /// The longest time until a server knows of a change of the cluster.
    pub(in crate::sim) learning: Nanos,
    /// The longest time without a leader.
    pub(in crate::sim) election: Nanos,
    /// How long a server waits until it has reached a bookmark.
    pub(in crate::sim) bookmark_timeout: Nanos,
    /// The additional latency of each server.
    pub(in crate::sim) distance: Vec<Nanos>,
    /// The servers of which the driver knows at first. The first of all never leaves.
    pub(in crate::sim) seeds: Vec<ServerId>,
    /// Whether a resolver of the application names the seeds, and not DNS.
    pub(in crate::sim) resolver: bool,
    /// Whether a leader is also a reader.
    pub(in crate::sim) leader_reads: bool,
    /// The most routers in a table: the last ones of the members.
    pub(in crate::sim) routers: usize,
    /// Whether a follower refuses writes as read-only, and not as no leader.
    pub(in crate::sim) read_only: bool,
    /// Whether a follower refuses transactions with write access at their beginning, and not at their first write.
    pub(in crate::sim) refuses_early: bool,
    pub(in crate::sim) plan: Vec<Planned>,
}

#[derive(Debug, Clone)]
pub(in crate::sim) struct DatabaseWeather {
    pub(in crate::sim) hosts: BTreeSet<ServerId>,
    pub(in crate::sim) leader: ServerId,
}

/// Something that happens to the cluster.
#[derive(Debug, Clone, Copy)]
pub(in crate::sim) struct Planned {
    pub(in crate::sim) at: Nanos,
    pub(in crate::sim) change: Change,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::sim) enum Change {
    /// A server loses all connections, and is down for a while.
    Crash(ServerId, Nanos),
    /// A server refuses work for a while, and then goes down for as long.
    Stop(ServerId, Nanos),
    /// Clients cannot reach a server for a while.
    CutOff(ServerId, Nanos),
    /// The other servers cannot reach a server for a while.
    Isolate(ServerId, Nanos),
    /// A database gets another leader, by an election.
    Depose(DbId),
    /// A database moves from one server to another.
    Move(DbId, ServerId, ServerId),
    Join(ServerId),
    /// A server leaves; whether it still accepts connections.
    Leave(ServerId, bool),
    /// A user gets another home database.
    Home(Owner, DbId),
}

/// Which database a step of the program uses, and as which user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::sim) struct Target {
    /// The name that a session names; `None` for the home database.
    pub(in crate::sim) named: bool,
    /// The database has another name, by which the session names it.
    pub(in crate::sim) alias: bool,
    /// The impersonated user, from 1; 0 for none.
    pub(in crate::sim) user: usize,
    pub(in crate::sim) database: DbId,
}

impl ClusterWeather {
    pub(in crate::sim) fn draw(rng: &mut Rng, version: Version) -> Self {
        let count = rng.between(3, 7) as usize;
        let named = version >= Version::new(4, 0);
        let impersonating = version >= Version::new(4, 4);
        let databases = if named { rng.between(1, 3) as usize } else { 1 };
        let users = if impersonating {
            rng.between(1, 3) as usize
        } else {
            1
        };
        let mixed = rng.one_in(4);
        let forwarding = rng.one_in(2);
        let mut members: Vec<bool> = (0..count).map(|server| server < 3 || !rng.one_in(4)).collect();
        let steady = rng.one_in(3);
        if steady {
            members.fill(true);
        }
        let distant = rng.one_in(2);
        let seeds = match rng.between(0, 2) {
            0 => vec![0],
            1 => vec![rng.between(0, 2) as usize, 0],
            _ => (0..3).collect(),
        };
        let mut weather = Self {
            seed: rng.draw(),
            databases: (0..databases)
                .map(|_| DatabaseWeather::draw(rng, &members))
                .collect(),
            homes: (0..users)
                .map(|_| rng.between(0, databases as u64 - 1) as usize)
                .collect(),
            named,
            impersonating,
            ttl: rng.pick(&[1, 10, 300, 300, 1_000_000]),
            forwards: (0..count)
                .map(|_| forwarding && !(mixed && rng.one_in(3)))
                .collect(),
            lag: rng.magnitude(MICRO, SECOND),
            learning: rng.magnitude(MICRO, 2 * SECOND),
            election: rng.magnitude(MILLI, 3 * SECOND),
            bookmark_timeout: rng.pick(&[20 * MILLI, SECOND, 30 * SECOND]),
            distance: (0..count)
                .map(|_| if distant { rng.magnitude(1, 50 * MILLI) } else { 0 })
                .collect(),
            seeds,
            resolver: rng.one_in(2),
            leader_reads: rng.one_in(3),
            routers: rng.between(1, 9) as usize,
            read_only: rng.one_in(3),
            refuses_early: rng.one_in(3),
            plan: Vec::new(),
            members,
        };
        if !steady {
            let changes = rng.between(1, 8);
            weather.plan = (0..changes).map(|_| weather.planned(rng)).collect();
            let homes = weather.draw_homes();
            weather.plan.extend(homes);
        } else if weather.bookmark_timeout <= weather.lag {
            weather.bookmark_timeout = 30 * SECOND;
        }
        weather
    }

    fn planned(&self, rng: &mut Rng) -> Planned {
        let mut server = || rng.between(0, self.members.len() as u64 - 1) as usize;
        let (one, other) = (server(), server());
        let database = rng.between(0, self.databases.len() as u64 - 1) as usize;
        let time = rng.magnitude(MILLI, 20 * SECOND);
        Planned {
            at: rng.magnitude(MICRO, 10 * SECOND),
            change: match rng.between(0, 9) {
                0..=1 => Change::Crash(one, time),
                2 => Change::Stop(one, time),
                3 => Change::CutOff(one, time),
                4 => Change::Isolate(one, time),
                5..=6 => Change::Depose(database),
                7 => Change::Move(database, one, other),
                8 => Change::Join(one),
                _ => Change::Leave(one, rng.one_in(2)),
            },
        }
    }

    /// Whether nothing happens to the cluster.
    pub(in crate::sim) fn is_steady(&self) -> bool {
        self.plan.is_empty()
    }

    /// A cluster of so many servers with one database, the leader of which is the first, and nothing that happens.
    pub(in crate::sim) fn steady(servers: usize) -> Self {
        Self {
            seed: 0,
            members: vec![true; servers],
            databases: vec![DatabaseWeather {
                hosts: (0..servers).collect(),
                leader: 0,
            }],
            homes: vec![0],
            named: false,
            impersonating: false,
            ttl: 300,
            forwards: vec![false; servers],
            lag: MILLI,
            learning: MILLI,
            election: MILLI,
            bookmark_timeout: SECOND,
            distance: vec![0; servers],
            seeds: vec![0],
            resolver: false,
            leader_reads: false,
            routers: servers,
            read_only: false,
            refuses_early: false,
            plan: Vec::new(),
        }
    }

    /// Returns the additional latency of the farthest server.
    pub(in crate::sim) fn farthest(&self) -> Nanos {
        self.distance.iter().copied().max().unwrap_or_default()
    }

    /// Returns the URI of the cluster.
    pub(in crate::sim) fn uri(&self) -> String {
        format!("neo4j://{SEED}?region=north")
    }

    /// Returns the options with the resolver of the application, if it has one.
    pub(in crate::sim) fn resolving(&self, config: Config) -> Config {
        if !self.resolver {
            return config;
        }
        let seeds: Vec<_> = self
            .seeds
            .iter()
            .map(|seed| Address::new(host(*seed), 7687))
            .collect();
        config.resolver(move |_| seeds.clone())
    }

    /// Returns what calls use that can name neither a database nor a user.
    pub(in crate::sim) fn home_of_driver(&self) -> Target {
        Target {
            database: self.homes[0],
            ..Target::default()
        }
    }

    /// Returns what a step of the program uses, with the login of a user or that of the driver.
    pub(in crate::sim) fn target(&self, step: u64, own: Option<UserId>) -> Target {
        let target = self.target_of_driver(step);
        let home = target.owner(own).and_then(|owner| self.first_home(owner));
        Target {
            database: home.unwrap_or(target.database),
            ..target
        }
    }

    fn target_of_driver(&self, step: u64) -> Target {
        let mut rng = Rng::stream(self.seed, step);
        let named = self.named && rng.one_in(2);
        let user = if self.impersonating && rng.one_in(2) {
            rng.between(0, self.homes.len() as u64 - 1) as usize
        } else {
            0
        };
        Target {
            named,
            alias: named && self.impersonating && rng.one_in(4),
            user,
            database: if named {
                rng.between(0, self.databases.len() as u64 - 1) as usize
            } else {
                self.homes[user]
            },
        }
    }
}

impl DatabaseWeather {
    fn draw(rng: &mut Rng, members: &[bool]) -> Self {
        let all: Vec<ServerId> = (0..members.len()).filter(|server| members[*server]).collect();
        let mut hosts = BTreeSet::from([rng.pick(&all), rng.pick(&all), rng.pick(&all)]);
        if rng.one_in(2) {
            hosts.extend(all);
        }
        let listed: Vec<ServerId> = hosts.iter().copied().collect();
        Self {
            leader: rng.pick(&listed),
            hosts,
        }
    }
}

impl Target {
    /// Returns the name of the database, if the session names it.
    pub(in crate::sim) fn database_name(self) -> Option<String> {
        let prefix = if self.alias { "alias" } else { "db" };
        self.named.then(|| format!("{prefix}{}", self.database))
    }

    /// Returns the name of the impersonated user, if any.
    pub(in crate::sim) fn user_name(self) -> Option<String> {
        (self.user > 0).then(|| format!("user{}", self.user))
    }
}
