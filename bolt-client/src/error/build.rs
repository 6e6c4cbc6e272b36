//! How errors come to be.

use std::io;

use bolt_proto::{ConversionError, EncodeError, ProtocolViolation, ServerError, UsageError};

use super::{Error, Reason, Waiting};

impl Error {
    pub(crate) fn config(text: impl Into<String>) -> Self {
        Reason::Config(text.into()).into()
    }

    pub(crate) fn misuse(text: &'static str) -> Self {
        Reason::Misuse(text).into()
    }

    pub(crate) fn abandoned(query: &str) -> Self {
        Reason::Abandoned {
            query: query.to_owned(),
        }
        .into()
    }

    pub(crate) fn closed() -> Self {
        Reason::Closed.into()
    }

    pub(crate) fn timeout(address: impl Into<String>, waiting: Waiting) -> Self {
        Reason::Timeout {
            address: address.into(),
            waiting,
        }
        .into()
    }

    pub(crate) fn unknown_commit(cause: Self) -> Self {
        Reason::UnknownCommit(cause).into()
    }

    pub(crate) fn resolve(host: &str, source: Option<io::Error>) -> Self {
        Reason::Resolve {
            host: host.to_owned(),
            source,
        }
        .into()
    }

    pub(crate) fn connect(address: String, source: io::Error) -> Self {
        Reason::Connect { address, source }.into()
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
        match *self.0 {
            Reason::Lost { address, source } => Reason::Refused {
                address,
                source,
                during,
            }
            .into(),
            reason => reason.into(),
        }
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        Self(Box::new(reason))
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
