//! Errors of starting a server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::release::Release;

/// An error of starting a server. No part of the server is left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No Java of a supported version was found.
    #[error(
        "{release} needs Java {needed} or newer (found: {found}): install one \
         (on Debian and Ubuntu `apt install openjdk-{needed}-jre-headless`), or set JAVA_HOME to where it is"
    )]
    NoJava {
        /// The release to be started.
        release: Release,
        /// The oldest major version of Java that it runs on.
        needed: u32,
        /// What was found instead, as text.
        found: String,
    },

    /// The program `mvn` was not found.
    #[error(
        "the jars of {release} are fetched with Maven, and `mvn` is not on the PATH: install it \
         (on Debian and Ubuntu `apt install maven`)"
    )]
    NoMaven {
        /// The release to be fetched.
        release: Release,
    },

    /// Maven could not fetch the jars.
    #[error("mvn could not fetch the jars of {release}:\n{output}")]
    Fetch {
        /// The release to be fetched.
        release: Release,
        /// The end of what Maven printed.
        output: String,
    },

    /// A file, folder or process of the server could not be handled.
    #[error("{doing} failed for {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file, folder or program concerned.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },

    /// The server ended before it was ready.
    #[error("{release} ended with code {code} before it was ready; its log ends in\n{log}")]
    Ended {
        /// The release to be started.
        release: Release,
        /// The exit code of the server, or 128 and the signal that ended it.
        code: i32,
        /// The end of its console log.
        log: String,
    },

    /// The server was not ready in time, and was stopped.
    #[error("{release} was not ready after {limit:?} and was stopped; its log ends in\n{log}")]
    TimedOut {
        /// The release to be started.
        release: Release,
        /// The time limit.
        limit: Duration,
        /// The end of its console log.
        log: String,
    },
}

impl StartError {
    /// Names what failed, for use in `map_err`.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
