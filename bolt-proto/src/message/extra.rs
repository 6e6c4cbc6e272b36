//! The options of a transaction, or of an auto-commit query.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use ::serde::Serialize;

use crate::error::{EncodeError, UsageError};
use crate::message::NotificationFilter;
use crate::message::entries::Entries;
use crate::message::request::Fields;
use crate::value::ToValue;
use crate::version::{Capabilities, Version};

/// The access mode of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Access {
    /// Reads only. In a cluster any reader may run the transaction; servers refuse writes in it.
    Read,
    /// Reads and writes.
    #[default]
    Write,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// The `extra` of BEGIN, and of a RUN outside a transaction. Options that are not set are not sent.
///
/// ```
/// use bolt_proto::{Access, Extra};
/// use std::time::Duration;
///
/// let extra = Extra::default().access(Access::Read).database("neo4j").timeout(Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extra {
    own: OwnExtra,
    bookmarks: Vec<String>,
    access: Access,
    database: Option<String>,
    impersonated_user: Option<String>,
    notifications: NotificationFilter,
}

impl Extra {
    /// Sets the access mode. Default: read and write.
    #[must_use]
    pub const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// Sets the database (4.0 and later). Default: the user's home database.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Sets the time after which the server ends the transaction. Zero means never; `None` is the server's setting. Default:
    /// `None`.
    ///
    /// The timeout is sent in whole milliseconds: at least one, unless it is zero.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.own.set_timeout(timeout);
        self
    }

    /// Sets the bookmarks that the server must have reached before the transaction begins. Default: none.
    ///
    /// Empty bookmarks are left out, because servers fail on them.
    #[must_use]
    pub fn bookmarks<S: Into<String>>(mut self, bookmarks: impl IntoIterator<Item = S>) -> Self {
        self.bookmarks = bookmarks
            .into_iter()
            .map(Into::into)
            .filter(|bookmark| !bookmark.is_empty())
            .collect();
        self
    }

    /// Attaches a value to the transaction. It appears in the server's query log and in `SHOW TRANSACTIONS`.
    ///
    /// The request is refused if the value cannot be encoded.
    #[must_use]
    pub fn metadata(mut self, name: impl AsRef<str>, value: impl ToValue) -> Self {
        self.own.add_metadata(name, value);
        self
    }

    /// Attaches the fields of a struct or the entries of a map, like [`metadata`](Self::metadata).
    #[must_use]
    pub fn metadata_from<T: Serialize + ?Sized>(mut self, values: &T) -> Self {
        self.own.metadata.get_or_insert_default().add_all(values);
        self
    }

    /// Runs the transaction on behalf of this user (4.4 and later). The server must permit it.
    #[must_use]
    pub fn impersonate(mut self, user: impl Into<String>) -> Self {
        self.impersonated_user = Some(user.into());
        self
    }

    /// Sets which notifications the server leaves out (5.2 and later). Default: the setting in
    /// [HELLO](crate::Hello::notifications).
    #[must_use]
    pub fn notifications(mut self, filter: NotificationFilter) -> Self {
        self.notifications = filter;
        self
    }

    /// Returns the options, borrowed.
    pub(crate) fn view(&self) -> ExtraRef<'_, String> {
        ExtraRef {
            own: &self.own,
            access: self.access,
            bookmarks: &self.bookmarks,
            database: self.database.as_deref(),
            impersonated_user: self.impersonated_user.as_deref(),
            notifications: Some(&self.notifications),
        }
    }
}

/// The options that belong to one transaction, and not to its session. It is small, since it moves with the builders of
/// calls.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnExtra {
    timeout: Option<Duration>,
    /// Boxed, since few transactions have any.
    metadata: Option<Box<Entries>>,
}

impl OwnExtra {
    /// None of them is set.
    pub const NONE: Self = Self {
        timeout: None,
        metadata: None,
    };

    /// Does what [`Extra::timeout`] does.
    pub fn set_timeout(&mut self, timeout: impl Into<Option<Duration>>) {
        self.timeout = timeout.into();
    }

    /// Does what [`Extra::metadata`] does.
    pub fn add_metadata(&mut self, name: impl AsRef<str>, value: impl ToValue) {
        self.metadata.get_or_insert_default().add(name.as_ref(), value);
    }

    /// Returns the metadata, if there is any.
    fn entries(&self) -> Option<&Entries> {
        self.metadata.as_deref().filter(|metadata| !metadata.is_empty())
    }
}

/// The options of a transaction whose parts are elsewhere, so that sending them copies nothing.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct ExtraRef<'a, S> {
    pub own: &'a OwnExtra,
    pub access: Access,
    /// None of them is empty.
    pub bookmarks: &'a [S],
    pub database: Option<&'a str>,
    pub impersonated_user: Option<&'a str>,
    pub notifications: Option<&'a NotificationFilter>,
}

impl ExtraRef<'_, &str> {
    /// Nothing is set.
    pub const NONE: Self = Self {
        own: &OwnExtra::NONE,
        access: Access::Write,
        bookmarks: &[],
        database: None,
        impersonated_user: None,
        notifications: None,
    };
}

impl<S: AsRef<str>> ExtraRef<'_, S> {
    /// Returns whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.own.timeout.is_none()
            && self.own.entries().is_none()
            && self.access == Access::default()
            && self.bookmarks.is_empty()
            && self.database.is_none()
            && self.impersonated_user.is_none()
            && self
                .notifications
                .is_none_or(|filter| *filter == NotificationFilter::default())
    }

    /// Checks that all values could be encoded, and that the version can express all options.
    pub(crate) fn check(&self, capabilities: &Capabilities, utc: Option<bool>) -> Result<(), UsageError> {
        if let Some(metadata) = &self.own.metadata {
            metadata.check(capabilities, utc).map_err(|error| match error {
                UsageError::Encode(error) => UsageError::Encode(error.of_metadata()),
                other => other,
            })?;
        }
        let has = capabilities.version;
        match self.database {
            Some(name) if !capabilities.databases => {
                let what = format!("naming a database ({name:?})");
                return Err(UsageError::unsupported(what, Version::new(4, 0), has));
            }
            _ => {}
        }
        match self.impersonated_user {
            Some(user) if !capabilities.impersonation => {
                return Err(UsageError::impersonation(user, has));
            }
            _ => {}
        }
        match self.notifications {
            Some(filter) => filter.check(capabilities),
            None => Ok(()),
        }
    }

    /// Writes the options. Defaults are not sent, because some servers do not treat null as a default.
    pub(crate) fn write(
        &self,
        capabilities: &Capabilities,
        utc: bool,
        fields: &mut Fields<'_>,
    ) -> Result<(), EncodeError> {
        if !self.bookmarks.is_empty() {
            fields.strings("bookmarks", self.bookmarks)?;
        }
        if let Some(timeout) = self.own.timeout {
            fields.integer("tx_timeout", milliseconds(timeout))?;
        }
        if let Some(metadata) = self.own.entries() {
            fields.with("tx_metadata", |out| metadata.write(utc, out))?;
        }
        if self.access == Access::Read {
            fields.string("mode", "r")?;
        }
        fields.optional("db", self.database)?;
        fields.optional("imp_user", self.impersonated_user)?;
        match self.notifications {
            Some(filter) => filter.write(capabilities, fields),
            None => Ok(()),
        }
    }
}

/// Rounds up to milliseconds: a timeout below a millisecond must not become zero, which means "never".
fn milliseconds(timeout: Duration) -> i64 {
    let rounded = timeout.as_nanos().div_ceil(1_000_000);
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_below_a_millisecond_does_not_become_zero() {
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_millis(2500)), 2500);
        assert_eq!(milliseconds(Duration::MAX), i64::MAX);
    }

    #[test]
    fn a_database_name_needs_4_0() {
        let v3 = Capabilities::of(Version::V3).unwrap();
        let error = Extra::default()
            .database("movies")
            .view()
            .check(v3, Some(false))
            .unwrap_err();
        assert!(matches!(error, UsageError::Version { needs, .. } if needs == Version::new(4, 0)));
    }

    #[test]
    fn an_option_that_the_version_does_not_support_is_named_in_the_error() {
        let v4_3 = Capabilities::of(Version::new(4, 3)).unwrap();
        let error = Extra::default()
            .impersonate("bob")
            .view()
            .check(v4_3, Some(false))
            .unwrap_err();
        assert_eq!(
            std::format!("{error}"),
            "impersonating the user \"bob\" needs Bolt 4.4 or newer; this connection uses 4.3"
        );
        let filter = NotificationFilter::default().disable(["HINT"]);
        let error = Extra::default()
            .notifications(filter)
            .view()
            .check(v4_3, Some(false))
            .unwrap_err();
        assert!(matches!(error, UsageError::Version { needs, .. } if needs == Version::new(5, 2)));
    }

    #[test]
    fn metadata_that_cannot_be_encoded_is_named_but_its_value_is_not_shown() {
        let extra = Extra::default().metadata("secret", 42).metadata("big", u64::MAX);
        let error = extra
            .view()
            .check(Capabilities::of(Version::V6_1).unwrap(), Some(true))
            .unwrap_err();
        assert!(std::format!("{error}").contains("metadata \"big\": "), "{error}");
        let shown = std::format!("{:?}", Extra::default().metadata("secret", 42));
        assert!(shown.contains("secret") && !shown.contains("42"), "{shown}");
    }
}
