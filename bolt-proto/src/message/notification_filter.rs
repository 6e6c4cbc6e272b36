//! Which notifications a server leaves out.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{EncodeError, UsageError};
use crate::message::request::Fields;
use crate::version::{Capabilities, Filtering, Version};

/// Which notifications a server shall leave out of its summaries (5.2 and later). In HELLO it holds for the
/// connection, in BEGIN or RUN for the transaction. The status of the result itself is always sent.
///
/// ```
/// use bolt_proto::{MinimumSeverity, NotificationFilter};
///
/// let filter = NotificationFilter::default().minimum(MinimumSeverity::Warning).disable(["DEPRECATION"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationFilter {
    minimum: Option<MinimumSeverity>,
    disabled: Option<Vec<String>>,
}

/// From which severity on notifications are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MinimumSeverity {
    /// All of them.
    Information,
    /// Warnings alone.
    Warning,
    /// None.
    Off,
}

impl NotificationFilter {
    /// Leaves out what is less severe. Default: the connection's setting, else the server's.
    #[must_use]
    pub const fn minimum(mut self, severity: MinimumSeverity) -> Self {
        self.minimum = Some(severity);
        self
    }

    /// Leaves out these classifications, such as `DEPRECATION`, `HINT` or `PERFORMANCE`, which up to 5.4 are called
    /// categories. No name at all means that nothing is left out. Default: the connection's setting, else the
    /// server's.
    #[must_use]
    pub fn disable<S: Into<String>>(mut self, classifications: impl IntoIterator<Item = S>) -> Self {
        self.disabled = Some(classifications.into_iter().map(Into::into).collect());
        self
    }

    /// Whether a version can express it.
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
