//! Authentication tokens.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::error::{EncodeError, UsageError};
use crate::message::entries::SecretEntries;
use crate::message::request::Fields;
use crate::secret::Secret;
use crate::value::ToValue;
use crate::version::{Capabilities, Utc};

/// An authentication token: the field of LOGON, or, up to Bolt 5.0, a part of HELLO.
///
/// Clones share one copy of the credentials, which is wiped from memory when the last of them is dropped. `Debug`
/// shows only the scheme. `Hash` takes in all of the token, so the hasher should be keyed at random, as that of `HashMap` is.
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
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Auth(Arc<Token>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Token {
    scheme: String,
    principal: Option<String>,
    credentials: Option<Secret>,
    realm: Option<String>,
    parameters: SecretEntries,
}

/// The size of the keys in an encoded token, and of all headers.
const KEYS: usize = 128;

impl Auth {
    /// Creates a token for servers with authentication disabled.
    #[must_use]
    pub fn none() -> Self {
        Self(Arc::new(Token::new("none")))
    }

    /// Creates a token from a user name and a password.
    #[must_use]
    pub fn basic(user: impl Into<String>, password: impl Into<String>) -> Self {
        let token = Token {
            principal: Some(user.into()),
            ..Token::new("basic")
        };
        token.with(password)
    }

    /// Creates a token from a token of a single sign-on provider.
    #[must_use]
    pub fn bearer(token: impl Into<String>) -> Self {
        Token::new("bearer").with(token)
    }

    /// Creates a token from a Kerberos ticket, in Base64.
    #[must_use]
    pub fn kerberos(ticket: impl Into<String>) -> Self {
        let token = Token {
            // Servers before 4.4 require the key `principal`.
            principal: Some(String::new()),
            ..Token::new("kerberos")
        };
        token.with(ticket)
    }

    /// Creates a token for any other scheme, which a plug-in of the server defines. Empty credentials are not sent.
    #[must_use]
    pub fn custom(
        scheme: impl Into<String>,
        principal: impl Into<String>,
        credentials: impl Into<String>,
    ) -> Self {
        let token = Token {
            principal: Some(principal.into()),
            ..Token::new(scheme)
        };
        let credentials = credentials.into();
        if credentials.is_empty() {
            return Self(Arc::new(token));
        }
        token.with(credentials)
    }

    /// Sets the realm, for servers with several providers of the same scheme. An empty realm is not sent.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).realm = Some(realm.into()).filter(|realm: &String| !realm.is_empty());
        self
    }

    /// Adds a parameter for a [custom](Self::custom) scheme. The login fails if the value cannot be encoded.
    ///
    /// Parameters count as credentials. A list or map that takes more than 4 KiB may leave parts of itself in freed memory.
    #[must_use]
    pub fn parameter(mut self, name: impl AsRef<str>, value: impl ToValue) -> Self {
        Arc::make_mut(&mut self.0).parameters.add(name.as_ref(), &value);
        self
    }

    /// Returns the scheme, such as `basic`.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.0.scheme
    }

    /// Returns the user name, or the principal of a custom scheme. `None` if there is none.
    #[must_use]
    pub fn principal(&self) -> Option<&str> {
        self.0
            .principal
            .as_deref()
            .filter(|principal| !principal.is_empty())
    }

    /// Checks that a connection can carry all values.
    pub(crate) fn check(&self, capabilities: &Capabilities) -> Result<(), UsageError> {
        // Where a version has two forms, the form is unknown before the answer to HELLO.
        let utc = match capabilities.utc {
            Utc::Never => Some(false),
            Utc::Patch => None,
            Utc::Always => Some(true),
        };
        self.0.parameters.check(capabilities, utc)
    }

    /// Writes the entries. The buffer must contain no other secret: it may grow before the first entry.
    pub(crate) fn write(&self, utc: bool, fields: &mut Fields<'_>) -> Result<(), EncodeError> {
        let token = &*self.0;
        fields.reserve(token.encoded_len());
        fields.string("scheme", &token.scheme)?;
        fields.optional("principal", token.principal.as_deref())?;
        fields.optional("credentials", token.credentials.as_ref().map(Secret::expose))?;
        fields.optional("realm", token.realm.as_deref())?;
        if token.parameters.is_empty() {
            return Ok(());
        }
        fields.with("parameters", |out| token.parameters.write(utc, out))
    }
}

impl Token {
    fn new(scheme: impl Into<String>) -> Self {
        Self {
            scheme: scheme.into(),
            principal: None,
            credentials: None,
            realm: None,
            parameters: SecretEntries::default(),
        }
    }

    fn with(mut self, credentials: impl Into<String>) -> Auth {
        self.credentials = Some(Secret::new(credentials.into()));
        Auth(Arc::new(self))
    }

    /// Returns the most bytes that the entries take.
    fn encoded_len(&self) -> usize {
        let len = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let credentials = self.credentials.as_ref().map_or(0, |text| text.expose().len());
        [
            self.scheme.len(),
            len(&self.principal),
            credentials,
            len(&self.realm),
            self.parameters.encoded_len(),
            KEYS,
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth")
            .field("scheme", &self.0.scheme)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::message::request;
    use crate::value::{DateTime, UtcOffset};

    fn some_auths() -> Vec<Auth> {
        let long = "x".repeat(70_000);
        let offset = UtcOffset::from_seconds(64_800).unwrap();
        let mut with_many = Auth::custom("api-key", long.as_str(), long.as_str()).realm(long.as_str());
        for number in 0..100 {
            let at = DateTime::from_unix(-number, 0, offset).unwrap();
            with_many = with_many.parameter(alloc::format!("n{number}"), at);
        }
        alloc::vec![
            Auth::none(),
            Auth::basic("neo4j", "secret"),
            Auth::bearer(long.as_str()),
            Auth::kerberos("dGlja2V0"),
            Auth::custom("x", "me", "")
                .parameter("long", long.as_str())
                .parameter("list", &[1; 9000][..]),
            with_many,
        ]
    }

    #[test]
    fn room_for_a_whole_token_is_made_before_its_first_byte() {
        for (auth, utc) in some_auths().iter().flat_map(|auth| [(auth, true), (auth, false)]) {
            let mut out = Vec::new();
            let mut memory = core::ptr::null();
            request::map(&mut out, |fields| {
                fields.reserve(auth.0.encoded_len());
                memory = fields.memory();
                auth.write(utc, fields)
            })
            .unwrap();
            assert_eq!(out.as_ptr(), memory, "{auth:?}");
        }
    }

    #[test]
    fn clones_share_the_credentials_until_one_is_changed() {
        let auth = Auth::basic("neo4j", "secret");
        let clone = auth.clone();
        assert!(Arc::ptr_eq(&auth.0, &clone.0));
        let other = clone.realm("eu").parameter("tenant", 7);
        assert_ne!(other, auth);
        assert_eq!(auth, Auth::basic("neo4j", "secret"));
    }
}
