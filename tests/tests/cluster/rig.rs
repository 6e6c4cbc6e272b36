//! Three servers that a proxy makes a cluster of: which of them lives, and which leads.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use adapter_blocking::{Auth, Config};
use bolt_proto::{Version, Versions};
use engine::Engine;
use servers::{Neo4j, Release};
use tests::routing_proxy::{Roles, RoutingProxy};

use crate::load::CREATE;

/// How many servers there are.
pub(crate) const MEMBERS: usize = 3;

const PASSWORD: &str = "same-for-all-members";

/// Three separate servers and the proxy over them. Each keeps its own data: what one has committed, the others never see.
pub(crate) struct Rig {
    pub(crate) proxy: RoutingProxy,
    members: Vec<Member>,
    state: Mutex<State>,
}

/// What the table is made of.
struct State {
    alive: [bool; MEMBERS],
    leader: usize,
    ttl: i64,
}

enum Member {
    /// An embedded engine. Killed, it only becomes unreachable, since its data would be lost.
    Engine(Engine),
    Neo4j(Mutex<Neo4j>),
}

impl Rig {
    /// Starts servers of a release, or embedded engines. The first one leads.
    pub(crate) fn start(release: Option<Release>) -> Self {
        let members: Vec<Member> = thread::scope(|scope| {
            let starting: Vec<_> = (0..MEMBERS)
                .map(|_| scope.spawn(move || Member::start(release)))
                .collect();
            let started = starting.into_iter().map(|member| member.join().unwrap());
            started.collect()
        });
        let versions = match release {
            None => Versions::between(Version::new(5, 1), Version::new(5, 4)),
            Some(Release::Neo4j5) => Versions::between(Version::new(4, 1), Version::new(5, 8)),
            Some(_) => Versions::default(),
        };
        let addresses: Vec<SocketAddr> = members.iter().map(Member::address).collect();
        let rig = Self {
            proxy: RoutingProxy::to(&addresses, versions).unwrap(),
            members,
            state: Mutex::new(State {
                alive: [true; MEMBERS],
                leader: 0,
                ttl: 300,
            }),
        };
        rig.elect(0);
        if release.is_some() {
            (0..MEMBERS).for_each(|member| rig.warm_up(member));
        }
        rig
    }

    /// Returns the options of a driver for the cluster.
    pub(crate) fn config(&self) -> Config {
        Config::new(&self.proxy.uri(), self.auth()).unwrap()
    }

    /// Returns the login of each server.
    pub(crate) fn login(&self) -> (String, String) {
        ("neo4j".to_owned(), PASSWORD.to_owned())
    }

    /// Makes a server the leader, and tells all tables.
    pub(crate) fn elect(&self, leader: usize) {
        self.change(|state| state.leader = leader);
        self.proxy.set_leader(leader);
    }

    /// Makes another server the leader that is alive. Returns it.
    pub(crate) fn elect_another(&self) -> usize {
        let next = {
            let state = self.state();
            let others = (1..MEMBERS).map(|step| (state.leader + step) % MEMBERS);
            others.into_iter().find(|&other| state.alive[other])
        };
        let next = next.expect("one of the other servers is alive");
        self.elect(next);
        next
    }

    pub(crate) fn leader(&self) -> usize {
        self.state().leader
    }

    pub(crate) fn alive(&self) -> usize {
        self.state().alive.iter().filter(|alive| **alive).count()
    }

    /// Ends a server at once, as a power failure would. The tables stay as they are.
    pub(crate) fn kill(&self, victim: usize) {
        self.state().alive[victim] = false;
        if let Member::Neo4j(server) = &self.members[victim] {
            lock(server).kill().unwrap();
        }
        self.proxy.refuse(victim);
    }

    /// Waits until a killed server has started again, and tells all tables.
    pub(crate) fn revive(&self, victim: usize) {
        if let Member::Neo4j(server) = &self.members[victim] {
            lock(server).wait_until_ready().unwrap();
            self.warm_up(victim);
        }
        self.proxy.accept(victim).unwrap();
        self.change(|state| state.alive[victim] = true);
    }

    /// Has a server carry out writes on several connections: the first ones after its start are slow, and a cluster that
    /// elects a leader has one that has been running.
    fn warm_up(&self, member: usize) {
        let uri = format!("bolt://{}", self.members[member].address());
        let driver = adapter_blocking::driver(&uri, self.auth()).unwrap();
        thread::scope(|scope| {
            for caller in 0..8 {
                let driver = &driver;
                scope.spawn(move || {
                    for id in 0..50 {
                        let query = driver
                            .execute_query(CREATE)
                            .param("by", format!("warm-up {caller}"));
                        query.param("id", id).bookmark_manager(None).call().unwrap();
                    }
                });
            }
        });
    }

    /// Returns how often each id is found, by server.
    pub(crate) fn found(&self, by: &str) -> BTreeMap<i64, [u64; MEMBERS]> {
        let mut found: BTreeMap<i64, [u64; MEMBERS]> = BTreeMap::new();
        for (number, member) in self.members.iter().enumerate() {
            let uri = format!("bolt://{}", member.address());
            let driver = adapter_blocking::driver(&uri, self.auth()).unwrap();
            let query = driver.execute_query("MATCH (n:Cluster {by: $by}) RETURN n.id, count(*)");
            let rows = query.param("by", by).call().unwrap().to::<(i64, u64)>().unwrap();
            for (id, times) in rows {
                found.entry(id).or_default()[number] = times;
            }
        }
        found
    }

    fn auth(&self) -> Auth {
        let (user, password) = self.login();
        Auth::basic(user, password)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let alive = || (0..MEMBERS).filter(|&member| state.alive[member]);
        let leader = Some(state.leader).filter(|&leader| state.alive[leader]);
        let readers = alive().filter(|&member| Some(member) != leader);
        let table = Roles::new().ttl(state.ttl).routers(alive()).readers(readers);
        self.proxy.set_table(table.writers(leader));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Member {
    fn start(release: Option<Release>) -> Self {
        match release {
            None => Self::Engine(Engine::builder().credentials("neo4j", PASSWORD).start().unwrap()),
            Some(release) => {
                let server = Neo4j::builder(release).password(PASSWORD).quick_start().start();
                Self::Neo4j(Mutex::new(server.unwrap()))
            }
        }
    }

    fn address(&self) -> SocketAddr {
        match self {
            Self::Engine(engine) => engine.address(),
            Self::Neo4j(server) => lock(server).address(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
