//! Which work a server of a cluster carries out, and when.

use bolt_proto::Access;

use crate::sim::causality::Causality;
use crate::sim::clock::{Event, Nanos};
use crate::sim::logins::Carried;
use crate::sim::net::ConnId;
use crate::sim::server::{Cause, Opening};
use crate::sim::state::State;

use super::homes::Owner;
use super::{Cluster, ClusterWeather, DbId, KEYS, ServerId};

const NOT_A_LEADER: &str = "Neo.ClientError.Cluster.NotALeader";
const READ_ONLY: &str = "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase";
const NO_SUCH_DATABASE: &str = "Neo.ClientError.Database.DatabaseNotFound";
pub(super) const UNAVAILABLE: &str = "Neo.TransientError.General.DatabaseUnavailable";
const LEADER_SWITCH: &str = "Neo.TransientError.Transaction.LeaderSwitch";
const NOT_REPLICATED: &str = "Neo.TransientError.Cluster.ReplicationFailure";
const SYSTEM: &str = "system";
const BEHIND: &str = "Neo.TransientError.Transaction.BookmarkTimeout";

/// Where a transaction is carried out.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::sim) struct Place {
    pub(in crate::sim) database: DbId,
    /// The work names no database.
    is_home: bool,
    /// The last commit that it sees; `None` if it sees all.
    pub(in crate::sim) sees: Option<u64>,
    /// The leader that carries out its writes, if it may write.
    leader: Option<ServerId>,
    /// Its writes were lost, since the leader leads no more.
    deposed: bool,
    /// Whether it may write: always in a world with one server.
    follower: bool,
}

/// How a server refuses to begin something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sim) enum Refusal {
    Unavailable,
    NoSuchDatabase,
    NotALeader(DbId),
    /// It has not reached the bookmarks yet.
    Behind,
}

impl State {
    /// Returns where a transaction is carried out that begins on this connection.
    pub(in crate::sim) fn place(&mut self, conn: ConnId, opening: &Opening) -> Result<Place, Refusal> {
        let server = self.conns[conn].server;
        let forwards = self.forwards(conn);
        let login = self.conns[conn].actor.login.clone();
        let now = self.clock.now();
        let Some((cluster, _)) = self.cluster() else {
            return Ok(Place::default());
        };
        cluster.ledger.note_work(conn);
        self.check_working(conn);
        let Some((cluster, weather)) = self.cluster() else {
            return Ok(Place::default());
        };
        if !cluster.serves(server) {
            return Err(Refusal::Unavailable);
        }
        let names = (opening.database.as_deref(), opening.user.as_deref());
        let database = weather
            .database(names.0, names.1, login.as_ref(), now)
            .ok_or(Refusal::NoSuchDatabase)?;
        let is_home = self.check_home(opening.tag, database);
        let (cluster, _) = self.cluster().ok_or(Refusal::Unavailable)?;
        let hosted = &cluster.truth.databases[database];
        let (hosts, leader) = (hosted.hosts.contains(&server), hosted.leader);
        let writes = opening.access == Access::Write;
        let is_forwarded = forwards && leader.is_some() && (writes || !hosts);
        let at_leader = leader == Some(server) || is_forwarded;
        if !hosts && !at_leader {
            self.check_placed(conn, opening.tag, database, "hosts");
            return Err(Refusal::Unavailable);
        }
        let (cluster, weather) = self.cluster().ok_or(Refusal::Unavailable)?;
        if writes && !at_leader && weather.refuses_early {
            return Err(Refusal::NotALeader(database));
        }
        let applied = cluster.servers[server].applied;
        if !at_leader && applied < Causality::oldest(&opening.sent) {
            return Err(Refusal::Behind);
        }
        Ok(Place {
            database,
            is_home,
            sees: (!at_leader).then_some(applied),
            leader: leader.filter(|_| at_leader && writes),
            deposed: false,
            follower: !at_leader,
        })
    }

    /// Returns the failure of a refusal; `None` if the request has to wait.
    pub(in crate::sim) fn refuse_to_begin(
        &mut self,
        conn: ConnId,
        opening: &Opening,
        refusal: Refusal,
    ) -> Option<&'static str> {
        match refusal {
            Refusal::Behind => None,
            Refusal::Unavailable => Some(UNAVAILABLE),
            Refusal::NoSuchDatabase => Some(NO_SUCH_DATABASE),
            Refusal::NotALeader(database) => Some(self.no_leader(conn, opening.tag, database)),
        }
    }

    /// Returns the failure of a write on a server that may not write.
    pub(in crate::sim) fn refuse_write(
        &mut self,
        conn: ConnId,
        tag: u64,
        place: Place,
    ) -> Option<&'static str> {
        place.follower.then(|| self.no_leader(conn, tag, place.database))
    }

    /// Checks that a query has reached the database that its caller meant.
    pub(in crate::sim) fn check_key(&mut self, conn: ConnId, place: Place, key: u64) {
        if self.cluster.is_some() && !place.is_home && key / KEYS != place.database as u64 {
            self.history.violation(format!(
                "conn {conn}: a query for db{} has reached db{}",
                key / KEYS,
                place.database
            ));
        }
    }

    fn no_leader(&mut self, conn: ConnId, tag: u64, database: DbId) -> &'static str {
        self.check_placed(conn, tag, database, "leads");
        self.check_informed(conn, tag, database);
        self.note_not_leading(database);
        let read_only = self
            .weather
            .cluster
            .as_ref()
            .is_some_and(|weather| weather.read_only);
        if read_only { READ_ONLY } else { NOT_A_LEADER }
    }

    /// Returns the failure of work whose leader leads no more.
    pub(in crate::sim) fn refuse_deposed(&mut self, conn: ConnId, place: Place) -> Option<&'static str> {
        place.deposed.then(|| {
            self.note_not_leading(place.database);
            let codes = [NOT_A_LEADER, LEADER_SWITCH, NOT_REPLICATED];
            self.conns[conn].actor.draw(&codes)
        })
    }

    /// Whether the server goes down, and refuses what it is asked.
    pub(in crate::sim) fn is_unavailable(&mut self, conn: ConnId) -> bool {
        let server = self.conns[conn].server;
        self.cluster().is_some_and(|(cluster, _)| !cluster.serves(server))
    }

    /// Ends the writes of a leader that leads no more.
    pub(super) fn depose_work(&mut self, leader: ServerId, database: DbId) {
        for conn in 0..self.conns.len() {
            if let Some(tx) = self.conns[conn].actor.depose(leader, database) {
                let ended = self.database.end(tx);
                self.note(|| format!("conn {conn}: its writes are lost"));
                self.resume_waiters(ended);
                self.resume_locked(conn);
            }
        }
    }

    /// Returns how long requests wait for bookmarks.
    pub(in crate::sim) fn bookmark_timeout(&self) -> u64 {
        self.weather
            .cluster
            .as_ref()
            .map_or(0, |weather| weather.bookmark_timeout)
    }
}

impl Place {
    pub(in crate::sim) fn depose(&mut self, leader: ServerId, database: DbId) -> bool {
        let hit = self.leader == Some(leader) && self.database == database && !self.deposed;
        self.deposed |= hit;
        hit
    }
}

/// The failure of a server that has not reached a bookmark in time.
pub(in crate::sim) const fn behind() -> &'static str {
    BEHIND
}

/// The failure of a server that goes down.
pub(in crate::sim) const fn unavailable() -> &'static str {
    UNAVAILABLE
}

/// Whether this failure says that a server is no leader.
pub(in crate::sim) fn names_no_leader(code: &str) -> bool {
    [NOT_A_LEADER, READ_ONLY].contains(&code)
}

/// Whether this failure in answer to a commit leaves open whether the commit stands.
pub(in crate::sim) fn leaves_commit_open(code: &str) -> bool {
    [UNAVAILABLE, LEADER_SWITCH, NOT_REPLICATED].contains(&code)
}

/// Whether work that has failed so may be repeated.
pub(in crate::sim) fn may_be_repeated(code: &str) -> bool {
    names_no_leader(code) || code.starts_with("Neo.TransientError.")
}

impl ClusterWeather {
    /// Returns the database of this name, or else the home database of this user: the one that is impersonated, or else the
    /// one of the login.
    pub(super) fn database(
        &self,
        name: Option<&str>,
        user: Option<&str>,
        login: Option<&Carried>,
        now: Nanos,
    ) -> Option<DbId> {
        let Some(name) = name else {
            let owner = match (user, login) {
                (Some(user), _) => Owner::Listed(user.strip_prefix("user")?.parse().ok()?),
                (None, Some(Carried::User(user, _))) => Owner::Login(*user),
                (None, _) => Owner::Listed(0),
            };
            return self.home(owner, now);
        };
        // A login is verified by the table of the system database. It is the first one here.
        if name == SYSTEM {
            return Some(0);
        }
        let number = name.strip_prefix("db").or_else(|| name.strip_prefix("alias"))?;
        number
            .parse()
            .ok()
            .filter(|number| *number < self.databases.len())
    }
}

impl Cluster {
    /// Whether the cluster has a writer of every database, and all servers know it.
    pub(super) fn is_settled(&self) -> bool {
        let led = self
            .truth
            .databases
            .iter()
            .all(|database| database.leader.is_some());
        led && self.servers.iter().all(|server| server.isolated == 0)
    }
}

/// A failure is that of a query or of a whole transaction.
pub(in crate::sim) fn cause(opening: &Opening, query: Option<u64>) -> Cause {
    Cause::Query(query.unwrap_or(opening.tag))
}

/// Wakes a request that waits for its bookmarks.
impl State {
    pub(super) fn bookmark_reached(&mut self, conn: ConnId) {
        if let Some(serial) = self.conns[conn].actor.stop_waiting_for_bookmark() {
            self.later(0, Event::Work { conn, serial });
        }
    }
}
