//! The error of a runtime that is asked from where it cannot work.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::{fmt, io};

/// A failure of a [`Runtime`](crate::runtime::Runtime): the context that polls it cannot wait for sockets or timers.
///
/// An adapter returns it inside of an [`io::Error`], which `From` makes of it, from everything that would wait. The driver then
/// neither retries nor pauses, since no timer would end that pause: the call fails with this text, and the kind
/// [`Usage`](crate::ErrorKind::Usage).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRuntime(Cow<'static, str>);

impl NoRuntime {
    /// An error with a text that says what is missing, and what to do.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }

    /// Returns what `error` contains, if it is one of these.
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
    use crate::error::{Error, ErrorKind};

    #[test]
    fn a_call_that_could_not_wait_is_the_callers_fault_and_is_not_retried() {
        let lacking = || io::Error::from(NoRuntime::new("no runtime here"));
        let ended = || ProtocolViolation::EndOfStream { in_message: false };
        for error in [
            Error::resolve("host", Some(lacking())),
            Error::connect("host:7687".into(), lacking()),
            Error::broken("host:7687".into(), ended(), Some(lacking())).while_opening("the login"),
        ] {
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert_eq!(error.to_string(), "no runtime here");
            assert!(!error.is_retryable());
        }
        // What was sent before may have been carried out, so this stays a lost connection.
        let lost = Error::broken("host:7687".into(), ended(), Some(lacking()));
        assert_eq!(lost.kind(), ErrorKind::ConnectionLost);
        assert!(!lost.is_retryable());
    }
}
