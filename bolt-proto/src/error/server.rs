//! Failures that the server reported.

use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::{fmt, iter};

use crate::error::Escaped;
use crate::message::{Metadata, diagnostic};
use crate::packstream::ValueRef;
use crate::value::{Map, Value};

/// A failure that the server reported for a request.
///
/// Up to Bolt 5.6 a failure has a code and a message. From 5.7 on it also has a GQL status, and may have causes. What
/// a version or a server does not send is filled in as the official drivers do.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{ErrorClass, ServerError};
///
/// fn describe(error: &ServerError) -> &str {
///     match error.class() {
///         ErrorClass::Transient => "try again later",
///         _ if error.code() == "Neo.ClientError.Schema.ConstraintValidationFailed" => "already exists",
///         _ => error.message(),
///     }
/// }
///
/// // Tests can construct one:
/// let deadlock = ServerError::new("Neo.TransientError.Transaction.DeadlockDetected", "deadlock");
/// assert!(deadlock.is_retryable());
/// assert_eq!(describe(&deadlock), "try again later");
/// ```
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

/// The class of a server's error, by its code: it says what can be done about the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// `ClientError`: the request is wrong, and fails again unless it is changed.
    Client,
    /// `TransientError`: the request may succeed if it is retried.
    Transient,
    /// `DatabaseError`: the server failed.
    Database,
    /// Any other class, or no code at all.
    Other,
}

/// The maximum length of a chain of causes. Further causes are left out.
const MAX_CAUSES: usize = 32;

/// The maximum length of a text, in bytes. The rest is left out.
const MAX_TEXT: usize = 1024 * 1024;

const UNKNOWN_CODE: &str = "Neo.DatabaseError.General.UnknownError";
const UNKNOWN_MESSAGE: &str = "An unknown error occurred";
const UNKNOWN_CAUSE: &str = "50N42: Unexpected error has occurred. See debug log for details.";
const UNKNOWN_STATUS: &str = "50N42";
const UNKNOWN_DESCRIPTION: &str = "error: general processing exception - unexpected error";

impl ServerError {
    /// Creates a failure, as a server would report it.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Details {
            code: code.into(),
            gql_status: UNKNOWN_STATUS.to_owned(),
            description: default_description(&message),
            diagnostic_record: diagnostic::read(None),
            cause: None,
            message,
        }))
    }

    /// Sets the GQL status and its description, which servers report from Bolt 5.7 on.
    #[must_use]
    pub fn with_status(mut self, gql_status: impl Into<String>, description: impl Into<String>) -> Self {
        self.0.gql_status = gql_status.into();
        self.0.description = description.into();
        self
    }

    /// Sets an entry of the [diagnostic record](Self::diagnostic_record).
    #[must_use]
    pub fn with_diagnostic(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.diagnostic_record.insert(name, value);
        self
    }

    /// Sets the cause. The code of the cause is removed, because a cause has none.
    #[must_use]
    pub fn with_cause(mut self, mut cause: Self) -> Self {
        cause.0.code.clear();
        self.0.cause = Some(cause);
        self
    }

    /// Returns the code, such as `Neo.ClientError.Statement.SyntaxError`. It is empty for a cause.
    ///
    /// Codes that old servers put into the wrong class are corrected to those of today's servers:
    /// `Neo.TransientError.Transaction.Terminated` and `….LockClientStopped` are client errors.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// Returns the message, in the server's words. The text depends on the server's release, not on the protocol.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the GQL status, such as `42001`.
    ///
    /// Do not build logic on the status alone: it is `50N42` before Bolt 5.7, and Neo4j 5.26 sends `50N42` for
    /// most failures.
    #[must_use]
    pub fn gql_status(&self) -> &str {
        &self.0.gql_status
    }

    /// Returns the description of the GQL status.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.0.description
    }

    /// Returns the diagnostic record: the standard's entries, and those of the vendor, with names that begin
    /// with `_`.
    #[must_use]
    pub fn diagnostic_record(&self) -> &Map {
        &self.0.diagnostic_record
    }

    /// Returns the side that is responsible, such as `CLIENT_ERROR`, if the server reports it.
    #[must_use]
    pub fn classification(&self) -> Option<&str> {
        diagnostic::string(&self.0.diagnostic_record, "_classification")
    }

    /// Returns the cause, which servers report from Bolt 5.7 on.
    #[must_use]
    pub fn cause(&self) -> Option<&Self> {
        self.0.cause.as_ref()
    }

    /// Returns an iterator over the error, its cause, the cause of that, and so on.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |error| error.cause())
    }

    /// Returns the first error of the [chain](Self::chain) with this GQL status.
    #[must_use]
    pub fn find_status(&self, gql_status: &str) -> Option<&Self> {
        self.chain().find(|error| error.gql_status() == gql_status)
    }

    /// Returns the code without its vendor: `TransientError.General.DatabaseUnavailable`.
    ///
    /// Servers of several vendors share this part, so decisions should be based on it.
    #[must_use]
    pub fn name(&self) -> &str {
        without_vendor(&self.0.code)
    }

    /// Returns the class, which is the second part of the code.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self.name().split('.').next() {
            Some("ClientError") => ErrorClass::Client,
            Some("TransientError") => ErrorClass::Transient,
            Some("DatabaseError") => ErrorClass::Database,
            _ => ErrorClass::Other,
        }
    }

    /// Returns whether the transaction may succeed if it is retried: after transient errors, a change of leader, or
    /// an expired authorization.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.class() == ErrorClass::Transient || self.is_not_a_leader() || self.is_authorization_expired()
    }

    /// Returns whether the server accepts no writes, so that they must go to another server: in a cluster it is not
    /// the leader, or its database is a replica.
    #[must_use]
    pub fn is_not_a_leader(&self) -> bool {
        matches!(
            self.name(),
            "ClientError.Cluster.NotALeader" | "ClientError.General.ForbiddenOnReadOnlyDatabase"
        )
    }

    /// Returns whether the error is about credentials or permissions: its code has the category `Security` of the class
    /// `ClientError`.
    #[must_use]
    pub fn is_security(&self) -> bool {
        self.name().starts_with("ClientError.Security.")
    }

    /// Returns whether the server does not accept the credentials: they are wrong, have expired, or were wrong too often.
    #[must_use]
    pub fn rejects_credentials(&self) -> bool {
        matches!(
            self.name(),
            "ClientError.Security.Unauthorized"
                | "ClientError.Security.TokenExpired"
                | "ClientError.Security.CredentialsExpired"
                | "ClientError.Security.AuthenticationRateLimit"
        )
    }

    /// Returns whether the server's authorization data is too old: all connections that logged in earlier must log in
    /// again.
    #[must_use]
    pub fn is_authorization_expired(&self) -> bool {
        self.name() == "ClientError.Security.AuthorizationExpired"
    }

    /// Returns whether the database, or the whole server, is shutting down or starting up.
    ///
    /// As the answer to COMMIT this does not say whether the commit happened: servers that shut down send it for
    /// commits that succeeded, too.
    #[must_use]
    pub fn is_database_unavailable(&self) -> bool {
        self.name() == "TransientError.General.DatabaseUnavailable"
    }

    /// Returns whether a FAILURE says that the server could not understand the request. After that, Neo4j 5.26 does
    /// not ignore what follows, so the two sides no longer agree on the state.
    pub(crate) fn leaves_state_unknown(failure: Metadata<'_>) -> bool {
        without_vendor(code(failure)).starts_with("ClientError.Request.")
    }

    /// Reads the metadata of a FAILURE. Missing or malformed parts are filled in: an incomplete error is better
    /// than none.
    pub(crate) fn read(failure: Metadata<'_>) -> Self {
        Self::read_one(
            failure,
            &correct_class(code(failure)),
            UNKNOWN_MESSAGE,
            MAX_CAUSES,
        )
    }

    fn read_one(error: Metadata<'_>, code: &str, unknown: &str, causes: usize) -> Self {
        // One look at each entry: one of them holds all causes.
        let (mut parts, mut cause, mut record) = ((None, None, None), None, None);
        for (key, value) in error.map().into_iter().flatten() {
            match (key, value) {
                ("gql_status", ValueRef::String(text)) => parts.0 = Some(truncate(text)),
                ("description", ValueRef::String(text)) => parts.1 = Some(truncate(text)),
                ("message", ValueRef::String(text)) => parts.2 = Some(truncate(text)),
                ("cause", ValueRef::Map(map)) if causes > 0 => cause = Some(Metadata::new(map)),
                ("diagnostic_record", value) => record = Some(value),
                _ => {}
            }
        }
        let (gql_status, description, message) = match parts {
            (Some(status), Some(description), Some(message)) => (status, description.to_owned(), message),
            // Before 5.7.
            (None, None, Some(message)) => (UNKNOWN_STATUS, default_description(message), message),
            _ => (UNKNOWN_STATUS, UNKNOWN_DESCRIPTION.to_owned(), unknown),
        };
        Self(Box::new(Details {
            code: truncate(code).to_owned(),
            message: message.to_owned(),
            gql_status: gql_status.to_owned(),
            description,
            diagnostic_record: diagnostic::read(record),
            cause: cause.map(|cause| Self::read_one(cause, "", UNKNOWN_CAUSE, causes.saturating_sub(1))),
        }))
    }
}

/// Returns the code of a FAILURE, uncorrected.
fn code(failure: Metadata<'_>) -> &str {
    let code = failure.string("neo4j_code").or_else(|| failure.string("code"));
    code.unwrap_or(UNKNOWN_CODE)
}

/// Returns the beginning of a text that is too long, else the text.
fn truncate(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

fn default_description(message: &str) -> String {
    format!("{UNKNOWN_DESCRIPTION}. {message}")
}

fn without_vendor(code: &str) -> &str {
    code.split_once('.').map_or("", |(_vendor, name)| name)
}

/// Corrects the class of two codes: servers up to 4.4 call them transient, although a retry cannot help.
fn correct_class(code: &str) -> Cow<'_, str> {
    match without_vendor(code) {
        "TransientError.Transaction.Terminated" | "TransientError.Transaction.LockClientStopped" => {
            code.replacen("Transient", "Client", 1).into()
        }
        _ => code.into(),
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
    fn before_5_7_the_status_is_derived_from_the_message() {
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
    fn a_chain_of_causes_is_truncated() {
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
        let error = read(b"\xA1\x84code\xD0\x30Neo.TransientError.Transaction.LockClientStopped");
        assert_eq!(error.code(), "Neo.ClientError.Transaction.LockClientStopped");
        assert!(!error.is_retryable());
    }

    #[test]
    fn only_the_class_decides_about_retries_and_not_the_vendor() {
        for vendor in ["Neo", "Memgraph", "Other-Vendor", ""] {
            let error = |name: &str| ServerError::new(format!("{vendor}.{name}"), "");
            for (name, class, retryable) in [
                (
                    "TransientError.Transaction.DeadlockDetected",
                    ErrorClass::Transient,
                    true,
                ),
                (
                    "TransientError.MemgraphError.MemgraphError",
                    ErrorClass::Transient,
                    true,
                ),
                ("ClientError.Statement.SyntaxError", ErrorClass::Client, false),
                ("ClientError.Cluster.NotALeader", ErrorClass::Client, true),
                (
                    "ClientError.General.ForbiddenOnReadOnlyDatabase",
                    ErrorClass::Client,
                    true,
                ),
                (
                    "ClientError.Security.AuthorizationExpired",
                    ErrorClass::Client,
                    true,
                ),
                ("ClientError.Security.Unauthorized", ErrorClass::Client, false),
                ("DatabaseError.General.UnknownError", ErrorClass::Database, false),
                ("X", ErrorClass::Other, false),
                ("TransientErrors.X.Y", ErrorClass::Other, false),
                ("", ErrorClass::Other, false),
            ] {
                let error = error(name);
                assert_eq!(
                    (error.name(), error.class(), error.is_retryable()),
                    (name, class, retryable)
                );
            }
            assert!(error("ClientError.Cluster.NotALeader").is_not_a_leader());
            assert!(error("ClientError.General.ForbiddenOnReadOnlyDatabase").is_not_a_leader());
            assert!(error("ClientError.Security.AuthorizationExpired").is_authorization_expired());
            assert!(error("TransientError.General.DatabaseUnavailable").is_database_unavailable());
            let other = error("TransientError.General.OutOfMemoryError");
            assert!(!other.is_not_a_leader() && !other.is_authorization_expired());
            assert!(!other.is_security() && !other.rejects_credentials());
            let forbidden = error("ClientError.Security.Forbidden");
            assert!(forbidden.is_security() && !forbidden.rejects_credentials());
            assert!(error("ClientError.Security.TokenExpired").rejects_credentials());
            assert!(!other.is_database_unavailable());
        }
        let causeless = ServerError::new("", "a cause has no code");
        assert_eq!((causeless.name(), causeless.class()), ("", ErrorClass::Other));
        assert!(!ServerError::new("TransientError", "").is_retryable());
    }

    #[test]
    fn a_long_text_is_truncated_between_characters() {
        let long = "ä".repeat(MAX_TEXT);
        assert_eq!(truncate(&long).len(), MAX_TEXT);
        assert_eq!(truncate(&format!("x{long}")).len(), MAX_TEXT - 1);
        assert_eq!(truncate("short"), "short");
    }
}
