//! The servers that scenarios run against.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use engine::Engine;
use servers::{Neo4j, Release};

/// Something that not every server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Byte arrays, as parameters and in results.
    Bytes,
    /// What a query changed, in its summary.
    Counters,
    /// Locks of single nodes, so that transactions can deadlock.
    Deadlocks,
    /// Stopping a query that runs.
    Interruption,
    /// Notifications, and plans.
    Explanations,
    /// A port that speaks HTTP, beside that of Bolt.
    Http,
    /// A list of the open transactions, and users to tell them apart by.
    ShowTransactions,
}

/// A running server. It stops when it is dropped.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// Where it speaks HTTP.
    pub(crate) http: Option<SocketAddr>,
    pub(crate) user: String,
    pub(crate) password: String,
    /// The newest version of Bolt that it shares with the driver.
    pub(crate) bolt: &'static str,
    /// What its name for itself begins with.
    pub(crate) agent: &'static str,
    lacks: &'static [(Feature, &'static str)],
    _process: Process,
}

/// What keeps a server running.
enum Process {
    None,
    Engine(#[expect(dead_code, reason = "held for its destructor")] Engine),
    Neo4j(#[expect(dead_code, reason = "held for its destructor")] Neo4j),
}

/// What the embedded engine cannot do. `engine`'s own documentation says more.
const ENGINE_LACKS: &[(Feature, &str)] = &[
    (Feature::Bytes, "the engine has no byte arrays"),
    (Feature::Counters, "the engine does not count changes"),
    (
        Feature::Deadlocks,
        "the engine has one writer at a time, so that nothing deadlocks",
    ),
    (
        Feature::Explanations,
        "the engine has neither notifications nor plans",
    ),
    (Feature::Http, "the engine speaks nothing but Bolt"),
    (
        Feature::Interruption,
        "the engine does not stop a running statement",
    ),
    (
        Feature::ShowTransactions,
        "the engine has no list of transactions and only one user",
    ),
];

impl Server {
    /// The embedded engine.
    pub(crate) fn engine() -> Result<Self, String> {
        let engine =
            Engine::start().map_err(|error| format!("the embedded engine does not start: {error}"))?;
        Ok(Self {
            name: "engine",
            address: engine.address(),
            http: None,
            user: engine.user().to_owned(),
            password: engine.password().to_owned(),
            bolt: "5.4",
            agent: "graphdblite/",
            lacks: ENGINE_LACKS,
            _process: Process::Engine(engine),
        })
    }

    /// A real server.
    pub(crate) fn neo4j(release: Release) -> Result<Self, String> {
        let neo4j = Neo4j::builder(release).http().start();
        let neo4j = neo4j.map_err(|error| error.to_string())?;
        Ok(Self {
            name: release.name(),
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
            _process: Process::Neo4j(neo4j),
        })
    }

    /// Just a name, for the list of tests.
    pub(crate) fn unstarted(name: &'static str) -> Self {
        Self {
            name,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            http: None,
            user: String::new(),
            password: String::new(),
            bolt: "",
            agent: "",
            lacks: &[],
            _process: Process::None,
        }
    }

    /// Why it does not have this feature; `None` if it does.
    pub(crate) fn lacks(&self, feature: Feature) -> Option<&'static str> {
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
