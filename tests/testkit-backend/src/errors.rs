//! The errors of the driver by the names that the driver in Python has for them, which TestKit knows.

use bolt_client::{Error, ErrorClass, ErrorKind, RoutingFailure, ServerError};

/// What the backend knows of an error beside the error itself. The driver's error says what happened; in Python the class
/// also depends on the object that was used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// The driver's URI is `neo4j://`.
    pub(crate) routed: bool,
    /// The query had no transaction of its own. In Python such a query is not known to commit.
    pub(crate) auto_commit: bool,
    /// The session or call had a login of its own.
    pub(crate) own_login: bool,
    pub(crate) used: Used,
}

/// What was used when the error was returned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Used {
    /// Anything that was in order until then.
    #[default]
    Sound,
    /// A transaction that had failed earlier.
    FailedTransaction,
    /// A result that had not failed itself, of a transaction that had failed earlier.
    ResultOfFailedTransaction,
    /// A result of a transaction that had ended.
    ResultOfEndedTransaction,
    /// The URI of a driver that was not made.
    Uri,
}

/// Returns `<class '…'>`.
pub(crate) fn python_class(error: &Error, circumstances: Circumstances) -> String {
    match circumstances.used {
        Used::FailedTransaction => public("TransactionError"),
        Used::ResultOfFailedTransaction => public("ResultFailedError"),
        Used::ResultOfEndedTransaction => public("ResultConsumedError"),
        Used::Uri => "<class 'ValueError'>".to_owned(),
        Used::Sound if error.kind() == ErrorKind::Protocol && !has_no_table(error) => {
            "<class 'neo4j._exceptions.BoltProtocolError'>".to_owned()
        }
        Used::Sound => public(name(error, circumstances)),
    }
}

/// Returns the message. Words that TestKit looks for in the class of an error are added to it.
pub(crate) fn python_message(error: &Error, circumstances: Circumstances) -> String {
    match circumstances.used {
        Used::ResultOfFailedTransaction => format!("{}: {error}", name(error, circumstances)),
        Used::ResultOfEndedTransaction => format!("the transaction is closed: {error}"),
        Used::Sound if circumstances.own_login && error.kind() == ErrorKind::Config => {
            // The driver's text names the version as "Bolt 5.0", TestKit looks for a tuple.
            let text = error.to_string();
            let version = text
                .split("Bolt ")
                .nth(1)
                .and_then(|text| text.split_whitespace().next());
            let version = version
                .unwrap_or_default()
                .trim_end_matches(':')
                .replace('.', ", ");
            format!("user switching is not supported for bolt protocol version({version}): {text}")
        }
        // TestKit compares it with what the server has said. The code has a field of its own.
        Used::Sound if error.kind() == ErrorKind::Server => {
            let message = server(error).map(|server| server.message().to_owned());
            message.unwrap_or_else(|| error.to_string())
        }
        Used::Sound | Used::FailedTransaction | Used::Uri => error.to_string(),
    }
}

fn public(name: &str) -> String {
    format!("<class 'neo4j.exceptions.{name}'>")
}

fn has_no_table(error: &Error) -> bool {
    error.routing() == Some(RoutingFailure::NoTable)
}

/// Returns what the server reported. In Python that is the error of a commit, too, whose outcome this driver calls unknown
/// because of it.
pub(crate) fn server(error: &Error) -> Option<&ServerError> {
    let cause = || {
        std::error::Error::source(error)?
            .downcast_ref::<Error>()?
            .server()
    };
    match error.kind() {
        ErrorKind::UnknownCommit => cause(),
        _ => error.server(),
    }
}

/// The table.
fn name(error: &Error, circumstances: Circumstances) -> &'static str {
    // In Python a search for a routing table that fails is of one class, whatever the routers answered.
    if has_no_table(error) {
        return "ServiceUnavailable";
    }
    if let Some(server) = server(error) {
        return match (server.name(), server.class()) {
            ("ClientError.Cluster.NotALeader", _) => "NotALeader",
            ("ClientError.General.ForbiddenOnReadOnlyDatabase", _) => "ForbiddenOnReadOnlyDatabase",
            ("ClientError.Statement.SyntaxError", _) => "CypherSyntaxError",
            ("ClientError.Statement.TypeError", _) => "CypherTypeError",
            ("ClientError.Schema.ConstraintValidationFailed", _) => "ConstraintError",
            ("ClientError.Security.Forbidden", _) => "Forbidden",
            ("ClientError.Security.TokenExpired", _) => "TokenExpired",
            ("ClientError.Security.Unauthorized", _) => "AuthError",
            ("ClientError.Security.AuthorizationExpired", _) | (_, ErrorClass::Transient) => "TransientError",
            (_, ErrorClass::Client) => "ClientError",
            (_, ErrorClass::Database) => "DatabaseError",
            _ => "Neo4jError",
        };
    }
    match error.kind() {
        ErrorKind::UnknownCommit if !circumstances.auto_commit => "IncompleteCommit",
        // The table is there, and no server of it can be reached.
        ErrorKind::Connect if circumstances.routed => "SessionExpired",
        ErrorKind::ConnectionLost | ErrorKind::Timeout | ErrorKind::UnknownCommit if circumstances.routed => {
            "SessionExpired"
        }
        ErrorKind::Connect
        | ErrorKind::ConnectionLost
        | ErrorKind::Timeout
        | ErrorKind::UnknownCommit
        | ErrorKind::Tls
        | ErrorKind::Overloaded
        | ErrorKind::Unsupported => "ServiceUnavailable",
        ErrorKind::Auth => "AuthError",
        ErrorKind::Conversion => "ResultNotSingleError",
        ErrorKind::Config | ErrorKind::Usage | ErrorKind::Parameter => "ConfigurationError",
        _ => "DriverError",
    }
}
