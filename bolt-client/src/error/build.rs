//! Constructors of errors.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bolt_proto::{ConversionError, EncodeError, ProtocolViolation, ServerError, UsageError};

use super::{Error, Reason, Waiting};
use crate::auth::BoxError;
use crate::connect::encryption::{Encrypted, TlsFault, is_in_tls};
use crate::connect::pool::PoolCounts;
use crate::deadline::Deadline;
use crate::loaded::Loaded;
use crate::runtime::{NoRuntime, Runtime};

/// The most failures of one opening that are kept.
const MAX_FAILURES: usize = 16;

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

    /// The rows take more memory than a call may collect.
    pub(crate) fn too_large(limit: usize) -> Self {
        Reason::TooLarge { limit }.into()
    }

    pub(crate) fn is_too_large(&self) -> bool {
        matches!(&*self.0, Reason::TooLarge { .. })
    }

    /// Wraps the error for a later call of the same work.
    pub(crate) fn had_happened(self) -> Self {
        match &*self.0 {
            Reason::HadHappened(_) => self,
            _ => Reason::HadHappened(self).into(),
        }
    }

    /// Wraps the error of the last of several attempts.
    pub(crate) fn after_attempts(self, attempts: u32, spent: Duration) -> Self {
        Reason::Retried {
            cause: self,
            attempts,
            spent,
        }
        .into()
    }

    /// The auth manager of the application failed.
    pub(crate) fn auth_manager(source: BoxError) -> Self {
        Reason::AuthManager(source).into()
    }

    /// Marks a failure that is about credentials that the auth manager may have replaced.
    pub(crate) fn with_new_credentials(self) -> Self {
        Reason::NewCredentials(self).into()
    }

    /// Returns whether the server refused a login, and the auth manager may have replaced its credentials.
    pub(crate) fn is_new_login(&self) -> bool {
        matches!(&*self.0, Reason::NewCredentials(cause) if cause.is_failed_login())
    }

    /// Returns whether the server refused a login, or it was not tried, so nothing after it has been carried out.
    pub(crate) fn is_failed_login(&self) -> bool {
        match &*self.0 {
            Reason::Login { .. } | Reason::Remembered { .. } => true,
            Reason::NewCredentials(cause) => cause.is_failed_login(),
            _ => false,
        }
    }

    /// Wraps the answer to an earlier login for one that is not tried.
    pub(crate) fn remembered(self, times: u32, within: Duration) -> Self {
        Reason::Remembered {
            cause: self,
            times,
            within,
        }
        .into()
    }

    pub(crate) fn closed() -> Self {
        Reason::Closed.into()
    }

    /// Creates the error of a call that was cancelled before it began, for runtimes with calls that can be
    /// [cancelled](crate::runtime::Runtime::is_cancelled).
    #[must_use]
    pub fn cancelled() -> Self {
        Reason::Cancelled(None).into()
    }

    /// The call was cancelled while it waited for the next attempt, after one that failed with `cause`.
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

    /// A load failed after it had got so far.
    pub(crate) fn of_load(self, loaded: Loaded) -> Self {
        let loaded = Box::new(loaded);
        Reason::Load { cause: self, loaded }.into()
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

    /// No connection can be opened to this host: each of its addresses has failed, or it has none.
    pub(crate) fn opening(host: &str, mut failures: Vec<Self>) -> Self {
        match failures.pop() {
            None => Self::resolve(host, None),
            Some(only) if failures.is_empty() => only,
            Some(last) => {
                // A name may resolve to any number of addresses.
                failures.truncate(MAX_FAILURES - 1);
                failures.push(last);
                Reason::Unreachable(failures).into()
            }
        }
    }

    pub(crate) fn overloaded(address: impl Into<String>, counts: PoolCounts) -> Self {
        let address = address.into();
        Reason::Overloaded { address, counts }.into()
    }

    /// The server is not the product that the application requires.
    pub(crate) fn product(address: String, product: &str, required: &str) -> Self {
        Reason::Product {
            address,
            product: product.to_owned(),
            required: required.to_owned(),
        }
        .into()
    }

    /// The connection has ended: the peer closed it, the socket failed (`source`), or the protocol was violated.
    pub(crate) fn broken(address: String, violation: ProtocolViolation, source: Option<io::Error>) -> Self {
        match violation {
            ProtocolViolation::EndOfStream { .. } => Reason::Lost { address, source }.into(),
            violation => Reason::Protocol {
                address,
                violation,
                encrypted: Encrypted::No { routed: false },
            }
            .into(),
        }
    }

    /// Turns the error into one of a connection that never became ready.
    pub(crate) fn while_opening(self, during: &'static str, encrypted: Encrypted) -> Self {
        match Arc::try_unwrap(self.0) {
            Ok(Reason::Lost { address, source }) => {
                Self::ended_while_opening(address, source, during, encrypted)
            }
            Ok(Reason::Protocol {
                address, violation, ..
            }) => Reason::Protocol {
                address,
                violation,
                encrypted,
            }
            .into(),
            Ok(reason) => reason.into(),
            // An error that was just made is not shared.
            Err(shared) => Self(shared),
        }
    }

    fn ended_while_opening(
        address: String,
        source: Option<io::Error>,
        during: &'static str,
        encrypted: Encrypted,
    ) -> Self {
        let Some(source) = source else {
            return Reason::Refused {
                address,
                source: None,
                during,
                encrypted,
            }
            .into();
        };
        if let Some(error) = NoRuntime::of(&source) {
            return Reason::NoRuntime(error.clone()).into();
        }
        match TlsFault::of(&source) {
            Some(fault) => Reason::Tls {
                // A server that has spoken TLS before may be restarting.
                is_final: (fault == TlsFault::Final || encrypted != Encrypted::Tls { proven: true })
                    && !planted!(RetryOfFinalTlsFailure),
                address,
                source,
            },
            None => Reason::Refused {
                address,
                source: Some(source),
                during,
                encrypted,
            },
        }
        .into()
    }

    /// The server has closed a connection without TLS, and speaks TLS.
    pub(crate) fn only_tls(address: String, refusal: Self) -> Self {
        Reason::OnlyTls { address, refusal }.into()
    }

    /// Returns whether the server closed a connection that was not encrypted, without an answer.
    pub(crate) fn is_refused_without_tls(&self) -> bool {
        matches!(
            &*self.0,
            Reason::Refused {
                encrypted: Encrypted::No { .. },
                ..
            }
        )
    }

    /// Returns the first part of the schemes of the URI of a connection that was refused.
    pub(super) fn scheme(&self) -> &'static str {
        match &*self.0 {
            Reason::Refused { encrypted, .. } => encrypted.scheme(),
            _ => "bolt",
        }
    }

    /// Returns whether an encrypted connection that was being opened had received TLS before it failed.
    pub(crate) fn came_in_tls(&self) -> bool {
        match &*self.0 {
            // Anything but the end of the stream was decrypted. The end itself is an error, if it is not encrypted.
            Reason::Protocol { .. } => true,
            Reason::Refused { source, .. } => source.as_ref().is_none_or(is_in_tls),
            Reason::Tls { source, .. } => is_in_tls(source),
            _ => false,
        }
    }

    /// The number of rows is not one.
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
