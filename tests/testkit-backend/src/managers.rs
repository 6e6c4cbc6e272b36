//! Auth managers, whose functions are those of the frontend.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bolt_client::{
    Auth, BasicAuthManager, BearerAuthManager, BlockingAuthManager, BoxError, ExpiringAuth, ServerError,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::answer::Failure;
use crate::config;
use crate::request::{AuthorizationToken, Message};
use crate::wire::Frontend;

/// Which manager an identifier stands for. Each driver gets one of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A manager of the frontend.
    Own,
    Basic,
    Bearer,
}

impl Kind {
    /// Returns the name of the message that answers the request for a manager.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Own => "AuthTokenManager",
            Self::Basic => "BasicAuthTokenManager",
            Self::Bearer => "BearerAuthTokenManager",
        }
    }
}

/// A manager of the frontend.
#[derive(Debug)]
pub(crate) struct OwnManager {
    frontend: Frontend,
    id: String,
    /// The tokens so far, with their messages: the driver returns no credentials.
    provided: Mutex<Vec<(Auth, Json)>>,
}

impl OwnManager {
    pub(crate) const fn new(frontend: Frontend, id: String) -> Self {
        Self {
            frontend,
            id,
            provided: Mutex::new(Vec::new()),
        }
    }
}

impl BlockingAuthManager for OwnManager {
    fn token(&self, _now: Instant) -> Result<Auth, BoxError> {
        let data = json!({"authTokenManagerId": self.id});
        let completed = ask(
            &self.frontend,
            "AuthTokenManagerGetAuthRequest",
            data,
            "AuthTokenManagerGetAuthCompleted",
        )?;
        let auth = token(&completed["auth"])?;
        let mut provided = self.provided.lock().unwrap_or_else(PoisonError::into_inner);
        if !provided.iter().any(|(known, _)| *known == auth) {
            provided.push((auth.clone(), completed["auth"].clone()));
        }
        Ok(auth)
    }

    fn rejected(&self, auth: &Auth, error: &ServerError) -> bool {
        let provided = self.provided.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, message)) = provided.iter().find(|(known, _)| known == auth) else {
            self.frontend
                .fault("a token was rejected that was never provided".to_owned());
            return false;
        };
        let data = json!({"authTokenManagerId": self.id, "auth": message, "errorCode": error.code()});
        let completed = self.frontend.ask(
            "AuthTokenManagerHandleSecurityExceptionRequest",
            data,
            "AuthTokenManagerHandleSecurityExceptionCompleted",
        );
        completed.is_some_and(|completed| completed["handled"] == true)
    }
}

/// A manager of passwords.
pub(crate) fn basic(frontend: Frontend, id: String) -> BasicAuthManager {
    BasicAuthManager::blocking(move || {
        let data = json!({"basicAuthTokenManagerId": id});
        let completed = ask(
            &frontend,
            "BasicAuthTokenProviderRequest",
            data,
            "BasicAuthTokenProviderCompleted",
        )?;
        token(&completed["auth"])
    })
}

/// A manager of tokens that expire. In Python they are replaced when they have expired, and not before.
pub(crate) fn bearer(frontend: Frontend, id: String) -> BearerAuthManager {
    let manager = BearerAuthManager::blocking(move || {
        let data = json!({"bearerAuthTokenManagerId": id});
        let completed = ask(
            &frontend,
            "BearerAuthTokenProviderRequest",
            data,
            "BearerAuthTokenProviderCompleted",
        )?;
        let auth = &completed["auth"]["data"];
        let lifetime = auth["expiresInMs"].as_u64().map(Duration::from_millis);
        Ok::<_, BoxError>(ExpiringAuth::new(token(&auth["auth"])?).expires_in(lifetime))
    });
    manager.margin(Duration::ZERO)
}

fn ask(frontend: &Frontend, name: &str, data: Json, completed: &str) -> Result<Json, BoxError> {
    let answer = frontend.ask(name, data, completed);
    answer.ok_or_else(|| format!("the frontend did not complete {name}").into())
}

fn token(message: &Json) -> Result<Auth, BoxError> {
    let token = Message::<AuthorizationToken>::deserialize(message)?;
    config::auth_of(&token.data).map_err(|failure: Failure| format!("{failure:?}").into())
}
