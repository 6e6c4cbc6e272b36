//! Errors of the application that a transaction function returns.

use std::error::Error as StdError;

use std::sync::Arc;

use super::{Error, Reason};

impl Error {
    /// Wraps an error of the application, to be returned from a transaction function. The transaction is rolled back and
    /// not retried, and the call returns this error. [`into_abort`](Self::into_abort) unwraps it.
    ///
    /// ```
    /// # use bolt_client as bolt;
    /// use bolt::{Error, ErrorKind};
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

    /// Returns whether the error ends a transaction function without a retry.
    pub(crate) fn is_final_abort(&self) -> bool {
        matches!(&*self.0, Reason::Abort { is_final: true, .. })
    }

    /// Returns the error that was given to [`abort`](Self::abort), or that the source of a
    /// load (`Session::try_load`) returned, if this is such an error and of this type.
    #[must_use]
    pub fn downcast_abort<E: StdError + 'static>(&self) -> Option<&E> {
        match &*self.0 {
            Reason::Abort { error, .. } => error.downcast_ref(),
            Reason::Load { cause, .. } => cause.downcast_abort(),
            _ => None,
        }
    }

    /// Unwraps the error that was given to [`abort`](Self::abort), or that the source of a
    /// load (`Session::try_load`) returned.
    ///
    /// ```
    /// # use bolt_client as bolt;
    /// use bolt::Error;
    ///
    /// let error = Error::abort("x".parse::<u32>().unwrap_err());
    /// match error.into_abort::<std::num::ParseIntError>() {
    ///     Ok(not_a_number) => println!("{not_a_number}"),
    ///     Err(error) => println!("another error: {error}"),
    /// }
    /// ```
    ///
    /// # Errors
    /// Returns this error itself:
    ///
    /// * If it is no abort.
    /// * If the application's error is of another type.
    /// * If a clone of this error exists.
    pub fn into_abort<E: StdError + 'static>(self) -> Result<E, Self> {
        if self.downcast_abort::<E>().is_none() {
            return Err(self);
        }
        match Arc::try_unwrap(self.0) {
            Ok(Reason::Abort { error, is_final }) => match error.downcast() {
                Ok(error) => Ok(*error),
                Err(error) => Err(Reason::Abort { error, is_final }.into()),
            },
            Ok(Reason::Load { cause, loaded }) => cause.into_abort().map_err(|cause| cause.of_load(*loaded)),
            Ok(reason) => Err(reason.into()),
            Err(shared) => Err(Self(shared)),
        }
    }
}

/// Makes `?` work for errors of the application in a transaction function that returns [`Error`]. A function with an
/// error type of its own is passed to `try_execute_write` instead.
pub trait OrAbort<T> {
    /// Turns the error into one that [aborts](Error::abort) the transaction.
    ///
    /// There is one difference to `abort`: if the transaction itself has failed with a transient error, it is retried,
    /// because the application's error may wrap that failure.
    ///
    /// ```
    /// # use bolt_client as bolt;
    /// use bolt::{Error, OrAbort};
    ///
    /// fn parse(text: &str) -> Result<u32, Error> {
    ///     text.parse().or_abort()
    /// }
    /// assert!(parse("x").unwrap_err().downcast_abort::<std::num::ParseIntError>().is_some());
    /// ```
    ///
    /// # Errors
    /// If `self` is an error: that error, as an abort.
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

#[cfg(test)]
mod tests {
    use std::num::ParseIntError;

    use bolt_proto::ServerError;

    use crate::error::{Error, ErrorKind};

    fn not_a_number() -> ParseIntError {
        "x".parse::<u32>().unwrap_err()
    }

    #[test]
    fn an_abort_is_unwrapped_to_the_error_that_it_was_made_of() {
        let error = Error::abort(not_a_number());
        assert_eq!(error.downcast_abort(), Some(&not_a_number()));
        let error = error.into_abort::<std::fmt::Error>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Abort);
        let clone = error.clone();
        let error = error.into_abort::<ParseIntError>().unwrap_err();
        drop(clone);
        assert_eq!(error.into_abort::<ParseIntError>().unwrap(), not_a_number());
    }

    #[test]
    fn another_error_is_returned_as_it_is() {
        let error = Error::closed().into_abort::<ParseIntError>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    }

    #[test]
    fn the_code_and_the_timeouts_of_the_server_are_found_in_retried_and_later_errors() {
        let by_server = |code| Error::from(ServerError::new(code, "…"));
        let code = "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration";
        let error = by_server(code)
            .after_attempts(2, std::time::Duration::ZERO)
            .had_happened();
        assert_eq!((error.code(), error.is_timeout()), (Some(code), true));
        let error = by_server("Neo.ClientError.Statement.SyntaxError");
        assert!(error.code().is_some() && !error.is_timeout());
        assert!(Error::closed().code().is_none() && !Error::closed().is_timeout());
    }
}
