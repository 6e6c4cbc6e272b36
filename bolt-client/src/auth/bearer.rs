//! Tokens that expire.

use std::fmt;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bolt_proto::{Auth, ServerError};

use super::basic::UNAUTHORIZED;
use super::{AuthManager, BoxError, Provider};

/// A manager of tokens that expire, such as those of a single sign-on provider. It asks its provider for the next token
/// before the present one expires, and once a server has rejected it.
///
/// ```no_run
/// # use bolt_client as bolt;
/// use std::time::Duration;
///
/// use bolt::{Auth, BearerAuthManager, BoxError, Config, ExpiringAuth};
///
/// let manager = BearerAuthManager::new(|| async {
///     let token = request_token().await?;
///     let lifetime = Duration::from_secs(token.expires_in);
///     Ok::<_, BoxError>(ExpiringAuth::new(Auth::bearer(token.access_token)).expires_in(lifetime))
/// })
/// .margin(Duration::from_secs(30));
/// let config = Config::new("bolt+s://db.example.com", manager)?;
/// # struct Token { access_token: String, expires_in: u64 }
/// # async fn request_token() -> Result<Token, BoxError> { Err("no provider".into()) }
/// # Ok::<(), bolt::Error>(())
/// ```
///
/// The provider must not use the driver.
pub struct BearerAuthManager {
    provider: Provider<ExpiringAuth>,
    margin: Duration,
    current: Mutex<Option<Held>>,
}

/// Credentials with the time for which they are valid, as a provider returns them to a [`BearerAuthManager`].
#[derive(Debug, Clone)]
pub struct ExpiringAuth {
    auth: Auth,
    expires_in: Option<Duration>,
}

/// The present token.
struct Held {
    auth: Auth,
    /// When the next token is needed; `None` for never.
    refresh_at: Option<Instant>,
}

impl ExpiringAuth {
    /// Wraps credentials that do not expire.
    #[must_use]
    pub const fn new(auth: Auth) -> Self {
        Self {
            auth,
            expires_in: None,
        }
    }

    /// Sets for how long the credentials are valid, from the call of the provider on. Default: `None`, for ever.
    ///
    /// A token that names the instant of its end, as a JWT does in `exp`, is valid for the time from now until then.
    #[must_use]
    pub fn expires_in(mut self, lifetime: impl Into<Option<Duration>>) -> Self {
        self.expires_in = lifetime.into();
        self
    }
}

impl From<Auth> for ExpiringAuth {
    fn from(auth: Auth) -> Self {
        Self::new(auth)
    }
}

impl BearerAuthManager {
    /// Creates a manager. `provider` is called before the first login, before a token expires, and after
    /// `Neo.ClientError.Security.TokenExpired` or `Unauthorized`.
    pub fn new<F, E>(provider: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<ExpiringAuth, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self::with(Provider::new(provider))
    }

    /// As [`new`](Self::new), with a provider that has nothing to await.
    pub fn blocking<E>(provider: impl Fn() -> Result<ExpiringAuth, E> + Send + Sync + 'static) -> Self
    where
        E: Into<BoxError>,
    {
        Self::with(Provider::blocking(provider))
    }

    /// Sets how long before its end a token is replaced, but never before half of its lifetime. Default: 5 seconds.
    #[must_use]
    pub const fn margin(mut self, margin: Duration) -> Self {
        self.margin = margin;
        self
    }

    const fn with(provider: Provider<ExpiringAuth>) -> Self {
        Self {
            provider,
            margin: Duration::from_secs(5),
            current: Mutex::new(None),
        }
    }

    /// Returns when a token is replaced that was requested at `now`.
    fn refresh_at(&self, lifetime: Option<Duration>, now: Instant) -> Option<Instant> {
        let lifetime = lifetime?;
        now.checked_add(lifetime - self.margin.min(lifetime / 2))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuthManager for BearerAuthManager {
    async fn token(&self, now: Instant) -> Result<Auth, BoxError> {
        if let Some(auth) = self.current(now) {
            return Ok(auth);
        }
        let ExpiringAuth { auth, expires_in } = self.provider.call().await?;
        // The lifetime counts from before the call, however long it took.
        let refresh_at = self.refresh_at(expires_in, now);
        *self.lock() = Some(Held {
            auth: auth.clone(),
            refresh_at,
        });
        Ok(auth)
    }

    fn current(&self, now: Instant) -> Option<Auth> {
        let current = self.lock();
        let held = current.as_ref()?;
        let is_valid = held.refresh_at.is_none_or(|at| now < at);
        is_valid.then(|| held.auth.clone())
    }

    fn rejected(&self, auth: &Auth, error: &ServerError) -> bool {
        if ![UNAUTHORIZED, TOKEN_EXPIRED].contains(&error.name()) {
            return false;
        }
        let mut current = self.lock();
        if current.as_ref().is_some_and(|held| held.auth == *auth) {
            *current = None;
        }
        true
    }
}

const TOKEN_EXPIRED: &str = "ClientError.Security.TokenExpired";

impl fmt::Debug for BearerAuthManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerAuthManager")
            .field("margin", &self.margin)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Waker};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A manager whose tokens are numbered, and live for `lifetime`.
    fn numbered(lifetime: Option<Duration>) -> BearerAuthManager {
        let calls = Arc::new(AtomicU32::new(0));
        BearerAuthManager::blocking(move || {
            let number = calls.fetch_add(1, Ordering::Relaxed);
            Ok::<_, BoxError>(ExpiringAuth::new(nth(number)).expires_in(lifetime))
        })
    }

    fn nth(number: u32) -> Auth {
        Auth::bearer(format!("token {number}"))
    }

    fn token(manager: &BearerAuthManager, now: Instant) -> Auth {
        let mut asked = std::pin::pin!(manager.token(now));
        match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            std::task::Poll::Ready(token) => token.unwrap(),
            std::task::Poll::Pending => panic!("the provider does not wait"),
        }
    }

    #[test]
    fn a_token_is_replaced_a_margin_before_its_end() {
        let start = Instant::now();
        let manager = numbered(Some(60 * SECOND)).margin(10 * SECOND);
        assert_eq!(manager.current(start), None);
        assert_eq!(token(&manager, start), nth(0));
        assert_eq!(manager.current(start + 49 * SECOND), Some(nth(0)));
        assert_eq!(manager.current(start + 50 * SECOND), None);
        assert_eq!(token(&manager, start + 50 * SECOND), nth(1));
        assert_eq!(manager.current(start + 99 * SECOND), Some(nth(1)));
    }

    #[test]
    fn a_margin_takes_no_more_than_half_of_a_lifetime() {
        let start = Instant::now();
        let manager = numbered(Some(4 * SECOND)).margin(3600 * SECOND);
        token(&manager, start);
        assert_eq!(manager.current(start + SECOND), Some(nth(0)));
        assert_eq!(manager.current(start + 2 * SECOND), None);
    }

    #[test]
    fn a_token_without_an_end_stays_until_it_is_rejected() {
        let start = Instant::now();
        for lifetime in [None, Some(Duration::MAX)] {
            let manager = numbered(lifetime);
            token(&manager, start);
            let expired = ServerError::new("Neo.ClientError.Security.TokenExpired", "over");
            let forbidden = ServerError::new("Neo.ClientError.Security.Forbidden", "no");
            assert!(!manager.rejected(&nth(0), &forbidden));
            assert_eq!(manager.current(start + 10_000 * SECOND), Some(nth(0)));
            assert!(manager.rejected(&nth(0), &expired));
            assert_eq!(token(&manager, start), nth(1));
            // A late report about the first token does not concern the second.
            assert!(manager.rejected(&nth(0), &expired));
            assert_eq!(manager.current(start), Some(nth(1)));
        }
    }
}
