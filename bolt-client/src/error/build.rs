//! How errors come to be.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{ConversionError, EncodeError, ProtocolViolation, ServerError, UsageError};

use super::{Error, Reason, Waiting};
use crate::connect::pool::PoolCounts;
use crate::deadline::Deadline;
use crate::runtime::{NoRuntime, Runtime};

/// How many failures of one opening are kept.
const MAX_TOLD: usize = 16;

impl Error {
    pub(crate) fn config(text: impl Into<String>) -> Self {
        Reason::Config(text.into()).into()
    }

    pub(crate) fn misuse(text: &'static str) -> Self {
        Reason::Misuse(text).into()
    }

    pub(crate) fn abandoned() -> Self {
        Reason::Abandoned.into()
    }

    /// More rows than a call may collect.
    pub(crate) fn too_large(limit: usize) -> Self {
        Reason::TooLarge { limit }.into()
    }

    pub(crate) fn is_too_large(&self) -> bool {
        matches!(&*self.0, Reason::TooLarge { .. })
    }

    /// The same, for a caller that asks for something else after it has happened.
    pub(crate) fn had_happened(self) -> Self {
        match &*self.0 {
            Reason::HadHappened(_) => self,
            _ => Reason::HadHappened(self).into(),
        }
    }

    /// The same, after so many attempts.
    pub(crate) fn after_attempts(self, attempts: u32, spent: Duration) -> Self {
        Reason::Retried {
            cause: self,
            attempts,
            spent,
        }
        .into()
    }

    pub(crate) fn closed() -> Self {
        Reason::Closed.into()
    }

    /// A call that was cancelled before it began. For runtimes whose calls can be
    /// [cancelled](crate::runtime::Runtime::is_cancelled).
    #[must_use]
    pub fn cancelled() -> Self {
        Reason::Cancelled(None).into()
    }

    /// The call was cancelled while it waited for its next attempt, after one that failed with `cause`.
    pub(crate) fn cancelled_pause(cause: Self) -> Self {
        Reason::CancelledPause(cause).into()
    }

    /// The deadline has passed, or the runtime says that the call is cancelled.
    pub(crate) fn out_of_time(
        runtime: &dyn Runtime,
        address: impl Into<String>,
        waiting: Waiting,
        by: Deadline,
    ) -> Self {
        if runtime.is_cancelled() {
            Reason::Cancelled(Some((address.into(), waiting))).into()
        } else {
            Self::timeout(address, waiting, by)
        }
    }

    /// The deadline has passed.
    pub(crate) fn timeout(address: impl Into<String>, waiting: Waiting, by: Deadline) -> Self {
        let (address, limit) = (address.into(), by.limit());
        Reason::Timeout {
            address,
            waiting,
            limit,
        }
        .into()
    }

    pub(crate) fn unknown_commit(cause: Self) -> Self {
        Reason::UnknownCommit(cause).into()
    }

    pub(crate) fn resolve(host: &str, source: Option<io::Error>) -> Self {
        match source.as_ref().and_then(NoRuntime::of) {
            Some(error) => Reason::NoRuntime(error.clone()),
            None => Reason::Resolve {
                host: host.to_owned(),
                source,
            },
        }
        .into()
    }

    pub(crate) fn connect(address: String, source: io::Error) -> Self {
        match NoRuntime::of(&source) {
            Some(error) => Reason::NoRuntime(error.clone()),
            None => Reason::Connect { address, source },
        }
        .into()
    }

    /// No connection can be opened to this host: each address that was tried has failed, if there was any.
    pub(crate) fn opening(host: &str, mut failures: Vec<Self>) -> Self {
        match failures.pop() {
            None => Self::resolve(host, None),
            Some(only) if failures.is_empty() => only,
            Some(last) => {
                // A name may stand for any number of addresses.
                failures.truncate(MAX_TOLD - 1);
                failures.push(last);
                Reason::Unreachable(failures).into()
            }
        }
    }

    pub(crate) fn overloaded(address: impl Into<String>, counts: PoolCounts) -> Self {
        let address = address.into();
        Reason::Overloaded { address, counts }.into()
    }

    /// The connection is over: the peer left, the socket broke (`source`), or the protocol was violated.
    pub(crate) fn broken(address: String, violation: ProtocolViolation, source: Option<io::Error>) -> Self {
        match violation {
            ProtocolViolation::EndOfStream { .. } => Reason::Lost { address, source }.into(),
            violation => Reason::Protocol { address, violation }.into(),
        }
    }

    /// The same, told of a connection that was never ready.
    pub(crate) fn while_opening(self, during: &'static str) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(Reason::Lost { address, source }) => match source.as_ref().and_then(NoRuntime::of) {
                Some(error) => Reason::NoRuntime(error.clone()),
                None => Reason::Refused {
                    address,
                    source,
                    during,
                },
            }
            .into(),
            Ok(reason) => reason.into(),
            // Nobody else holds an error that was just made.
            Err(shared) => Self(shared),
        }
    }

    /// Another number of rows than one.
    pub(crate) fn not_single(at_least: usize) -> Self {
        Reason::NotSingle { at_least }.into()
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self(Arc::new(reason))
    }
}

impl From<NoRuntime> for Error {
    fn from(error: NoRuntime) -> Self {
        Reason::NoRuntime(error).into()
    }
}

impl From<ServerError> for Error {
    fn from(error: ServerError) -> Self {
        Reason::Server(error).into()
    }
}

impl From<UsageError> for Error {
    fn from(error: UsageError) -> Self {
        Reason::Usage(error).into()
    }
}

impl From<EncodeError> for Error {
    fn from(error: EncodeError) -> Self {
        Reason::Parameter(error).into()
    }
}

impl From<ConversionError> for Error {
    fn from(error: ConversionError) -> Self {
        Reason::Conversion(error).into()
    }
}
