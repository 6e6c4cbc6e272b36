//! HELLO: how the client introduces itself.

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
    /// Creates the contents from the name of the application, `Name/Version`.
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

    /// Sets the name of the driver, which is sent beside that of the application from 5.3 on. Default: this crate.
    #[must_use]
    pub fn bolt_agent(mut self, agent: impl Into<BoltAgent>) -> Self {
        self.bolt_agent = agent.into();
        self
    }

    /// Requests that the server forwards queries to the member of the cluster that can execute them. Default:
    /// not requested.
    ///
    /// The context is sent on 4.1 and later; older versions have no equivalent.
    #[must_use]
    pub fn routing(mut self, context: RoutingContext) -> Self {
        self.routing = Some(context);
        self
    }

    /// Sets which notifications the server leaves out on this connection (5.2 and later). Default: the server's
    /// setting.
    #[must_use]
    pub fn notifications(mut self, filter: NotificationFilter) -> Self {
        self.notifications = filter;
        self
    }

    /// Keeps date-times with an offset or a zone on their local clock where the version has a choice (4.3 and 4.4).
    ///
    /// By default [`utc`](crate::Connection::utc) is requested, because a local clock may show the same time twice.
    #[must_use]
    pub const fn without_utc(mut self) -> Self {
        self.asks_for_utc = false;
        self
    }

    /// Checks that the version can express all options.
    pub(crate) fn check(&self, capabilities: &Capabilities) -> Result<(), UsageError> {
        self.notifications.check(capabilities)
    }

    /// Writes the entries. Up to 5.0 the authentication token is among them.
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

/// The name of a driver, sent as `bolt_agent` (5.3 and later). It should not name a machine or a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoltAgent {
    product: String,
    platform: Option<String>,
    language: Option<String>,
    language_details: Option<String>,
}

impl BoltAgent {
    /// Creates the name from a product, `name/version`.
    #[must_use]
    pub fn new(product: impl Into<String>) -> Self {
        Self {
            product: product.into(),
            platform: None,
            language: None,
            language_details: None,
        }
    }

    /// Sets the platform that the driver runs on, such as `Linux 6.8; x86_64`.
    #[must_use]
    pub fn platform(mut self, platform: impl Into<String>) -> Self {
        self.platform = Some(platform.into());
        self
    }

    /// Sets the language that the driver is written in, such as `Rust/1.85`.
    #[must_use]
    pub fn language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// Sets details of the implementation of the language.
    #[must_use]
    pub fn language_details(mut self, details: impl Into<String>) -> Self {
        self.language_details = Some(details.into());
        self
    }

    fn write(&self, fields: &mut Fields<'_>) -> Result<(), EncodeError> {
        fields.string("product", &self.product)?;
        // Servers do not accept null here.
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
