//! Judges of clusters: how often servers are asked for tables, and which servers get work.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bolt_client::{Address, PoolCounts};

use crate::sim::clock::{Nanos, SECOND};
use crate::sim::net::ConnId;
use crate::sim::state::State;

use super::homes::Homes;
use super::routing::Table;
use super::serving::names_no_leader;
use super::{DbId, ServerId, server_of};

/// What the judges of a cluster need.
#[derive(Debug, Default)]
pub(in crate::sim) struct Ledger {
    /// How many changes the cluster has seen.
    changes: u64,
    /// How often a server was asked for a table, and by which names.
    routes: u64,
    names: BTreeSet<Option<String>>,
    /// By which name each connection that has carried no work yet was asked last: with its login as a rule.
    asked: BTreeMap<ConnId, Option<String>>,
    /// How often a request travelled with a login in vain: another caller got the connection, and asked for its own table.
    overtaken: u64,
    /// How many sessions, and calls without one, have used a home database.
    homes: u64,
    pub(super) homes_of_work: Homes,
    /// How many calls have failed or were dropped.
    excuses: u64,
    /// When each unit of work began, or its last attempt.
    began: BTreeMap<u64, Nanos>,
    /// Queries and transactions that were refused by a server that is no leader, unless a table has named that server since
    /// the client read the refusal.
    refused: BTreeMap<u64, Refused>,
    /// The database of the failure that is about to be sent.
    refusing: Option<DbId>,
    /// When a caller got the failure of a server that leads no more, unless a table has named that server since.
    informed: BTreeMap<(ServerId, DbId), Nanos>,
    /// The servers in the tables of each name that the client has read, any of which the driver may have kept: the answer to
    /// a search that no caller carries on is read, and dropped. Once the cluster is used in peace, the last one.
    tables: BTreeMap<Option<String>, BTreeSet<ServerId>>,
    /// Since when that is so: from then on no call is dropped.
    peace: Option<Nanos>,
}

/// A refusal by a server that is no leader.
#[derive(Debug)]
struct Refused {
    server: ServerId,
    database: DbId,
    conn: ConnId,
    /// Where it ends, among the bytes that the connection carries to the client.
    end: u64,
}

impl Ledger {
    pub(in crate::sim) fn note_change(&mut self) {
        self.changes += 1;
    }

    pub(in crate::sim) fn note_route(&mut self, conn: ConnId, name: Option<&str>) {
        let name = name.map(str::to_owned);
        self.routes += 1;
        self.names.insert(name.clone());
        let before = self.asked.insert(conn, name.clone());
        self.overtaken += u64::from(before.is_some_and(|before| before != name));
    }

    /// Notes that a transaction begins on a connection, or a query without one.
    pub(super) fn note_work(&mut self, conn: ConnId) {
        self.asked.remove(&conn);
    }

    /// Notes that the client has read a table. `read` returns how many bytes of a connection it has read.
    pub(in crate::sim) fn note_table(&mut self, table: &Table, read: impl Fn(ConnId) -> u64) {
        let names = |server: ServerId, database: DbId| {
            database == table.database() && table.writers().contains(&server)
        };
        self.informed
            .retain(|(server, database), _| !names(*server, *database));
        self.refused.retain(|_, refused| {
            !names(refused.server, refused.database) || read(refused.conn) < refused.end
        });
        match self.peace {
            None => self.tables.entry(table.name()).or_default().extend(table.all()),
            Some(peace) if table.sent() < peace => {}
            Some(_) => {
                self.tables.insert(table.name(), table.all());
            }
        }
    }

    pub(super) const fn is_peace(&self) -> bool {
        self.peace.is_some()
    }

    /// Notes that from now on no call is dropped, or fails for a reason of the network: each table that is requested is kept.
    pub(super) fn note_peace(&mut self, now: Nanos) {
        self.peace = Some(now);
    }
}

impl State {
    /// Notes that a unit of work begins, or an attempt of it.
    pub(in crate::sim) fn note_began(&mut self, tag: u64) {
        let now = self.clock.now();
        if let Some((cluster, _)) = self.cluster() {
            cluster.ledger.began.insert(tag, now);
        }
    }

    /// Notes that a server is about to say that it does not lead this database.
    pub(super) fn note_not_leading(&mut self, database: DbId) {
        if let Some((cluster, _)) = self.cluster() {
            cluster.ledger.refusing = Some(database);
        }
    }

    /// Notes that a query or transaction has failed with this code, which is the last answer so far.
    pub(in crate::sim) fn note_refused(&mut self, conn: ConnId, id: u64, code: &str) {
        let (server, end) = (self.conns[conn].server, self.conns[conn].end_of_answers());
        if let Some((cluster, _)) = self.cluster() {
            let database = cluster.ledger.refusing.take();
            if let Some(database) = database.filter(|_| names_no_leader(code)) {
                let refused = Refused {
                    server,
                    database,
                    conn,
                    end,
                };
                cluster.ledger.refused.insert(id, refused);
            }
        }
    }

    /// Notes that a session, or a call without one, uses a home database.
    pub(in crate::sim) fn note_home(&mut self) {
        if let Some((cluster, _)) = self.cluster() {
            cluster.ledger.homes += 1;
        }
    }

    /// Notes that a call has failed or was dropped.
    pub(in crate::sim) fn note_excuse(&mut self) {
        if let Some((cluster, _)) = self.cluster() {
            cluster.ledger.excuses += 1;
        }
    }

    /// Notes that a caller got the failure of a query or transaction.
    pub(in crate::sim) fn note_informed(&mut self, id: u64) {
        let now = self.clock.now();
        if let Some((cluster, _)) = self.cluster() {
            let ledger = &mut cluster.ledger;
            if let Some(refused) = ledger.refused.remove(&id) {
                ledger.informed.insert((refused.server, refused.database), now);
            }
        }
    }

    /// Checks that a table has sent the work to this server: always true as long as all tables are.
    pub(super) fn check_placed(&mut self, conn: ConnId, tag: u64, database: DbId, role: &str) {
        let steady = self
            .weather
            .cluster
            .as_ref()
            .is_some_and(super::ClusterWeather::is_steady);
        if steady {
            let server = self.conns[conn].server;
            self.history.violation(format!(
                "conn {conn}: transaction {tag} has reached server {server}, which never {role} db{database}"
            ));
        }
    }

    /// Checks that no write goes to a server after its refusal, unless a table names the server once more.
    pub(super) fn check_informed(&mut self, conn: ConnId, tag: u64, database: DbId) {
        let server = self.conns[conn].server;
        // Before Bolt 4.4 the driver cannot know that its tables by different names are those of one database.
        let names = self.weather.server.version >= bolt_client::Version::new(4, 4);
        let Some((cluster, _)) = self.cluster().filter(|_| names) else {
            return;
        };
        let informed = cluster.ledger.informed.get(&(server, database));
        let began = cluster.ledger.began.get(&tag);
        if let (Some(informed), Some(began)) = (informed, began)
            && began > informed
        {
            let ago = Duration::from_nanos(began - informed);
            self.history.violation(format!(
                "conn {conn}: transaction {tag} writes to db{database} on server {server}, although a caller knew {ago:?} \
                 before that it leads no more"
            ));
        }
    }

    /// Checks how often servers were asked for tables.
    pub(in crate::sim) fn check_routes(&mut self) {
        let now = self.clock.now();
        let disturbed = !self.weather.calm;
        let breaks = self.history.breaks;
        let Some((cluster, weather)) = self.cluster() else {
            return;
        };
        let (ledger, servers) = (&cluster.ledger, cluster.servers.len() as u64);
        let expiries = 1 + now / (weather.ttl * SECOND);
        let mut most =
            ledger.names.len() as u64 * expiries + ledger.homes + ledger.excuses + ledger.overtaken;
        if disturbed || !weather.is_steady() {
            most += (breaks + ledger.changes + ledger.excuses + 1) * 3 * servers * expiries;
        }
        if ledger.routes > most {
            let (routes, names, homes) = (ledger.routes, ledger.names.len(), ledger.homes);
            self.history.violation(format!(
                "servers were asked for tables {routes} times, and not {most} times at most: by {names} names, {expiries} \
                 times each, and for {homes} home databases"
            ));
        }
    }

    /// Checks that no connection is idle to a server that is in no table. One with more on its way than fits into the
    /// window of the network is kept: no read reaches the end, which may be that of a write.
    pub(in crate::sim) fn check_left(&mut self, counts: &[(Address, PoolCounts)]) {
        let window = self.weather.net.window as u64;
        let mut unread = BTreeSet::new();
        for conn in &mut self.conns {
            if conn.end_of_answers() > conn.read() + window {
                unread.insert(conn.server);
            }
        }
        let Some((cluster, _)) = self.cluster() else {
            return;
        };
        let listed: BTreeSet<ServerId> = cluster.ledger.tables.values().flatten().copied().collect();
        let left = counts.iter().find(|(address, counts)| {
            let server = server_of(address.host());
            counts.idle > 0
                && server.is_none_or(|server| !listed.contains(&server) && !unread.contains(&server))
        });
        if let Some((address, counts)) = left {
            self.history
                .violation(format!("{address} is in no table, and its pool has {counts}"));
        }
    }
}
