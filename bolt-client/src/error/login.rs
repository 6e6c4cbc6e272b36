//! Which login failed.

use std::fmt;

use bolt_proto::{Auth, ServerError};

use super::{Error, Reason};

/// A login, without its credentials.
#[derive(Debug)]
pub(super) struct Login {
    address: String,
    scheme: String,
    principal: Option<String>,
}

impl Error {
    /// The server refused the login at this address.
    pub(crate) fn login(error: ServerError, address: &dyn fmt::Display, auth: &Auth) -> Self {
        let login = Login {
            address: address.to_string(),
            scheme: auth.scheme().to_owned(),
            principal: auth.principal().map(str::to_owned),
        };
        Reason::Login { error, login }.into()
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "logging in to {} ", self.address)?;
        match &self.principal {
            Some(user) => write!(f, "as {user:?}"),
            None => write!(f, "with the scheme {:?}", self.scheme),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;
    use crate::address::Address;
    use crate::error::ErrorKind;

    const UNAUTHORIZED: &str = "Neo.ClientError.Security.Unauthorized";

    fn refused(code: &str, auth: &Auth) -> Error {
        let address = Address::new("localhost", 7687);
        Error::login(ServerError::new(code, "no"), &address, auth)
    }

    #[test]
    fn a_failed_login_names_the_address_and_the_user_and_never_the_password() {
        let error = refused(UNAUTHORIZED, &Auth::basic("neo4j", "secret"));
        assert_eq!(
            error.to_string(),
            format!("{UNAUTHORIZED}: no (logging in to localhost:7687 as \"neo4j\")")
        );
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::Auth, Some(UNAUTHORIZED))
        );
        assert!(!error.is_retryable() && error.source().is_none());
        assert!(!format!("{error:?}").contains("secret"));
    }

    #[test]
    fn a_failed_login_without_a_user_names_the_scheme() {
        for auth in [Auth::bearer("secret"), Auth::kerberos("secret")] {
            let text = refused(UNAUTHORIZED, &auth).to_string();
            let end = format!(
                "(logging in to localhost:7687 with the scheme {:?})",
                auth.scheme()
            );
            assert!(text.ends_with(&end), "{text}");
        }
    }

    #[test]
    fn a_remedy_stands_before_the_login() {
        let error = refused(
            "Neo.ClientError.Security.CredentialsExpired",
            &Auth::basic("a\n", "b"),
        );
        let text = error.to_string();
        assert!(text.contains("(the password must be changed first"), "{text}");
        assert!(
            text.ends_with("; logging in to localhost:7687 as \"a\\n\")"),
            "{text}"
        );
    }

    #[test]
    fn a_login_that_fails_for_a_moment_is_retried() {
        let error = refused("Neo.TransientError.General.DatabaseUnavailable", &Auth::none());
        assert!(error.is_retryable() && error.server().is_some());
    }
}
