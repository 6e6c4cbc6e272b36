//! The servers that scenarios run against.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use engine::Engine;
use servers::{Neo4j, Release};

/// A feature that not every server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Byte arrays, as parameters and in results.
    Bytes,
    /// Counts of changes in the summary of a query.
    Counters,
    /// Locks of single nodes, so that transactions can deadlock.
    Deadlocks,
    /// Stopping a running query.
    Interruption,
    /// Notifications and plans.
    Explanations,
    /// An HTTP port beside the Bolt port.
    Http,
    /// A list of the open transactions, and users to distinguish them.
    ShowTransactions,
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
    _process: Process,
}

/// What keeps a server running.
enum Process {
    None,
    Engine(#[expect(dead_code, reason = "held for its destructor")] Engine),
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

    /// A mere name, for the list of tests.
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

    /// Returns why it lacks this feature; `None` if it has it.
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
