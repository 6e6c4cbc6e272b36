//! Several servers, told apart by the port, with routing tables.

use std::task::Waker;

use bolt_proto::state::Message;
use bolt_proto::value::Map;
use bolt_proto::{Auth, ServerError, list};

use crate::{Config, Driver};

use super::{Scripted, Socket};

/// The routing table that a server sends. Servers are ports.
#[derive(Debug, Clone)]
pub(crate) struct TableOf {
    ttl: i64,
    routers: Vec<u16>,
    readers: Vec<u16>,
    writers: Vec<u16>,
    /// Further addresses of each role.
    garbage: Vec<String>,
}

/// A request for a routing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routed {
    /// The server that was asked.
    pub(crate) port: u16,
    /// The address, and the region, of the routing context.
    pub(crate) context: Vec<String>,
    pub(crate) bookmarks: Vec<String>,
    pub(crate) database: Option<String>,
    pub(crate) user: Option<String>,
}

impl TableOf {
    pub(super) fn value(&self) -> Map {
        let role = |name: &str, ports: &[u16]| {
            let addresses = ports.iter().map(|port| format!("s{port}:{port}"));
            let addresses: Vec<String> = self.garbage.iter().cloned().chain(addresses).collect();
            let mut role = Map::new();
            role.insert("role", name.to_owned());
            role.insert("addresses", addresses);
            role
        };
        let mut table = Map::new();
        table.insert("ttl", self.ttl);
        let servers = list![
            role("WRITE", &self.writers),
            role("READ", &self.readers),
            role("ROUTE", &self.routers)
        ];
        table.insert("servers", servers);
        table
    }
}

impl Scripted {
    /// Returns the options of a driver whose seed is the server at port 1.
    pub(crate) fn routed_config() -> Config {
        Config::new("neo4j://s1:1", Auth::none()).unwrap()
    }

    pub(crate) fn routed(&self) -> Driver {
        self.driver_with(Self::routed_config())
    }

    /// Sets the table that all servers send: routers, readers and writers.
    pub(crate) fn table(&self, roles: [&[u16]; 3], ttl: i64) {
        self.table_at(0, roles, ttl);
    }

    /// Sets the table that one server sends.
    pub(crate) fn table_at(&self, port: u16, roles: [&[u16]; 3], ttl: i64) {
        let [routers, readers, writers] = roles.map(<[u16]>::to_vec);
        let table = TableOf {
            ttl,
            routers,
            readers,
            writers,
            garbage: Vec::new(),
        };
        self.lock().script.tables.insert(port, table);
    }

    /// Sets the home database, which makes servers forward queries, but for these.
    pub(crate) fn home(&self, home: &str, not_forwarding: &[u16]) {
        let mut state = self.lock();
        state.script.home = Some(home.to_owned());
        state.script.not_forwarding = not_forwarding.iter().copied().collect();
    }

    /// Puts several servers behind one name.
    pub(crate) fn name(&self, host: &str, ports: &[u16]) {
        self.name_changing(host, &[ports]);
    }

    /// Puts several servers behind one name, which differ from one look-up to the next. The last answer stays.
    pub(crate) fn name_changing(&self, host: &str, answers: &[&[u16]]) {
        let answers = answers.iter().map(|ports| ports.to_vec()).collect();
        self.lock().names.insert(host.to_owned(), answers);
    }

    /// Gives a database another name.
    pub(crate) fn alias(&self, alias: &str, name: &str) {
        self.lock()
            .script
            .aliases
            .insert(alias.to_owned(), name.to_owned());
    }

    /// Makes the next such request to this port fail with this code.
    pub(crate) fn fail_at(&self, port: u16, message: Message, code: &str) {
        let error = ServerError::new(code, "planned");
        self.lock().script.fails.push((message, Some(port), error));
    }

    /// Crashes a server: its connections end, and it refuses new ones.
    pub(crate) fn crash(&self, port: u16) {
        let mut state = self.lock();
        state.down.insert(port);
        let mut wakers = Vec::new();
        for socket in state.sockets.iter_mut().filter(|socket| socket.port == port) {
            socket.close();
            wakers.extend([socket.reader.take(), socket.writer.take()]);
        }
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Starts a server that had crashed.
    pub(crate) fn start(&self, port: u16) {
        self.lock().down.remove(&port);
    }

    /// Makes new connections to a server hold all answers back.
    pub(crate) fn hold_new(&self, port: u16) {
        self.lock().holding.insert(port);
    }

    /// Makes new connections to a server answer again.
    pub(crate) fn answer_new(&self, port: u16) {
        self.lock().holding.remove(&port);
    }

    /// Sets a table with addresses that are none, and the reader at port 2.
    pub(crate) fn garbage_table(&self) {
        self.table([&[1], &[2], &[2]], 9);
        if let Some(table) = self.lock().script.tables.get_mut(&0) {
            table.garbage = ["", ":1", "x:y", "a:b:c", "bolt://h", "h:99999"]
                .map(str::to_owned)
                .to_vec();
        }
    }

    /// Returns the requests for routing tables since the last call.
    pub(crate) fn routes(&self) -> Vec<Routed> {
        std::mem::take(&mut self.lock().script.routed)
    }

    /// Returns the ports of the servers that were asked for tables since the last call.
    pub(crate) fn routers(&self) -> Vec<u16> {
        self.routes().into_iter().map(|route| route.port).collect()
    }

    /// Returns the port of each connection, in the order in which they were made.
    pub(crate) fn ports(&self) -> Vec<u16> {
        self.lock().sockets.iter().map(|socket| socket.port).collect()
    }

    /// Returns the number of the last connection to this port.
    pub(crate) fn last_at(&self, port: u16) -> usize {
        let is_it = |socket: &Socket| socket.port == port;
        self.lock().sockets.iter().rposition(is_it).unwrap()
    }

    /// Counts such requests at this port.
    pub(crate) fn count_at(&self, port: u16, message: Message) -> usize {
        let state = self.lock();
        let of_port = state.sockets.iter().filter(|socket| socket.port == port);
        let asked = of_port.flat_map(|socket| &socket.asked);
        asked.filter(|asked| **asked == message).count()
    }
}
