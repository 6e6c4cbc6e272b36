//! Errors of the user's own, on their way out of a transaction function.

use std::error::Error as StdError;

use super::{Error, Reason};

impl Error {
    /// Ends a transaction function with an error of your own: the transaction is rolled back and never run again, and
    /// the call returns this error. [`downcast_abort`](Self::downcast_abort) gives it back.
    ///
    /// ```
    /// use bolt_client::{Error, ErrorKind};
    ///
    /// let error = Error::abort("not enough money");
    /// assert_eq!(error.kind(), ErrorKind::Abort);
    /// assert_eq!(error.to_string(), "not enough money");
    /// ```
    pub fn abort(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let error = error.into();
        Reason::Abort {
            error,
            is_final: true,
        }
        .into()
    }

    /// Whether it ends a transaction function for good.
    pub(crate) fn is_final_abort(&self) -> bool {
        matches!(&*self.0, Reason::Abort { is_final: true, .. })
    }

    /// The error that [`abort`](Self::abort) was given, if that is what this is, and of this type.
    #[must_use]
    pub fn downcast_abort<E: StdError + 'static>(&self) -> Option<&E> {
        match &*self.0 {
            Reason::Abort { error, .. } => error.downcast_ref(),
            _ => None,
        }
    }
}

/// `?` for errors of one's own in a transaction function. A function that has an error type of its own throughout is
/// better off in [`try_execute_write`](crate::Session::try_execute_write).
pub trait OrAbort<T> {
    /// Turns the error into one that [aborts](Error::abort) the transaction.
    ///
    /// With one difference: if the transaction itself has failed, for a reason that may go away, it is done again all the
    /// same, since the error may be that very failure in other clothes.
    ///
    /// ```
    /// use bolt_client::{Error, OrAbort};
    ///
    /// fn parse(text: &str) -> Result<u32, Error> {
    ///     text.parse().or_abort()
    /// }
    /// assert!(parse("x").unwrap_err().downcast_abort::<std::num::ParseIntError>().is_some());
    /// ```
    ///
    /// # Errors
    /// The same error, as an abort.
    fn or_abort(self) -> Result<T, Error>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> OrAbort<T> for Result<T, E> {
    fn or_abort(self) -> Result<T, Error> {
        self.map_err(|error| {
            let error = error.into();
            Reason::Abort {
                error,
                is_final: false,
            }
            .into()
        })
    }
}
