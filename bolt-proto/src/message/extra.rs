//! The options of a transaction, or of a query that is its own transaction.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use ::serde::Serialize;

use crate::error::{EncodeError, UsageError};
use crate::message::NotificationFilter;
use crate::message::entries::Entries;
use crate::message::request::Fields;
use crate::value::ToValue;
use crate::version::{Capabilities, Version};

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Access {
    /// Reads only. In a cluster it may run on any reader; a server refuses writes under it.
    Read,
    /// Reads and writes.
    #[default]
    Write,
}

/// The `extra` of BEGIN, and of a RUN outside a transaction. What is not set is not sent.
///
/// ```
/// use bolt_proto::{Access, Extra};
/// use std::time::Duration;
///
/// let extra = Extra::default().access(Access::Read).database("neo4j").timeout(Duration::from_secs(5));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extra {
    bookmarks: Vec<String>,
    timeout: Option<Duration>,
    metadata: Entries,
    access: Access,
    database: Option<String>,
    impersonated_user: Option<String>,
    notifications: NotificationFilter,
}

impl Extra {
    /// What the transaction may do. Default: read and write.
    #[must_use]
    pub const fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    /// The database to run on (4.0 and later). Default: the user's home database.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Sets after which time the server ends the transaction; zero means never. Sent in whole milliseconds, at least
    /// one unless it is zero. `None` for the server's own setting. Default: `None`.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// The transaction sees everything that these bookmarks stand for. Empty ones, which servers choke on, are left
    /// out. Default: none.
    #[must_use]
    pub fn bookmarks<S: Into<String>>(mut self, bookmarks: impl IntoIterator<Item = S>) -> Self {
        self.bookmarks = bookmarks
            .into_iter()
            .map(Into::into)
            .filter(|bookmark| !bookmark.is_empty())
            .collect();
        self
    }

    /// Attaches a value to the transaction, which shows up in the server's query log and in `SHOW TRANSACTIONS`. One
    /// that cannot be sent is refused by the request.
    #[must_use]
    pub fn metadata(mut self, name: impl AsRef<str>, value: impl ToValue) -> Self {
        self.metadata.add(name.as_ref(), value);
        self
    }

    /// As [`metadata`](Self::metadata), for the fields of a struct or the entries of a map.
    #[must_use]
    pub fn metadata_from<T: Serialize + ?Sized>(mut self, values: &T) -> Self {
        self.metadata.add_all(values);
        self
    }

    /// Runs on behalf of this user (4.4 and later; the server must grant it).
    #[must_use]
    pub fn impersonate(mut self, user: impl Into<String>) -> Self {
        self.impersonated_user = Some(user.into());
        self
    }

    /// Which notifications the server shall leave out (5.2 and later). Default: as [HELLO](crate::Hello::notifications)
    /// said.
    #[must_use]
    pub fn notifications(mut self, filter: NotificationFilter) -> Self {
        self.notifications = filter;
        self
    }

    /// Whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether everything could be encoded, and a version can express all that is set.
    pub(crate) fn check(&self, capabilities: &Capabilities, utc: Option<bool>) -> Result<(), UsageError> {
        self.metadata
            .check(capabilities, utc)
            .map_err(|error| match error {
                UsageError::Encode(error) => UsageError::Encode(error.of_metadata()),
                other => other,
            })?;
        let has = capabilities.version;
        match &self.database {
            Some(name) if !capabilities.databases => {
                let what = format!("naming a database ({name:?})");
                return Err(UsageError::unsupported(what, Version::new(4, 0), has));
            }
            _ => {}
        }
        if self.impersonated_user.is_some() && !capabilities.impersonation {
            return Err(UsageError::unsupported(
                "impersonating a user",
                Version::V4_4,
                has,
            ));
        }
        self.notifications.check(capabilities)
    }

    /// What is left at its default is not sent: servers take null for something else in places.
    pub(crate) fn write(
        &self,
        capabilities: &Capabilities,
        utc: bool,
        fields: &mut Fields<'_>,
    ) -> Result<(), EncodeError> {
        if !self.bookmarks.is_empty() {
            fields.strings("bookmarks", &self.bookmarks)?;
        }
        if let Some(timeout) = self.timeout {
            fields.integer("tx_timeout", milliseconds(timeout))?;
        }
        if !self.metadata.is_empty() {
            fields.with("tx_metadata", |out| self.metadata.write(utc, out))?;
        }
        if self.access == Access::Read {
            fields.string("mode", "r")?;
        }
        fields.optional("db", self.database.as_deref())?;
        fields.optional("imp_user", self.impersonated_user.as_deref())?;
        self.notifications.write(capabilities, fields)
    }
}

/// A timeout below a millisecond must not become zero, which would mean "never".
fn milliseconds(timeout: Duration) -> i64 {
    let rounded = timeout.as_nanos().div_ceil(1_000_000);
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_below_a_millisecond_does_not_become_never() {
        assert_eq!(milliseconds(Duration::from_nanos(1)), 1);
        assert_eq!(milliseconds(Duration::ZERO), 0);
        assert_eq!(milliseconds(Duration::from_millis(2500)), 2500);
        assert_eq!(milliseconds(Duration::MAX), i64::MAX);
    }

    #[test]
    fn a_database_needs_4_0() {
        let v3 = Version::V3.capabilities().unwrap();
        let error = Extra::default()
            .database("movies")
            .check(v3, Some(false))
            .unwrap_err();
        assert!(matches!(error, UsageError::Version { needs, .. } if needs == Version::new(4, 0)));
    }

    #[test]
    fn what_a_version_lacks_is_refused_by_name() {
        let v4_3 = Version::new(4, 3).capabilities().unwrap();
        let error = Extra::default()
            .impersonate("bob")
            .check(v4_3, Some(false))
            .unwrap_err();
        assert_eq!(
            std::format!("{error}"),
            "impersonating a user needs Bolt 4.4 or newer; this connection speaks 4.3"
        );
        let filter = NotificationFilter::default().disable(["HINT"]);
        let error = Extra::default()
            .notifications(filter)
            .check(v4_3, Some(false))
            .unwrap_err();
        assert!(matches!(error, UsageError::Version { needs, .. } if needs == Version::new(5, 2)));
    }

    #[test]
    fn metadata_that_cannot_be_sent_is_named_and_never_shown() {
        let extra = Extra::default().metadata("secret", 42).metadata("big", u64::MAX);
        let error = extra
            .check(Version::V6_1.capabilities().unwrap(), Some(true))
            .unwrap_err();
        assert!(std::format!("{error}").contains("metadata \"big\": "), "{error}");
        let shown = std::format!("{:?}", Extra::default().metadata("secret", 42));
        assert!(shown.contains("secret") && !shown.contains("42"), "{shown}");
    }
}
