//! Managers of any type.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use bolt_proto::{Auth, ServerError};

use crate::runtime::BoxFuture;

use super::{AuthManager, BoxError};

/// The manager of a driver, of whatever type. Clones are the same manager.
#[derive(Clone)]
pub(crate) struct AuthSource(Arc<dyn Manager>);

impl AuthSource {
    pub(crate) fn new(manager: impl AuthManager) -> Self {
        Self(Arc::new(manager))
    }

    pub(crate) fn current(&self, now: Instant) -> Option<Auth> {
        self.0.current(now)
    }

    pub(crate) fn token(&self, now: Instant) -> BoxFuture<'static, Result<Auth, BoxError>> {
        Arc::clone(&self.0).token(now)
    }

    pub(crate) fn rejected(&self, auth: &Auth, error: &ServerError) -> bool {
        self.0.rejected(auth, error)
    }
}

/// [`AuthManager`] without its opaque future.
trait Manager: Send + Sync {
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
