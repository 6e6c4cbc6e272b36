//! The options of a transaction, or of a query that is its own transaction.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use crate::error::{EncodeError, UsageError};
use crate::message::request::Fields;
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
    access: Access,
    database: Option<String>,
    timeout: Option<Duration>,
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

    /// After which time the server ends the transaction; zero means never. Sent in whole milliseconds, at least
    /// one unless it is zero. Default: the server's own setting.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whether a version can express all that is set.
    pub(crate) fn check(&self, capabilities: &Capabilities) -> Result<(), UsageError> {
        match &self.database {
            Some(name) if !capabilities.databases => Err(UsageError::Version {
                what: format!("naming a database ({name:?})"),
                needs: Version::new(4, 0),
                has: capabilities.version,
            }),
            _ => Ok(()),
        }
    }

    pub(crate) fn write(&self, fields: &mut Fields<'_>) -> Result<(), EncodeError> {
        if let Some(timeout) = self.timeout {
            fields.integer("tx_timeout", milliseconds(timeout))?;
        }
        if self.access == Access::Read {
            fields.string("mode", "r")?;
        }
        if let Some(database) = &self.database {
            fields.string("db", database)?;
        }
        Ok(())
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
        let error = Extra::default().database("movies").check(v3).unwrap_err();
        assert!(matches!(error, UsageError::Version { needs, .. } if needs == Version::new(4, 0)));
    }
}
