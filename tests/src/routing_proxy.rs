//! A proxy that makes a cluster of servers that know nothing of each other: it answers requests for routing tables with
//! the table that a test sets, and relays everything else.

mod session;
mod table;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::Sub;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bolt_proto::Versions;
use bolt_proto::state::Message;

use crate::listener::Listener;
use session::Session;
pub use table::Roles;

/// How long a port may stay in use after its listener has ended.
const PORT_LIMIT: Duration = Duration::from_secs(10);

/// Addresses of a cluster, one for each server. A server is named by its place in the list that the proxy was made with.
///
/// The servers stay what they are: each has its own data. The same server may be named several times, as several members.
/// A database's home is what its server says.
///
/// ```no_run
/// # fn main() -> std::io::Result<()> {
/// # let servers: [std::net::SocketAddr; 3] = [([127, 0, 0, 1], 7687).into(); 3];
/// use tests::routing_proxy::{Roles, RoutingProxy};
///
/// let proxy = RoutingProxy::to(&servers, Default::default())?;
/// proxy.set_table(Roles::new().ttl(300).routers([0, 1, 2]).readers([1, 2]).writers([0]));
/// // … a driver on proxy.uri() writes …
/// assert_eq!(proxy.counts(1).writes, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the proxy ends when it is dropped"]
pub struct RoutingProxy {
    fronts: Vec<Front>,
    cluster: Arc<Cluster>,
}

/// What a client has sent to one server. The difference of two is what was sent between them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that clients have opened.
    pub connections: u64,
    /// Round trips: how often a client sent something at the start of a connection, or after it had been sent something.
    pub flights: u64,
    /// Requests for routing tables.
    pub routes: u64,
    /// Queries under read access, without those for routing tables.
    pub reads: u64,
    /// Queries under write access, without those that were refused.
    pub writes: u64,
    /// Queries under write access that were refused, since the server is not the leader.
    pub refused: u64,
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            connections: self.connections - earlier.connections,
            flights: self.flights - earlier.flights,
            routes: self.routes - earlier.routes,
            reads: self.reads - earlier.reads,
            writes: self.writes - earlier.writes,
            refused: self.refused - earlier.refused,
        }
    }
}

/// The socket of one server.
#[derive(Debug)]
struct Front {
    address: SocketAddr,
    server: SocketAddr,
    /// `None` while connections are refused.
    listener: Mutex<Option<Listener>>,
}

/// What the sessions of a proxy share.
#[derive(Debug)]
struct Cluster {
    versions: Versions,
    /// The addresses for clients.
    addresses: Vec<SocketAddr>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The tables of databases.
    tables: BTreeMap<String, Roles>,
    /// The table of all other databases.
    table: Roles,
    /// The only server that accepts writes. `None`: all do.
    leader: Option<usize>,
    counts: Vec<Counts>,
}

impl RoutingProxy {
    /// Listens on a free port of 127.0.0.1 for each of the servers. Clients and servers speak one of these versions, all of
    /// which the servers must know.
    ///
    /// At first every server has every role.
    ///
    /// # Errors
    /// If no socket can be opened.
    pub fn to(servers: &[SocketAddr], versions: Versions) -> io::Result<Self> {
        // The sessions need the addresses of all servers, so the sockets come first.
        let mut reserved = Vec::new();
        for _ in servers {
            reserved.push(Listener::start(drop)?);
        }
        let all: Vec<usize> = (0..servers.len()).collect();
        let cluster = Arc::new(Cluster {
            versions,
            addresses: reserved.iter().map(Listener::address).collect(),
            state: Mutex::new(State {
                tables: BTreeMap::new(),
                table: Roles::new()
                    .routers(all.clone())
                    .readers(all.clone())
                    .writers(all),
                leader: None,
                counts: vec![Counts::default(); servers.len()],
            }),
        });
        drop(reserved);
        let fronts = servers.iter().zip(&cluster.addresses);
        let proxy = Self {
            fronts: fronts
                .map(|(&server, &address)| Front {
                    address,
                    server,
                    listener: Mutex::new(None),
                })
                .collect(),
            cluster,
        };
        for server in 0..servers.len() {
            proxy.accept(server)?;
        }
        Ok(proxy)
    }

    /// Returns the address of a server for clients.
    ///
    /// # Panics
    /// If there is no such server. The other methods, too.
    #[must_use]
    pub fn address(&self, server: usize) -> SocketAddr {
        self.fronts[server].address
    }

    /// Returns the address of the first server as `neo4j://127.0.0.1:PORT`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("neo4j://{}", self.address(0))
    }

    /// Returns which server has this address for clients.
    #[must_use]
    pub fn server_at(&self, address: &str) -> Option<usize> {
        let same = |front: &Front| front.address.to_string() == address;
        self.fronts.iter().position(same)
    }

    /// Sets the table of all databases that have none of their own. Later requests are answered with it.
    pub fn set_table(&self, roles: Roles) {
        self.cluster.state().table = roles;
    }

    /// Sets the table of one database.
    pub fn set_table_of(&self, database: &str, roles: Roles) {
        self.cluster.state().tables.insert(database.to_owned(), roles);
    }

    /// Sets the only server that accepts writes; others refuse them with `NotALeader`. `None` accepts them everywhere.
    pub fn set_leader(&self, leader: impl Into<Option<usize>>) {
        self.cluster.state().leader = leader.into();
    }

    /// Closes the connections to a server, and its socket: new connections are refused, as by a machine without the server.
    pub fn refuse(&self, server: usize) {
        let listener = self.fronts[server].listener().take();
        drop(listener);
    }

    /// Ends [`refuse`](Self::refuse): the server accepts connections.
    ///
    /// # Errors
    /// If its port is not free.
    pub fn accept(&self, server: usize) -> io::Result<()> {
        let front = &self.fronts[server];
        let to = front.server;
        let given_up = Instant::now() + PORT_LIMIT;
        loop {
            let cluster = Arc::clone(&self.cluster);
            let serve = move |client: TcpStream| {
                // A server that cannot be reached appears to the client as a connection that closes.
                drop(Session::serve(&cluster, server, client, to));
            };
            match Listener::start_at(front.address, serve) {
                Ok(listener) => {
                    *front.listener() = Some(listener);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < given_up => {
                    thread::sleep(Duration::from_millis(10));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes the connections to a server. New ones are accepted.
    pub fn cut(&self, server: usize) {
        if let Some(listener) = &*self.fronts[server].listener() {
            listener.close_connections();
        }
    }

    /// Returns what was sent to a server so far. Complete for everything that clients have received an answer to.
    #[must_use]
    pub fn counts(&self, server: usize) -> Counts {
        self.cluster.state().counts[server]
    }

    /// Returns what was sent to all servers so far.
    #[must_use]
    pub fn total(&self) -> Counts {
        let state = self.cluster.state();
        let mut total = Counts::default();
        for counts in &state.counts {
            total.connections += counts.connections;
            total.flights += counts.flights;
            total.routes += counts.routes;
            total.reads += counts.reads;
            total.writes += counts.writes;
            total.refused += counts.refused;
        }
        total
    }
}

impl Front {
    fn listener(&self) -> MutexGuard<'_, Option<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cluster {
    fn count(&self, server: usize, count: impl FnOnce(&mut Counts)) {
        count(&mut self.state().counts[server]);
    }

    /// Whether a server refuses to write.
    fn refuses_writes(&self, server: usize) -> bool {
        self.state().leader.is_some_and(|leader| leader != server)
    }

    /// Returns the table of a database.
    fn roles(&self, database: Option<&str>) -> Roles {
        let state = self.state();
        let own = database.and_then(|name| state.tables.get(name));
        own.unwrap_or(&state.table).clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a request ends what a failure has begun.
const fn ends_failure(message: Message) -> bool {
    matches!(message, Message::Reset | Message::Goodbye)
}
