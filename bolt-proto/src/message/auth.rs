//! Who the client claims to be.

use alloc::string::String;
use core::fmt;

use crate::error::{EncodeError, UsageError};
use crate::message::entries::Entries;
use crate::message::request::Fields;
use crate::value::ToValue;
use crate::version::{Capabilities, Utc};

/// A token that authenticates a connection: the field of LOGON, or, up to Bolt 5.0, a part of HELLO. Its `Debug`
/// shows the scheme alone.
///
/// ```
/// use bolt_proto::Auth;
///
/// let auth = Auth::basic("neo4j", "secret");
/// assert!(!format!("{auth:?}").contains("secret"));
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
    /// No authentication, for servers that have it switched off.
    #[must_use]
    pub fn none() -> Self {
        Self::scheme_of("none")
    }

    /// A user name and its password.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            principal: Some(user.into()),
            credentials: Some(password.into()),
            ..Self::scheme_of("basic")
        }
    }

    /// A token of a single sign-on provider.
    #[must_use]
    pub fn bearer(token: impl Into<String>) -> Self {
        Self {
            credentials: Some(token.into()),
            ..Self::scheme_of("bearer")
        }
    }

    /// A Kerberos ticket, in Base64.
    #[must_use]
    pub fn kerberos(ticket: impl Into<String>) -> Self {
        // Servers before 4.4 insist on the key `principal`.
        Self {
            principal: Some(String::new()),
            credentials: Some(ticket.into()),
            ..Self::scheme_of("kerberos")
        }
    }

    /// Any other scheme, as a plug-in of the server defines it. Empty credentials are not sent.
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

    /// The realm, where a server has several providers that take the same scheme. An empty one is not sent.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into()).filter(|realm: &String| !realm.is_empty());
        self
    }

    /// Another value for a [custom](Self::custom) scheme. One that cannot be sent is refused by the login.
    #[must_use]
    pub fn parameter(mut self, name: impl AsRef<str>, value: impl ToValue) -> Self {
        self.parameters.add(name.as_ref(), value);
        self
    }

    /// The scheme, such as `basic`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether a connection can carry everything.
    pub(crate) fn check(&self, capabilities: &Capabilities) -> Result<(), UsageError> {
        // Before the answer to HELLO the form is unknown where there are two.
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
