//! How servers answer requests for routing tables: from what they know.

use std::collections::BTreeSet;

use bolt_proto::value::{Map, Value};

use crate::sim::clock::Nanos;
use crate::sim::net::ConnId;
use crate::sim::server::{Cause, Progress};
use crate::sim::state::State;

use super::serving::UNAVAILABLE;
use super::{ClusterWeather, DbId, ServerId, View, host};

/// A request for a routing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sim) struct Wanted {
    pub(in crate::sim) database: Option<String>,
    pub(in crate::sim) user: Option<String>,
    /// The request is the call of a procedure, and its answer a row.
    pub(in crate::sim) procedure: bool,
}

/// A routing table, as a server sends it.
#[derive(Debug, Clone)]
pub(in crate::sim) struct Table {
    database: DbId,
    /// The name by which the driver knows it: before Bolt 4.4 that of the request.
    name: Option<String>,
    ttl: u64,
    routers: Vec<ServerId>,
    readers: Vec<ServerId>,
    writers: Vec<ServerId>,
    /// When it was sent.
    sent: Nanos,
}

impl State {
    /// Answers a request for a routing table.
    pub(in crate::sim) fn route(&mut self, conn: ConnId, wanted: &Wanted) -> Progress {
        if self.cluster.is_none() {
            let violation = format!("conn {conn}: a single server is asked for a routing table");
            self.history.violation(violation);
        }
        let server = self.conns[conn].server;
        let restless = self.fails_by_itself(conn);
        let login = self.conns[conn].actor.login.clone();
        let now = self.clock.now();
        let Some((cluster, weather)) = self.cluster() else {
            return self.fail(conn, Cause::Route, false);
        };
        cluster.ledger.note_route(conn, wanted.database.as_deref());
        if restless || !cluster.serves(server) {
            return self.fail_as(conn, Cause::Route, UNAVAILABLE);
        }
        let Some(database) = weather.database(
            wanted.database.as_deref(),
            wanted.user.as_deref(),
            login.as_ref(),
            now,
        ) else {
            return self.fail_as(conn, Cause::Route, "Neo.ClientError.Database.DatabaseNotFound");
        };
        let mut table = cluster.servers[server].view.table(server, database, weather);
        let version = self.conns[conn].actor.proto.version();
        if version < Some(bolt_proto::Version::new(4, 4)) {
            table.name.clone_from(&wanted.database);
        }
        self.note(|| format!("conn {conn}: {table:?}"));
        let actor = &mut self.conns[conn].actor;
        if wanted.procedure {
            let answered = actor
                .proto
                .success(|map| map.entry("fields", &["ttl", "servers"][..]));
            actor.table = Some(table);
            self.expect(conn, answered);
            return Progress::Answered;
        }
        let mut sent = Map::new();
        sent.insert("ttl", table.ttl as i64);
        sent.insert("servers", table.servers());
        if version >= Some(bolt_proto::Version::new(4, 4)) {
            sent.insert("db", format!("db{database}"));
        }
        let answered = actor.proto.success(|map| map.entry("rt", &Value::Map(sent)));
        self.expect(conn, answered);
        self.table_sent(conn, table);
        Progress::Answered
    }

    /// Sends the row of a procedure.
    pub(in crate::sim) fn send_table(&mut self, conn: ConnId, table: Table) -> Progress {
        let proto = &mut self.conns[conn].actor.proto;
        let answered = proto
            .record(|list| {
                list.item(&(table.ttl as i64))?;
                list.item(&table.servers())
            })
            .and_then(|()| proto.success(|map| map.entry("type", "r")));
        self.expect(conn, answered);
        self.table_sent(conn, table);
        Progress::Answered
    }

    /// The client knows the table once it has read this far.
    fn table_sent(&mut self, conn: ConnId, mut table: Table) {
        table.sent = self.clock.now();
        let end = self.conns[conn].end_of_answers();
        self.conns[conn].tables.push_back((end, table));
    }

    /// Notes the tables that the client has read.
    pub(in crate::sim) fn note_tables_read(&mut self, conn: ConnId) {
        let read = self.conns[conn].read();
        while self.conns[conn]
            .tables
            .front()
            .is_some_and(|(end, _)| *end <= read)
        {
            let Some((_, table)) = self.conns[conn].tables.pop_front() else {
                return;
            };
            if let Some(cluster) = &mut self.cluster {
                cluster.ledger.note_table(&table, |conn| self.conns[conn].read());
            }
        }
    }
}

impl View {
    /// Returns the table of a database, as this server knows it.
    fn table(&self, server: ServerId, database: DbId, weather: &ClusterWeather) -> Table {
        let hosted = &self.databases[database];
        let lives = |other: &ServerId| self.lives[*other] || *other == server;
        let members: Vec<ServerId> = (0..self.lives.len()).filter(|other| lives(other)).collect();
        let routers = members
            .iter()
            .rev()
            .take(weather.routers)
            .rev()
            .copied()
            .collect();
        let hosts: Vec<ServerId> = hosted.hosts.iter().copied().filter(|host| lives(host)).collect();
        let follows = |host: &ServerId| weather.leader_reads || hosted.leader != Some(*host);
        let mut readers: Vec<ServerId> = hosts.iter().copied().filter(follows).collect();
        if readers.is_empty() {
            readers = hosts;
        }
        Table {
            database,
            name: Some(format!("db{database}")),
            ttl: weather.ttl,
            routers,
            readers,
            writers: hosted.leader.into_iter().filter(|leader| lives(leader)).collect(),
            sent: 0,
        }
    }
}

impl Table {
    pub(super) const fn database(&self) -> DbId {
        self.database
    }

    pub(super) fn name(&self) -> Option<String> {
        self.name.clone()
    }

    pub(super) fn writers(&self) -> &[ServerId] {
        &self.writers
    }

    pub(super) const fn sent(&self) -> Nanos {
        self.sent
    }

    /// Returns all servers in it.
    pub(super) fn all(&self) -> BTreeSet<ServerId> {
        let all = self.routers.iter().chain(&self.readers).chain(&self.writers);
        all.copied().collect()
    }

    fn servers(&self) -> Value {
        let role = |name: &str, servers: &[ServerId]| {
            let addresses: Vec<String> = servers
                .iter()
                .map(|server| format!("{}:7687", host(*server)))
                .collect();
            let mut role = Map::new();
            role.insert("role", name.to_owned());
            role.insert("addresses", addresses);
            Value::Map(role)
        };
        Value::from(vec![
            role("WRITE", &self.writers),
            role("READ", &self.readers),
            role("ROUTE", &self.routers),
        ])
    }
}
