//! Simulated clusters: several servers, one leader for each database, and followers that lag.
//!
//! All servers share one log of commits. A leader of a database sees all of it. A follower has applied the log up to
//! some commit: it makes a transaction wait until it has reached its bookmarks, and then shows that state. What
//! servers answer to requests for routing tables is what *they* know, which may be old. Only leaders carry out writes; a
//! server that forwards does so on their behalf.
//!
//! # Terms
//!
//! * *Change*: what happens to a cluster (`weather`, `changes`). A *steady* cluster has none.
//! * *View*: what a server knows of the cluster. The *truth* is a view, too.
//! * *Target*: the database that a step of the program uses, and the user. It decides the keys of the step's queries, so
//!   a query that reaches another database is noticed.
//! * *Settling*: once nothing happens any more, each database is read and written once (`settle`).

mod changes;
mod homes;
mod judge;
mod routing;
mod serving;
mod settle;
mod weather;

use std::collections::BTreeSet;

use super::clock::Nanos;
use super::state::State;
pub(super) use changes::Step;
pub(super) use homes::Home;
use judge::Ledger;
pub(super) use routing::{Table, Wanted};
pub(super) use serving::{Place, Refusal, behind, cause, leaves_commit_open, may_be_repeated, unavailable};
pub(super) use weather::{Change, ClusterWeather, KEYS, Target};

/// A server, by number; the first is 0.
pub(super) type ServerId = usize;
/// A database, by number.
pub(super) type DbId = usize;

/// The state of a cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) truth: View,
    pub(super) servers: Vec<Server>,
    pub(super) ledger: Ledger,
}

/// What is known of a cluster.
#[derive(Debug, Clone)]
pub(super) struct View {
    /// Whether each server is a member that lives.
    pub(super) lives: Vec<bool>,
    pub(super) databases: Vec<Hosted>,
}

/// The servers of one database.
#[derive(Debug, Clone)]
pub(super) struct Hosted {
    pub(super) hosts: BTreeSet<ServerId>,
    pub(super) leader: Option<ServerId>,
}

/// One server of a cluster.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) member: bool,
    /// Whether its machine accepts connections.
    pub(super) up: bool,
    /// How many changes keep it from working although it is up.
    pub(super) unavailable: usize,
    /// How many changes keep clients from reaching it.
    pub(super) cut_off: usize,
    /// How many changes keep the other servers from reaching it.
    pub(super) isolated: usize,
    /// The last commit that it has applied.
    pub(super) applied: u64,
    pub(super) view: View,
}

impl Cluster {
    pub(super) fn new(weather: &ClusterWeather) -> Self {
        let truth = View {
            lives: weather.members.clone(),
            databases: weather
                .databases
                .iter()
                .map(|database| Hosted {
                    hosts: database.hosts.clone(),
                    leader: Some(database.leader),
                })
                .collect(),
        };
        let server = |member: &bool| Server {
            member: *member,
            up: *member,
            unavailable: 0,
            cut_off: 0,
            isolated: 0,
            applied: 0,
            view: truth.clone(),
        };
        Self {
            servers: weather.members.iter().map(server).collect(),
            truth,
            ledger: Ledger::default(),
        }
    }

    /// Whether a server can work with the others.
    pub(super) fn is_well(&self, server: ServerId) -> bool {
        self.serves(server) && self.servers[server].isolated == 0
    }

    /// Whether a server carries out work.
    pub(super) fn serves(&self, server: ServerId) -> bool {
        let server = &self.servers[server];
        server.member && server.up && server.unavailable == 0
    }

    pub(super) fn leads(&self, server: ServerId, database: DbId) -> bool {
        self.truth.databases[database].leader == Some(server)
    }
}

impl State {
    /// Returns the cluster of a world that has one.
    pub(super) fn cluster(&mut self) -> Option<(&mut Cluster, &ClusterWeather)> {
        Some((self.cluster.as_mut()?, self.weather.cluster.as_ref()?))
    }

    /// Draws a time up to this.
    fn up_to(&mut self, most: Nanos) -> Nanos {
        self.rng.magnitude(1, most.max(1))
    }
}

/// Returns the host name of a server.
pub(super) fn host(server: ServerId) -> String {
    format!("s{server}.cluster.example")
}

/// Returns the server of a host name.
pub(super) fn server_of(host: &str) -> Option<ServerId> {
    host.strip_prefix('s')?
        .strip_suffix(".cluster.example")?
        .parse()
        .ok()
}

/// The host name of the seeds.
pub(in crate::sim) const SEED: &str = "cluster.example";
