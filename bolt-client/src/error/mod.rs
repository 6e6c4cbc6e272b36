//! Errors, by blame: [`Error`], and the errors of the layer below that are its
//! [`source`](std::error::Error::source).

mod abort;
mod build;
mod display;
mod hint;
mod login;
mod routing;
mod waiting;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::connect::encryption::Encrypted;
use crate::connect::pool::PoolCounts;
use crate::deadline::Limit;
use crate::loaded::Loaded;
use crate::no_runtime::NoRuntime;

pub use abort::OrAbort;
use bolt_proto::{ConversionError, EncodeError, ServerError};
pub use bolt_proto::{ProtocolViolation, UsageError};
use login::Login;
pub use routing::RoutingFailure;
pub(crate) use routing::{Failures, Known};
use routing::{NoRoutingTable, NoServer};
pub(crate) use waiting::Waiting;

/// An error of the driver: one word wide, and cheap to clone.
///
/// [`kind`](Self::kind) says what is to blame, [`code`](Self::code) and [`server`](Self::server) return what the server
/// reported. `Display` is one line, with a remedy where one is known. No credential and no parameter appears in it.
///
/// Every call of the driver and every read of a row fails with this type. So an application's own error type needs one
/// `From`:
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{EagerResult, Error, ErrorKind};
///
/// #[derive(Debug)]
/// enum AppError {
///     Database(Error),
///     NotFound,
/// }
///
/// impl From<Error> for AppError {
///     fn from(error: Error) -> Self {
///         Self::Database(error)
///     }
/// }
///
/// fn age(people: EagerResult) -> Result<i64, AppError> {
///     let person = people.single_optional()?.ok_or(AppError::NotFound)?;
///     Ok(person.get("age")?)
/// }
/// ```
///
/// Clones are the same error.
#[derive(Clone)]
pub struct Error(Arc<Reason>);

/// The kind of an [`Error`]: what is to blame for it.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{Error, ErrorKind};
///
/// /// The HTTP status of a failed request.
/// fn status(error: &Error) -> u16 {
///     match error.kind() {
///         ErrorKind::Server if error.code() == Some("Neo.ClientError.Schema.ConstraintValidationFailed") => 409,
///         ErrorKind::Timeout | ErrorKind::Overloaded => 503,
///         _ if error.is_retryable() => 503,
///         _ => 500,
///     }
/// }
///
/// let error = Error::from(bolt::ServerError::new("Neo.ClientError.Schema.ConstraintValidationFailed", "exists"));
/// assert_eq!(status(&error), 409);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URI or an option is wrong.
    Config,
    /// The driver was used in a way that is not possible.
    Usage,
    /// A parameter cannot be sent.
    Parameter,
    /// A received value, or the number of rows, is not what the caller asked for.
    Conversion,
    /// The server reported a failure: see [`Error::server`].
    Server,
    /// The peer broke the protocol, or is no Bolt server.
    Protocol,
    /// The server does not accept the credentials, or the auth manager failed to provide any. The message names address
    /// and user.
    Auth,
    /// The server and this driver have no protocol version in common, or the server is not the
    /// [required product](crate::Config::required_product), or that of a `neo4j://` URI has no routing tables.
    Unsupported,
    /// No connection could be made: the host is unknown, nothing listens there, or it went away while connecting. In a cluster:
    /// no server carries out the work at present.
    Connect,
    /// TLS failed while a connection was opened: one side does not trust the other's certificate, or does not encrypt, or
    /// they have no version in common. The message says what to do. It is not retried, but if a server that has spoken TLS
    /// before closed the connection.
    Tls,
    /// A connection broke before the work was done. Nothing was committed.
    ConnectionLost,
    /// A time limit was reached. The message says what the call waited for.
    Timeout,
    /// The call was cancelled by another thread, as the blocking adapter's `CancelHandle` does. Nothing was committed.
    Cancelled,
    /// More calls wait for a connection than
    /// [`max_connection_pool_waiters`](crate::Config::max_connection_pool_waiters) allows.
    Overloaded,
    /// The driver has been closed.
    Closed,
    /// A transaction function returned an error of the application: see [`Error::abort`].
    Abort,
    /// The connection was lost during a commit: it is unknown whether the server committed the transaction.
    UnknownCommit,
}

#[derive(Debug)]
enum Reason {
    Config(String),
    Usage(UsageError),
    Misuse(&'static str),
    NoRuntime(NoRuntime),
    Abandoned,
    /// The rows take more memory than a call may collect.
    TooLarge {
        limit: usize,
    },
    /// An earlier call of the same work had already failed with this error.
    HadHappened(Error),
    /// The last of several attempts failed with this error.
    Retried {
        cause: Error,
        attempts: u32,
        spent: Duration,
    },
    /// The caller asked for exactly one row; there were at least this many.
    NotSingle {
        at_least: usize,
    },
    Abort {
        error: Box<dyn StdError + Send + Sync>,
        /// The transaction is not retried, even if it has failed with a transient error.
        is_final: bool,
    },
    Parameter(EncodeError),
    Conversion(ConversionError),
    Server(ServerError),
    /// The server refused a login.
    Login {
        error: ServerError,
        login: Login,
    },
    /// A login was not tried, since the server had rejected the same credentials so many times.
    Remembered {
        cause: Error,
        times: u32,
        within: Duration,
    },
    /// The auth manager expects to have other credentials than those that this failure is about.
    NewCredentials(Error),
    /// The auth manager failed to provide credentials.
    AuthManager(Box<dyn StdError + Send + Sync>),
    Protocol {
        address: String,
        violation: ProtocolViolation,
        /// As far as the violation is about that.
        encrypted: Encrypted,
    },
    /// The server is not the product that the application requires.
    Product {
        address: String,
        product: String,
        required: String,
    },
    Resolve {
        host: String,
        source: Option<io::Error>,
    },
    Connect {
        address: String,
        source: io::Error,
    },
    /// No address of several could be connected to.
    Unreachable(Vec<Error>),
    Lost {
        address: String,
        source: Option<io::Error>,
    },
    /// The peer closed the connection before the login was complete.
    Refused {
        address: String,
        source: Option<io::Error>,
        during: &'static str,
        encrypted: Encrypted,
    },
    /// TLS failed before the login was complete.
    Tls {
        address: String,
        source: io::Error,
        is_final: bool,
    },
    /// The server speaks TLS, and closed a connection without it.
    OnlyTls {
        address: String,
        /// How it did.
        refusal: Error,
    },
    Timeout {
        address: String,
        waiting: Waiting,
        limit: Option<Limit>,
    },
    /// The pool of this address has its maximum number of waiters.
    Overloaded {
        address: String,
        counts: PoolCounts,
    },
    /// The peer, and what the call waited for, if it had begun.
    Cancelled(Option<(String, Waiting)>),
    /// Cancelled between two attempts, after one that failed with this error.
    CancelledPause(Error),
    Closed,
    UnknownCommit(Error),
    /// A load of rows failed with this error, after it had got so far.
    Load {
        cause: Error,
        loaded: Box<Loaded>,
    },
    NoRoutingTable(Box<NoRoutingTable>),
    NoServer(Box<NoServer>),
    /// A routing table lacks this.
    BadTable(&'static str),
}

impl Error {
    /// Returns the kind of the error: what is to blame for it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Reason::Config(_) => ErrorKind::Config,
            Reason::Usage(UsageError::Encode(_)) | Reason::Parameter(_) => ErrorKind::Parameter,
            Reason::HadHappened(cause)
            | Reason::Retried { cause, .. }
            | Reason::Remembered { cause, .. }
            | Reason::Load { cause, .. }
            | Reason::NewCredentials(cause) => cause.kind(),
            Reason::Usage(_)
            | Reason::Misuse(_)
            | Reason::NoRuntime(_)
            | Reason::Abandoned
            | Reason::TooLarge { .. } => ErrorKind::Usage,
            Reason::Conversion(_) | Reason::NotSingle { .. } => ErrorKind::Conversion,
            Reason::Abort { .. } => ErrorKind::Abort,
            Reason::AuthManager(_) => ErrorKind::Auth,
            Reason::Server(error) | Reason::Login { error, .. } if error.rejects_credentials() => {
                ErrorKind::Auth
            }
            Reason::Server(_) | Reason::Login { .. } => ErrorKind::Server,
            Reason::Protocol {
                violation: ProtocolViolation::NoCommonVersion,
                ..
            }
            | Reason::Product { .. } => ErrorKind::Unsupported,
            Reason::Tls { .. }
            | Reason::OnlyTls { .. }
            | Reason::Protocol {
                violation: ProtocolViolation::TlsServer,
                ..
            } => ErrorKind::Tls,
            Reason::Protocol { .. } => ErrorKind::Protocol,
            Reason::Resolve { .. } | Reason::Connect { .. } | Reason::Refused { .. } => ErrorKind::Connect,
            Reason::Unreachable(failures) => common_kind(failures),
            Reason::Overloaded { .. } => ErrorKind::Overloaded,
            Reason::Lost { .. } => ErrorKind::ConnectionLost,
            Reason::Timeout { .. } => ErrorKind::Timeout,
            Reason::Cancelled(_) | Reason::CancelledPause(_) => ErrorKind::Cancelled,
            Reason::Closed => ErrorKind::Closed,
            Reason::UnknownCommit(_) => ErrorKind::UnknownCommit,
            Reason::NoRoutingTable(error) => error.kind(),
            Reason::NoServer(error) => error.kind(),
            Reason::BadTable(_) => ErrorKind::Protocol,
        }
    }

    /// Returns whether the same work may succeed if it is retried: after a transient error of the server, if a connection
    /// could not be made or was lost, or if the auth manager has replaced credentials that were rejected. It is `false` after
    /// [`ErrorKind::UnknownCommit`], and if the time of the call is up. In a cluster it is `true` if another attempt may find a
    /// server, even if each of those that were tried did not answer in time.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &*self.0 {
            Reason::Server(error) | Reason::Login { error, .. } => error.is_retryable(),
            Reason::HadHappened(cause) | Reason::Retried { cause, .. } => cause.is_retryable(),
            Reason::NewCredentials(_) => true,
            // What is committed would be loaded twice.
            Reason::Load { cause, loaded } => loaded.rows == 0 && cause.is_retryable(),
            // Without a runtime no timer can end the pause before the next attempt.
            Reason::Lost {
                source: Some(source), ..
            } if NoRuntime::of(source).is_some() => false,
            Reason::Resolve { .. }
            | Reason::Connect { .. }
            | Reason::Refused { .. }
            | Reason::Lost { .. }
            // Servers may be starting, or electing a leader.
            | Reason::BadTable(_) => true,
            Reason::NoRoutingTable(error) => error.is_retryable(),
            Reason::NoServer(error) => error.is_retryable(),
            Reason::Tls { is_final, .. } => !is_final,
            // A server that answered, and cannot be trusted or does not trust, is not outweighed by one that did not.
            Reason::Unreachable(failures) => {
                let is_final = |failure: &Self| failure.kind() == ErrorKind::Tls && !failure.is_retryable();
                failures.iter().any(Self::is_retryable) && !failures.iter().any(is_final)
            }
            _ => false,
        }
    }

    /// Returns whether the outcome of the last request on the server is unknown.
    pub(crate) fn loses_the_answer(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::ConnectionLost | ErrorKind::Timeout | ErrorKind::Cancelled | ErrorKind::Protocol
        )
    }

    /// Returns the code of the failure that the server reported, such as
    /// `Neo.ClientError.Schema.ConstraintValidationFailed`.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.server().map(ServerError::code)
    }

    /// Returns whether a time limit was reached: one of the driver ([`ErrorKind::Timeout`]), or the timeout of the
    /// transaction on the server.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        let by_server = |error: &ServerError| {
            error
                .name()
                .starts_with("ClientError.Transaction.TransactionTimedOut")
        };
        self.kind() == ErrorKind::Timeout || self.server().is_some_and(by_server)
    }

    /// Returns the failure that the server reported, if the server reported one.
    #[must_use]
    pub fn server(&self) -> Option<&ServerError> {
        match &*self.0 {
            Reason::Server(error) | Reason::Login { error, .. } => Some(error),
            Reason::HadHappened(cause)
            | Reason::Retried { cause, .. }
            | Reason::Remembered { cause, .. }
            | Reason::Load { cause, .. }
            | Reason::NewCredentials(cause) => cause.server(),
            Reason::NoRoutingTable(error) => only(error.failures())?.server(),
            Reason::NoServer(error) => only(error.failures())?.server(),
            _ => None,
        }
    }

    /// Returns how far a load (`Session::load`) got before it failed with this error. `None` for errors of other calls.
    #[must_use]
    pub fn loaded(&self) -> Option<&Loaded> {
        match &*self.0 {
            Reason::Load { loaded, .. } => Some(loaded),
            _ => None,
        }
    }

    /// Returns the reason why a received value could not be read, if that is the error.
    #[must_use]
    pub fn conversion(&self) -> Option<&ConversionError> {
        match &*self.0 {
            Reason::Conversion(error) => Some(error),
            Reason::Load { cause, .. } => cause.conversion(),
            _ => None,
        }
    }
}

/// Returns the only one, if there is no other.
fn only(failures: &[Error]) -> Option<&Error> {
    match failures {
        [only] => Some(only),
        _ => None,
    }
}

/// Returns the kind that all failures have in common, or `Tls` if that is among them, or `Connect`.
fn common_kind(failures: &[Error]) -> ErrorKind {
    if failures.iter().any(|failure| failure.kind() == ErrorKind::Tls) {
        return ErrorKind::Tls;
    }
    let mut kinds = failures.iter().map(Error::kind);
    let first = kinds.next().unwrap_or(ErrorKind::Connect);
    if kinds.all(|kind| kind == first) {
        first
    } else {
        ErrorKind::Connect
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Reason::Usage(error) => error.source(),
            Reason::Server(error) | Reason::Login { error, .. } => error.source(),
            Reason::Protocol { violation, .. } => Some(violation),
            Reason::Connect { source, .. } | Reason::Tls { source, .. } => Some(source),
            Reason::Resolve { source, .. } | Reason::Lost { source, .. } | Reason::Refused { source, .. } => {
                source.as_ref().map(|source| source as _)
            }
            Reason::UnknownCommit(cause)
            | Reason::CancelledPause(cause)
            | Reason::OnlyTls { refusal: cause, .. } => Some(cause),
            Reason::HadHappened(cause)
            | Reason::Retried { cause, .. }
            | Reason::Remembered { cause, .. }
            | Reason::Load { cause, .. }
            | Reason::NewCredentials(cause) => cause.source(),
            Reason::AuthManager(source) => Some(&**source),
            // The last attempt. The text names all of them.
            Reason::Unreachable(failures) => failures.last().map(|failure| failure as _),
            Reason::NoRoutingTable(error) => error.failures().last().map(|failure| failure as _),
            Reason::NoServer(error) => error.failures().last().map(|failure| failure as _),
            Reason::Abort { error, .. } => Some(&**error),
            _ => None,
        }
    }
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());
