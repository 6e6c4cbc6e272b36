//! Authentication.

use std::fmt;

use async_trait::async_trait;
use boltr::error::BoltError;
use boltr::server::{AuthCredentials, AuthInfo, AuthValidator};

/// The only account of the server.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// Accepts only this account, by basic authentication.
#[async_trait]
impl AuthValidator for Account {
    async fn validate(&self, credentials: &AuthCredentials) -> Result<AuthInfo, BoltError> {
        let basic = credentials.scheme == "basic";
        let user = credentials.principal.as_deref() == Some(&self.user);
        let password = credentials.credentials.as_deref() == Some(&self.password);
        if basic && user && password {
            return Ok(AuthInfo {
                principal: self.user.clone(),
                credentials_expired: false,
            });
        }
        // The same answer for all failures: it does not reveal which part was wrong.
        Err(BoltError::Authentication(
            "The client is unauthorized due to authentication failure.".to_owned(),
        ))
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
