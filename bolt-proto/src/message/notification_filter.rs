//! The filter of notifications.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{EncodeError, UsageError};
use crate::message::request::Fields;
use crate::version::{Capabilities, Filtering, Version};

/// A filter: which notifications a server leaves out of its summaries (5.2 and later).
///
/// In HELLO it holds for the connection, in BEGIN or RUN for the transaction. The status of the result itself is
/// always sent.
///
/// ```
/// # use bolt_proto as bolt;
/// use bolt::{MinimumSeverity, NotificationFilter};
///
/// // Warnings only, and none about deprecated features:
/// let filter = NotificationFilter::default().minimum(MinimumSeverity::Warning).disable(["DEPRECATION"]);
///
/// // No notifications:
/// let none = NotificationFilter::default().minimum(MinimumSeverity::Off);
/// assert_ne!(filter, none);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct NotificationFilter {
    minimum: Option<MinimumSeverity>,
    disabled: Option<Vec<String>>,
}

/// The severity from which on notifications are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MinimumSeverity {
    /// All notifications.
    Information,
    /// Only warnings.
    Warning,
    /// No notifications.
    Off,
}

impl NotificationFilter {
    /// Leaves out notifications of lower severity. Default: the setting of the connection, or else of the server.
    #[must_use]
    pub const fn minimum(mut self, severity: MinimumSeverity) -> Self {
        self.minimum = Some(severity);
        self
    }

    /// Leaves out these classifications, such as `DEPRECATION`, `HINT` or `PERFORMANCE`. Up to 5.4 they are
    /// called categories.
    ///
    /// An empty list means that no classification is left out. Default: the setting of the connection, or else
    /// of the server.
    #[must_use]
    pub fn disable<S: Into<String>>(mut self, classifications: impl IntoIterator<Item = S>) -> Self {
        self.disabled = Some(classifications.into_iter().map(Into::into).collect());
        self
    }

    /// Checks that the version can express the filter.
    pub(crate) fn check(&self, capabilities: &Capabilities) -> Result<(), UsageError> {
        if capabilities.notifications == Filtering::Never && *self != Self::default() {
            return Err(UsageError::unsupported(
                "filtering notifications",
                Version::new(5, 2),
                capabilities.version,
            ));
        }
        Ok(())
    }

    pub(crate) fn write(
        &self,
        capabilities: &Capabilities,
        fields: &mut Fields<'_>,
    ) -> Result<(), EncodeError> {
        let disabled = match capabilities.notifications {
            Filtering::Never => return Ok(()),
            Filtering::Categories => "notifications_disabled_categories",
            Filtering::Classifications => "notifications_disabled_classifications",
        };
        fields.optional(
            "notifications_minimum_severity",
            self.minimum.map(MinimumSeverity::name),
        )?;
        match &self.disabled {
            Some(classifications) => fields.strings(disabled, classifications),
            None => Ok(()),
        }
    }
}

impl MinimumSeverity {
    const fn name(self) -> &'static str {
        match self {
            Self::Information => "INFORMATION",
            Self::Warning => "WARNING",
            Self::Off => "OFF",
        }
    }
}

impl fmt::Display for MinimumSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
