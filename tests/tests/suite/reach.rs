//! How drivers reach the servers of a run: directly or by routing, with or without TLS.

use std::env;

/// The environment variable that asks for TLS.
const TLS: &str = "BOLT_TEST_TLS";

/// The environment variable that asks for routing.
const ROUTING: &str = "BOLT_TEST_ROUTING";

/// How drivers reach a server. Default: `bolt://`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) tls: bool,
    /// Drivers ask the server for a routing table, which names only itself.
    pub(crate) routed: bool,
}

impl Reach {
    /// Returns what the environment asks for.
    pub(crate) fn requested() -> Result<Self, String> {
        Ok(Self {
            tls: is_set(TLS)?,
            routed: is_set(ROUTING)?,
        })
    }

    /// Returns the name of a server that is reached this way.
    pub(crate) fn name_of(self, server: &'static str) -> &'static str {
        let suffix = match (self.tls, self.routed) {
            (false, false) => return server,
            (true, false) => "-tls",
            (false, true) => "-routed",
            (true, true) => "-tls-routed",
        };
        // A few bytes for each server of a run.
        Box::leak(format!("{server}{suffix}").into_boxed_str())
    }

    /// Returns the scheme of the address.
    pub(crate) fn scheme(self) -> &'static str {
        match (self.tls, self.routed) {
            (false, false) => "bolt",
            (true, false) => "bolt+s",
            (false, true) => "neo4j",
            (true, true) => "neo4j+s",
        }
    }
}

fn is_set(variable: &str) -> Result<bool, String> {
    match env::var(variable).unwrap_or_default().as_str() {
        "" | "0" => Ok(false),
        "1" => Ok(true),
        other => Err(format!("{variable} is {other:?}: set it to 1, or unset it")),
    }
}
