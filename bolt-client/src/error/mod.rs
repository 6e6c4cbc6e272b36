//! What can go wrong, by blame.

mod abort;
mod build;
mod hint;
mod waiting;

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io, iter};

use crate::connect::pool::PoolCounts;
use crate::deadline::Limit;
use crate::no_runtime::NoRuntime;

pub use abort::OrAbort;
pub use bolt_proto::state::{Message, ServerState};
pub use bolt_proto::types::DecodeError;
use bolt_proto::{ConversionError, EncodeError, ServerError};
pub use bolt_proto::{ErrorClass, ProtocolViolation, UsageError};
pub(crate) use waiting::Waiting;

/// What went wrong. One word wide; [`kind`](Self::kind) says whose fault it is, [`server`](Self::server) what the
/// server said, and `Display` the whole of it in one line, with what to do where that is known.
///
/// No credential and no parameter appears in it.
///
/// Reading a single row, by `get` and `to`, fails with a [`ConversionError`] instead, which `?` makes one of these. So an error
/// type of your own that is to take both by `?` needs `From` twice:
///
/// ```
/// use bolt_client::{ConversionError, Error, Record};
///
/// #[derive(Debug)]
/// enum AppError {
///     Database(Error),
/// }
///
/// impl From<Error> for AppError {
///     fn from(error: Error) -> Self {
///         Self::Database(error)
///     }
/// }
///
/// impl From<ConversionError> for AppError {
///     fn from(error: ConversionError) -> Self {
///         Self::Database(error.into())
///     }
/// }
///
/// fn age(person: &Record) -> Result<i64, AppError> {
///     Ok(person.get("age")?)
/// }
/// ```
///
/// Clones are the same error.
#[derive(Clone)]
pub struct Error(Arc<Reason>);

/// Whose fault it was, and so who can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The URI or an option is wrong.
    Config,
    /// The driver was asked for something impossible.
    Usage,
    /// A parameter cannot be sent.
    Parameter,
    /// A value that was received is not what was asked for.
    Conversion,
    /// The server reported a failure: see [`Error::server`].
    Server,
    /// The peer broke the protocol, or is no Bolt server.
    Protocol,
    /// The server and this driver have no protocol version in common.
    Unsupported,
    /// No connection could be made: the host is unknown, nothing listens there, or it went away while connecting.
    Connect,
    /// A connection broke before the work was done. Nothing was committed.
    ConnectionLost,
    /// A limit in time was reached; the message says what was being waited for.
    Timeout,
    /// The call was cancelled from elsewhere, as the blocking adapter's `CancelHandle` does. Nothing was committed.
    Cancelled,
    /// More calls wait for a connection than
    /// [`max_connection_pool_waiters`](crate::Config::max_connection_pool_waiters) allows.
    Overloaded,
    /// The driver has been closed.
    Closed,
    /// A transaction function gave up, with an error of its own: see [`Error::abort`].
    Abort,
    /// The connection was lost while a commit was under way: only the server knows whether it happened.
    UnknownCommit,
}

#[derive(Debug)]
enum Reason {
    Config(String),
    Usage(UsageError),
    Misuse(&'static str),
    NoRuntime(NoRuntime),
    Abandoned,
    /// More rows than a call may collect.
    TooLarge {
        limit: usize,
    },
    /// What the work had failed with before it was asked for something else.
    HadHappened(Error),
    /// The last of several attempts failed with this.
    Retried {
        cause: Error,
        attempts: u32,
        spent: Duration,
    },
    /// How many rows there were, if that is known, where exactly one was asked for.
    NotSingle {
        at_least: usize,
    },
    Abort {
        error: Box<dyn StdError + Send + Sync>,
        /// Not even a transaction that failed for a reason that may go away is done again.
        is_final: bool,
    },
    Parameter(EncodeError),
    Conversion(ConversionError),
    Server(ServerError),
    Protocol {
        address: String,
        violation: ProtocolViolation,
    },
    Resolve {
        host: String,
        source: Option<io::Error>,
    },
    Connect {
        address: String,
        source: io::Error,
    },
    /// None of several addresses led to a connection.
    Unreachable(Vec<Error>),
    Lost {
        address: String,
        source: Option<io::Error>,
    },
    /// The peer went away before the login was through.
    Refused {
        address: String,
        source: Option<io::Error>,
        during: &'static str,
    },
    Timeout {
        address: String,
        waiting: Waiting,
        limit: Option<Limit>,
    },
    /// The pool of this address has as many waiters as it may have.
    Overloaded {
        address: String,
        counts: PoolCounts,
    },
    /// With whom, and what the call waited for, if it had begun.
    Cancelled(Option<(String, Waiting)>),
    /// Between two attempts, after the first had failed with this.
    CancelledPause(Error),
    Closed,
    UnknownCommit(Error),
}

impl Error {
    /// Whose fault it was.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Reason::Config(_) => ErrorKind::Config,
            Reason::Usage(UsageError::Encode(_)) | Reason::Parameter(_) => ErrorKind::Parameter,
            Reason::HadHappened(cause) | Reason::Retried { cause, .. } => cause.kind(),
            Reason::Usage(_)
            | Reason::Misuse(_)
            | Reason::NoRuntime(_)
            | Reason::Abandoned
            | Reason::TooLarge { .. } => ErrorKind::Usage,
            Reason::Conversion(_) | Reason::NotSingle { .. } => ErrorKind::Conversion,
            Reason::Abort { .. } => ErrorKind::Abort,
            Reason::Server(_) => ErrorKind::Server,
            Reason::Protocol {
                violation: ProtocolViolation::NoCommonVersion,
                ..
            } => ErrorKind::Unsupported,
            Reason::Protocol { .. } => ErrorKind::Protocol,
            Reason::Resolve { .. } | Reason::Connect { .. } | Reason::Refused { .. } => ErrorKind::Connect,
            Reason::Unreachable(failures) => common_kind(failures),
            Reason::Overloaded { .. } => ErrorKind::Overloaded,
            Reason::Lost { .. } => ErrorKind::ConnectionLost,
            Reason::Timeout { .. } => ErrorKind::Timeout,
            Reason::Cancelled(_) | Reason::CancelledPause(_) => ErrorKind::Cancelled,
            Reason::Closed => ErrorKind::Closed,
            Reason::UnknownCommit(_) => ErrorKind::UnknownCommit,
        }
    }

    /// Whether the same work may succeed when it is done again: a transient failure of the server, or a connection
    /// that could not be made or was lost. Never after [`ErrorKind::UnknownCommit`], nor after a timeout.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match &*self.0 {
            Reason::Server(error) => error.is_retryable(),
            Reason::HadHappened(cause) | Reason::Retried { cause, .. } => cause.is_retryable(),
            // No timer would end the pause before the next attempt.
            Reason::Lost {
                source: Some(source), ..
            } if NoRuntime::of(source).is_some() => false,
            Reason::Resolve { .. }
            | Reason::Connect { .. }
            | Reason::Refused { .. }
            | Reason::Lost { .. } => true,
            Reason::Unreachable(failures) => failures.iter().any(Self::is_retryable),
            _ => false,
        }
    }

    /// Whether it leaves open what the server made of what was asked last.
    pub(crate) fn loses_the_answer(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::ConnectionLost | ErrorKind::Timeout | ErrorKind::Cancelled | ErrorKind::Protocol
        )
    }

    /// What the server reported, if it was the server.
    #[must_use]
    pub fn server(&self) -> Option<&ServerError> {
        match &*self.0 {
            Reason::Server(error) => Some(error),
            Reason::HadHappened(cause) | Reason::Retried { cause, .. } => cause.server(),
            _ => None,
        }
    }

    /// What was wrong with a received value, if that was it.
    #[must_use]
    pub fn conversion(&self) -> Option<&ConversionError> {
        match &*self.0 {
            Reason::Conversion(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Config(text) => f.write_str(text),
            Reason::Usage(error) => error.fmt(f),
            Reason::Misuse(text) => f.write_str(text),
            Reason::NoRuntime(error) => error.fmt(f),
            Reason::Abandoned => f.write_str(
                "the transaction can only be rolled back: an earlier call was dropped, or ran out of time, while its query \
                 ran",
            ),
            Reason::TooLarge { limit } => write!(
                f,
                "the rows of the result take more than {limit} bytes of memory (max_result_size): read them one by one, or \
                 raise the limit"
            ),
            Reason::HadHappened(cause) => write!(f, "the work had already failed: {cause}"),
            Reason::Retried {
                cause,
                attempts,
                spent,
            } => write!(
                f,
                "{cause} (the last of {attempts} attempts within {:.1} s, see max_transaction_retry_time)",
                spent.as_secs_f64()
            ),
            Reason::Parameter(error) => error.fmt(f),
            Reason::Conversion(error) => error.fmt(f),
            Reason::Server(error) => {
                error.fmt(f)?;
                hint::of(error).map_or(Ok(()), |hint| write!(f, " ({hint})"))
            }
            Reason::NotSingle { at_least: 0 } => f.write_str("expected one row, the result has none"),
            Reason::NotSingle { .. } => {
                f.write_str("expected one row, the result has more: add LIMIT 1, or read on")
            }
            Reason::Abort { error, .. } => error.fmt(f),
            Reason::Protocol { address, violation } => write!(f, "{address}: {violation}"),
            Reason::Resolve {
                host,
                source: Some(source),
            } => {
                write!(f, "cannot resolve the host name {host:?}: {source}")
            }
            Reason::Resolve { host, source: None } => write!(f, "the host name {host:?} has no address"),
            Reason::Connect { address, source } => write!(f, "cannot connect to {address}: {source}"),
            Reason::Unreachable(failures) => {
                f.write_str("no address can be reached")?;
                let mut separators = [": "].into_iter().chain(iter::repeat("; "));
                failures
                    .iter()
                    .zip(&mut separators)
                    .try_for_each(|(failure, separator)| write!(f, "{separator}{failure}"))
            }
            Reason::Overloaded { address, counts } => write!(
                f,
                "{address}: too many calls wait for a connection of the pool already ({counts}; \
                 max_connection_pool_waiters)"
            ),
            Reason::Lost { address, source } => {
                write!(
                    f,
                    "the connection to {address} was lost: {}",
                    Ending(source.as_ref())
                )
            }
            Reason::Refused {
                address,
                source,
                during,
            } => write!(
                f,
                "the connection to {address} ended during {during}: {} (is it a Bolt port, and does it want TLS?)",
                Ending(source.as_ref())
            ),
            Reason::Timeout {
                address,
                waiting,
                limit: None,
            } => write!(f, "{address}: timed out: {waiting}"),
            Reason::Timeout {
                address,
                waiting,
                limit: Some(limit),
            } => write!(f, "{address}: timed out after {limit}: {waiting}"),
            Reason::Cancelled(Some((address, waiting))) => write!(f, "{address}: cancelled: {waiting}"),
            Reason::Cancelled(None) => f.write_str("cancelled before the call began"),
            Reason::CancelledPause(cause) => write!(f, "cancelled before the next attempt: {cause}"),
            Reason::Closed => f.write_str("the driver is closed"),
            Reason::UnknownCommit(cause) => {
                write!(f, "it is unknown whether the transaction was committed: {cause}")
            }
        }
    }
}

/// What several failures have in common; that they are failures to connect, if nothing else.
fn common_kind(failures: &[Error]) -> ErrorKind {
    let mut kinds = failures.iter().map(Error::kind);
    let first = kinds.next().unwrap_or(ErrorKind::Connect);
    if kinds.all(|kind| kind == first) {
        first
    } else {
        ErrorKind::Connect
    }
}

/// How a connection ended: by an error, or without one.
struct Ending<'a>(Option<&'a io::Error>);

impl fmt::Display for Ending<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(error) => error.fmt(f),
            None => f.write_str("closed by the server"),
        }
    }
}

/// The same line as `Display`, and what caused it as far as that line does not say: it is what `main` prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.to_string();
        let mut source = self.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !line.contains(&text) {
                line.push_str("; caused by: ");
                line.push_str(&text);
            }
            source = cause.source();
        }
        f.write_str(&line)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            Reason::Usage(error) => error.source(),
            Reason::Server(error) => error.source(),
            Reason::Protocol { violation, .. } => Some(violation),
            Reason::Connect { source, .. } => Some(source),
            Reason::Resolve { source, .. } | Reason::Lost { source, .. } | Reason::Refused { source, .. } => {
                source.as_ref().map(|source| source as _)
            }
            Reason::UnknownCommit(cause) | Reason::CancelledPause(cause) => Some(cause),
            Reason::HadHappened(cause) | Reason::Retried { cause, .. } => cause.source(),
            // The last one tried. The text tells of all.
            Reason::Unreachable(failures) => failures.last().map(|failure| failure as _),
            Reason::Abort { error, .. } => Some(&**error),
            _ => None,
        }
    }
}

const _: () = assert!(size_of::<Error>() == size_of::<usize>());
