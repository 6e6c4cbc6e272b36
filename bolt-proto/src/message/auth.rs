//! Who the client claims to be.

use alloc::string::String;
use core::fmt;

use crate::error::EncodeError;
use crate::message::request::Fields;

/// A token that authenticates a connection. Its `Debug` shows the scheme alone.
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
}

impl Auth {
    /// No authentication, for servers that have it switched off.
    #[must_use]
    pub fn none() -> Self {
        Self {
            scheme: "none".into(),
            principal: None,
            credentials: None,
        }
    }

    /// A user name and its password.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            scheme: "basic".into(),
            principal: Some(user.into()),
            credentials: Some(password.into()),
        }
    }

    /// The scheme, such as `basic`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    pub(crate) fn write(&self, fields: &mut Fields<'_>) -> Result<(), EncodeError> {
        fields.string("scheme", &self.scheme)?;
        if let Some(principal) = &self.principal {
            fields.string("principal", principal)?;
        }
        if let Some(credentials) = &self.credentials {
            fields.string("credentials", credentials)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}
