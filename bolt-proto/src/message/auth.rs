//! Authentication tokens.

use alloc::string::String;
use core::fmt;

use crate::error::{EncodeError, UsageError};
use crate::message::entries::Entries;
use crate::message::request::Fields;
use crate::value::ToValue;
use crate::version::{Capabilities, Utc};

/// An authentication token: the field of LOGON, or, up to Bolt 5.0, a part of HELLO.
///
/// `Debug` shows only the scheme.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::Auth;
///
/// let auth = Auth::basic("neo4j", "secret");
/// assert!(!format!("{auth:?}").contains("secret"));
///
/// // A plug-in of the server may define its own scheme:
/// let custom = Auth::custom("api-key", "billing", "0123").realm("eu").parameter("tenant", 7);
/// assert_eq!(custom.scheme(), "api-key");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Auth {
    scheme: String,
    principal: Option<String>,
    credentials: Option<String>,
    realm: Option<String>,
    parameters: Entries,
}

impl Auth {
    /// Creates a token for servers with authentication disabled.
    #[must_use]
    pub fn none() -> Self {
        Self::scheme_of("none")
    }

    /// Creates a token from a user name and a password.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            principal: Some(user.into()),
            credentials: Some(password.into()),
            ..Self::scheme_of("basic")
        }
    }

    /// Creates a token from a token of a single sign-on provider.
    #[must_use]
    pub fn bearer(token: impl Into<String>) -> Self {
        Self {
            credentials: Some(token.into()),
            ..Self::scheme_of("bearer")
        }
    }

    /// Creates a token from a Kerberos ticket, in Base64.
    #[must_use]
    pub fn kerberos(ticket: impl Into<String>) -> Self {
        // Servers before 4.4 require the key `principal`.
        Self {
            principal: Some(String::new()),
            credentials: Some(ticket.into()),
            ..Self::scheme_of("kerberos")
        }
    }

    /// Creates a token for any other scheme, which a plug-in of the server defines. Empty credentials are not sent.
    #[must_use]
    pub fn custom(
        scheme: impl Into<String>,
        principal: impl Into<String>,
        credentials: impl Into<String>,
    ) -> Self {
        Self {
            principal: Some(principal.into()),
            credentials: Some(credentials.into()).filter(|credentials: &String| !credentials.is_empty()),
            ..Self::scheme_of(scheme)
        }
    }

    /// Sets the realm, for servers with several providers of the same scheme. An empty realm is not sent.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into()).filter(|realm: &String| !realm.is_empty());
        self
    }

    /// Adds a parameter for a [custom](Self::custom) scheme. The login fails if the value cannot be encoded.
    #[must_use]
    pub fn parameter(mut self, name: impl AsRef<str>, value: impl ToValue) -> Self {
        self.parameters.add(name.as_ref(), value);
        self
    }

    /// Returns the scheme, such as `basic`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Checks that a connection can carry all values.
    pub(crate) fn check(&self, capabilities: &Capabilities) -> Result<(), UsageError> {
        // Where a version has two forms, the form is unknown before the answer to HELLO.
        let utc = match capabilities.utc {
            Utc::Never => Some(false),
            Utc::Patch => None,
            Utc::Always => Some(true),
        };
        self.parameters.check(capabilities, utc)
    }

    pub(crate) fn write(&self, utc: bool, fields: &mut Fields<'_>) -> Result<(), EncodeError> {
        fields.string("scheme", &self.scheme)?;
        fields.optional("principal", self.principal.as_deref())?;
        fields.optional("credentials", self.credentials.as_deref())?;
        fields.optional("realm", self.realm.as_deref())?;
        if self.parameters.is_empty() {
            return Ok(());
        }
        fields.with("parameters", |out| self.parameters.write(utc, out))
    }

    fn scheme_of(scheme: impl Into<String>) -> Self {
        Self {
            scheme: scheme.into(),
            principal: None,
            credentials: None,
            realm: None,
            parameters: Entries::default(),
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}
