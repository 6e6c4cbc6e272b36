//! A failure that the server reported.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::{fmt, iter};

use crate::error::Escaped;
use crate::message::{Metadata, diagnostic};
use crate::value::{Map, Value};

/// What a server says about a request that it could not carry out.
///
/// Up to Bolt 5.6 a failure has a code and a message; from 5.7 on it has a GQL status as well, and may have causes.
/// What a version or a server does not send is filled in as the official drivers do.
#[derive(Clone, PartialEq)]
pub struct ServerError(Box<Details>);

#[derive(Clone, PartialEq)]
struct Details {
    code: String,
    message: String,
    gql_status: String,
    description: String,
    diagnostic_record: Map,
    cause: Option<ServerError>,
}

/// A server's word about why it failed cannot be followed without end.
const MAX_CAUSES: usize = 32;

/// How much of a text is kept, in bytes.
const MAX_TEXT: usize = 1024 * 1024;

const UNKNOWN_CODE: &str = "Neo.DatabaseError.General.UnknownError";
const UNKNOWN_MESSAGE: &str = "An unknown error occurred";
const UNKNOWN_CAUSE: &str = "50N42: Unexpected error has occurred. See debug log for details.";
const UNKNOWN_STATUS: &str = "50N42";
const UNKNOWN_DESCRIPTION: &str = "error: general processing exception - unexpected error";

impl ServerError {
    /// A failure as a server would report it.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Details {
            code: code.into(),
            gql_status: UNKNOWN_STATUS.to_owned(),
            description: described(&message),
            diagnostic_record: diagnostic::read(None),
            cause: None,
            message,
        }))
    }

    /// With a GQL status and its description, as servers report it from Bolt 5.7 on.
    #[must_use]
    pub fn with_status(mut self, gql_status: impl Into<String>, description: impl Into<String>) -> Self {
        self.0.gql_status = gql_status.into();
        self.0.description = description.into();
        self
    }

    /// With another entry of the [diagnostic record](Self::diagnostic_record).
    #[must_use]
    pub fn with_diagnostic(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.diagnostic_record.insert(name, value);
        self
    }

    /// With what led to it. A cause has no code of its own.
    #[must_use]
    pub fn with_cause(mut self, mut cause: Self) -> Self {
        cause.0.code.clear();
        self.0.cause = Some(cause);
        self
    }

    /// The code, such as `Neo.ClientError.Statement.SyntaxError`. Empty for a cause, which has none.
    ///
    /// Codes that old servers put into the wrong class come as today's servers send them:
    /// `Neo.TransientError.Transaction.Terminated` and `….LockClientStopped` are client errors.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// What happened, in the server's words. The text belongs to the server's release, not to the protocol.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The GQL status, such as `42001`. Do not build logic on it alone: it is `50N42` before Bolt 5.7, and Neo4j 5.26
    /// sends that for most failures.
    #[must_use]
    pub fn gql_status(&self) -> &str {
        &self.0.gql_status
    }

    /// The description of the GQL status.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.0.description
    }

    /// What the server adds, by name: the standard's entries, and those of the vendor, whose names begin with `_`.
    #[must_use]
    pub fn diagnostic_record(&self) -> &Map {
        &self.0.diagnostic_record
    }

    /// Whose fault it is, such as `CLIENT_ERROR`, if the server says.
    #[must_use]
    pub fn classification(&self) -> Option<&str> {
        diagnostic::string(&self.0.diagnostic_record, "_classification")
    }

    /// What led to it, from Bolt 5.7 on.
    #[must_use]
    pub fn cause(&self) -> Option<&Self> {
        self.0.cause.as_ref()
    }

    /// The error, what led to it, what led to that, and so on.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |error| error.cause())
    }

    /// The first error of the [chain](Self::chain) with this GQL status.
    #[must_use]
    pub fn find_status(&self, gql_status: &str) -> Option<&Self> {
        self.chain().find(|error| error.gql_status() == gql_status)
    }

    /// Whether a transaction that fails so may succeed when it is run again: transient errors, a change of leader,
    /// an expired authorization.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.code().starts_with("Neo.TransientError.")
            || matches!(
                self.code(),
                "Neo.ClientError.Cluster.NotALeader"
                    | "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase"
                    | "Neo.ClientError.Security.AuthorizationExpired"
            )
    }

    /// Whether a FAILURE says that the server could not make sense of the request. Neo4j 5.26 then does not ignore what
    /// follows, so that the two sides no longer agree on where they stand.
    pub(crate) fn leaves_state_unknown(failure: Metadata<'_>) -> bool {
        let mut parts = code(failure).split('.').skip(1);
        (parts.next(), parts.next()) == (Some("ClientError"), Some("Request"))
    }

    /// Reads the metadata of a FAILURE. What is missing or garbled is filled in: better a bare error than none.
    pub(crate) fn read(failure: Metadata<'_>) -> Self {
        Self::read_one(failure, today(code(failure)), UNKNOWN_MESSAGE, MAX_CAUSES)
    }

    fn read_one(error: Metadata<'_>, code: &str, unknown: &str, causes: usize) -> Self {
        let string = |key| error.string(key).map(cut);
        let parts = (string("gql_status"), string("description"), string("message"));
        let (gql_status, description, message) = match parts {
            (Some(status), Some(description), Some(message)) => (status, description.to_owned(), message),
            // Before 5.7.
            (None, None, Some(message)) => (UNKNOWN_STATUS, described(message), message),
            _ => (UNKNOWN_STATUS, UNKNOWN_DESCRIPTION.to_owned(), unknown),
        };
        let cause = error.nested("cause").filter(|_| causes > 0);
        Self(Box::new(Details {
            code: cut(code).to_owned(),
            message: message.to_owned(),
            gql_status: gql_status.to_owned(),
            description,
            diagnostic_record: diagnostic::read(error.value("diagnostic_record")),
            cause: cause.map(|cause| Self::read_one(cause, "", UNKNOWN_CAUSE, causes.saturating_sub(1))),
        }))
    }
}

/// The code of a FAILURE, as it came.
fn code(failure: Metadata<'_>) -> &str {
    let code = failure.string("neo4j_code").or_else(|| failure.string("code"));
    code.unwrap_or(UNKNOWN_CODE)
}

/// The beginning of a text, if it is too long.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

fn described(message: &str) -> String {
    format!("{UNKNOWN_DESCRIPTION}. {message}")
}

/// Servers up to 4.4 call these two transient although a retry cannot help.
fn today(code: &str) -> &str {
    match code {
        "Neo.TransientError.Transaction.Terminated" => "Neo.ClientError.Transaction.Terminated",
        "Neo.TransientError.Transaction.LockClientStopped" => "Neo.ClientError.Transaction.LockClientStopped",
        code => code,
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.code().is_empty() {
            write!(f, "{}", Escaped(self.message()))
        } else {
            write!(f, "{}: {}", Escaped(self.code()), Escaped(self.message()))
        }
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerError")
            .field("code", &self.code())
            .field("message", &self.message())
            .field("gql_status", &self.gql_status())
            .field("cause", &self.cause())
            .finish_non_exhaustive()
    }
}

impl core::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.cause().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packstream::{Reader, ValueRef};

    fn read(bytes: &[u8]) -> ServerError {
        let Ok(ValueRef::Map(map)) = Reader::new(bytes).value() else {
            panic!("no map")
        };
        ServerError::read(Metadata::new(map))
    }

    #[test]
    fn before_5_7_the_status_is_made_of_the_message() {
        let error = read(b"\xA2\x84code\x85Neo.X\x87message\x84oops");
        assert_eq!(
            (error.code(), error.message(), error.gql_status()),
            ("Neo.X", "oops", "50N42")
        );
        assert_eq!(
            error.description(),
            "error: general processing exception - unexpected error. oops"
        );
        assert_eq!(error.diagnostic_record().get("CURRENT_SCHEMA"), Some(&"/".into()));
        assert_eq!(error, ServerError::new("Neo.X", "oops"));
    }

    #[test]
    fn a_failure_without_a_code_or_with_half_a_status_gets_the_defaults() {
        let error = read(b"\xA0");
        assert_eq!((error.code(), error.message()), (UNKNOWN_CODE, UNKNOWN_MESSAGE));
        let half = read(b"\xA2\x87message\x81m\x8Agql_status\x8542001");
        assert_eq!((half.message(), half.gql_status()), (UNKNOWN_MESSAGE, "50N42"));
        let cause = read(b"\xA1\x85cause\xA0");
        assert_eq!(cause.cause().map(ServerError::message), Some(UNKNOWN_CAUSE));
        assert_eq!(cause.cause().map(ServerError::code), Some(""));
    }

    #[test]
    fn a_chain_of_causes_is_cut_somewhere() {
        let mut bytes = alloc::vec![];
        for _ in 0..1000 {
            bytes.extend_from_slice(b"\xA1\x85cause");
        }
        bytes.push(0xA0);
        assert_eq!(read(&bytes).chain().count(), MAX_CAUSES + 1);
    }

    #[test]
    fn codes_that_old_servers_call_transient_are_not_retried() {
        let error = read(b"\xA1\x84code\xD0\x29Neo.TransientError.Transaction.Terminated");
        assert_eq!(error.code(), "Neo.ClientError.Transaction.Terminated");
        assert!(!error.is_retryable());
        assert!(ServerError::new("Neo.TransientError.Transaction.DeadlockDetected", "").is_retryable());
    }
}
