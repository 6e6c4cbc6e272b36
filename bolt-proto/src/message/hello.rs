//! How the client introduces itself.

use alloc::string::String;

use crate::error::{EncodeError, UsageError};
use crate::message::request::Fields;
use crate::message::{Auth, NotificationFilter, RoutingContext};
use crate::version::{Capabilities, Utc};

/// The contents of HELLO, the first request of every connection.
///
/// ```
/// use bolt_proto::{BoltAgent, Hello, RoutingContext};
///
/// let hello = Hello::new("my-app/1.2")
///     .bolt_agent(BoltAgent::new("my-driver/0.1").language("Rust"))
///     .routing(RoutingContext::new("localhost:7687"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    user_agent: String,
    bolt_agent: BoltAgent,
    routing: Option<RoutingContext>,
    notifications: NotificationFilter,
    asks_for_utc: bool,
}

impl Hello {
    /// An introduction under the application's name, `Name/Version`.
    #[must_use]
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            bolt_agent: BoltAgent::new(concat!("bolt-proto-rust/", env!("CARGO_PKG_VERSION"))),
            routing: None,
            notifications: NotificationFilter::default(),
            asks_for_utc: true,
        }
    }

    /// The driver's own name, which from 5.3 on is sent beside the application's. Default: this crate's.
    #[must_use]
    pub fn bolt_agent(mut self, agent: impl Into<BoltAgent>) -> Self {
        self.bolt_agent = agent.into();
        self
    }

    /// Asks the server to forward queries to the member of the cluster that can carry them out (4.1 and later;
    /// older versions have nothing like it, and are not told). Default: it does not.
    #[must_use]
    pub fn routing(mut self, context: RoutingContext) -> Self {
        self.routing = Some(context);
        self
    }

    /// Which notifications the server shall leave out on this connection (5.2 and later). Default: the server's own
    /// setting.
    #[must_use]
    pub fn notifications(mut self, filter: NotificationFilter) -> Self {
        self.notifications = filter;
        self
    }

    /// Leaves date-times with an offset or a zone on their local clock where the version has a choice (4.3 and 4.4).
    /// Default: asks for [`utc`](crate::Connection::utc), since a local clock may show a time twice.
    #[must_use]
    pub const fn without_utc(mut self) -> Self {
        self.asks_for_utc = false;
        self
    }

    /// Whether a version can express all that is set.
    pub(crate) fn check(&self, capabilities: &Capabilities) -> Result<(), UsageError> {
        self.notifications.check(capabilities)
    }

    /// Up to 5.0 the token travels here.
    pub(crate) fn write(
        &self,
        auth: &Auth,
        capabilities: &Capabilities,
        fields: &mut Fields<'_>,
    ) -> Result<(), EncodeError> {
        fields.string("user_agent", &self.user_agent)?;
        if capabilities.bolt_agent {
            fields.map("bolt_agent", |agent| self.bolt_agent.write(agent))?;
        }
        if let Some(context) = self.routing.as_ref().filter(|_| capabilities.routing_context) {
            fields.with("routing", |out| context.write(out))?;
        }
        if self.asks_for_utc && capabilities.utc == Utc::Patch {
            fields.strings("patch_bolt", &["utc"])?;
        }
        self.notifications.write(capabilities, fields)?;
        if !capabilities.logon {
            auth.write(capabilities.utc == Utc::Always, fields)?;
        }
        Ok(())
    }
}

/// A driver's own name: what `bolt_agent` says (5.3 and later). It should name neither machine nor user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoltAgent {
    product: String,
    platform: Option<String>,
    language: Option<String>,
    language_details: Option<String>,
}

impl BoltAgent {
    /// A driver of this name, `name/version`.
    #[must_use]
    pub fn new(product: impl Into<String>) -> Self {
        Self {
            product: product.into(),
            platform: None,
            language: None,
            language_details: None,
        }
    }

    /// The platform it runs on, such as `Linux 6.8; x86_64`.
    #[must_use]
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.platform = Some(platform.into());
        self
    }

    /// The language it is written in, such as `Rust/1.85`.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// More about the language's implementation.
    #[must_use]
    pub fn language_details(mut self, details: impl Into<String>) -> Self {
        self.language_details = Some(details.into());
        self
    }

    fn write(&self, fields: &mut Fields<'_>) -> Result<(), EncodeError> {
        fields.string("product", &self.product)?;
        // Servers accept no null here.
        fields.optional("platform", self.platform.as_deref())?;
        fields.optional("language", self.language.as_deref())?;
        fields.optional("language_details", self.language_details.as_deref())
    }
}

impl From<&str> for BoltAgent {
    fn from(product: &str) -> Self {
        Self::new(product)
    }
}

impl From<String> for BoltAgent {
    fn from(product: String) -> Self {
        Self::new(product)
    }
}
