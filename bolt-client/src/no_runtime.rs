//! The error of a runtime that is polled in a context where it cannot work.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::{fmt, io};

/// An error of a [`Runtime`](crate::runtime::Runtime): the context that polls it cannot wait for sockets or timers.
///
/// An adapter returns it, converted to an [`io::Error`] with `From`, from everything that would wait. The driver does
/// not retry after it, since no timer would end the pause before the next attempt. The call fails with the text of
/// this error and the kind [`Usage`](crate::ErrorKind::Usage).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRuntime(Cow<'static, str>);

impl NoRuntime {
    /// Creates an error. The text says what is missing, and what to do.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    /// Returns the `NoRuntime` that `error` contains, if it contains one.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl fmt::Display for NoRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for NoRuntime {}

impl From<NoRuntime> for io::Error {
    fn from(error: NoRuntime) -> Self {
        Self::new(io::ErrorKind::NotConnected, error)
    }
}

#[cfg(test)]
mod tests {
    use bolt_proto::ProtocolViolation;

    use super::*;
    use crate::connect::encryption::Encrypted;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn a_call_that_could_not_wait_fails_as_usage_and_is_not_retried() {
        let lacking = || io::Error::from(NoRuntime::new("no runtime here"));
        let ended = || ProtocolViolation::EndOfStream { in_message: false };
        for error in [
            Error::resolve("host", Some(lacking())),
            Error::connect("host:7687".into(), lacking()),
            Error::broken("host:7687".into(), ended(), Some(lacking()))
                .while_opening("the login", Encrypted::No { routed: false }),
        ] {
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert_eq!(error.to_string(), "no runtime here");
            assert!(!error.is_retryable());
        }
        // What was sent before may have been carried out, so this is still a lost connection.
        let lost = Error::broken("host:7687".into(), ended(), Some(lacking()));
        assert_eq!(lost.kind(), ErrorKind::ConnectionLost);
        assert!(!lost.is_retryable());
    }
}
