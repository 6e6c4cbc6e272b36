//! Who may log on.

use std::fmt;

use async_trait::async_trait;
use boltr::error::BoltError;
use boltr::server::{AuthCredentials, AuthInfo, AuthValidator};

/// The one account of the server.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// Lets the account in by basic authentication, and nobody else.
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
        // One answer for all of them: it does not tell which part was wrong.
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
