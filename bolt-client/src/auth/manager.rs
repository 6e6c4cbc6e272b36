//! The trait of managers, for applications with credentials of their own kind.

use std::future::{Future, ready};
use std::time::Instant;

use bolt_proto::{Auth, ServerError};

use super::BoxError;

/// A manager of the credentials that a driver logs in with.
///
/// [`Auth`] is the manager of credentials that never change. For a password that is rotated there is
/// [`BasicAuthManager`](crate::BasicAuthManager), for tokens that expire [`BearerAuthManager`](crate::BearerAuthManager).
/// Implement this trait for anything else, or [`BlockingAuthManager`] if there is nothing to await.
///
/// The driver calls the manager before each use of a connection, with no lock held. It makes one call of
/// [`token`](Self::token) at a time: callers that need a token meanwhile wait for the result of that call, and its
/// failure is the failure of exactly those callers. If they are dropped, the next caller continues the call.
///
/// A connection that carries another token than the present one is logged in again before its next use, together with
/// the next query and with no round trip more (Bolt 5.1 and later). Before Bolt 5.1 it is replaced. All tokens
/// of a manager must be for the same user, and the manager must not use the driver.
///
/// ```
/// # use bolt_client as bolt;
/// use std::io;
/// use std::time::Instant;
///
/// use bolt::{Auth, AuthManager, BoxError, ServerError};
///
/// /// Reads the password from a file that another program rewrites.
/// struct PasswordFile {
///     path: String,
/// }
///
/// impl AuthManager for PasswordFile {
///     async fn token(&self, _now: Instant) -> Result<Auth, BoxError> {
///         let password = read_file(&self.path).await?;
///         Ok(Auth::basic("neo4j", password.trim()))
///     }
///
///     fn rejected(&self, _auth: &Auth, error: &ServerError) -> bool {
///         // The file is read again before the next login.
///         error.code() == "Neo.ClientError.Security.Unauthorized"
///     }
/// }
///
/// # async fn read_file(path: &str) -> io::Result<String> { std::fs::read_to_string(path) }
/// # fn example() -> Result<(), bolt::Error> {
/// let manager = PasswordFile { path: "/run/secrets/neo4j".into() };
/// let config = bolt::Config::new("bolt+s://db.example.com", manager)?;
/// # Ok(()) }
/// ```
pub trait AuthManager: Send + Sync + 'static {
    /// Returns the present credentials. Called before each use of a connection, so the manager keeps what is slow to
    /// get. `now` is the time by the driver's clock.
    ///
    /// # Errors
    /// Any error. The calls that wait for it fail with [`ErrorKind::Auth`](crate::ErrorKind::Auth), and it is their
    /// [`source`](std::error::Error::source).
    ///
    /// # Cancel safety
    /// The driver may drop the future at any await: if nothing waits for it any more, the driver drops it after the
    /// [`connection_timeout`](crate::Config::connection_timeout).
    fn token(&self, now: Instant) -> impl Future<Output = Result<Auth, BoxError>> + Send;

    /// Returns the present credentials if they are at hand. [`token`](Self::token) is called if they are not.
    ///
    /// Default: `None`. A manager that keeps its credentials returns them here, which spares each query a future.
    fn current(&self, now: Instant) -> Option<Auth> {
        let _ = now;
        None
    }

    /// Notes that a server has rejected `auth`: at a login, or later with a code of the class
    /// `Neo.ClientError.Security`. Returns whether the manager expects to have other credentials. If it does, the
    /// error [is retryable](crate::Error::is_retryable): transaction functions and `execute_query` are retried.
    ///
    /// Called while a query is being polled: it must not block, and must not use the driver. Several queries may
    /// report the same `auth`; a manager compares it with its present credentials. Default: `false`.
    fn rejected(&self, auth: &Auth, error: &ServerError) -> bool {
        let _ = (auth, error);
        false
    }
}

/// Credentials that never change.
impl AuthManager for Auth {
    fn token(&self, _now: Instant) -> impl Future<Output = Result<Self, BoxError>> + Send {
        ready(Ok(self.clone()))
    }

    fn current(&self, _now: Instant) -> Option<Auth> {
        Some(self.clone())
    }
}

/// An [`AuthManager`] that has nothing to await, because it blocks the thread or only computes. [`BlockingManager`] makes
/// an `AuthManager` of it.
///
/// On an async runtime it must not block for long, since other tasks of the thread wait meanwhile.
///
/// Amazon Neptune expects a request signed with AWS Signature Version 4 as the credentials of each login:
///
/// ```
/// # use bolt_client as bolt;
/// use std::time::Instant;
///
/// use bolt::{Auth, BlockingAuthManager, BlockingManager, BoxError};
///
/// struct Neptune {
///     host: String,
///     region: String,
/// }
///
/// impl BlockingAuthManager for Neptune {
///     fn token(&self, _now: Instant) -> Result<Auth, BoxError> {
///         // The headers of a signed `GET https://{host}/opencypher`, as the crate `aws-sigv4` returns them.
///         let signed = sign_request(&self.host, &self.region)?;
///         let credentials = format!(
///             r#"{{"Authorization":"{}","HttpMethod":"GET","X-Amz-Date":"{}","Host":"{}","X-Amz-Security-Token":"{}"}}"#,
///             signed.authorization, signed.date, self.host, signed.session_token,
///         );
///         Ok(Auth::custom("basic", "username", credentials).realm("realm"))
///     }
/// }
///
/// # struct Signed { authorization: String, date: String, session_token: String }
/// # fn sign_request(_: &str, _: &str) -> Result<Signed, BoxError> {
/// #     Ok(Signed { authorization: String::new(), date: String::new(), session_token: String::new() })
/// # }
/// # fn example() -> Result<(), bolt::Error> {
/// let neptune = Neptune {
///     host: "db.cluster-x.eu-central-1.neptune.amazonaws.com:8182".into(),
///     region: "eu-central-1".into(),
/// };
/// let uri = format!("bolt+s://{}", neptune.host);
/// let config = bolt::Config::new(&uri, BlockingManager(neptune))?;
/// # Ok(()) }
/// ```
///
/// A signature is valid for five minutes; a connection that was logged in with it stays usable. A manager that returns a
/// new signature each time would log in again before each query, so a real one keeps it for a few minutes.
pub trait BlockingAuthManager: Send + Sync + 'static {
    /// Returns the present credentials: see [`AuthManager::token`].
    ///
    /// # Errors
    /// As [`AuthManager::token`].
    fn token(&self, now: Instant) -> Result<Auth, BoxError>;

    /// Returns the present credentials if they are at hand: see [`AuthManager::current`].
    fn current(&self, now: Instant) -> Option<Auth> {
        let _ = now;
        None
    }

    /// Notes that a server has rejected `auth`: see [`AuthManager::rejected`].
    fn rejected(&self, auth: &Auth, error: &ServerError) -> bool {
        let _ = (auth, error);
        false
    }
}

/// A [`BlockingAuthManager`] as an [`AuthManager`].
#[derive(Debug, Clone, Copy)]
pub struct BlockingManager<M>(pub M);

impl<M: BlockingAuthManager> AuthManager for BlockingManager<M> {
    async fn token(&self, now: Instant) -> Result<Auth, BoxError> {
        self.0.token(now)
    }

    fn current(&self, now: Instant) -> Option<Auth> {
        self.0.current(now)
    }

    fn rejected(&self, auth: &Auth, error: &ServerError) -> bool {
        self.0.rejected(auth, error)
    }
}
