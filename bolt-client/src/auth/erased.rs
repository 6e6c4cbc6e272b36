//! Managers of any type.

use std::any::Any;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::time::Instant;

use bolt_proto::{Auth, ServerError};

use crate::runtime::BoxFuture;

use super::{AuthManager, BoxError};

/// The manager of a driver, of whatever type. Clones are the same manager.
#[derive(Clone)]
pub(crate) enum AuthSource {
    /// Credentials that never change.
    Fixed(Auth),
    Managed(Arc<dyn Manager>),
}

impl AuthSource {
    pub(crate) fn new(manager: impl AuthManager) -> Self {
        match (&manager as &dyn Any).downcast_ref::<Auth>() {
            Some(auth) => Self::Fixed(auth.clone()),
            None => Self::Managed(Arc::new(manager)),
        }
    }

    pub(crate) const fn is_fixed(&self) -> bool {
        matches!(self, Self::Fixed(_))
    }

    pub(crate) fn current(&self, now: Instant) -> Option<Auth> {
        match self {
            Self::Fixed(auth) => Some(auth.clone()),
            Self::Managed(manager) => manager.current(now),
        }
    }

    pub(crate) fn token(&self, now: Instant) -> BoxFuture<'static, Result<Auth, BoxError>> {
        match self {
            Self::Fixed(auth) => Box::pin(ready(Ok(auth.clone()))),
            Self::Managed(manager) => Arc::clone(manager).token(now),
        }
    }

    pub(crate) fn rejected(&self, auth: &Auth, error: &ServerError) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::Managed(manager) => manager.rejected(auth, error),
        }
    }
}

/// [`AuthManager`] without its opaque future.
pub(crate) trait Manager: Send + Sync {
    fn current(&self, now: Instant) -> Option<Auth>;
    fn token(self: Arc<Self>, now: Instant) -> BoxFuture<'static, Result<Auth, BoxError>>;
    fn rejected(&self, auth: &Auth, error: &ServerError) -> bool;
}

impl<M: AuthManager> Manager for M {
    fn current(&self, now: Instant) -> Option<Auth> {
        AuthManager::current(self, now)
    }

    fn token(self: Arc<Self>, now: Instant) -> BoxFuture<'static, Result<Auth, BoxError>> {
        Box::pin(async move { AuthManager::token(&*self, now).await })
    }

    fn rejected(&self, auth: &Auth, error: &ServerError) -> bool {
        AuthManager::rejected(self, auth, error)
    }
}

/// Shows nothing: a manager holds credentials.
impl fmt::Debug for AuthSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthManager")
    }
}
