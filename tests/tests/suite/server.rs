//! The servers that scenarios run against.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use bolt_client::{Auth, AuthManager, Config, Error, Tls};
use bolt_proto::{Version, Versions};
use engine::Engine;
use servers::{Neo4j, Release, TlsPolicy};
use tests::tls::{Authority, TlsFront};

use crate::reach::Reach;

/// A feature that not every server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Byte arrays, as parameters and in results.
    Bytes,
    /// Counts of changes in the summary of a query.
    Counters,
    /// Locks of single nodes, so that transactions can deadlock.
    Deadlocks,
    /// Work on a new connection is the first thing that a server is asked.
    Direct,
    /// [`Direct`](Self::Direct), and users that are listed with their transactions.
    DirectUsers,
    /// Stopping a running query.
    Interruption,
    /// Notifications and plans.
    Explanations,
    /// Versions of the protocol before 5.1.
    OldVersions,
    /// Traffic that a proxy can read.
    Plaintext,
    /// An HTTP port beside the Bolt port.
    Http,
    /// A list of the open transactions, and users to distinguish them.
    ShowTransactions,
    /// A second database, `system`.
    SystemDatabase,
    /// Users that can be created.
    Users,
}

impl Feature {
    /// Whether a scenario with this need has a proxy that reads what it relays.
    fn is_of_proxies(self) -> bool {
        matches!(self, Self::OldVersions | Self::Plaintext | Self::SystemDatabase)
    }
}

/// A running server. It stops when it is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// Its HTTP address.
    pub(crate) http: Option<SocketAddr>,
    pub(crate) user: String,
    pub(crate) password: String,
    /// The newest version of Bolt that it shares with the driver.
    pub(crate) bolt: &'static str,
    /// The beginning of its product name.
    pub(crate) agent: &'static str,
    lacks: &'static [(Feature, &'static str)],
    reach: Reach,
    /// What a driver has to trust, if the server requires TLS.
    tls: Option<Tls>,
    _process: Process,
}

/// The host of servers and relays, in certificates.
const HOST: &str = "127.0.0.1";

/// What keeps a server running.
enum Process {
    None,
    Engine(#[expect(dead_code, reason = "held for its destructor")] Engine),
    /// The engine, and what decrypts for it.
    TlsEngine(#[expect(dead_code, reason = "held for its destructor")] (TlsFront, Engine)),
    Neo4j(#[expect(dead_code, reason = "held for its destructor")] Neo4j),
}

/// The features that the embedded engine lacks; see the documentation of `engine`.
const ENGINE_LACKS: &[(Feature, &str)] = &[
    (Feature::Bytes, "the engine has no byte arrays"),
    (Feature::Counters, "the engine does not count changes"),
    (
        Feature::Deadlocks,
        "the engine has one writer at a time, so that nothing deadlocks",
    ),
    (Feature::DirectUsers, "the engine has only one user"),
    (
        Feature::Explanations,
        "the engine has neither notifications nor plans",
    ),
    (Feature::Http, "the engine only speaks Bolt"),
    (
        Feature::Interruption,
        "the engine does not stop a running statement",
    ),
    (
        Feature::ShowTransactions,
        "the engine has no list of transactions and only one user",
    ),
    (
        Feature::OldVersions,
        "the engine speaks Bolt 5.1 and later versions",
    ),
    (Feature::SystemDatabase, "the engine has one database"),
    (Feature::Users, "the engine has only one user"),
];

impl Server {
    /// The embedded engine. It speaks no TLS itself: a [`TlsFront`] does.
    pub(crate) fn engine(reach: Reach) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the embedded engine does not start: {error}");
        let engine = Engine::start().map_err(failed)?;
        let (user, password) = (engine.user().to_owned(), engine.password().to_owned());
        let (address, tls, process) = if reach.tls {
            let authority = Authority::new();
            let front = TlsFront::to(engine.address(), authority.issue(HOST).server()).map_err(failed)?;
            let address = front.address();
            (
                address,
                Some(authority.trusted()),
                Process::TlsEngine((front, engine)),
            )
        } else {
            (engine.address(), None, Process::Engine(engine))
        };
        Ok(Self {
            name: reach.name_of("engine"),
            address,
            http: None,
            user,
            password,
            bolt: "5.4",
            agent: "graphdblite/",
            lacks: ENGINE_LACKS,
            reach,
            tls,
            _process: process,
        })
    }

    /// A real server.
    pub(crate) fn neo4j(release: Release, reach: Reach) -> Result<Self, String> {
        let mut neo4j = Neo4j::builder(release).http();
        let mut tls = None;
        if reach.tls {
            let authority = Authority::new();
            let issued = authority.issue(HOST);
            neo4j = neo4j.tls(TlsPolicy::required(issued.certificate, issued.key));
            tls = Some(authority.trusted());
        }
        let neo4j = neo4j.start().map_err(|error| error.to_string())?;
        Ok(Self {
            name: reach.name_of(release.name()),
            address: neo4j.address(),
            http: neo4j.http_address(),
            user: neo4j.username().to_owned(),
            password: neo4j.password().to_owned(),
            bolt: match release {
                Release::Neo4j5 => "5.8",
                _ => "6.1",
            },
            agent: "Neo4j/",
            lacks: &[],
            reach,
            tls,
            _process: Process::Neo4j(neo4j),
        })
    }

    /// A mere name, for the list of tests.
    pub(crate) fn unstarted(name: &'static str, reach: Reach) -> Self {
        Self {
            name: reach.name_of(name),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            http: None,
            user: String::new(),
            password: String::new(),
            bolt: "",
            agent: "",
            lacks: &[],
            reach,
            tls: None,
            _process: Process::None,
        }
    }

    /// Whether it is the embedded engine, which is slower than real servers.
    pub(crate) fn is_engine(&self) -> bool {
        self.agent == "graphdblite/"
    }

    /// Whether drivers reach it by TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Returns the versions of Bolt that it shares with the driver.
    pub(crate) fn versions(&self) -> Versions {
        match self.bolt {
            "5.4" => Versions::between(Version::new(5, 1), Version::new(5, 4)),
            "5.8" => Versions::between(Version::new(4, 1), Version::new(5, 8)),
            _ => Versions::default(),
        }
    }

    /// Returns how many round trips a new connection takes before its first request.
    pub(crate) fn round_trips_to_open(&self) -> u64 {
        // Handshake and login; the handshake of TLS 1.3.
        2 + u64::from(self.is_encrypted())
    }

    /// Returns the login of its user.
    pub(crate) fn auth(&self) -> Auth {
        Auth::basic(self.user.as_str(), self.password.as_str())
    }

    /// Returns the options of a driver for it, with another login.
    pub(crate) fn config(&self, auth: impl AuthManager) -> Result<Config, Error> {
        self.config_at(self.address, auth)
    }

    /// Returns the options of a driver that reaches it at another address.
    pub(crate) fn config_at(&self, address: SocketAddr, auth: impl AuthManager) -> Result<Config, Error> {
        let config = Config::new(&format!("{}://{address}", self.reach.scheme()), auth)?;
        // Before Bolt 5.8 each session asks a server for its home database, and scenarios count what a session asks.
        let config = if self.reach.routed && self.is_engine() {
            config.database("neo4j")
        } else {
            config
        };
        Ok(match &self.tls {
            None => config,
            Some(tls) => config.tls(tls.clone()),
        })
    }

    /// Returns why it lacks this feature; `None` if it has it.
    pub(crate) fn lacks(&self, feature: Feature) -> Option<&'static str> {
        if self.reach.routed && matches!(feature, Feature::Direct | Feature::DirectUsers) {
            return Some("a driver of neo4j:// asks for a routing table first");
        }
        if self.reach.tls && feature.is_of_proxies() {
            return Some("the proxy of this scenario reads what it relays");
        }
        self.lacks
            .iter()
            .find(|(lacking, _)| *lacking == feature)
            .map(|&(_, reason)| reason)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("name", &self.name)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
