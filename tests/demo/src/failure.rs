//! What can go wrong, as a user reads it on a terminal.

use std::io;

use bolt_client::Error;

/// Why the demo did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The process lacks what it needs.
    #[error("cannot start")]
    Start(#[source] io::Error),

    /// The data in the repository are not what they should be.
    #[error("the data cannot be read: {0}")]
    Data(String),

    /// An environment variable is not text.
    #[error("{0} is not text")]
    Variable(&'static str),

    /// The driver refuses its options.
    #[error("the driver cannot be made")]
    Configuration(#[source] Error),

    /// The server cannot be reached or refuses the login.
    #[error("cannot connect")]
    Connect(#[source] Error),

    /// A step failed.
    #[error("“{title}” failed")]
    Step {
        /// The step.
        title: &'static str,
        /// The driver's error.
        #[source]
        source: Error,
    },

    /// A step was answered, but not as the data say; or a chapter has not shown what it claims.
    #[error("“{title}”: {wrong}")]
    Wrong {
        /// The step.
        title: &'static str,
        /// What was wrong.
        wrong: String,
    },

    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,

    /// What the run created on the server could not be deleted.
    #[error("cannot clean up; to do it by hand, run: {statements}")]
    CleanUp {
        /// The queries that delete it.
        statements: String,
        /// The driver's error.
        #[source]
        source: Error,
    },
}
