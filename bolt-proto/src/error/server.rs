//! A failure that the server reported.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use crate::packstream::{MapRef, ValueRef};

/// What a server says about a request that it could not carry out.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerError {
    code: String,
    message: String,
    gql_status: Option<String>,
    description: Option<String>,
    cause: Option<Box<Self>>,
}

/// A server's word about why it failed cannot be followed without end.
const MAX_CAUSES: usize = 32;

impl ServerError {
    /// A failure as a server would report it.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            gql_status: None,
            description: None,
            cause: None,
        }
    }

    /// The code, such as `Neo.ClientError.Statement.SyntaxError`. Empty for a cause, which has none.
    ///
    /// Codes that old servers put into the wrong class come as today's servers send them:
    /// `Neo.TransientError.Transaction.Terminated` and `….LockClientStopped` are client errors.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What happened, in the server's words. The text belongs to the server's release, not to the protocol.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The GQL status, such as `42001`, from Bolt 5.7 on. Do not build logic on it alone: Neo4j 5.26 sends 50N42
    /// for most failures.
    #[must_use]
    pub fn gql_status(&self) -> Option<&str> {
        self.gql_status.as_deref()
    }

    /// The description of the GQL status, from Bolt 5.7 on.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What led to it, from Bolt 5.7 on.
    #[must_use]
    pub fn cause(&self) -> Option<&Self> {
        self.cause.as_deref()
    }

    /// Whether a transaction that fails so may succeed when it is run again: transient errors, a change of leader,
    /// an expired authorization.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.code.starts_with("Neo.TransientError.")
            || matches!(
                self.code.as_str(),
                "Neo.ClientError.Cluster.NotALeader"
                    | "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase"
                    | "Neo.ClientError.Security.AuthorizationExpired"
            )
    }

    /// Whether the server could not make sense of the request. Neo4j 5.26 then does not ignore what follows, so
    /// that the two sides no longer agree on where they stand.
    pub(crate) fn leaves_state_unknown(&self) -> bool {
        self.code.starts_with("Neo.ClientError.Request.")
    }

    /// Reads the metadata of a FAILURE. What is missing or garbled is left out: better a bare error than none.
    pub(crate) fn read(metadata: MapRef<'_>) -> Self {
        Self::read_cause(metadata, MAX_CAUSES)
    }

    fn read_cause(metadata: MapRef<'_>, depth: usize) -> Self {
        let string = |key| match metadata.get(key) {
            Ok(Some(ValueRef::String(text))) => Some(text.to_owned()),
            _ => None,
        };
        let cause = match metadata.get("cause") {
            Ok(Some(ValueRef::Map(cause))) if depth > 0 => {
                Some(Box::new(Self::read_cause(cause, depth.saturating_sub(1))))
            }
            _ => None,
        };
        Self {
            code: string("neo4j_code")
                .or_else(|| string("code"))
                .map(today)
                .unwrap_or_default(),
            message: string("message").unwrap_or_default(),
            gql_status: string("gql_status"),
            description: string("description"),
            cause,
        }
    }
}

/// Servers up to 4.4 call these two transient although a retry cannot help.
fn today(code: String) -> String {
    match code.as_str() {
        "Neo.TransientError.Transaction.Terminated" => "Neo.ClientError.Transaction.Terminated".into(),
        "Neo.TransientError.Transaction.LockClientStopped" => {
            "Neo.ClientError.Transaction.LockClientStopped".into()
        }
        _ => code,
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.code, self.message)
        }
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerError")
            .field("code", &self.code)
            .field("message", &self.message)
            .field("gql_status", &self.gql_status)
            .field("cause", &self.cause)
            .finish_non_exhaustive()
    }
}

impl core::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as _)
    }
}
