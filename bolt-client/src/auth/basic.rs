//! Passwords that are rotated.

use std::fmt;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bolt_proto::{Auth, ServerError};

use super::{AuthManager, BoxError, Provider};

/// A manager of a password that is rotated. It asks its provider again once a server has rejected the password.
///
/// ```
/// # use bolt_client as bolt;
/// use bolt::{Auth, BasicAuthManager, BoxError, Config};
///
/// let manager = BasicAuthManager::new(|| async {
///     let password = fetch_secret("neo4j-password").await?;
///     Ok::<_, BoxError>(Auth::basic("neo4j", password))
/// });
/// let config = Config::new("bolt://localhost:7687", manager)?;
/// # async fn fetch_secret(_: &str) -> Result<String, BoxError> { Ok(String::new()) }
/// # Ok::<(), bolt::Error>(())
/// ```
///
/// The provider must not use the driver.
pub struct BasicAuthManager {
    provider: Provider<Auth>,
    current: Mutex<Option<Auth>>,
}

impl BasicAuthManager {
    /// Creates a manager. `provider` is called before the first login, and again after
    /// `Neo.ClientError.Security.Unauthorized`.
    pub fn new<F, E>(provider: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Auth, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self::with(Provider::new(provider))
    }

    /// As [`new`](Self::new), with a provider that has nothing to await.
    pub fn blocking<E>(provider: impl Fn() -> Result<Auth, E> + Send + Sync + 'static) -> Self
    where
        E: Into<BoxError>,
    {
        Self::with(Provider::blocking(provider))
    }

    const fn with(provider: Provider<Auth>) -> Self {
        Self {
            provider,
            current: Mutex::new(None),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Auth>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuthManager for BasicAuthManager {
    async fn token(&self, now: Instant) -> Result<Auth, BoxError> {
        if let Some(auth) = self.current(now) {
            return Ok(auth);
        }
        let auth = self.provider.call().await?;
        *self.lock() = Some(auth.clone());
        Ok(auth)
    }

    fn current(&self, _now: Instant) -> Option<Auth> {
        self.lock().clone()
    }

    fn rejected(&self, auth: &Auth, error: &ServerError) -> bool {
        if error.name() != UNAUTHORIZED {
            return false;
        }
        let mut current = self.lock();
        if current.as_ref() == Some(auth) {
            *current = None;
        }
        true
    }
}

/// The part of the code after that of the vendor.
pub(super) const UNAUTHORIZED: &str = "ClientError.Security.Unauthorized";

impl fmt::Debug for BasicAuthManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuthManager").finish_non_exhaustive()
    }
}
