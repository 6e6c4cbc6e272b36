//! The server that the demo runs on: an embedded one, or the user's.

use std::env::{self, VarError};
use std::process;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bolt_client::{Auth, Config};
use engine::Engine;

use crate::failure::Failure;
use crate::report::Narrator;

/// How long a transaction waits for the embedded database's only writer: short, since the demo makes one wait in vain.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// A server, and how to be a good guest on it.
#[derive(Debug)]
pub(crate) struct Target {
    uri: String,
    auth: Auth,
    database: Option<String>,
    label: String,
    /// Stops with the demo.
    engine: Option<Engine>,
}

impl Target {
    /// The server that `NEO4J_URI` names, or one in this process.
    pub(crate) fn from_environment(narrator: Narrator) -> Result<Self, Failure> {
        let Some(uri) = variable("NEO4J_URI")? else {
            narrator.say("Starting a graph database in this process (set NEO4J_URI to use a server).");
            return Self::embedded();
        };
        let user = variable("NEO4J_USERNAME")?;
        let password = variable("NEO4J_PASSWORD")?;
        let auth = match (user, password) {
            (None, None) => Auth::none(),
            (user, password) => Auth::basic(
                user.unwrap_or_else(|| "neo4j".to_owned()),
                password.unwrap_or_default(),
            ),
        };
        Ok(Self {
            uri,
            auth,
            database: variable("NEO4J_DATABASE")?,
            label: unique_label(),
            engine: None,
        })
    }

    fn embedded() -> Result<Self, Failure> {
        let engine = Engine::builder()
            .lock_timeout(LOCK_TIMEOUT)
            .start()
            .map_err(Failure::Start)?;
        Ok(Self {
            uri: engine.uri(),
            auth: Auth::basic(engine.user(), engine.password()),
            database: None,
            label: "Person".to_owned(),
            engine: Some(engine),
        })
    }

    /// The options of a driver for this server, with at most so many connections.
    pub(crate) fn config(&self, connections: usize) -> Result<Config, Failure> {
        self.config_through(&self.uri, connections)
    }

    /// The same through a relay at `uri`.
    pub(crate) fn config_through(&self, uri: &str, connections: usize) -> Result<Config, Failure> {
        let config = Config::new(uri, self.auth.clone()).map_err(Failure::Configuration)?;
        Ok(config
            .max_connection_pool_size(connections)
            .user_agent(concat!("demo/", env!("CARGO_PKG_VERSION"))))
    }

    /// The label of the people: made up for this run on a server of the user.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The database to ask for, if not the user's home.
    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// Whether the server is still there when the demo has ended.
    pub(crate) fn outlives_us(&self) -> bool {
        self.engine.is_none()
    }
}

fn variable(name: &'static str) -> Result<Option<String>, Failure> {
    match env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Failure::Variable(name)),
    }
}

/// A label that no other run has, on this machine or another.
fn unique_label() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("DemoPerson_{:x}_{:x}", now.as_nanos(), process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_unique_and_need_no_quotes() {
        let (first, second) = (unique_label(), unique_label());
        assert_ne!(first, second);
        assert!(
            first
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_')
        );
    }
}
